import type { ClientRequest } from 'node:http';
import { http } from '../builtin-http.ts';
import { AGENT_VERSION } from '../config.ts';
import { type Answer, judge, probeUrl } from './judge.ts';

/** The controller may just be reconnecting, in milliseconds. */
const PATIENCE = 3_000;
const EVERY = 15_000;
const TIMEOUT = 5_000;

/** Provisional answers (1xx) before the one that counts. */
const PROVISIONAL = 8;

/**
 * Asks without credentials, follows nothing, and hangs up after the headers. Null when nobody answers within `patience`
 * milliseconds, or not with what can be an answer; never rejects.
 */
export function ask(url: URL, patience = TIMEOUT): Promise<Answer | null> {
  return new Promise((resolve) => {
    let request: ClientRequest | undefined;
    const end = (answer: Answer | null): void => {
      clearTimeout(timer);
      resolve(answer);
      request?.destroy();
    };
    const timer = setTimeout(() => end(null), patience);
    const headers = { 'user-agent': `gatehouse/${AGENT_VERSION}`, accept: 'application/json', connection: 'close' };
    try {
      request = http.get(url, { agent: false, headers });
    } catch {
      end(null);
      return;
    }
    let provisional = 0;
    const another = (): void => {
      provisional += 1;
      if (provisional > PROVISIONAL) end(null);
    };
    request.on('response', (response) => {
      response.on('error', () => undefined);
      const { statusCode: status = 0, headers: said } = response;
      // A switch to no protocol in particular counts as a final answer.
      end(status < 200 ? null : { status, location: said.location, contentType: said['content-type'] });
    });
    request.on('continue', another);
    request.on('information', another);
    // Nobody asked for another protocol.
    request.on('upgrade', (_response, socket) => {
      socket.destroy();
      end(null);
    });
    request.on('error', () => end(null));
    request.on('close', () => end(null));
  });
}

/** Looks for a captive portal for as long as the controller can't be reached, and at no other time. */
export class CaptiveWatch {
  readonly #ask: (url: URL) => Promise<Answer | null>;
  #controller: string | null = null;
  #nextAt = 0;
  #turn = 0;
  #url: string | null = null;

  constructor(asker: (url: URL) => Promise<Answer | null> = (url) => ask(url)) {
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
