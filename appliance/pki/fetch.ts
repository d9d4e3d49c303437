import got from 'got';

export interface HttpRequest {
  url: string;
  method: 'GET' | 'POST';
  body?: Uint8Array;
  contentType?: string;
  timeoutMs: number;
  /** More than this is an error. */
  maxBytes: number;
  redirects: number;
}
/** Rejects with what is wrong; the status must be 200. */
export type HttpFetch = (request: HttpRequest) => Promise<Uint8Array>;

/** Whether a CRL or an OCSP responder may be asked there. */
export function isHttpUrl(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && (parsed.protocol === 'http:' || parsed.protocol === 'https:') && parsed.username === '';
}

export const fetchBytes: HttpFetch = async (request) => {
  if (!isHttpUrl(request.url)) throw new Error(`${request.url} is not an http URL`);
  const stream = got.stream(request.url, {
    method: request.method,
    ...(request.body && { body: Buffer.from(request.body) }),
    headers: request.contentType ? { 'content-type': request.contentType } : {},
    timeout: { request: request.timeoutMs },
    retry: { limit: 0 },
    followRedirect: request.redirects > 0,
    maxRedirects: request.redirects,
    // A small answer must not become a large one.
    decompress: false,
  });
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > request.maxBytes) throw new Error(`${request.url} has more than ${request.maxBytes} bytes`);
      chunks.push(chunk);
    }
  } finally {
    stream.destroy();
  }
  return Buffer.concat(chunks);
};
