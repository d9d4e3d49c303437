import { concat, equal, hex, toBase64, utf8 } from './bytes.mjs';
import { children, oidOf, readElement, TAG, timeIn } from './der.mjs';

/**
 * @typedef {{ spki: Uint8Array, kind: 'RSA' | 'ECDSA', curve: string, hash: string, data: Uint8Array, signature: Uint8Array }} SignedData
 * @typedef {{ digest: (hash: string, bytes: Uint8Array) => Promise<Uint8Array>, verify: (signed: SignedData) => Promise<boolean> }} CmsPrimitives
 * @typedef {{ us: number, subject: string, issuer: string, fingerprint: string, imprint: Uint8Array }} Stamp
 */

const HASHES = {
  '1.3.14.3.2.26': 'SHA-1',
  '2.16.840.1.101.3.4.2.1': 'SHA-256',
  '2.16.840.1.101.3.4.2.2': 'SHA-384',
  '2.16.840.1.101.3.4.2.3': 'SHA-512',
};
const SIGNATURES = {
  '1.2.840.113549.1.1.1': 'RSA',
  '1.2.840.113549.1.1.11': 'RSA SHA-256',
  '1.2.840.113549.1.1.12': 'RSA SHA-384',
  '1.2.840.113549.1.1.13': 'RSA SHA-512',
  '1.2.840.10045.4.3.2': 'ECDSA SHA-256',
  '1.2.840.10045.4.3.3': 'ECDSA SHA-384',
  '1.2.840.10045.4.3.4': 'ECDSA SHA-512',
};
const CURVES = { '1.2.840.10045.3.1.7': 'P-256', '1.3.132.0.34': 'P-384', '1.3.132.0.35': 'P-521' };
const SIGNED_DATA = '1.2.840.113549.1.7.2';
const TST_INFO = '1.2.840.113549.1.9.16.1.4';
const CONTENT_TYPE = '1.2.840.113549.1.9.3';
const MESSAGE_DIGEST = '1.2.840.113549.1.9.4';
const EXTENDED_KEY_USAGE = '2.5.29.37';
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
const COMMON_NAME = '2.5.4.3';
const ORGANISATION = '2.5.4.10';

/**
 * Checks a time-stamp (RFC 3161, CMS of RFC 5652): that it is about one of `texts` and signed by the certificate in it,
 * which is one for time-stamping and was valid then. Whether that certificate is to be trusted is for people, or
 * `openssl ts -verify`, to say. Throws with what is wrong.
 * @param {CmsPrimitives} primitives @param {Uint8Array} bytes TimeStampResp or the token in it
 * @param {string[]} texts @returns {Promise<Stamp>}
 */
