import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';

// As much of X.509 (RFC 5280) in DER as a self-signed test certificate needs, and one that it has signed.
const tlv = (tag: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const { length } = body;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), body]);
};
const sequence = (...parts: Buffer[]) => tlv(0x30, ...parts);
const hex = (text: string) => Buffer.from(text, 'hex');
const time = (ms: number) => tlv(0x17, Buffer.from(`${new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14)}Z`));

const ECDSA_SHA256 = sequence(hex('06082a8648ce3d040302'));
const COMMON_NAME = hex('0603550403');
const BASIC_CONSTRAINTS = sequence(hex('0603551d13'), hex('0101ff'), tlv(0x04, sequence()));
const BASIC_CONSTRAINTS_CA = sequence(hex('0603551d13'), hex('0101ff'), tlv(0x04, sequence(hex('0101ff'))));
const SUBJECT_ALT_NAME = hex('0603551d11');
const DAY = 86_400_000;

/** PEM. */
interface Pair {
  key: string;
  cert: string;
}

/** A certificate authority that signed itself. */
export const authority = (name: string): Pair & { name: string } => ({ name, ...selfSigned(name) });

/** A self-signed certificate for a host name, good from now plus `from` to now plus `to` days. */
export const selfSigned = (host: string, from = -1, to = 30): Pair => make(host, from, to);

/** The same, signed by `issuer`; it may not sign others itself. */
export const signedBy = (issuer: Pair & { name: string }, host: string, from = -1, to = 30): Pair =>
  make(host, from, to, issuer);

function make(host: string, from: number, to: number, issuer?: Pair & { name: string }): Pair {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const nameOf = (text: string) => sequence(tlv(0x31, sequence(COMMON_NAME, tlv(0x0c, Buffer.from(text)))));
  const alternatives = sequence(SUBJECT_ALT_NAME, tlv(0x04, sequence(tlv(0x82, Buffer.from(host)))));
  const body = sequence(
    tlv(0xa0, hex('020102')),
    hex('020101'),
    ECDSA_SHA256,
    nameOf(issuer?.name ?? host),
    sequence(time(Date.now() + from * DAY), time(Date.now() + to * DAY)),
    nameOf(host),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(issuer ? BASIC_CONSTRAINTS : BASIC_CONSTRAINTS_CA, alternatives)),
  );
  const signature = tlv(
    0x03,
    Buffer.from([0]),
    sign('sha256', body, issuer ? createPrivateKey(issuer.key) : privateKey),
  );
  const base64 = sequence(body, ECDSA_SHA256, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${base64.match(/.{1,64}/g)?.join('\n')}\n-----END CERTIFICATE-----\n`,
  };
}
