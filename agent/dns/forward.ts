import { randomBytes, randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { connect, isIPv6 } from 'node:net';
import { incoming, isTruncated, matches, mixCase, outgoing, type Query, RCODE, rcodeOf } from './message.ts';

/** How long one server may take, in milliseconds. */
const PATIENCE = 2_000;
/** Questions under way at once, of all clients. */
const MAX_UNDER_WAY = 1_000;
/** A server that didn't answer is asked after the others for this long, in milliseconds. */
const AVOID = 30_000;

export interface ForwarderOptions {
  port?: number;
  patience?: number;
  maxUnderWay?: number;
}

/** `late`: nothing came in time. `gone`: there is no such server. */
type Outcome = Buffer | 'late' | 'gone';

/** Asks other servers what the hub doesn't know. */
export class Forwarder {
  readonly #options: Required<ForwarderOptions>;
  /** The same question is asked once at a time, whoever waits for it: that ends loops of servers, too. */
  readonly #underWay = new Map<string, Promise<Buffer | null>>();
  readonly #avoided = new Map<string, number>();
  readonly #open = new Set<() => void>();
  #closed = false;

  constructor(options: ForwarderOptions = {}) {
    this.#options = { port: 53, patience: PATIENCE, maxUnderWay: MAX_UNDER_WAY, ...options };
  }

  /**
   * The answer of one of `servers`, tried in order, as the client is to have it; null when none answers, or too many
   * questions are under way.
   */
  async ask(query: Query, servers: readonly string[]): Promise<Buffer | null> {
    const tail = query.question.subarray(-4).toString('latin1');
    const key = `${query.flags} ${query.question.toString('latin1').toLowerCase()}${tail} ${query.rest.toString('latin1')}`;
    let asked = this.#underWay.get(key);
    if (!asked) {
      if (this.#closed || this.#underWay.size >= this.#options.maxUnderWay) return null;
      asked = this.#askAll(query, servers).finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, asked);
    }
    const answer = await asked;
    return answer && incoming(query, answer);
  }

  /** Gives up what is under way. */
  close(): void {
    this.#closed = true;
    for (const end of [...this.#open]) end();
  }

  /** One server after the other; an answer that only says "I can't" counts when no other says more. */
  async #askAll(query: Query, servers: readonly string[]): Promise<Buffer | null> {
    const now = performance.now();
    const avoid = (server: string): number => Number((this.#avoided.get(server) ?? 0) > now);
    let poor: Buffer | null = null;
    for (const server of [...servers].sort((a, b) => avoid(a) - avoid(b))) {
      if (this.#closed) break;
      const outcome = await this.#askOne(query, server);
      if (typeof outcome === 'string') {
        this.#avoided.set(server, performance.now() + AVOID);
        continue;
      }
      this.#avoided.delete(server);
      const rcode = rcodeOf(outcome);
      if (rcode === RCODE.ok || rcode === RCODE.nxDomain) return outcome;
      poor ??= outcome;
    }
    return poor;
  }

  async #askOne(query: Query, server: string): Promise<Outcome> {
    const id = randomInt(0x10000);
    const question = mixCase(query.question, randomBytes(32));
    const message = outgoing(query, id, question);
    const first = await this.#udp(server, message, id, question);
    if (first === 'late' || first === 'gone') return first;
    if (first !== 'case' && !isTruncated(first)) return first;
    // Cut off, or from a server that doesn't keep the letters' case; a forger would have to forge TCP.
    const whole = await this.#tcp(server, message, id, question);
    return typeof whole === 'string' && first !== 'case' ? first : whole;
  }

  /** From a port of its own, which the system chooses at random, and for this server's packets only. */
  #udp(server: string, message: Buffer, id: number, question: Buffer): Promise<Outcome | 'case'> {
    const socket = createSocket(isIPv6(server) ? 'udp6' : 'udp4');
    return this.#exchange<Outcome | 'case'>(
      () => socket.close(),
      (end) => {
        socket.on('error', () => end('gone'));
        socket.on('message', (said) => {
          const how = matches(said, id, question);
          if (how !== 'no') end(how === 'yes' ? said : 'case');
        });
        socket.connect(this.#options.port, server, () => socket.send(message));
      },
    );
  }

  #tcp(server: string, message: Buffer, id: number, question: Buffer): Promise<Outcome> {
    const socket = connect({ host: server, port: this.#options.port });
    return this.#exchange<Outcome>(
      () => socket.destroy(),
      (end) => {
        let said = Buffer.alloc(0);
        socket.on('error', () => end('gone'));
        socket.on('close', () => end('gone'));
        socket.on('data', (chunk: Buffer) => {
          said = Buffer.concat([said, chunk]);
          if (said.length < 2 || said.length < 2 + said.readUInt16BE(0)) return;
          const answer = said.subarray(2, 2 + said.readUInt16BE(0));
          end(matches(answer, id, question) === 'no' ? 'gone' : incoming({ id, question } as Query, answer));
        });
        const length = Buffer.alloc(2);
        length.writeUInt16BE(message.length);
        socket.write(Buffer.concat([length, message]));
      },
    );
  }

  #exchange<T>(
    release: () => void,
    start: (end: (outcome: T | 'late' | 'gone') => void) => void,
  ): Promise<T | 'late' | 'gone'> {
    return new Promise((resolve) => {
      let ended = false;
      const end = (outcome: T | 'late' | 'gone'): void => {
        if (ended) return;
        ended = true;
        clearTimeout(timer);
        this.#open.delete(stop);
        release();
        resolve(outcome);
      };
      const stop = (): void => end('gone');
      const timer = setTimeout(() => end('late'), this.#options.patience);
      this.#open.add(stop);
      start(end);
    });
  }
}
