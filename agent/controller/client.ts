import { RegisterRequest, RegisterResponse, ResolveResponse } from '@gatehouse/protocol';
import { Compile } from 'typebox/compile';
import { AgentError } from '../errors.ts';
import { explain } from './failure.ts';
import { type Response, request as send, TooLargeError } from './http.ts';

/** Where a controller is and whom to trust for it. */
export interface Controller {
  /** As `controllerUrl` gives it. */
  url: string;
  /** PEM, trusted beside the system's authorities. */
  ca?: string | undefined;
  /** Nothing but `ca` is trusted while enrolling: an invitation names it. */
  pinned?: boolean | undefined;
}

/** Largest answer to an enrollment call, in bytes. */
const MAX_ANSWER = 1024 * 1024;
const TIMEOUT = { connect: 10_000, request: 20_000 };

const resolveSchema = Compile(ResolveResponse);
const registerSchema = Compile(RegisterResponse);
const registerRequestSchema = Compile(RegisterRequest);

interface Validator<T> {
  Check(value: unknown): value is T;
}

async function call<T>(
  controller: Controller,
  token: string,
  request: { method: 'GET' | 'POST'; path: string; json?: object },
  schema: Validator<T>,
): Promise<T> {
  const { origin } = new URL(controller.url);
  let response: Response;
  try {
    response = await send(`${controller.url}${request.path}`, {
      method: request.method,
      ca: controller.ca,
      pinned: controller.pinned,
      bearer: token,
      json: request.json,
      timeout: TIMEOUT,
      limit: MAX_ANSWER,
    });
  } catch (error) {
    if (error instanceof TooLargeError) throw stranger(origin, `its answer is larger than ${MAX_ANSWER} bytes`);
    throw explain(error, origin);
  }
  return read(response, controller.url, schema);
}

function read<T>(response: Response, controllerUrl: string, schema: Validator<T>): T {
  const { origin } = new URL(controllerUrl);
  const status = response.statusCode;
  if (status >= 300 && status < 400) {
    throw new AgentError(
      'controller-error',
      `${origin} sends this device on to ${locationOrigin(response.headers.location)}, where the token isn't sent ` +
        'without your word: enroll with the URL that the controller itself has.',
    );
  }
  if (status === 429) {
    throw new AgentError('controller-error', `${origin} says that this was tried too often: wait a minute.`);
  }
  if (status >= 500) {
    throw new AgentError(
      'controller-error',
      `${origin} answers with an error of its own (HTTP ${status}): look at the controller's log, then try again.`,
    );
  }
  let body: unknown;
  try {
    body = JSON.parse(response.body);
  } catch {
    throw stranger(origin, `it answers HTTP ${status} without JSON`);
  }
  if (status === 200 && schema.Check(body)) return body;
  // A Gatehouse answers errors as {"error": …}; a 404 without that is another server's.
  const { error } = (body ?? {}) as { error?: unknown };
  const code = response.headers['x-gatehouse-error'];
  const said = typeof error === 'string' ? error : undefined;
  if (status === 404 && (code === 'no-route' || /^there is no (GET|POST) /.test(said ?? ''))) {
    throw new AgentError(
      'controller-error',
      `There is no enrollment at ${controllerUrl}: check the path in the URL; most controllers have none.`,
    );
  }
  if (said !== undefined && (status === 404 || status === 401 || status === 403)) {
    throw new AgentError(
      'token-invalid',
      'The controller refuses the token: it is mistyped, expired (after 7 days) or used already. ' +
        'Ask an administrator for a new one.',
    );
  }
  if (said !== undefined && status >= 400) {
    throw new AgentError('controller-error', `${origin} refuses the enrollment (HTTP ${status}): ${printable(said)}`);
  }
  throw stranger(origin, `its answer (HTTP ${status}) is not that of a Gatehouse`);
}

const stranger = (origin: string, why: string) =>
  new AgentError(
    'controller-error',
    `${origin} is not a Gatehouse controller (${why}): check the URL, and proxies in between.`,
  );

function locationOrigin(location: string | undefined): string {
  return location && URL.canParse(location) ? new URL(location).origin : 'another page';
}

/** Other people's text, fit for a terminal. */
const printable = (text: string): string => text.slice(0, 200).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');

/** Asks whom an enrollment token is for. Throws AgentError (`token-invalid`, `certificate`, …). */
export function resolveToken(controller: Controller, token: string): Promise<ResolveResponse> {
  return call(controller, token, { method: 'GET', path: '/api/v1/agent/resolve' }, resolveSchema);
}

/** Trades the token for the credential whose hash is given. The same call again answers the same. */
export function register(controller: Controller, token: string, json: RegisterRequest): Promise<RegisterResponse> {
  if (!registerRequestSchema.Check(json)) throw new AgentError('internal', 'The registration request is malformed.');
  return call(controller, token, { method: 'POST', path: '/api/v1/agent/register', json }, registerSchema);
}
