import { randomBytes } from 'node:crypto';
import type { Post } from '../post.ts';
import { checkTimestamp, SHA_256, TimestampError } from './token.ts';

const MAX_ANSWER_BYTES = 65_536;
const NONCE_BYTES = 8;
/** RFC 3161, section 2.4.2: PKIStatus. */
const STATUS = ['granted', 'granted with changes', 'rejection', 'waiting', 'revocation warning', 'revoked'];
const GRANTED = 1;

/**
 * Has a SHA-256 digest time-stamped over HTTP: RFC 3161, sections 2.4 and 3.4. Rejects with a TimestampError when the
 * authority gives none, or one of something else or with a wrong signature.
 */
export async function requestTimestamp(request: {
  url: string;
  digest: Uint8Array;
  http: Post;
  /** PEM of the authorities that it may be by; without them it may be by any. */
  trusted?: readonly string[];
}): Promise<{ token: Buffer; genTimeUs: number; signer: string }> {
  const nonce = randomBytes(NONCE_BYTES);
  // A positive INTEGER in its shortest form.
  nonce[0] = 0x40 | (nonce[0]! & 0x3f);
  const answer = await request
    .http({
      url: request.url,
      body: await writeRequest(request.digest, nonce),
      contentType: 'application/timestamp-query',
      maxBytes: MAX_ANSWER_BYTES,
    })
    .catch((error: Error) => {
      throw new TimestampError(`the time-stamping authority cannot be asked: ${error.message}`, { cause: error });
    });
  if (answer.status !== 200 || answer.contentType !== 'application/timestamp-reply') {
    const type = answer.contentType ? ` (${answer.contentType.slice(0, 100)})` : '';
    throw new TimestampError(`the time-stamping authority has answered ${answer.status}${type}, not with a time-stamp`);
  }
  const token = await readResponse(answer.body);
  const timestamp = await checkTimestamp(
    token,
    request.digest,
    request.trusted?.length ? { trusted: request.trusted } : {},
  );
  if (timestamp.nonce !== nonce.toString('hex')) {
    throw new TimestampError('the time-stamp is an answer to another request');
  }
  return { token, genTimeUs: timestamp.genTimeUs, signer: timestamp.signer };
}

async function writeRequest(digest: Uint8Array, nonce: Uint8Array): Promise<Buffer> {
  const [pkijs, asn1] = [await import('pkijs'), await import('asn1js')];
  const request = new pkijs.TimeStampReq({
    version: 1,
    messageImprint: new pkijs.MessageImprint({
      hashAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId: SHA_256, algorithmParams: new asn1.Null() }),
      hashedMessage: new asn1.OctetString({ valueHex: Uint8Array.from(digest).buffer }),
    }),
    nonce: new asn1.Integer({ valueHex: Uint8Array.from(nonce).buffer }),
    certReq: true,
  });
  return Buffer.from(request.toSchema().toBER());
}

/** The token, byte for byte as it came. */
async function readResponse(body: Uint8Array): Promise<Buffer> {
  const [pkijs, asn1] = [await import('pkijs'), await import('asn1js')];
  try {
    const { offset, result } = asn1.fromBER(body);
    const { status } = new pkijs.TimeStampResp({ schema: result });
    if (offset !== body.length) throw new TimestampError('the answer has bytes behind its end');
    const token = (result as InstanceType<typeof asn1.Sequence>).valueBlock.value[1];
    if (status.status <= GRANTED && token) return Buffer.from(token.valueBeforeDecodeView);
    const texts = (status.statusStrings ?? []).map((text) => `, “${printable(text.valueBlock.value)}”`);
    const name = STATUS[status.status] ?? status.status;
    throw new TimestampError(`the time-stamping authority has given none: ${name}${texts.join('')}`);
  } catch (error) {
    if (error instanceof TimestampError) throw error;
    throw new TimestampError('the answer of the time-stamping authority is malformed', { cause: error });
  }
}

const printable = (text: string): string => text.slice(0, 200).replaceAll(/\p{C}+/gu, ' ');
