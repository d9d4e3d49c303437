const SEQUENCE = 0x30;
/** PKIStatusInfo: granted. */
const GRANTED = Buffer.from('3003020100', 'hex');

/** A TimeStampResp (RFC 3161, section 2.4.2), which is what `openssl ts -verify -in` reads; a bare token is put into one. */
export function stampResponse(token: Uint8Array): Uint8Array {
  const first = token[headLength(token)];
  if (first === SEQUENCE) return token;
  const length = GRANTED.length + token.length;
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  const size = length < 128 ? [length] : [0x80 + digits.length, ...digits];
  return Buffer.concat([Buffer.of(SEQUENCE, ...size), GRANTED, token]);
}

const headLength = (der: Uint8Array): number => ((der[1] ?? 0) < 128 ? 2 : 2 + ((der[1] ?? 0) & 127));
