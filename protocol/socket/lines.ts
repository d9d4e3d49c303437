import { StringDecoder } from 'node:string_decoder';

/** Cuts a stream into lines; `push` gives those that became whole, or null when one is longer than `limit` bytes. */
export class LineReader {
  readonly #decoder = new StringDecoder('utf8');
  readonly #limit: number;
  #parts: string[] = [];
  #bytes = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  push(chunk: Buffer): string[] | null {
    const lines: string[] = [];
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      if (this.#bytes + end - start > this.#limit) return null;
      lines.push(this.#parts.join('') + this.#decoder.write(chunk.subarray(start, end)));
      this.#parts = [];
      this.#bytes = 0;
      start = end + 1;
    }
    this.#bytes += chunk.length - start;
    if (this.#bytes > this.#limit) return null;
    if (start < chunk.length) this.#parts.push(this.#decoder.write(chunk.subarray(start)));
    return lines;
  }

  /** What came behind the last line, at the end of the stream. */
  rest(): string {
    const rest = this.#parts.join('') + this.#decoder.end();
    this.#parts = [];
    this.#bytes = 0;
    return rest;
  }
}
