import { ATTRIBUTE, AttributeWriter, CODE, randomAuthenticator, VENDOR } from '../codec/index.ts';
import { errorText } from '../mschap/index.ts';
import type { Answer } from '../types.ts';
import type { How } from './authorize.ts';
import { MS_CHAP } from './fields.ts';

const MAX_VALUE = 253;
const EAP_FAILURE = 4;
const PLAIN: Answer = { code: CODE.accessReject, attributes: new Uint8Array(0) };

/**
 * An Access-Reject. With EAP it carries EAP-Failure and no Reply-Message, which nobody could show (RFC 3579, section
 * 2.6.5); with MS-CHAP, MS-CHAP-Error (RFC 2548, section 2.1.5).
 */
export function rejection({ eap, fields }: Pick<How, 'eap' | 'fields'>, message: string | undefined): Answer {
  if (eap) {
    const failure = Uint8Array.of(EAP_FAILURE, eap.message[1] ?? 0, 0, 4);
    return answer(new AttributeWriter().add(ATTRIBUTE.eapMessage, failure));
  }
  const ident = (fields.msChap2Response ?? fields.msChapResponse)?.[0];
  if (ident === undefined && message === undefined) return PLAIN;
  const writer = new AttributeWriter();
  if (ident !== undefined) {
    const version = fields.msChap2Response ? 3 : 2;
    const challenge = randomAuthenticator().subarray(0, version === 3 ? 16 : 8);
    const text = errorText(challenge, message ?? 'Authentication failed', version);
    writer.vendor(VENDOR.microsoft, MS_CHAP.error, Buffer.concat([Uint8Array.of(ident), Buffer.from(text, 'latin1')]));
  }
  if (message !== undefined && message !== '') writer.add(ATTRIBUTE.replyMessage, within(message));
  return answer(writer);
}

const answer = (writer: AttributeWriter): Answer => ({ code: CODE.accessReject, attributes: writer.done() });

/** What of a text fits into one attribute, without half a character at the end. */
function within(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  if (bytes.length <= MAX_VALUE) return bytes;
  let end = MAX_VALUE;
  while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  return bytes.subarray(0, end);
}
