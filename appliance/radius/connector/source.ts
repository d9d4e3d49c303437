import type { NamedAttribute } from '../../access/index.ts';
import { sameBytes } from '../codec/index.ts';
import type { Dictionary } from '../dictionary/index.ts';
import { authenticatorResponse, challengeResponse, expandNtHash, hashNtHash } from '../mschap/index.ts';
import type { Attempt, Verdict } from '../types.ts';
import { readAnswer, type Said, secondsUntil } from './answer.ts';
import { Backend, type Connector } from './backend.ts';
import { AcceptCache } from './cache.ts';
import { type MsChap, msChapOf, type RequestBody, requestBody } from './request.ts';

/** A backend that has failed is asked after the others for so long. */
export const CIRCUIT_MS = 5_000;
/** Complaints about answers that are remembered, so that each is logged once. */
const MAX_NOTES = 1_000;

export interface SourceOptions {
  dictionary: Dictionary;
  log: { warn(details: object, message: string): void };
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds that only go forward. */
  monotonic(): number;
  /** Told how each request to a backend ended, for the metrics. */
  ended?: (outcome: Outcome, seconds: number) => void;
}
export type Outcome = 'accept' | 'reject' | 'failed' | 'cached';

type Accept = Verdict & { outcome: 'accept' };
/** `failed`: nothing was decided. `circuit` is whether the backend itself seems to be ill. */
type Asked = { verdict: Accept | (Verdict & { outcome: 'reject' }); said: Said } | { failed: string; circuit: boolean };

/** How one request ended, for people who test a connector. */
export interface Tested {
  status: number | undefined;
  verdict: Verdict;
  notes: readonly string[];
}

/** One connector: its backend, what it accepted before, and how it is. */
export class RestSource {
  readonly connector: Connector;
  readonly #options: SourceOptions;
  readonly #backend: Backend;
  readonly #cache = new AcceptCache();
  readonly #noted = new Set<string>();
  #ill = false;
  #illUntil = Number.NEGATIVE_INFINITY;
  #told = Number.NEGATIVE_INFINITY;

  constructor(connector: Connector, options: SourceOptions) {
    this.connector = connector;
    this.#options = options;
    this.#backend = new Backend(connector);
  }

