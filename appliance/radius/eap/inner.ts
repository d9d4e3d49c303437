import { errorText, mppeKeysV2 } from '../mschap/index.ts';
import { MAX_IDENTITY } from './limits.ts';
import { acknowledgesSuccess, challengePacket, failurePacket, parseChapResponse, successPacket } from './mschapv2.ts';
import { bytesOf, EAP_TYPE, textOf } from './packet.ts';
import { randomOf } from './random.ts';
import type { Accepted, Ask, InnerMethod } from './types.ts';

const PROMPT = bytesOf('Password: ');
const NOTHING = new Uint8Array(0);
const MAX_PASSWORD = 253;
const TYPES: Record<InnerMethod, number> = { mschapv2: EAP_TYPE.mschapv2, gtc: EAP_TYPE.gtc };

/** What comes next inside the tunnel. */
export type InnerStep =
  | { kind: 'request'; type: number; data: Uint8Array }
  /** `key`: 32 bytes of the inner method's key, for the binding of PEAP; undefined where it has none. */
  | { kind: 'passed'; login: string; inner: InnerMethod; verdict: Accepted; key: Uint8Array | undefined }
  | { kind: 'failed'; reason: string; message?: string | undefined }
  /** No answer; `again` asks anew, should the peer repeat itself. */
  | { kind: 'none'; reason: string; again: (ask: Ask) => Promise<InnerStep> };

/** EAP inside a tunnel: identity, then MS-CHAPv2 or GTC. Knows no headers: PEAP and TTLS put on their own. */
export class InnerEap {
  private login: string | undefined;
  private allowed: readonly InnerMethod[] = [];
  private tried = new Set<InnerMethod>();
  private current: InnerMethod | undefined;
  private challenge: Uint8Array = NOTHING;
  private chapId = 0;
  /** What an acknowledgement of the last packet of MS-CHAPv2 leads to. */
  private result: InnerStep | undefined;

  /** The first request. */
  start(): InnerStep {
    return { kind: 'request', type: EAP_TYPE.identity, data: NOTHING };
  }

  async respond(type: number, data: Uint8Array, ask: Ask): Promise<InnerStep> {
    if (this.login === undefined) {
      if (type !== EAP_TYPE.identity) return failed(`inner EAP type ${type}, where an identity was asked for`);
      if (data.length === 0 || data.length > MAX_IDENTITY) return failed('an inner identity that is no name');
      this.login = textOf(data);
      this.allowed = await ask({ kind: 'inner', login: this.login });
      return this.propose(this.allowed);
    }
    if (type === EAP_TYPE.nak) {
      if (this.result !== undefined) return failed('an inner NAK in the middle of a method');
      return this.propose(this.allowed.filter((method) => data.includes(TYPES[method])));
    }
    if (this.current === 'mschapv2' && type === EAP_TYPE.mschapv2) return this.mschapv2(data, ask);
    if (this.current === 'gtc' && type === EAP_TYPE.gtc) return this.gtc(data, ask);
    return failed(`inner EAP type ${type}, which wasn't asked for`);
  }

  private propose(methods: readonly InnerMethod[]): InnerStep {
    const method = methods.find((candidate) => !this.tried.has(candidate));
    if (method === undefined) return failed('no inner method that both sides can use');
    this.tried.add(method);
    this.current = method;
    if (method === 'gtc') return { kind: 'request', type: EAP_TYPE.gtc, data: PROMPT };
    this.challenge = randomOf(16);
    this.chapId = randomOf(1)[0]!;
    return { kind: 'request', type: EAP_TYPE.mschapv2, data: challengePacket(this.chapId, this.challenge) };
  }

  private async mschapv2(data: Uint8Array, ask: Ask): Promise<InnerStep> {
    const { result } = this;
    if (result !== undefined) {
      if (result.kind === 'passed' && !acknowledgesSuccess(data)) return failed('the peer did not accept our answer');
      return result;
    }
    const parsed = parseChapResponse(data);
    if (typeof parsed === 'string') return failed(parsed);
    if (parsed.id !== this.chapId) return failed('an MS-CHAPv2 response to another challenge');
    const { peerChallenge, response, userName, id } = parsed;
    const login = this.login!;
    const credentials = {
      kind: 'mschapv2' as const,
      authChallenge: this.challenge,
      peerChallenge,
      response,
      userName,
      ident: id,
    };
    const again = async (asking: Ask): Promise<InnerStep> => {
      const verdict = await asking({ kind: 'authenticate', login, credentials });
      if (verdict.outcome === 'none') return { kind: 'none', reason: verdict.reason, again };
      const proof = verdict.outcome === 'accept' ? verdict.mschapv2 : undefined;
      if (verdict.outcome === 'accept' && proof !== undefined) {
        const keys = mppeKeysV2(proof.ntHashHash, response);
        const key = Buffer.concat([keys.recv, keys.send]);
        this.result = { kind: 'passed', login, inner: 'mschapv2', verdict, key };
        return request(EAP_TYPE.mschapv2, successPacket(id, `S=${proof.authenticatorResponse} M=OK`));
      }
      const message = verdict.outcome === 'reject' ? verdict.message : undefined;
      const reason = verdict.outcome === 'reject' ? verdict.reason : 'accepted by a source without MS-CHAPv2';
      this.result = { kind: 'failed', reason, message };
      const text = errorText(randomOf(16), message ?? 'Authentication failed');
      return request(EAP_TYPE.mschapv2, failurePacket(id, text));
    };
    return again(ask);
  }

  private async gtc(data: Uint8Array, ask: Ask): Promise<InnerStep> {
    if (data.length > MAX_PASSWORD) return failed('a password that is too long');
    const login = this.login!;
    const again = async (asking: Ask): Promise<InnerStep> => {
      const verdict = await asking({ kind: 'authenticate', login, credentials: { kind: 'pap', password: data } });
      if (verdict.outcome === 'accept') return { kind: 'passed', login, inner: 'gtc', verdict, key: undefined };
      if (verdict.outcome === 'none') return { kind: 'none', reason: verdict.reason, again };
      return failed(verdict.reason, verdict.message);
    };
    return again(ask);
  }
}

const request = (type: number, data: Uint8Array): InnerStep => ({ kind: 'request', type, data });
const failed = (reason: string, message?: string): InnerStep => ({ kind: 'failed', reason, message });
