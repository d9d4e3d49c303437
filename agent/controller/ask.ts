import type { Controller } from './client.ts';
import { explain } from './failure.ts';
import { type Response, request, TooLargeError } from './http.ts';

const TIMEOUT = { connect: 5_000, request: 8_000 };
/** Largest answer, in bytes: 500 names of a directory. */
const MAX_ANSWER = 1024 * 1024;

/** Whom an enrolled device asks, and the credential that says who it is. */
export type Enrolled = Controller & { credential: string };

interface Validator<T> {
  Check(value: unknown): value is T;
}

interface Question<T> {
  method: 'GET' | 'POST';
  /** Below the controller's URL, with its query. */
  path: string;
  json?: object;
  /** The status of an answer that is one. */
  expects: 200 | 201;
  schema: Validator<T>;
  /** What isn't to be had without an answer, for people: `the controller gives no …`. */
  what: string;
}

/** An answer that isn't one; the message is for people. */
export class Refusal extends Error {
  /** The HTTP status. */
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'Refusal';
    this.status = status;
  }
}

/** One question of an enrolled device. Throws Refusal, or another Error whose message is for people. */
export async function ask<T>(controller: Enrolled, question: Question<T>): Promise<T> {
  const { origin } = new URL(controller.url);
  let response: Response;
  try {
    response = await request(`${controller.url}${question.path}`, {
      method: question.method,
      ca: controller.ca,
      bearer: controller.credential,
      json: question.json,
      timeout: TIMEOUT,
      limit: MAX_ANSWER,
    });
  } catch (error) {
    if (error instanceof TooLargeError) throw new Error(`${question.what} (${error.message})`);
    throw explain(error, origin);
  }
  const { statusCode: status } = response;
  let body: unknown;
  try {
    body = JSON.parse(response.body);
  } catch {
    // said below
  }
  if (status === question.expects && question.schema.Check(body)) return body;
  const said = (body as { error?: unknown } | null | undefined)?.error;
  const why = typeof said === 'string' ? `: ${printable(said)}` : '';
  throw new Refusal(status, `${question.what} (HTTP ${status})${why}`);
}

/** Other people's text, fit for a terminal. */
const printable = (text: string): string => text.slice(0, 200).replace(/[\u0000-\u001f\u007f-\u009f]/g, ' ');
