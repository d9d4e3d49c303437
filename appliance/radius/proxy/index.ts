import { randomBytes } from 'node:crypto';
import { lookup as dnsLookup } from 'node:dns/promises';
import type { Registry } from 'prom-client';
import type { Logger } from '../../store/index.ts';
import { ATTRIBUTE, CODE, MAX_PACKET, type Packet, randomAuthenticator, replyLength } from '../codec/index.ts';
import type { Dictionary } from '../dictionary/index.ts';
import type { Upstream } from '../routing/index.ts';
import type { AccessRequest, Answer, Nas } from '../types.ts';
import { BoundedMap } from './bounded.ts';
import { type Exchange, type Outcome, startExchange } from './exchange.ts';
import { proxyMetrics } from './metrics.ts';
import { createServer, type PortKind, type Server } from './server.ts';
import { createTlsLink } from './tls.ts';
import { answerAttributes, hiddenBy, refusal, withOwn } from './translate.ts';
import { createUdpLink, type Lookup } from './udp.ts';

export type { Lookup } from './udp.ts';

/** Requests under way at once; beyond it new ones are dropped, as a NAS expects of a busy server. */
export const MAX_EXCHANGES = 16_384;
/** Conversations (State) that are kept with their upstream, and for how long each waits for its next request. */
export const MAX_CONVERSATIONS = 65_536;
export const CONVERSATION_MS = 60_000;
/** Times that a request may have come by here already: more is a loop. */
export const MAX_OWN_PROXY_STATES = 8;

const MARK_BYTES = 8;
/** What concerns single requests is said once in this time for each NAS. */
const LOG_MS = 60_000;
const MAX_LOGGED = 1024;

/** A request to forward: of those, what an Access-Request and an Accounting-Request have in common. */
export interface Forwarded {
  packet: Packet;
  nas: Nas;
  address: string;
}

/** How a request is forwarded: what `resolve` said of it. */
export interface Route {
  /** In place of User-Name; undefined leaves it. */
  login?: string | undefined;
  realm?: string | undefined;
}

/** The upstream's answer on its way to the NAS. */
export interface Via {
  /** As it came from the upstream, verified: hidden values in it are under the upstream's secret. */
  packet: Packet;
  upstream: Upstream;
  realm: string | undefined;
}

/** Encoded attributes that take the place of the upstream's of the same kind; or a reject, with those of `deny`. */
export type LocalPolicy = Uint8Array | 'deny' | { deny: Uint8Array };

/** Local policy on an accept (RFC 2865, section 2.3). */
export type OnAccept = (via: Via, request: AccessRequest) => LocalPolicy | Promise<LocalPolicy>;

export interface ProxyOptions {
  /** The same object until the upstream is changed. */
  upstream(id: string): Upstream | undefined;
  /** Calls its listener when upstreams have changed. */
  onChange(listener: () => void): void;
  dictionary: Pick<Dictionary, 'find'>;
  log: Logger;
  registry: Registry;
  /** Monotonic milliseconds. */
  monotonic: () => number;
  onAccept?: OnAccept;
  /** What RadSec servers are shown where the upstream has no certificate of its own: PEM. */
  credentials?: () => { key: string; chain: string } | undefined;
  lookup?: Lookup;
  limits?: { exchanges?: number; conversations?: number; probeEveryMs?: number };
}