  /**
   * Whether it is asked in its turn: not within seconds of a failure. Then one request finds out whether it is well again,
   * and the others go on as before meanwhile: they must not all wait for a backend that is still silent.
   */
  admits(): boolean {
    const now = this.#options.monotonic();
    if (now < this.#illUntil) return false;
    if (this.#ill) this.#illUntil = now + CIRCUIT_MS;
    return true;
  }

  /** Asks the backend. Undefined: it has decided nothing. Never throws. */
  async ask(attempt: Attempt, body: RequestBody): Promise<Exclude<Verdict, { outcome: 'none' }> | undefined> {
    const { connector } = this;
    const asked = await this.#ask(attempt, body);
    if ('failed' in asked) {
      this.#failed(asked.failed, asked.circuit);
      return undefined;
    }
    this.#ill = false;
    this.#illUntil = Number.NEGATIVE_INFINITY;
    const { verdict, said } = asked;
    const key = this.#keyOf(attempt, body);
    if (verdict.outcome === 'reject') {
      if (key !== undefined) this.#cache.delete(key);
      return verdict;
    }
    if (said.kind === 'accept') {
      for (const note of said.notes) this.#note(note, "something of a REST connector's answer is left out");
      if (key !== undefined && connector.cacheSeconds > 0) {
        const ntHash = connector.ntKey === 'nt_hash' ? said.ntKey : undefined;
        const { attributes, validUntil } = said;
        this.#cache.set(key, { attributes, validUntil, ntHash }, connector.cacheSeconds, this.#options.now());
      }
    }
    return verdict;
  }

  /** An accept of before, where this connector may repeat it. */
  repeat(attempt: Attempt, body: RequestBody): Accept | undefined {
    const key = this.#keyOf(attempt, body);
    const cached = key === undefined ? undefined : this.#cache.get(key, this.#options.now());
    if (!cached) return undefined;
    const msChap = msChapOf(attempt);
    if (!msChap) return this.#accept(attempt, cached, undefined);
    if (!cached.ntHash || !proves(cached.ntHash, msChap)) return undefined;
    return this.#accept(attempt, cached, proofOf(msChap, hashNtHash(cached.ntHash)));
  }

  /** Asks without the cache, for people. */
  async test(attempt: Attempt, body: RequestBody): Promise<Tested> {
    const reply = await this.#backend.post(body);
    if ('failure' in reply) {
      return { status: undefined, verdict: { outcome: 'none', reason: reply.failure }, notes: [] };
    }
    const asked = this.#judge(attempt, reply.status, reply.body);
    if ('failed' in asked)
      return { status: reply.status, verdict: { outcome: 'none', reason: asked.failed }, notes: [] };
    const notes = asked.said.kind === 'accept' ? asked.said.notes : [];
    return { status: reply.status, verdict: asked.verdict, notes };
  }

  /** An accept of before was the answer. */
  repeated(): void {
    this.#options.ended?.('cached', 0);
  }

  close(): void {
    this.#backend.close();
  }

  async #ask(attempt: Attempt, body: RequestBody): Promise<Asked> {
    const { monotonic, ended } = this.#options;
    const started = monotonic();
    const reply = await this.#backend.post(body);
    const asked: Asked =
      'failure' in reply ? { failed: reply.failure, circuit: true } : this.#judge(attempt, reply.status, reply.body);
    ended?.('failed' in asked ? 'failed' : asked.verdict.outcome, (monotonic() - started) / 1000);
    return asked;
  }

  #judge(attempt: Attempt, status: number, bytes: Uint8Array): Asked {
    const { now, dictionary } = this.#options;
    const said = readAnswer(status, bytes, now(), dictionary);
    if (said.kind === 'unusable') return { failed: said.reason, circuit: true };
    if (said.kind === 'reject') {
      if (status === 401 || status === 404 || status === 405) {
        this.#note(
          `it answers ${status}`,
          'a REST connector rejects: where nobody gets in, its address or its token may be wrong',
        );
      }
      return { verdict: { outcome: 'reject', reason: said.reason, message: said.message }, said };
    }
    const msChap = msChapOf(attempt);
    if (!msChap) return { verdict: this.#accept(attempt, said, undefined), said };
    if (this.connector.ntKey === 'nt_hash') {
      // Without the hash nothing is proved: the backend leaves the check to us.
      if (!said.ntKey) return { failed: 'its answer has no nt_key of 32 hexadecimal digits', circuit: false };
      if (!proves(said.ntKey, msChap)) {
        return {
          verdict: { outcome: 'reject', reason: 'the response is not of the password', message: undefined },
          said,
        };
      }
      return { verdict: this.#accept(attempt, said, proofOf(msChap, hashNtHash(said.ntKey))), said };
    }
    // Version 2 ends with our proof that we know the password too, which can't be made without it (RFC 2759, section 5).
    if (msChap.version === 2 && !said.ntKey) {
      return { failed: 'its answer has no nt_key of 32 hexadecimal digits, which MS-CHAPv2 needs', circuit: false };
    }
    return { verdict: this.#accept(attempt, said, said.ntKey && proofOf(msChap, said.ntKey)), said };
  }

  #accept(
    { login }: Attempt,
    from: { attributes: readonly NamedAttribute[]; validUntil: number | undefined },
    mschapv2: Accept['mschapv2'],
  ): Accept {
    return {
      outcome: 'accept',
      subject: {
        kind: 'external',
        id: this.connector.id,
        username: login,
        userId: undefined,
        groups: [],
        device: undefined,
        voucher: undefined,
      },
      mschapv2,
      attributes: from.attributes,
      sessionTimeout: secondsUntil(from.validUntil, this.#options.now()),
    };
  }

  #keyOf(attempt: Attempt, body: RequestBody): string | undefined {
    if (this.connector.cacheSeconds === 0) return undefined;
    // What was checked elsewhere is good for that one response only.
    if (msChapOf(attempt))
      return this.connector.ntKey === 'nt_hash' ? this.#cache.keyOf(body.login, undefined) : undefined;
    return body.password === undefined ? undefined : this.#cache.keyOf(body.login, body.password);
  }

  #failed(reason: string, circuit: boolean): void {
    const now = this.#options.monotonic();
    if (circuit) {
      this.#ill = true;
      this.#illUntil = now + CIRCUIT_MS;
    }
    if (now - this.#told < CIRCUIT_MS) return;
    this.#told = now;
    this.#options.log.warn({ connector: this.connector.name, reason }, 'a REST connector could not decide');
  }

  /** Logs what is wrong with answers: each thing once. */
  #note(note: string, message: string): void {
    if (this.#noted.has(note) || this.#noted.size >= MAX_NOTES) return;
    this.#noted.add(note);
    this.#options.log.warn({ connector: this.connector.name, note }, message);
  }
}

/** Whether the response was made with this NT hash. */
const proves = (ntHash: Uint8Array, { challenge, response }: MsChap): boolean =>
  challenge.length === 8 &&
  response.length === 24 &&
  sameBytes(challengeResponse(challenge, expandNtHash(ntHash)), response);

/** What version 2 needs for MS-CHAP2-Success and MPPE keys; version 1 has no such proof. */
const proofOf = ({ version, challenge, response }: MsChap, ntHashHash: Uint8Array): Accept['mschapv2'] =>
  version === 1
    ? undefined
    : { authenticatorResponse: authenticatorResponse(ntHashHash, response, challenge), ntHashHash };

/**
 * Asks connectors in order until one decides, those that have just failed last. Where none does, an accept of before is
 * repeated if a connector may; else there is no answer: a backend that is down must not look like a wrong password.
 */
export async function authenticateWith(sources: readonly RestSource[], attempt: Attempt): Promise<Verdict> {
  if (sources.length === 0) return { outcome: 'none', reason: 'there is no such REST connector' };
  const body = requestBody(attempt);
  if (typeof body === 'string') return { outcome: 'reject', reason: body };
  const last: RestSource[] = [];
  for (const source of sources) {
    const verdict = source.admits() ? await source.ask(attempt, body) : void last.push(source);
    if (verdict) return verdict;
  }
  for (const source of last) {
    const verdict = await source.ask(attempt, body);
    if (verdict) return verdict;
  }
  for (const source of sources) {
    const verdict = source.repeat(attempt, body);
    if (!verdict) continue;
    source.repeated();
    return verdict;
  }
  return { outcome: 'none', reason: 'no REST connector has decided' };
}
