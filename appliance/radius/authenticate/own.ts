import { ATTRIBUTE, AttributeWriter, encryptSalted, mppeKeys, VENDOR } from '../codec/index.ts';
import { mppeKeysV2 } from '../mschap/index.ts';
import type { AccessRequest } from '../types.ts';
import type { Accepted, How } from './authorize.ts';
import { MS_CHAP } from './fields.ts';

const MAX_VALUE = 253;
/** RFC 2548, sections 2.4.4 and 2.4.5: encryption is allowed, of 40 or 128 bits. */
const [MPPE_POLICY, MPPE_POLICY_ALLOWED, MPPE_TYPES, MPPE_TYPES_ANY] = [7, 1, 8, 6];
const MPPE_ATTRIBUTES = new AttributeWriter()
  .vendor(VENDOR.microsoft, MPPE_POLICY, MPPE_POLICY_ALLOWED)
  .vendor(VENDOR.microsoft, MPPE_TYPES, MPPE_TYPES_ANY)
  .done();

/** What of an Access-Accept belongs to the method, before what is decided; undefined where there is nothing. */
export function ownAttributes(
  { packet, nas }: AccessRequest,
  { eap, credentials }: How,
  verdict: Accepted,
): AttributeWriter | undefined {
  if (eap) {
    const writer = new AttributeWriter().long(ATTRIBUTE.eapMessage, eap.message);
    if (eap.msk) {
      // RFC 2548, section 2.4: what the NAS receives with is the first half (RFC 5216, section 2.3).
      writer.raw(mppeKeys(eap.msk.subarray(32, 64), eap.msk.subarray(0, 32), packet, nas.secret));
    }
    // The outer identity may be anonymous; accounting is to have the real one (RFC 3579, section 3).
    const name = Buffer.from(verdict.subject.username);
    return name.length > 0 && name.length <= MAX_VALUE ? writer.add(ATTRIBUTE.userName, name) : writer;
  }
  if (credentials?.kind !== 'mschapv2' || !verdict.mschapv2) return undefined;
  const { authenticatorResponse, ntHashHash } = verdict.mschapv2;
  const keys = mppeKeysV2(ntHashHash, credentials.response);
  const success = Buffer.from(`_S=${authenticatorResponse}`, 'latin1');
  success[0] = credentials.ident;
  return new AttributeWriter()
    .vendor(VENDOR.microsoft, MS_CHAP.success, success)
    .vendor(VENDOR.microsoft, MS_CHAP.sendKey, encryptSalted(keys.send, packet.authenticator, nas.secret))
    .vendor(VENDOR.microsoft, MS_CHAP.recvKey, encryptSalted(keys.recv, packet.authenticator, nas.secret))
    .raw(MPPE_ATTRIBUTES);
}
