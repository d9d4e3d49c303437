import type { Logger } from '../../store/index.ts';
import { ATTRIBUTE, AttributeWriter, CODE, encodeRequest } from '../codec/index.ts';
import type { Upstream } from '../routing/index.ts';
import type { Link, Sent, Unsent, Waiter } from './channel.ts';
import { Health, type State } from './health.ts';
import { verifyAnswer } from './translate.ts';

/** A dead server that knows Status-Server is asked so often. RFC 5997, section 4.2: at most every 6 s. */
export const PROBE_EVERY_MS = 10_000;
/** RFC 3539, section 3.4.1: a connection on which nothing was heard is asked. */
export const WATCHDOG_MS = 30_000;

/** What answers Status-Server: at the port for accounting an Accounting-Response (RFC 5997, section 3). */
const ALIVE: ReadonlySet<number> = new Set([CODE.accessAccept, CODE.accountingResponse]);
const OUR_NAME = 'gatehouse';

export type PortKind = 'auth' | 'acct' | 'radsec';

/** How often it is said that an answer has no Message-Authenticator. */
const UNSIGNED_LOG_MS = 600_000;

/** One port of an upstream server: the way to it, whether it is there, what was counted. */
export interface Server {
  readonly upstream: Upstream;
  readonly kind: PortKind;
  readonly reliable: boolean;
  state(): State;
  send(encode: (id: number) => Uint8Array, waiter: Waiter): Sent | Unsent;
  /** It has said something that was verified. */
  heard(): void;
  /** It, or somebody in its name, has answered without the Message-Authenticator that is asked for. */
  unsigned(): void;
  /** A try of a request ended without an answer. */
  silent(request: object): void;
  stats(): { requests: number; answers: number; timeouts: number; invalid: number; state: State };
  close(): void;
}

export function createServer(options: {
  upstream: Upstream;
  kind: PortKind;
  link: Link;
  log: Logger;
  monotonic: () => number;
  probeEveryMs?: number;
}): Server {
  const { upstream, kind, link, log, monotonic, probeEveryMs = PROBE_EVERY_MS } = options;
  const health = new Health({ deadMs: upstream.deadSeconds * 1000, statusServer: upstream.statusServer });
  const counted = { requests: 0, answers: 0, timeouts: 0 };
  let shown: State = 'alive';
  let timer: NodeJS.Timeout | undefined;
  let heardAt = monotonic();
  let unsignedAt = Number.NEGATIVE_INFINITY;
  let closed = false;

  function state(): State {
    const now = health.state(monotonic());
    if (now !== shown) {
      const details = { upstream: upstream.name, port: kind };
      if (now === 'dead') log.warn(details, 'an upstream RADIUS server does not answer and is left out');
      else if (shown === 'dead') log.info(details, 'an upstream RADIUS server is asked again');
      shown = now;
    }
    return now;
  }

  function heard(): void {
    heardAt = monotonic();
    health.heard();
    state();
  }

  const later = (ms: number, fn: () => void) => {
    timer = setTimeout(() => {
      timer = undefined;
      if (!closed) fn();
    }, ms);
    timer.unref();
  };

  /** Asks whether it is there (RFC 5997), until it is or its time as a dead one is over. One at a time. */
  function probe(): void {
    if (timer || closed) return;
    const attributes = new AttributeWriter().add(ATTRIBUTE.nasIdentifier, OUR_NAME).done();
    let answered = false;
    const sent = link.send((id) => encodeRequest(CODE.statusServer, id, upstream.secret, attributes), {
      received(packet) {
        const asked = { secret: upstream.secret, codes: ALIVE, requireMessageAuthenticator: false };
        if (typeof sent === 'string' || !verifyAnswer(packet, { ...asked, authenticator: sent.bytes.subarray(4, 20) }))
          return false;
        answered = true;
        heard();
        return true;
      },
      lost: () => undefined,
    });
    later(upstream.timeoutMs, () => {
      if (typeof sent !== 'string') sent.end();
      if (answered) return;
      health.probeSilent(monotonic());
      const now = state();
      if (now === 'dead') link.reset();
      if (now !== 'alive') later(now === 'dead' ? probeEveryMs : 0, () => state() !== 'alive' && probe());
    });
  }

  function silent(request: object): void {
    health.silent(monotonic(), request);
    if (state() !== 'alive' && upstream.statusServer) probe();
  }

  /** On a connection, silence is asked about before anybody waits: it may have been cut without a word. */
  const watchdog = setInterval(() => {
    if (!link.reliable || !upstream.statusServer || monotonic() - heardAt < WATCHDOG_MS) return;
    silent({});
    probe();
  }, WATCHDOG_MS);
  watchdog.unref();

  return {
    upstream,
    kind,
    reliable: link.reliable,
    state,
    send(encode, waiter) {
      const sent = link.send(encode, waiter);
      if (typeof sent !== 'string') counted.requests++;
      return sent;
    },
    heard() {
      counted.answers++;
      heard();
    },
    unsigned() {
      if (monotonic() - unsignedAt < UNSIGNED_LOG_MS) return;
      unsignedAt = monotonic();
      log.warn(
        { upstream: upstream.name },
        'an answer of an upstream RADIUS server has no Message-Authenticator and is dropped: update that server, or, ' +
          'on a network where nobody can forge answers, turn require_message_authenticator off',
      );
    },
    silent(request) {
      counted.timeouts++;
      silent(request);
    },
    stats: () => ({ ...counted, invalid: link.invalid(), state: state() }),
    close() {
      closed = true;
      clearTimeout(timer);
      clearInterval(watchdog);
      link.close();
    },
  };
}
