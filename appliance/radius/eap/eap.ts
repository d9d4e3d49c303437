import { randomInt } from 'node:crypto';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { CertificateFacts, Method } from '../../access/index.ts';
import type { Logger } from '../../store/index.ts';
import { ATTRIBUTE } from '../codec/index.ts';
import type { AccessRequest, Authenticate, Verdict } from '../types.ts';
import { DEFAULT_EAP, EAP_LIMITS, type EapLimits, MAX_EAP, MAX_IDENTITY, MIN_EAP } from './limits.ts';
import { type Negotiation, negotiate, propose } from './negotiation.ts';
import { EAP_CODE, EAP_TYPE, type EapResponse, eapFailure, eapPacket, parseResponse, textOf } from './packet.ts';
import { Pool, type Waiting } from './pool.ts';
import { randomOf } from './random.ts';
import { latin1, newState, STATE_BYTES, Table } from './table.ts';
import { checkCredentials, hasAuthorities } from './tls.ts';
import type {
  Accepted,
  Answers,
  CertificateAnswer,
  EapCredentials,
  InnerMethod,
  OuterMethod,
  Question,
  Session,
} from './types.ts';

/** Somebody who is known without a password being asked for: by a certificate, or by a session that is resumed. */
export interface Known {
  login: string;
  method: Method;
  certificate: CertificateFacts | undefined;
  request: AccessRequest;
  /** What was said when the session was made, its time shortened by what has passed; undefined for a new session. */
  earlier: Accepted | undefined;
  /**
   * When the session was made, in milliseconds since 1970; undefined for a new one. Whoever's password has changed since
   * isn't to resume.
   */
  at?: number | undefined;
}

export type CertificateCheck =
  | { ok: true; facts: CertificateFacts; login: string }
  | { ok: false; reason: string; message?: string };

export interface EapOptions {
  /** Threads, 1 to 255. */
  workers: number;
  log: Logger;
  registry: Registry;
  credentials: () => EapCredentials;
  /** What a person may use, best first; asked with the outer identity. PEAP, TTLS, TLS unless told. */
  offered?: (login: string) => readonly OuterMethod[];
  /** What a person may use inside PEAP, best first; asked with the inner identity. */
  innerMethods: (login: string) => readonly InnerMethod[];
  /** Leaf first, DER; TLS has verified it up to an authority. Asked again when a session is resumed. */
  checkCertificate: (chain: readonly Uint8Array[]) => CertificateCheck | Promise<CertificateCheck>;
  authenticate: Authenticate;
  /** Whether somebody who needn't show a password exists, and may come in; accepts with who it is now. */
  recognize: (known: Known) => Verdict | Promise<Verdict>;
  limits?: Partial<EapLimits> | undefined;
}

export type EapResult =
  | { kind: 'challenge'; eap: Uint8Array; state: Uint8Array }
  | {
      kind: 'accept';
      eap: Uint8Array;
      /** The inner identity, or what the certificate says. */
      login: string;
      outerIdentity: string;
      method: Method;
      verdict: Accepted;
      certificate: CertificateFacts | undefined;
      /** 64 bytes: MS-MPPE-Recv-Key is the first half, MS-MPPE-Send-Key the second (RFC 2548, section 2.4). */
      msk: Uint8Array;
      resumed: boolean;
    }
  | { kind: 'reject'; eap: Uint8Array; reason: string; message?: string | undefined }
  | { kind: 'none'; reason: string };

export interface EapStats {
  /** As of at most five seconds ago. */
  conversations: number;
  sessions: number;
  crashes: number;
}

export interface Eap {
  /** For an Access-Request with EAP-Message. Never rejects. */
  handle(request: AccessRequest): Promise<EapResult>;
  /** Takes new certificates for new conversations; nobody resumes an older session. Those that can't be used, it doesn't. */
  refresh(): void;
  stats(): EapStats;
  close(): Promise<void>;
}

const SWEEP_MS = 5000;
const ALL: readonly OuterMethod[] = ['peap', 'ttls', 'tls'];
const NO_ROOM: EapResult = { kind: 'none', reason: 'no EAP worker has room' };

