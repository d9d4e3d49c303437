import type { PeerCertificate } from 'node:tls';
import ipaddr from 'ipaddr.js';

const MAX_NAMES = 64;
/** One entry of Node's text of a subjectAltName; a value that holds what it separates by is a JSON string. */
const ENTRY = /(DNS|IP Address|[^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/**
 * The names that a client may go by, lower-case: DNS names and addresses of its certificate's subjectAltName (RFC 6614,
 * section 2.3). The common name never counts: in users' certificates of our CA it is the user name, so whoever is called
 * like a NAS would be one. Patterns with a star name no client.
 */
export function namesOf({ subjectaltname: text }: Pick<PeerCertificate, 'subjectaltname'>): string[] {
  const names: string[] = [];
  if (!text) return names;
  ENTRY.lastIndex = 0;
  for (let entry = ENTRY.exec(text); entry && names.length < MAX_NAMES; entry = ENTRY.exec(text)) {
    const [, kind, value = ''] = entry;
    if (kind === 'DNS') names.push(unquoted(value).toLowerCase());
    else if (kind === 'IP Address') names.push(addressText(value));
  }
  return names.filter((name) => name !== '' && !name.includes('*'));
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return '';
  }
}

/** As a NAS is named (RFC 5952): the text of the certificate has every group of zeros. */
function addressText(value: string): string {
  try {
    return ipaddr.parse(value).toString();
  } catch {
    return '';
  }
}
