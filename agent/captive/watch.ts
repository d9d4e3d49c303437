import http from 'node:http';
import { AGENT_VERSION } from '../config.ts';
import { type Answer, judge, probeUrl } from './judge.ts';

/** The controller may just be reconnecting, in milliseconds. */
const PATIENCE = 3_000;
const EVERY = 15_000;
const TIMEOUT = 5_000;

/** Asks without credentials, follows nothing, and hangs up after the headers. Null when nobody answers. */
export function ask(url: URL): Promise<Answer | null> {
  return new Promise((resolve) => {
    const headers = { 'user-agent': `gatehouse/${AGENT_VERSION}`, accept: 'application/json', connection: 'close' };
    const request = http.get(url, { agent: false, headers, signal: AbortSignal.timeout(TIMEOUT) }, (response) => {
      const { location, 'content-type': contentType } = response.headers;
      resolve({ status: response.statusCode ?? 0, location, contentType });
      response.on('error', () => undefined);
      request.destroy();
    });
    request.on('error', () => resolve(null));
  });
}

/** Looks for a captive portal for as long as the controller can't be reached, and at no other time. */
export class CaptiveWatch {
  readonly #ask: (url: URL) => Promise<Answer | null>;
  #controller: string | null = null;
  #nextAt = 0;
  #turn = 0;
  #url: string | null = null;

  constructor(asker: (url: URL) => Promise<Answer | null> = ask) {
    this.#ask = asker;
  }

  /** Where the portal sent us; null when there is none. */
  get url(): string | null {
    return this.#url;
  }

  /** `controller` is the URL of one that can't be reached; null when there is none such. */
  tick(controller: string | null, mono: number): void {
    if (controller !== this.#controller) {
      this.#controller = controller;
      this.reset(mono);
    }
    if (controller === null || mono < this.#nextAt) return;
    this.#nextAt = mono + EVERY;
    const url = probeUrl(controller);
    const turn = this.#turn;
    void this.#ask(url).then((answer) => {
      if (turn === this.#turn) this.#url = answer && judge(url, answer);
    });
  }

  /** Another network: what was seen is no more. */
  reset(mono: number): void {
    this.#url = null;
    this.#turn += 1;
    this.#nextAt = mono + PATIENCE;
  }
}