/**
 * EAP of an authentication server (RFC 3579): TLS and what is in it run in worker threads, so that a handshake doesn't
 * delay another reply. The workers know no passwords: they ask here. Throws where the certificates can't be used.
 */
export function createEap(options: EapOptions): Eap {
  const { log, registry, offered = () => ALL } = options;
  const limits: EapLimits = { ...EAP_LIMITS, ...options.limits };
  let credentials = options.credentials();
  checkCredentials(credentials);
  const outcomes = new Counter({
    name: 'gatehouse_eap_outcomes_total',
    help: 'EAP conversations that ended, by method and outcome.',
    labelNames: ['method', 'outcome'],
    registers: [registry],
  });
  const crashes = new Counter({
    name: 'gatehouse_eap_worker_crashes_total',
    help: 'EAP workers that died with their conversations and were started again.',
    registers: [registry],
  });
  let crashed = 0;
  const conversations: Gauge = new Gauge({
    name: 'gatehouse_eap_conversations',
    help: 'EAP conversations under way.',
    registers: [registry],
    collect: () => conversations.set(pool.conversations),
  });
  const sessions: Gauge = new Gauge({
    name: 'gatehouse_eap_sessions',
    help: 'TLS sessions that may be resumed.',
    registers: [registry],
    collect: () => sessions.set(pool.sessions),
  });

  const pool = new Pool({
    workers: options.workers,
    log,
    limits,
    credentials: () => credentials,
    answer: ({ request }, asked) => answer(request as AccessRequest, asked),
    onCrash: () => {
      crashed++;
      crashes.inc();
    },
  });

  async function answer(request: AccessRequest, asked: Question): Promise<Answers[Question['kind']]> {
    switch (asked.kind) {
      case 'inner':
        return options.innerMethods(asked.login);
      case 'authenticate':
        return options.authenticate({ login: asked.login, credentials: asked.credentials, request });
      case 'certificate':
        return certified(request, asked.chain, undefined, undefined);
      case 'resume':
        return resumed(request, asked.session);
    }
  }

  async function certified(
    request: AccessRequest,
    chain: readonly Uint8Array[],
    earlier: Accepted | undefined,
    at: number | undefined,
  ): Promise<CertificateAnswer> {
    const checked = await options.checkCertificate(chain);
    if (!checked.ok) {
      const { reason, message } = checked;
      return { login: '', certificate: undefined, verdict: { outcome: 'reject', reason, message } };
    }
    const { login, facts: certificate } = checked;
    const verdict = await options.recognize({ login, method: 'eap-tls', certificate, request, earlier, at });
    return { login, certificate, verdict };
  }

  async function resumed(request: AccessRequest, session: Session): Promise<CertificateAnswer> {
    const { login, method, certificate, verdict, at, chain } = session;
    const passed = Math.max(0, Math.floor((Date.now() - at) / 1000));
    const earlier: Accepted =
      verdict.sessionTimeout === undefined
        ? verdict
        : { ...verdict, sessionTimeout: Math.max(1, verdict.sessionTimeout - passed) };
    if (chain.length > 0) return certified(request, chain, earlier, at);
    return {
      login,
      certificate,
      verdict: await options.recognize({ login, method, certificate, request, earlier, at }),
    };
  }

  function handle(request: AccessRequest): Promise<EapResult> | EapResult {
    const { packet, nas } = request;
    const eap = packet.joined(ATTRIBUTE.eapMessage);
    if (eap === undefined) return { kind: 'none', reason: 'no EAP-Message' };
    // EAP-Start (RFC 3579, section 2.1): an EAP-Message of nothing.
    if (eap.length <= 2) return identityRequest();
    const response = parseResponse(eap);
    if (typeof response === 'string') return { kind: 'reject', eap: eapFailure(eap[1]!), reason: response };
    if (response.type === EAP_TYPE.identity) return start(request, response);
    const given = packet.first(ATTRIBUTE.state);
    if (given?.length !== STATE_BYTES) {
      return { kind: 'reject', eap: eapFailure(response.id), reason: 'EAP without its State' };
    }
    if (given[0]! >= pool.size)
      return { kind: 'reject', eap: eapFailure(response.id), reason: 'a State that isn’t ours' };
    const state = latin1(given);
    const negotiation = negotiations.get(state, nas.id);
    if (negotiation !== undefined) {
      const next = negotiate(negotiation, response);
      if (next.kind === 'challenge') return { ...next, state: given };
      negotiations.remove(state);
      if (next.kind === 'reject') return next;
    }
    return new Promise((resolve) => {
      const done: Waiting['done'] = (outcome) =>
        resolve(outcome.kind === 'challenge' ? { ...outcome, state: given } : outcome);
      const sent = pool.send(given[0]!, { request, done }, eap, { state, nas: nas.id }, negotiation);
      if (!sent) resolve(NO_ROOM);
    });
  }

  function start({ packet, nas }: AccessRequest, response: EapResponse): EapResult {
    if (response.data.length > MAX_IDENTITY) {
      return { kind: 'reject', eap: eapFailure(response.id), reason: 'an identity that is too long' };
    }
    const identity = textOf(response.data);
    const negotiation: Negotiation = {
      identity,
      methods: methodsOf(identity),
      inner: options.innerMethods(identity),
      maxPacket: maxPacketOf(packet.number(ATTRIBUTE.framedMtu)),
      method: undefined,
      id: 0,
      request: response.data,
    };
    const next = propose(negotiation, response.id);
    if (next.kind !== 'challenge') return next.kind === 'reject' ? next : NO_ROOM;
    const state = newState(seatFor(packet.text(ATTRIBUTE.callingStationId) ?? identity, pool));
    if (!negotiations.add(latin1(state), nas.id, negotiation)) return NO_ROOM;
    return { ...next, state };
  }

  function methodsOf(identity: string): readonly OuterMethod[] {
    const methods = offered(identity);
    return hasAuthorities(credentials) ? methods : methods.filter((method) => method !== 'tls');
  }

  function count(result: EapResult): EapResult {
    if (result.kind === 'challenge') return result;
    const method = result.kind === 'accept' ? result.method : 'unknown';
    outcomes.inc({ method, outcome: result.kind === 'accept' && result.resumed ? 'resume' : result.kind });
    return result;
  }

  const negotiations = new Table<Negotiation>(limits, Date.now, () => {});
  const sweeper = setInterval(() => negotiations.sweep(), SWEEP_MS);
  sweeper.unref();

  return {
    handle: async (request) => {
      try {
        return count(await handle(request));
      } catch (error) {
        log.error({ err: error }, 'an EAP request was not handled');
        return count({ kind: 'none', reason: 'internal' });
      }
    },
    refresh: () => {
      try {
        const fresh = options.credentials();
        checkCredentials(fresh);
        credentials = fresh;
        pool.refresh(fresh);
      } catch (error) {
        log.error({ err: error }, 'EAP keeps its certificate: the new one cannot be used');
      }
    },
    stats: () => ({ conversations: pool.conversations, sessions: pool.sessions, crashes: crashed }),
    close: () => {
      clearInterval(sweeper);
      return pool.close();
    },
  };
}

/** The same worker for the same device: the sessions that it may resume are there. FNV-1a. */
function seatFor(station: string, pool: Pool): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < station.length; i++) hash = Math.imul(hash ^ station.charCodeAt(i), 0x01000193);
  const first = (hash >>> 0) % pool.size;
  for (let next = 0; next < pool.size; next++) {
    const index = (first + next) % pool.size;
    if (pool.isUp(index)) return index;
  }
  return first;
}

function identityRequest(): EapResult {
  const eap = eapPacket(EAP_CODE.request, randomInt(256), EAP_TYPE.identity, new Uint8Array(0));
  return { kind: 'challenge', eap, state: randomOf(STATE_BYTES) };
}

/** Framed-MTU is that of the link (RFC 3579, section 2.4), of which EAPOL takes four bytes. */
function maxPacketOf(framedMtu: number | undefined): number {
  if (framedMtu === undefined) return DEFAULT_EAP;
  return Math.min(MAX_EAP, Math.max(MIN_EAP, framedMtu - 4));
}
