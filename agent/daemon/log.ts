/** Lines that `gatehouse logs` can show. */
const KEPT_LINES = 2_000;
const MAX_LINE = 4_096;

/** Without credentials, tokens and keys; of a key its first characters stay, so that people can tell keys apart. */
export function redact(text: string): string {
  return text
    .replace(/\bgh[a-z]_[0-9A-Za-z_-]{8,}/g, (secret) => `${secret.slice(0, 4)}…`)
    .replace(/\b(Bearer|token[=: ])\s*[^\s"',;]{8,}/gi, '$1 …')
    .replace(/(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=/g, (key) => `${key.slice(0, 6)}…`);
}

/** The daemon's log: a ring in memory for `gatehouse logs`, and a sink (stderr, which the service manager keeps). */
export class Log {
  readonly #lines: string[] = [];
  readonly #sink: (line: string) => void;
  readonly #clock: () => Date;

  constructor(sink: (line: string) => void, clock: () => Date = () => new Date()) {
    this.#sink = sink;
    this.#clock = clock;
  }

  readonly write = (message: string): void => {
    const text = redact(message.replace(/[\u0000-\u001f\u007f-\u009f]+/g, ' ')).slice(0, MAX_LINE);
    const line = `${this.#clock().toISOString()} ${text}`;
    this.#lines.push(line);
    if (this.#lines.length > KEPT_LINES) this.#lines.splice(0, this.#lines.length - KEPT_LINES);
    this.#sink(line);
  };

  last(count: number): string[] {
    return this.#lines.slice(-count);
  }
}
