import { STATUS_CODES } from 'node:http';
import type { FastifyError, FastifySchemaValidationError } from 'fastify';

/**
 * An answer that isn't a success: `status` 4xx, 502, 503 or 504, and a message for the person who called. `members` go
 * into a problem beside it (RFC 9457, section 3.2).
 */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly members: Record<string, unknown>;
  constructor(
    status: number,
    message: string,
    headers: Record<string, string> = {},
    members: Record<string, unknown> = {},
  ) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.headers = headers;
    this.members = members;
  }
}

export const badRequest = (message: string): HttpError => new HttpError(400, message);
export const forbidden = (message: string): HttpError => new HttpError(403, message);
export const notFound = (what: string): HttpError => new HttpError(404, `${what} not found`);
export const conflict = (message: string): HttpError => new HttpError(409, message);
/** A value that can be read and can't be used: 422 in the site API. */
export const unprocessable = (message: string, members: Record<string, unknown> = {}): HttpError =>
  new HttpError(422, message, {}, members);

/** How an API words its errors. */
export interface ErrorFormat {
  contentType: string;
  /** The status of a body or query that its schema refuses. */
  invalid: 400 | 422;
  body(status: number, message: string, members: Record<string, unknown>): Record<string, unknown>;
}

/** The overlay API's: `{"error": "…"}`. */
export const plainErrors: ErrorFormat = {
  contentType: 'application/json; charset=utf-8',
  invalid: 400,
  body: (_status, message) => ({ error: message }),
};

/** The site API's: RFC 9457, with the status' own name as the title (`type` is `about:blank`, section 4.2.1). */
export const problemErrors: ErrorFormat = {
  contentType: 'application/problem+json; charset=utf-8',
  invalid: 422,
  body: (status, message, members) => ({
    type: 'about:blank',
    title: STATUS_CODES[status] ?? 'Error',
    status,
    detail: message,
    ...members,
  }),
};

/** Ajv's first complaint as a sentence that names the field: `listen_port must be <= 65535`. */
export function validationMessage(error: FastifySchemaValidationError, part: string): string {
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  const missing = error.params.missingProperty;
  if (error.keyword === 'required' && typeof missing === 'string') {
    return `${path ? `${path}.` : ''}${missing} is required`;
  }
  const { additionalProperty: unknown } = error.params;
  if (error.keyword === 'additionalProperties' && typeof unknown === 'string') {
    const where = path || (part === 'body' ? 'the body' : part);
    return `${where} must NOT have additional properties: there is no ${JSON.stringify(unknown.slice(0, 100))}`;
  }
  const allowed = error.params.allowedValues ?? error.params.allowedValue;
  const detail =
    allowed === undefined ? (error.message ?? 'is not valid') : `must be one of ${[allowed].flat().join(', ')}`;
  return `${path || (part === 'body' ? 'the body' : part)} ${detail}`;
}

const MESSAGES: Record<string, string> = {
  FST_ERR_CTP_INVALID_JSON_BODY: 'the body is not valid JSON',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'send the body as JSON, with the header Content-Type: application/json',
  FST_ERR_CTP_BODY_TOO_LARGE: 'the body is larger than 1 MiB',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'the body is not as long as Content-Length says',
  FST_ERR_BAD_URL: 'the address is not a valid URL path',
  FST_ERR_MAX_PARAM_LENGTH: 'a part of the address is too long',
};

/** Status and message for whatever a handler threw; undefined when it is a fault of ours (500). */
export function describe(
  error: FastifyError | HttpError,
  format: ErrorFormat,
): { status: number; message: string; members?: Record<string, unknown> } | undefined {
  if (error instanceof HttpError) return error;
  const complaint = error.validation?.[0];
  if (complaint) {
    return { status: format.invalid, message: validationMessage(complaint, error.validationContext ?? 'request') };
  }
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) return undefined;
  return { status, message: MESSAGES[error.code] ?? error.message };
}
