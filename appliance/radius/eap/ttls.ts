import { timingSafeEqual } from 'node:crypto';
import type { Method } from '../../access/index.ts';
import { ATTRIBUTE, VENDOR } from '../codec/index.ts';
import { errorText } from '../mschap/index.ts';
import type { Credentials } from '../types.ts';
import { encodeAvp, parseAvps } from './avp.ts';
import { InnerEap, type InnerStep } from './inner.ts';
import { COMMITMENT, type Inside, keyMaterial, MSK_BYTES, resume, type Step, type Surroundings } from './inside.ts';
import { MAX_IDENTITY } from './limits.ts';
import { withoutDomain } from './mschapv2.ts';
import { bytesOf, EAP_CODE, EAP_TYPE, eapPacket, parseResponse, textOf } from './packet.ts';
import { randomOf } from './random.ts';
import type { Admission, Ask } from './types.ts';

/** RFC 2548, section 2 */
const MICROSOFT = { response: 1, error: 2, challenge: 11, response2: 25, success2: 26 } as const;
const { chapChallenge, chapPassword, eapMessage, userName, userPassword } = ATTRIBUTE;
const MAX_PASSWORD = 253;
const KNOWN = new Set<number>([userName, userPassword, chapPassword, chapChallenge, eapMessage]);
const KNOWN_MICROSOFT = new Set<number>([MICROSOFT.response, MICROSOFT.challenge, MICROSOFT.response2]);

/** A way to authenticate by AVPs. */
interface Tried {
  method: Method;
  credentials: Credentials;
}

/** EAP-TTLS (RFC 5281, version 0): AVPs inside, of PAP, CHAP, MS-CHAP, MS-CHAPv2, or of EAP. */
export class Ttls implements Inside {
  private readonly around: Surroundings;
  private inner: InnerEap | undefined;
  /** What an acknowledgement leads to. */
  private ending: Step | undefined;

  constructor(around: Surroundings) {
    this.around = around;
  }

  secured(): Step | Promise<Step> {
    const { channel } = this.around;
    if (channel.session === undefined) return { kind: 'send' };
    return resume(
      this.around,
      (admission) => this.admitted(admission, true),
      (reason, message) => ({ kind: 'reject', reason, message }),
    );
  }

  acknowledged(): Step {
    return this.ending ?? { kind: 'reject', reason: 'a peer that says nothing inside TTLS' };
  }

  async heard(data: Uint8Array): Promise<Step> {
    // A peer may authenticate anew inside a session that it has resumed (RFC 5281, section 7.4), but once only.
    if (this.ending !== undefined && !(this.ending.kind === 'accept' && this.ending.resumed)) {
      return { kind: 'reject', reason: 'data behind the end of TTLS' };
    }
    this.ending = undefined;
    const avps = parseAvps(data);
    if (typeof avps === 'string') return { kind: 'reject', reason: avps };
    const values = new Map<string, Uint8Array>();
    for (const { code, vendor, mandatory, value } of avps) {
      const known = vendor === 0 ? KNOWN.has(code) : vendor === VENDOR.microsoft && KNOWN_MICROSOFT.has(code);
      if (!known && mandatory)
        return { kind: 'reject', reason: `a mandatory AVP ${vendor}:${code}, which isn't known` };
      const key = `${vendor}:${code}`;
      const before = values.get(key);
      if (before !== undefined && code !== eapMessage) return { kind: 'reject', reason: `two AVPs ${key}` };
      values.set(key, before === undefined ? value : Buffer.concat([before, value]));
    }
    const eap = values.get(`0:${eapMessage}`);
    if (eap !== undefined) return this.eap(eap);
    const name = values.get(`0:${userName}`);
    if (name === undefined || name.length === 0 || name.length > MAX_IDENTITY) {
      return { kind: 'reject', reason: 'TTLS without a user name' };
    }
    const login = textOf(name);
    const tried = this.credentials(values, login);
    return typeof tried === 'string' ? { kind: 'reject', reason: tried } : this.authenticate(login, tried);
  }

  private async authenticate(login: string, { method, credentials }: Tried): Promise<Step> {
    const again = async (ask: Ask): Promise<Step> => {
      const verdict = await ask({ kind: 'authenticate', login, credentials });
      if (verdict.outcome === 'none') return { kind: 'none', reason: verdict.reason, again };
      if (credentials.kind !== 'mschapv2') {
        if (verdict.outcome === 'reject') return { kind: 'reject', reason: verdict.reason, message: verdict.message };
        return this.admitted({ login, method, verdict, certificate: undefined }, false);
      }
      const proof = verdict.outcome === 'accept' ? verdict.mschapv2 : undefined;
      if (verdict.outcome === 'accept' && proof !== undefined) {
        this.ending = this.accept({ login, method, verdict, certificate: undefined }, false);
        return this.microsoft(MICROSOFT.success2, credentials.ident, `S=${proof.authenticatorResponse}`);
      }
      const message = verdict.outcome === 'reject' ? verdict.message : undefined;
      const reason = verdict.outcome === 'reject' ? verdict.reason : 'accepted by a source without MS-CHAPv2';
      this.ending = { kind: 'reject', reason, message };
      const text = errorText(randomOf(16), message ?? 'Authentication failed');
      return this.microsoft(MICROSOFT.error, credentials.ident, text);
    };
    return again(this.around.ask);
  }