/** Forwards requests to upstream servers (RFC 2865, section 2.3). */
export function createProxy(options: ProxyOptions) {
  const { log, monotonic } = options;
  const lookup: Lookup = options.lookup ?? ((host) => dnsLookup(host));
  const { exchanges: most = MAX_EXCHANGES, conversations: max = MAX_CONVERSATIONS } = options.limits ?? {};
  const hidden = hiddenBy(options.dictionary);
  /** What Proxy-States of ours begin with: nobody can make one up. */
  const ours = randomBytes(MARK_BYTES);
  const entries = new Map<string, { upstream: Upstream; auth: Server; acct: Server }>();
  const conversations = new BoundedMap<string>({ max, ms: CONVERSATION_MS, monotonic });
  const underWay = new Map<string, { exchange: Exchange; answer: Promise<Answer | undefined> }>();
  const counted = { loops: 0, refused: 0, overflows: 0 };
  const said = new BoundedMap<true>({ max: MAX_LOGGED, ms: LOG_MS, monotonic });
  let closed = false;

  function warn({ id, name }: Nas, message: string, details: object = {}): void {
    const key = `${id}/${message}`;
    if (said.get(key)) return;
    said.set(key, true);
    log.warn({ nas: name, ...details }, message);
  }

  function open(upstream: Upstream): { upstream: Upstream; auth: Server; acct: Server } {
    const { address: host, authPort, acctPort, tls } = upstream;
    const make = (kind: PortKind, port: number): Server => {
      const own = kind === 'radsec' && tls.certificate === undefined ? options.credentials?.() : undefined;
      const shown = own ? { ...tls, certificate: own.chain, privateKey: own.key } : tls;
      const link =
        kind === 'radsec'
          ? createTlsLink({ host, port, tls: shown, log, monotonic })
          : createUdpLink({ host, port, log, lookup, monotonic });
      const probeEveryMs = options.limits?.probeEveryMs;
      return createServer({
        upstream,
        kind,
        link,
        log,
        monotonic,
        ...(probeEveryMs !== undefined && { probeEveryMs }),
      });
    };
    if (upstream.protocol === 'radsec') {
      const both = make('radsec', authPort);
      return { upstream, auth: both, acct: both };
    }
    return { upstream, auth: make('auth', authPort), acct: make('acct', acctPort) };
  }

  function shut(id: string): void {
    const entry = entries.get(id);
    entries.delete(id);
    entry?.auth.close();
    if (entry?.acct !== entry?.auth) entry?.acct.close();
  }

  /** The server of an upstream as it is now: one that was changed is opened anew. */
  function serverOf(id: string, kind: 'auth' | 'acct'): Server | undefined {
    const upstream = options.upstream(id);
    if (!upstream) return undefined;
    if (entries.get(id)?.upstream !== upstream) {
      shut(id);
      entries.set(id, open(upstream));
    }
    return entries.get(id)?.[kind];
  }

  options.onChange(() => {
    for (const [id, { upstream }] of entries) if (options.upstream(id) !== upstream) shut(id);
  });

  const isOurs = (value: Uint8Array): boolean => ours.equals(value.subarray(0, MARK_BYTES));

  const stateKey = (nas: Nas, state: Uint8Array): string => `${nas.id}/${Buffer.from(state).toString('latin1')}`;

  /** The upstream that a conversation is with goes alone: no other knows its State. */
  function serversFor(upstreamIds: readonly string[], kind: 'auth' | 'acct', { packet, nas }: Forwarded): Server[] {
    const state = kind === 'auth' ? packet.first(ATTRIBUTE.state) : undefined;
    const held = state && conversations.get(stateKey(nas, state));
    const ids = held !== undefined && upstreamIds.includes(held) ? [held] : upstreamIds;
    return ids.map((id) => serverOf(id, kind)).filter((server) => server !== undefined);
  }

  /** Starts forwarding, or joins it where the NAS has only sent the same again. */
  function forward<R extends Forwarded>(
    upstreamIds: readonly string[],
    kind: 'auth' | 'acct',
    request: R,
    route: Route,
    finish: (outcome: Outcome) => Promise<Answer | undefined>,
  ): Promise<Answer | undefined> {
    const { packet, nas, address } = request;
    const key = `${nas.id}/${address}/${packet.code}/${packet.id}/${Buffer.from(packet.authenticator).toString('latin1')}`;
    const known = underWay.get(key);
    if (known) {
      known.exchange.again();
      return known.answer;
    }
    const nothing = Promise.resolve(undefined);
    if (closed) return nothing;
    if (underWay.size >= most) {
      counted.overflows++;
      return nothing;
    }
    if (packet.all(ATTRIBUTE.proxyState).filter(isOurs).length > MAX_OWN_PROXY_STATES) {
      counted.loops++;
      warn(nas, 'a request goes in circles: two servers forward it to each other', { realm: route.realm });
      return nothing;
    }
    const exchange = startExchange({
      request: packet,
      secret: nas.secret,
      login: route.login,
      servers: serversFor(upstreamIds, kind, request),
      mark: Buffer.concat([ours, randomAuthenticator()]),
      refused(reason) {
        counted.refused++;
        warn(nas, 'a request cannot be forwarded', { reason });
      },
      monotonic,
    });
    const answer = exchange.done
      .then((outcome) => outcome && finish(outcome))
      .catch((error: unknown) => {
        log.error({ nas: nas.name, err: error }, 'the answer of an upstream server could not be passed on');
        return undefined;
      })
      .finally(() => underWay.delete(key));
    underWay.set(key, { exchange, answer });
    return answer;
  }

  /** The answer for the NAS; undefined where with its Proxy-States it would be over 4096 bytes. */
  function answerFor(request: Forwarded, code: number, attributes: Uint8Array): Answer | undefined {
    if (replyLength(request.packet, attributes.length) <= MAX_PACKET) return { code, attributes };
    counted.refused++;
    warn(request.nas, 'the answer of an upstream server is too long to be passed on');
    return undefined;
  }

  const translated = (request: Forwarded, { packet, server, authenticator }: Outcome): Uint8Array =>
    answerAttributes(
      packet,
      {
        from: { secret: server.upstream.secret, authenticator },
        to: { secret: request.nas.secret, authenticator: request.packet.authenticator },
      },
      hidden,
    );

  proxyMetrics(
    options.registry,
    () => [...entries.values()].flatMap(({ auth, acct }) => (auth === acct ? [auth] : [auth, acct])),
    () => ({ ...counted, underWay: underWay.size }),
  );

  return {
    /** Forwards an Access-Request to the first of the upstreams that answers. Undefined: none has. Never rejects. */
    proxyAccess(
      upstreamIds: readonly string[],
      request: AccessRequest,
      route: Route = {},
    ): Promise<Answer | undefined> {
      return forward(upstreamIds, 'auth', request, route, async (outcome) => {
        const { packet, server } = outcome;
        let attributes = translated(request, outcome);
        const state = packet.first(ATTRIBUTE.state);
        if (packet.code === CODE.accessChallenge && state) {
          conversations.set(stateKey(request.nas, state), server.upstream.id);
        }
        if (packet.code === CODE.accessAccept && options.onAccept) {
          const own = await options.onAccept({ packet, upstream: server.upstream, realm: route.realm }, request);
          if (!(own instanceof Uint8Array)) {
            return answerFor(request, CODE.accessReject, refusal(packet, own === 'deny' ? undefined : own.deny));
          }
          attributes = withOwn(attributes, own);
        }
        return answerFor(request, packet.code, attributes);
      });
    },

    /** Forwards an Accounting-Request, as above. */
    proxyAccounting(
      upstreamIds: readonly string[],
      request: Forwarded,
      route: Route = {},
    ): Promise<Answer | undefined> {
      return forward(upstreamIds, 'acct', request, route, async (outcome) =>
        answerFor(request, outcome.packet.code, translated(request, outcome)),
      );
    },

    stats: () => ({
      ...counted,
      underWay: underWay.size,
      conversations: conversations.size,
      upstreams: [...entries.values()].flatMap(({ upstream, auth, acct }) =>
        (auth === acct ? [auth] : [auth, acct]).map((one) => ({ id: upstream.id, port: one.kind, ...one.stats() })),
      ),
    }),

    /** Requests under way end without an answer. */
    close(): void {
      closed = true;
      for (const id of [...entries.keys()]) shut(id);
    },
  };
}
export type Proxy = ReturnType<typeof createProxy>;
