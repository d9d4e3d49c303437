import { challengeHash } from '../mschap/index.ts';
import type { Attempt } from '../types.ts';

/** What is posted to a backend, field by field as the connector's document has it. */
export interface RequestBody {
  login: string;
  password?: string;
  /** Text, as in the document's sample. */
  auth_port?: string;
  mschap_challenge?: string;
  mschap_response?: string;
}

/** The 8 bytes of challenge and 24 of response that an MS-CHAP method comes down to. */
export interface MsChap {
  version: 1 | 2;
  challenge: Uint8Array;
  response: Uint8Array;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The MS-CHAP of an attempt; undefined for other methods. */
export function msChapOf({ credentials }: Pick<Attempt, 'credentials'>): MsChap | undefined {
  if (credentials.kind === 'mschap') {
    return { version: 1, challenge: credentials.challenge, response: credentials.response };
  }
  if (credentials.kind !== 'mschapv2') return undefined;
  const { peerChallenge, authChallenge, userName, response } = credentials;
  return { version: 2, challenge: challengeHash(peerChallenge, authChallenge, userName), response };
}

/**
 * The body for an attempt, or a sentence that says why there can be none. The document names the MS-CHAP fields and not
 * their contents; they are what FreeRADIUS gives as `%{mschap:Challenge}` and `%{mschap:NT-Response}`, which ntlm_auth
 * takes too: 8 bytes of challenge (for version 2 the hash of RFC 2759, section 8.2, over both challenges and the name)
 * and the 24 bytes of NT response, in lower-case hexadecimal.
 */
export function requestBody(attempt: Attempt): RequestBody | string {
  const { login, credentials, request } = attempt;
  const port = request && { auth_port: String(request.authPort) };
  const msChap = msChapOf(attempt);
  if (msChap) {
    const [challenge, response] = [msChap.challenge, msChap.response].map((bytes) =>
      Buffer.from(bytes).toString('hex'),
    );
    return { login, ...port, mschap_challenge: challenge as string, mschap_response: response as string };
  }
  // A NAS sends a MAC address as name and as password.
  if (credentials.kind === 'mab') return { login, password: login, ...port };
  if (credentials.kind !== 'pap') return 'CHAP cannot be asked of a REST connector: it has no field for it';
  try {
    return { login, password: utf8.decode(credentials.password), ...port };
  } catch {
    return 'the password is not UTF-8';
  }
}