  /** What the AVPs prove, by RFC 5281, section 11.2; a string says what is wrong. */
  private credentials(values: ReadonlyMap<string, Uint8Array>, login: string): Tried | string {
    const password = values.get(`0:${userPassword}`);
    if (password !== undefined) {
      // Padded with zeros to hide its length.
      let end = password.length;
      while (end > 0 && password[end - 1] === 0) end--;
      if (end > MAX_PASSWORD) return 'a password that is too long';
      return { method: 'ttls-pap', credentials: { kind: 'pap', password: password.subarray(0, end) } };
    }
    const chap = values.get(`0:${chapPassword}`);
    if (chap !== undefined) {
      const challenge = values.get(`0:${chapChallenge}`);
      if (chap.length !== 17 || !this.isOurs(challenge, chap[0]!, 16)) return 'CHAP with a challenge that isn’t ours';
      const credentials = { kind: 'chap', id: chap[0]!, response: chap.subarray(1), challenge: challenge! } as const;
      return { method: 'ttls-chap', credentials };
    }
    const challenge = values.get(`${VENDOR.microsoft}:${MICROSOFT.challenge}`);
    const v1 = values.get(`${VENDOR.microsoft}:${MICROSOFT.response}`);
    if (v1 !== undefined) {
      if (v1.length !== 50 || !this.isOurs(challenge, v1[0]!, 8)) return 'MS-CHAP with a challenge that isn’t ours';
      const credentials = { kind: 'mschap', challenge: challenge!, response: v1.subarray(26, 50) } as const;
      return { method: 'ttls-mschap', credentials };
    }
    const v2 = values.get(`${VENDOR.microsoft}:${MICROSOFT.response2}`);
    if (v2 === undefined) return 'TTLS without a way to authenticate';
    if (v2.length !== 50 || !this.isOurs(challenge, v2[0]!, 16)) return 'MS-CHAPv2 with a challenge that isn’t ours';
    const credentials = {
      kind: 'mschapv2',
      authChallenge: challenge!,
      peerChallenge: v2.subarray(2, 18),
      response: v2.subarray(26, 50),
      userName: withoutDomain(login),
      ident: v2[0]!,
    } as const;
    return { method: 'ttls-mschapv2', credentials };
  }

  /** Challenge and identifier come out of the tunnel itself, so that they can't be of another (section 11.1). */
  private isOurs(challenge: Uint8Array | undefined, id: number, length: number): boolean {
    if (challenge?.length !== length) return false;
    const ours = this.around.channel.exportKey(length + 1, 'ttls challenge');
    return timingSafeEqual(challenge, ours.subarray(0, length)) && ours[length] === id;
  }

  private async eap(packet: Uint8Array): Promise<Step> {
    const response = parseResponse(packet);
    if (typeof response === 'string') return { kind: 'reject', reason: response };
    this.inner ??= new InnerEap();
    return this.step(await this.inner.respond(response.type, response.data, this.around.ask), response.id);
  }

  private step(next: InnerStep, id: number): Step {
    switch (next.kind) {
      case 'request': {
        const packet = eapPacket(EAP_CODE.request, (id + 1) & 0xff, next.type, next.data);
        return { kind: 'send', data: encodeAvp(eapMessage, 0, packet) };
      }
      case 'none':
        return { kind: 'none', reason: next.reason, again: async (ask) => this.step(await next.again(ask), id) };
      case 'failed':
        return { kind: 'reject', reason: next.reason, message: next.message };
      case 'passed': {
        const method = next.inner === 'gtc' ? 'ttls-pap' : 'ttls-mschapv2';
        return this.admitted({ login: next.login, method, verdict: next.verdict, certificate: undefined }, false);
      }
    }
  }

  private admitted(admission: Admission, resumed: boolean): Step {
    const accept = this.accept(admission, resumed);
    if (!this.around.channel.tls13) return accept;
    this.ending = accept;
    return { kind: 'send', data: COMMITMENT };
  }

  private accept(admission: Admission, resumed: boolean): Step {
    const msk = keyMaterial(this.around.channel, EAP_TYPE.ttls, 'ttls keying material').subarray(0, MSK_BYTES);
    return { kind: 'accept', admission, chain: [], msk, resumed };
  }

  private microsoft(code: number, ident: number, text: string): Step {
    const value = Buffer.concat([Uint8Array.of(ident), bytesOf(text)]);
    return { kind: 'send', data: encodeAvp(code, VENDOR.microsoft, value) };
  }
}