export async function checkTimestamp(primitives, bytes, texts) {
  const outer = readElement(bytes);
  const [first, second] = children(outer);
  const token = first?.tag === TAG.sequence ? second : outer;
  const [type, wrapped] = children(token);
  if (oidOf(type) !== SIGNED_DATA) throw new Error('it is no signed time-stamp');
  const [, , content, ...rest] = children(children(wrapped)[0]);
  const [contentType, contentBox] = children(content);
  const info = children(contentBox)[0];
  if (oidOf(contentType) !== TST_INFO || info?.tag !== TAG.octets) throw new Error('it is no time-stamp');

  const [, , imprint, , genTime] = children(readElement(info.body));
  const [imprintAlgorithm, imprintHash] = children(imprint);
  const imprintName = hashNamed(oidOf(children(imprintAlgorithm)[0]));
  let covered = false;
  for (const text of texts) covered ||= equal(await primitives.digest(imprintName, utf8(text)), imprintHash?.body);
  if (!covered || !imprintHash) throw new Error('it is a time-stamp of something else than this checkpoint');
  const us = timeIn(genTime);

  const certificates = rest
    .filter(({ tag }) => tag === 0xa0)
    .flatMap(children)
    .map(readCertificate);
  const signer = children(children(rest.at(-1))[0]);
  const [, id, digestAlgorithm, attributes, signatureAlgorithm, signature] = signer;
  if (attributes?.tag !== 0xa0 || !signature) throw new Error('its signature cannot be read');
  const certificate = certificates.find((one) => isNamed(one, id));
  if (!certificate) throw new Error('the certificate of its authority isn’t in it');

  const hash = hashNamed(oidOf(children(digestAlgorithm)[0]));
  const attribute = (/** @type {string} */ oid) => {
    const found = children(attributes)
      .map(children)
      .find(([name]) => oidOf(name) === oid);
    return found && children(found[1])[0];
  };
  if (oidOf(attribute(CONTENT_TYPE)) !== TST_INFO) throw new Error('its signature is about something else');
  if (!equal(attribute(MESSAGE_DIGEST)?.body, await primitives.digest(hash, info.body))) {
    throw new Error('it was changed after it was signed');
  }
  const named = SIGNATURES[/** @type {keyof typeof SIGNATURES} */ (oidOf(children(signatureAlgorithm)[0]))];
  if (!named) throw new Error('it is signed in a way that isn’t known here; let openssl check it');
  const [kind, own = hash] = named.split(' ');
  const data = concat(new Uint8Array([TAG.set]), attributes.whole.subarray(1));
  const { spki, curve } = certificate;
  const signed = {
    spki,
    curve,
    kind: /** @type {'RSA' | 'ECDSA'} */ (kind),
    hash: own,
    data,
    signature: signature.body,
  };
  if (!(await primitives.verify(signed))) throw new Error('its signature is wrong');
  if (!certificate.forTime) throw new Error('its certificate isn’t one for time-stamping');
  if (us < certificate.from || us > certificate.to) throw new Error('its certificate wasn’t valid at that time');
  const fingerprint = hex(await primitives.digest('SHA-256', certificate.whole));
  return { us, subject: certificate.subject, issuer: certificate.issuer, fingerprint, imprint: imprintHash.body };
}

/** @param {string} oid */
function hashNamed(oid) {
  const name = HASHES[/** @type {keyof typeof HASHES} */ (oid)];
  if (!name) throw new Error('its hash algorithm isn’t known here; let openssl check it');
  return name;
}

/** RFC 5280, section 4.1. @param {import('./der.mjs').Element} element */
function readCertificate(element) {
  const fields = children(children(element)[0]);
  if (fields[0]?.tag === 0xa0) fields.shift();
  const [serial, , issuer, validity, subject, key] = fields;
  const [from, to] = children(validity).map(timeIn);
  const extensions = fields.find(({ tag }) => tag === 0xa3);
  const usage = (extensions ? children(children(extensions)[0]) : [])
    .map(children)
    .find(([oid]) => oidOf(oid) === EXTENDED_KEY_USAGE);
  const uses = usage ? children(readElement(usage[usage.length - 1].body)).map(oidOf) : [];
  const curve = CURVES[/** @type {keyof typeof CURVES} */ (oidOf(children(children(key)[0])[1]))] ?? '';
  return {
    whole: element.whole,
    serial: serial?.body,
    issuerBytes: issuer?.whole,
    issuer: nameOf(issuer),
    subject: nameOf(subject),
    spki: key.whole,
    curve,
    from,
    to,
    forTime: uses.includes(TIME_STAMPING),
    keyId: subjectKeyId(extensions),
  };
}

/** @param {import('./der.mjs').Element | undefined} extensions */
function subjectKeyId(extensions) {
  const found = (extensions ? children(children(extensions)[0]) : [])
    .map(children)
    .find(([oid]) => oidOf(oid) === '2.5.29.14');
  return found && readElement(found[found.length - 1].body).body;
}

/** SignerIdentifier: issuer and serial, or the key's identifier. @param {ReturnType<typeof readCertificate>} certificate @param {import('./der.mjs').Element} id */
function isNamed(certificate, id) {
  if (id.tag !== TAG.sequence) return equal(certificate.keyId, id.body);
  const [issuer, serial] = children(id);
  return equal(certificate.issuerBytes, issuer?.whole) && equal(certificate.serial, serial?.body);
}

/** Common name and organisation, as far as there are any. @param {import('./der.mjs').Element} name */
function nameOf(name) {
  const parts = children(name)
    .flatMap(children)
    .map(children)
    .filter(([oid]) => [COMMON_NAME, ORGANISATION].includes(oidOf(oid)))
    .map(([, value]) => new TextDecoder().decode(value?.body).replace(/[^\P{C}]/gu, ''));
  return parts.join(', ') || toBase64(name.whole).slice(0, 40);
}
