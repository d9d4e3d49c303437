import { CODE, encodeRequest, type Packet, randomAuthenticator, type Secret } from '../codec/index.ts';
import type { Sent, Unsent } from './channel.ts';
import type { Server } from './server.ts';
import { type Asked, requestAttributes, verifyAnswer } from './translate.ts';

/** A request is given up after so long, whatever servers are left: its NAS waits no more. */
export const MAX_EXCHANGE_MS = 30_000;

const ACCESS_ANSWERS: ReadonlySet<number> = new Set([CODE.accessAccept, CODE.accessReject, CODE.accessChallenge]);
const ACCOUNTING_ANSWERS: ReadonlySet<number> = new Set([CODE.accountingResponse]);

/** An answer that was verified, by whom, and the authenticator of the request that it answers. */
export interface Outcome {
  packet: Packet;
  server: Server;
  authenticator: Uint8Array;
}

/** A request on its way through a list of servers. */
export interface Exchange {
  /** Undefined: no server has answered. Never rejects. */
  done: Promise<Outcome | undefined>;
  /** The NAS has sent it again: so does the proxy, to the server that was asked last. */
  again(): void;
}

/**
 * Asks the servers in order until one answers: each `retries` times more when it is silent, then the next. Whoever was
 * asked before may still answer. Those that are dead are left out, those in doubt come last.
 */
export function startExchange(options: {
  request: Packet;
  /** Of the NAS. */
  secret: Secret;
  login: string | undefined;
  servers: readonly Server[];
  /** Our Proxy-State. */
  mark: Uint8Array;
  /** Why a request can't be forwarded at all. */
  refused(reason: string): void;
  monotonic: () => number;
}): Exchange {
  const { request, secret, servers, mark, monotonic } = options;
  const access = request.code === CODE.accessRequest;
  const end = monotonic() + MAX_EXCHANGE_MS;
  const order = [
    ...servers.filter((server) => server.state() === 'alive'),
    ...servers.filter((server) => server.state() === 'doubted'),
  ];
  const { promise, resolve } = Promise.withResolvers<Outcome | undefined>();
  const sents: Sent[] = [];
  let timer: NodeJS.Timeout | undefined;
  let over = false;

  function finish(outcome?: Outcome): void {
    if (over) return;
    over = true;
    clearTimeout(timer);
    for (const sent of sents) sent.end();
    resolve(outcome);
  }

  /** The next server that takes it. */
  function next(): void {
    clearTimeout(timer);
    for (let server = order.shift(); server && !over; server = order.shift()) {
      if (monotonic() >= end) break;
      if (server.state() !== 'dead' && ask(server)) return;
    }
    finish();
  }

  function ask(server: Server): boolean {
    const { upstream } = server;
    const authenticator = randomAuthenticator();
    const hop = { from: secret, to: upstream.secret, authenticator, login: options.login, mark };
    const attributes = requestAttributes(request, hop);
    if (typeof attributes === 'string') {
      options.refused(attributes);
      finish();
      return true;
    }
    const asked: Asked = {
      authenticator,
      secret: upstream.secret,
      codes: access ? ACCESS_ANSWERS : ACCOUNTING_ANSWERS,
      // TLS keeps others from forging answers.
      requireMessageAuthenticator: access && upstream.requireMessageAuthenticator && !server.reliable,
    };
    const signed = { authenticator, messageAuthenticator: access || request.messageAuthenticatorAt !== 0 };
    let current = true;
    let sent: Sent | Unsent;
    try {
      sent = server.send((id) => encodeRequest(request.code, id, upstream.secret, attributes, signed), {
        received(packet) {
          const verdict = verifyAnswer(packet, asked);
          if (verdict === 'unsigned') server.unsigned();
          if (verdict !== 'valid') return false;
          server.heard();
          finish({ packet, server, authenticator: asked.authenticator });
          return true;
        },
        lost() {
          if (!current || over) return;
          current = false;
          server.silent(request);
          next();
        },
      });
    } catch (error) {
      // With our own attributes it has over 4096 bytes.
      options.refused((error as Error).message);
      finish();
      return true;
    }
    if (typeof sent === 'string') {
      if (sent === 'down') server.silent(request);
      return false;
    }
    if (!access) asked.authenticator = sent.bytes.subarray(4, 20);
    sents.push(sent);
    watch(server, sent, () => {
      current = false;
      next();
    });
    return true;
  }

  /** Waits for each try; `given` when the last has had its time. */
  function watch(server: Server, sent: Sent, given: () => void): void {
    const { timeoutMs, retries } = server.upstream;
    let tries = server.reliable ? 1 : retries + 1;
    const wait = () => {
      timer = setTimeout(
        () => {
          server.silent(request);
          // Others are there: nobody needs to wait for one that is in doubt.
          const better = server.state() !== 'alive' && order.some((other) => other.state() !== 'dead');
          if (--tries <= 0 || better || monotonic() >= end) return given();
          sent.again();
          wait();
        },
        server.reliable ? timeoutMs * (retries + 1) : timeoutMs,
      );
    };
    wait();
  }

  next();
  return {
    done: promise,
    again() {
      if (!over) sents.at(-1)?.again();
    },
  };
}
