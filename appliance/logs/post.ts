import got, { TimeoutError } from 'got';

const TIMEOUT_MS = 10_000;

export interface PostRequest {
  url: string;
  body: string | Uint8Array;
  contentType: string;
  /** More than this of an answer is an error. */
  maxBytes: number;
}

export interface PostAnswer {
  status: number;
  /** Without its parameters, lower-case; empty where there was none. */
  contentType: string;
  body: Buffer;
}

/** Rejects with why there is no answer; any status is one. */
export type Post = (request: PostRequest) => Promise<PostAnswer>;

/** Follows no redirect and waits ten seconds at most. */
export const post: Post = async ({ url, body, contentType, maxBytes }) => {
  const stream = got.stream.post(url, {
    body: Buffer.from(body),
    headers: { 'content-type': contentType, 'user-agent': 'gatehouse' },
    timeout: { request: TIMEOUT_MS },
    retry: { limit: 0 },
    followRedirect: false,
    throwHttpErrors: false,
    // A small answer must not become a large one.
    decompress: false,
  });
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) throw new Error(`its answer is larger than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof TimeoutError) throw new Error('it did not answer in time', { cause: error });
    throw error;
  } finally {
    stream.destroy();
  }
  const { statusCode, headers } = stream.response ?? {};
  if (statusCode === undefined) throw new Error('it sent no answer');
  return {
    status: statusCode,
    contentType: (headers?.['content-type'] ?? '').split(';')[0]!.trim().toLowerCase(),
    body: Buffer.concat(chunks),
  };
};
