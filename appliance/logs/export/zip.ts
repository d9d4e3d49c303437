import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { configure, ZipWriter } from '@zip.js/zip.js';

configure({ useWebWorkers: false });

const CHUNK = 256 * 1024;

/** Where a file of an export stands in its manifest. */
export interface Listed {
  bytes: number;
  sha256: string;
}

/** A ZIP that is written to a file as it grows; `files` says what is in it. Every entry has the same date. */
export function createZip(file: string, at: Date) {
  const fd = openSync(file, 'w', 0o600);
  const hash = createHash('sha256');
  let bytes = 0;
  const sink = new WritableStream<Uint8Array>({
    write(chunk) {
      for (let done = 0; done < chunk.length; ) done += writeSync(fd, chunk, done);
      hash.update(chunk);
      bytes += chunk.length;
    },
  });
  const zip = new ZipWriter(sink, { level: 6, lastModDate: at, extendedTimestamp: false, keepOrder: true });
  const files: Record<string, Listed> = {};
  const encoder = new TextEncoder();

  return {
    files,
    /** One more file; texts are joined to chunks. */
    async add(
      name: string,
      content: string | Uint8Array | Iterable<string> | AsyncIterable<Uint8Array>,
    ): Promise<void> {
      const own = createHash('sha256');
      let length = 0;
      const source = chunksOf(content, encoder);
      const readable = new ReadableStream<Uint8Array>({
        async pull(controller) {
          const { done, value } = await source.next();
          if (done) {
            controller.close();
            return;
          }
          own.update(value);
          length += value.length;
          controller.enqueue(value);
        },
      });
      await zip.add(name, readable);
      files[name] = { bytes: length, sha256: own.digest('hex') };
    },
    async close(): Promise<Listed> {
      await zip.close();
      closeSync(fd);
      return { bytes, sha256: hash.digest('hex') };
    },
  };
}

async function* chunksOf(
  content: string | Uint8Array | Iterable<string> | AsyncIterable<Uint8Array>,
  encoder: TextEncoder,
): AsyncGenerator<Uint8Array> {
  if (typeof content === 'string') yield encoder.encode(content);
  else if (content instanceof Uint8Array) yield content;
  else if (Symbol.asyncIterator in content) yield* content;
  else {
    let parts: string[] = [];
    let length = 0;
    for (const part of content) {
      parts.push(part);
      length += part.length;
      if (length < CHUNK) continue;
      yield encoder.encode(parts.join(''));
      [parts, length] = [[], 0];
    }
    if (length > 0) yield encoder.encode(parts.join(''));
  }
}

/** Text that is kept in a file beside the ZIP until its turn comes. */
export function createSpool(file: string) {
  const fd = openSync(file, 'w', 0o600);
  let parts: string[] = [];
  let length = 0;
  const flush = (): void => {
    const bytes = Buffer.from(parts.join(''));
    for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done);
    [parts, length] = [[], 0];
  };
  return {
    write(text: string): void {
      parts.push(text);
      length += text.length;
      if (length >= CHUNK) flush();
    },
    /** All that was written; nothing more may be. */
    read(): AsyncIterable<Uint8Array> {
      flush();
      closeSync(fd);
      return (async function* () {
        yield* createReadStream(file, { highWaterMark: CHUNK });
      })();
    },
  };
}
