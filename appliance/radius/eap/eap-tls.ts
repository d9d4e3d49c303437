import { ALERT } from './alert.ts';
import { COMMITMENT, type Inside, keyMaterial, MSK_BYTES, resume, type Step, type Surroundings } from './inside.ts';
import { EAP_TYPE } from './packet.ts';
import type { Admission, Ask } from './types.ts';

/** EAP-TLS (RFC 5216; RFC 9190 for TLS 1.3): the peer is who its certificate says. */
export class EapTls implements Inside {
  private readonly around: Surroundings;
  private ending: Step | undefined;

  constructor(around: Surroundings) {
    this.around = around;
  }

  async secured(): Promise<Step> {
    const { channel, ask } = this.around;
    const { session } = channel;
    if (session !== undefined) {
      return resume(
        this.around,
        (admission) => this.welcome(admission, session.chain, true),
        (reason, message) => this.refused(ALERT.accessDenied, reason, message),
      );
    }
    if (channel.resumed) return this.refused(ALERT.accessDenied, 'a session that is not known any more');
    const wrong = channel.certificateError();
    if (wrong !== undefined) return this.refused(wrong.alert, `client certificate: ${wrong.error}`);
    const chain = channel.chain();
    const again = async (asking: Ask): Promise<Step> => {
      const { verdict, login, certificate } = await asking({ kind: 'certificate', chain });
      if (verdict.outcome === 'none') return { kind: 'none', reason: verdict.reason, again };
      if (verdict.outcome === 'accept') {
        return this.welcome({ login, method: 'eap-tls', verdict, certificate }, chain, false);
      }
      // Without facts the certificate itself was refused; with them, the person.
      const alert = certificate !== undefined ? ALERT.accessDenied : alertOf(verdict.reason);
      return this.refused(alert, verdict.reason, verdict.message);
    };
    return again(ask);
  }

  heard(): Step {
    return { kind: 'reject', reason: 'data in EAP-TLS' };
  }

  acknowledged(): Step {
    return this.ending ?? { kind: 'reject', reason: 'an acknowledgement of nothing' };
  }

  private welcome(admission: Admission, chain: readonly Uint8Array[], resumed: boolean): Step {
    const { channel } = this.around;
    const msk = keyMaterial(channel, EAP_TYPE.tls, 'client EAP encryption').subarray(0, MSK_BYTES);
    this.ending = { kind: 'accept', admission, chain, msk, resumed };
    if (channel.tls13) return { kind: 'send', data: COMMITMENT };
    return channel.hasOutput ? { kind: 'send' } : this.ending;
  }

  private refused(alert: number, reason: string, message?: string): Step {
    this.around.channel.refuse(alert);
    return { kind: 'reject', reason, message };
  }
}

function alertOf(reason: string): number {
  if (/revoked/i.test(reason)) return ALERT.certificateRevoked;
  return /expired/i.test(reason) ? ALERT.certificateExpired : ALERT.certificateUnknown;
}
