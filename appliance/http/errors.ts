import type { FastifyError, FastifySchemaValidationError } from 'fastify';

/** An answer that isn't a success: `status` 4xx, 502 or 503, and a message for the person who called. */
export class HttpError extends Error {
  readonly status: number;
  readonly headers: Record<string, string>;
  constructor(status: number, message: string, headers: Record<string, string> = {}) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.headers = headers;
  }
}

export const badRequest = (message: string): HttpError => new HttpError(400, message);
export const forbidden = (message: string): HttpError => new HttpError(403, message);
export const notFound = (what: string): HttpError => new HttpError(404, `${what} not found`);
export const conflict = (message: string): HttpError => new HttpError(409, message);

/** How an API words its errors. */
export interface ErrorFormat {
  contentType: string;
  body(status: number, message: string, requestId: string): Record<string, unknown>;
}

/** The overlay API's: `{"error": "…"}`. */
export const plainErrors: ErrorFormat = {
  contentType: 'application/json; charset=utf-8',
  body: (_status, message) => ({ error: message }),
};

/** Ajv's first complaint as a sentence that names the field: `listen_port must be <= 65535`. */
export function validationMessage(error: FastifySchemaValidationError, part: string): string {
  const path = error.instancePath.slice(1).replaceAll('/', '.');
  const missing = error.params.missingProperty;
  if (error.keyword === 'required' && typeof missing === 'string') {
    return `${path ? `${path}.` : ''}${missing} is required`;
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
export function describe(error: FastifyError | HttpError): { status: number; message: string } | undefined {
  if (error instanceof HttpError) return error;
  const complaint = error.validation?.[0];
  if (complaint) return { status: 400, message: validationMessage(complaint, error.validationContext ?? 'request') };
  const status = error.statusCode ?? 500;
  if (status < 400 || status >= 500) return undefined;
  return { status, message: MESSAGES[error.code] ?? error.message };
}
