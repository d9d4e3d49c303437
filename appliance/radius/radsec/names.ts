import type { PeerCertificate } from 'node:tls';

const MAX_NAMES = 64;
/** One entry of Node's text of a subjectAltName; a value that holds what it separates by is a JSON string. */
const ENTRY = /(DNS|IP Address|[^:,"]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

/**
 * The names that a client may go by, lower-case: DNS names and addresses of its certificate's subjectAltName; the common
 * name only of a certificate that has no subjectAltName at all (RFC 6614, section 2.3; RFC 6125, section 6.4.4), for
 * then nobody but its CA can have meant it. Patterns with a star name no client.
 */
export function namesOf(certificate: Pick<PeerCertificate, 'subject' | 'subjectaltname'>): string[] {
  const names: string[] = [];
  const { subjectaltname: text, subject } = certificate;
  if (text) {
    ENTRY.lastIndex = 0;
    for (let entry = ENTRY.exec(text); entry && names.length < MAX_NAMES; entry = ENTRY.exec(text)) {
      const [, kind, value = ''] = entry;
      if (kind === 'DNS' || kind === 'IP Address') names.push(unquoted(value));
    }
  } else {
    const commonName: unknown = subject?.CN;
    if (typeof commonName === 'string') names.push(commonName);
  }
  return names.map((name) => name.toLowerCase()).filter((name) => name !== '' && !name.includes('*'));
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value;
  try {
    return String(JSON.parse(value));
  } catch {
    return '';
  }
}
