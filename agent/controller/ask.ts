import got, { type Response } from 'got';
import { AGENT_VERSION } from '../config.ts';
import type { Controller } from './client.ts';
import { explain } from './failure.ts';
import { authorities } from './trust.ts';

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
  const stop = new AbortController();
  let tooLarge = false;
  let response: Response<string>;
  try {
    const promise = got(`${controller.url}${question.path}`, {
      method: question.method,
      headers: {
        authorization: `Bearer ${controller.credential}`,
        accept: 'application/json',
        'accept-encoding': 'identity',
        'user-agent': `gatehouse/${AGENT_VERSION}`,
      },
      ...(question.json && { json: question.json }),
      https: { certificateAuthority: authorities(controller.ca) },
      // The credential goes to the address it was given for and to no other.
      followRedirect: false,
      decompress: false,
      throwHttpErrors: false,
      retry: { limit: 0 },
      timeout: TIMEOUT,
      signal: stop.signal,
    });
    promise.on('downloadProgress', ({ transferred }) => {
      if (transferred <= MAX_ANSWER) return;
      tooLarge = true;
      stop.abort();
    });
    response = await promise;
  } catch (error) {
    if (tooLarge) throw new Error(`${question.what} (the answer is larger than ${MAX_ANSWER} bytes)`);
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
