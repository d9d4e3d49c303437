import type { Channel } from './tls.ts';
import type { Admission, Ask } from './types.ts';

/** What a method does next, TLS being done. */
export type Step =
  /** Encrypts `data`, and sends what TLS has to say; nothing at all is an empty request. */
  | { kind: 'send'; data?: Uint8Array | undefined }
  | { kind: 'accept'; admission: Admission; chain: readonly Uint8Array[]; msk: Uint8Array; resumed: boolean }
  | { kind: 'reject'; reason: string; message?: string | undefined }
  /** No answer; `again` asks anew, should the peer repeat itself. */
  | { kind: 'none'; reason: string; again: (ask: Ask) => Promise<Step> };

/** A method on top of TLS, for one conversation. */
export interface Inside {
  /** The handshake is done; what TLS has to say of it isn't sent yet. */
  secured(): Step | Promise<Step>;
  /** The peer has said this inside. */
  heard(data: Uint8Array): Step | Promise<Step>;
  /** The peer has nothing to say to what was sent. */
  acknowledged(): Step | Promise<Step>;
}

/** What a method works with. `ask` speaks in the name of the round that is being answered. */
export interface Surroundings {
  channel: Channel;
  ask: Ask;
  /** The id that the next EAP request will have. */
  nextId: () => number;
}

export const MSK_BYTES = 64;
/** MSK and EMSK: the length is part of what TLS 1.3 derives from (RFC 9190, section 2.3); 1.2 makes one after the other. */
const MATERIAL_BYTES = 128;
/** RFC 9190, section 2.5, and RFC 9427, section 3.1: the protected sign of success. */
export const COMMITMENT = new Uint8Array(1);

/** The key material of a method: RFC 5216, section 2.3, RFC 5281, section 8, RFC 9427, section 2.1. 64 bytes at least. */
export function keyMaterial(channel: Channel, type: number, label: string): Uint8Array {
  return channel.tls13
    ? channel.exportKey(MATERIAL_BYTES, 'EXPORTER_EAP_TLS_Key_Material', Uint8Array.of(type))
    : channel.exportKey(MSK_BYTES, label);
}

/** Asks whether the person whose session is resumed is still welcome. */
export async function resume(
  { channel, ask }: Surroundings,
  welcome: (admission: Admission) => Step,
  refused: (reason: string, message: string | undefined) => Step,
): Promise<Step> {
  const session = channel.session!;
  const again = async (asking: Ask): Promise<Step> => {
    const { verdict, certificate, login } = await asking({ kind: 'resume', session });
    if (verdict.outcome === 'none') return { kind: 'none', reason: verdict.reason, again };
    if (verdict.outcome === 'accept') return welcome({ login, method: session.method, verdict, certificate });
    channel.forget();
    return refused(verdict.reason, verdict.message);
  };
  return again(ask);
}
