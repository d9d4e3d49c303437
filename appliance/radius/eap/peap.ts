import { bindingHolds, boundMsk, type CompoundKeys, compoundKeys, parseResult, resultTlvs } from './binding.ts';
import { InnerEap, type InnerStep } from './inner.ts';
import { type Inside, keyMaterial, MSK_BYTES, resume, type Step, type Surroundings } from './inside.ts';
import { EAP_CODE, EAP_TYPE, eapPacket } from './packet.ts';
import type { Admission } from './types.ts';

const HEADER_BYTES = 4;

/** PEAPv0 ([MS-PEAP]): EAP inside, without its header but for the TLVs of the result. */
export class Peap implements Inside {
  private readonly around: Surroundings;
  private readonly inner = new InnerEap();
  /** What the peer's answer to the result leads to. */
  private ending: Step | undefined;
  private keys: CompoundKeys | undefined;

  constructor(around: Surroundings) {
    this.around = around;
  }

  secured(): Step | Promise<Step> {
    const { channel } = this.around;
    if (channel.session !== undefined) {
      return resume(
        this.around,
        (admission) => this.passed(admission, undefined, true),
        (reason, message) => this.failed(reason, message),
      );
    }
    // Under TLS 1.2 the peer acknowledges the end of the handshake first.
    return channel.hasOutput && !channel.tls13 ? { kind: 'send' } : this.step(this.inner.start());
  }

  acknowledged(): Step {
    return this.ending === undefined
      ? this.step(this.inner.start())
      : { kind: 'reject', reason: 'no answer to a result' };
  }

  async heard(data: Uint8Array): Promise<Step> {
    const { type, body } = strip(data);
    if (this.ending !== undefined) return this.finish(this.ending, type, body);
    return this.step(await this.inner.respond(type, body, this.around.ask));
  }

  private step(next: InnerStep): Step {
    switch (next.kind) {
      case 'request':
        return { kind: 'send', data: Buffer.concat([Uint8Array.of(next.type), next.data]) };
      case 'none':
        return { kind: 'none', reason: next.reason, again: async (ask) => this.step(await next.again(ask)) };
      case 'failed':
        return this.failed(next.reason, next.message);
      case 'passed': {
        const { login, verdict } = next;
        const method = next.inner === 'gtc' ? 'peap-gtc' : 'peap-mschapv2';
        return this.passed({ login, method, verdict, certificate: undefined }, next.key, false);
      }
    }
  }

  private passed(admission: Admission, innerKey: Uint8Array | undefined, resumed: boolean): Step {
    const material = keyMaterial(this.around.channel, EAP_TYPE.peap, 'client EAP encryption');
    // GTC has no key of its own, and so nothing to bind.
    if (resumed || innerKey !== undefined) this.keys = compoundKeys(material, innerKey);
    this.ending = { kind: 'accept', admission, chain: [], msk: material.subarray(0, MSK_BYTES), resumed };
    return this.result(true);
  }

  private failed(reason: string, message: string | undefined): Step {
    this.ending = { kind: 'reject', reason, message };
    this.keys = undefined;
    return this.result(false);
  }

  private result(success: boolean): Step {
    const tlvs = resultTlvs(success, this.keys?.cmk);
    return { kind: 'send', data: eapPacket(EAP_CODE.request, this.around.nextId(), EAP_TYPE.tlv, tlvs) };
  }

  private finish(ending: Step, type: number, body: Uint8Array): Step {
    if (ending.kind !== 'accept') return ending;
    if (type !== EAP_TYPE.tlv) return { kind: 'reject', reason: `inner EAP type ${type}, where a result was expected` };
    const result = parseResult(body);
    if (typeof result === 'string') return { kind: 'reject', reason: result };
    if (!result.success) return { kind: 'reject', reason: 'the peer says that it failed' };
    // A peer that knows no binding leaves it out, and derives the tunnel's key.
    if (result.binding === undefined || this.keys === undefined) return ending;
    if (!bindingHolds(result.binding, this.keys.cmk)) {
      return { kind: 'reject', reason: 'a binding that does not hold: the tunnel may end at somebody else' };
    }
    return { ...ending, msk: boundMsk(this.keys.ipmk) };
  }
}

/** Type and data of what the peer says; some put the header on that PEAPv0 leaves out. */
function strip(data: Uint8Array): { type: number; body: Uint8Array } {
  const whole =
    data.length > HEADER_BYTES && data[0] === EAP_CODE.response && data.length === ((data[2]! << 8) | data[3]!);
  const from = whole ? HEADER_BYTES : 0;
  return { type: data[from] ?? 0, body: data.subarray(from + 1) };
}
