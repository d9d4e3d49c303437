import { type KeyObject, randomInt, webcrypto } from 'node:crypto';
import type { Certificate } from './certificate.ts';
import { keyIdOf } from './issue.ts';

const BAG = { key: '1.2.840.113549.1.12.10.1.2', certificate: '1.2.840.113549.1.12.10.1.3' } as const;
const ATTRIBUTE = { friendlyName: '1.2.840.113549.1.9.20', localKeyId: '1.2.840.113549.1.9.21' } as const;
const AES_256 = { name: 'AES-CBC', length: 256 } as const;
/** OpenSSL's default; the password is random, so that guessing it is not what this has to hold off. */
const ITERATIONS = 2048;
/** Without what looks alike. 20 of these are 99 bits. */
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
const GROUPS = 4;
const GROUP_LENGTH = 5;

/** A password that can be read out: four groups of five. */
export function newPassword(): string {
  const group = () => Array.from({ length: GROUP_LENGTH }, () => LETTERS[randomInt(LETTERS.length)]).join('');
  return Array.from({ length: GROUPS }, group).join('-');
}

/** A key, its certificate and the CA's as PKCS#12 (RFC 7292), AES-256 and HMAC-SHA-256. */
export async function writePkcs12(options: {
  key: KeyObject;
  certificate: Certificate;
  authority: Certificate;
  name: string;
  password: string;
}): Promise<Buffer> {
  const [pkijs, asn1] = [await import('pkijs'), await import('asn1js')];
  const subtle = webcrypto.subtle as never;
  pkijs.setEngine('node', new pkijs.CryptoEngine({ name: 'node', crypto: webcrypto as never, subtle }) as never);
  const password = toArrayBuffer(Buffer.from(options.password));
  const keyId = toArrayBuffer(keyIdOf(options.certificate));
  const attributes = () => [
    new pkijs.Attribute({ type: ATTRIBUTE.friendlyName, values: [new asn1.BmpString({ value: options.name })] }),
    new pkijs.Attribute({ type: ATTRIBUTE.localKeyId, values: [new asn1.OctetString({ valueHex: keyId })] }),
  ];
  const certificateBag = (certificate: Certificate, bagAttributes?: InstanceType<typeof pkijs.Attribute>[]) =>
    new pkijs.SafeBag({
      bagId: BAG.certificate,
      bagValue: new pkijs.CertBag({ parsedValue: pkijs.Certificate.fromBER(toArrayBuffer(certificate.der)) }),
      ...(bagAttributes && { bagAttributes }),
    });
  const pkcs8 = options.key.export({ format: 'der', type: 'pkcs8' });
  const keyBag = new pkijs.PKCS8ShroudedKeyBag({ parsedValue: pkijs.PrivateKeyInfo.fromBER(toArrayBuffer(pkcs8)) });
  const encryption = {
    password,
    contentEncryptionAlgorithm: AES_256,
    hmacHashAlgorithm: 'SHA-256',
    iterationCount: ITERATIONS,
  };
  await keyBag.makeInternalValues(encryption as never);
  const safe = new pkijs.AuthenticatedSafe({
    parsedValue: {
      safeContents: [
        {
          // The key is encrypted within.
          privacyMode: 0,
          value: new pkijs.SafeContents({
            safeBags: [new pkijs.SafeBag({ bagId: BAG.key, bagValue: keyBag, bagAttributes: attributes() })],
          }),
        },
        {
          privacyMode: 1,
          value: new pkijs.SafeContents({
            safeBags: [certificateBag(options.certificate, attributes()), certificateBag(options.authority)],
          }),
        },
      ],
    },
  });
  await safe.makeInternalValues({ safeContents: [{}, encryption] } as never);
  const pfx = new pkijs.PFX({ parsedValue: { integrityMode: 0, authenticatedSafe: safe } });
  await pfx.makeInternalValues({
    password,
    iterations: ITERATIONS,
    pbkdf2HashAlgorithm: 'SHA-256',
    hmacHashAlgorithm: 'SHA-256',
  } as never);
  return Buffer.from(pfx.toSchema().toBER(false));
}

const toArrayBuffer = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer;
