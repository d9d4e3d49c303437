const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** RFC 8446, section 4.2 */
const PRE_SHARED_KEY = 41;
const SUPPORTED_VERSIONS = 43;
const TLS13 = 0x0304;
/** A ClientHello longer than this isn't looked into. */
const MAX_HELLO = 16_384;

/** What a peer's first flight says before OpenSSL sees it. */
export interface Hello {
  /** Offers TLS 1.3 (RFC 8446, section 4.2.1). */
  tls13: boolean;
  /** Has a session id: of TLS 1.2, or, for the sake of middleboxes, one that means nothing (appendix D.4). */
  sessionId: boolean;
  /** The first ticket (section 4.2.11). */
  ticket: Buffer | undefined;
}

/** Undefined where it can't be read: OpenSSL will say what is wrong with it. */
export function readHello(flight: Uint8Array): Hello | undefined {
  const hello = clientHello(flight);
  if (hello === undefined) return undefined;
  const view = new DataView(hello.buffer, hello.byteOffset, hello.byteLength);
  // Version, random; then session id, cipher suites and compressions, each with its length.
  let at = 2 + 32;
  if (at >= hello.length) return undefined;
  const said: Hello = { tls13: false, sessionId: hello[at] !== 0, ticket: undefined };
  at += 1 + hello[at]!;
  if (at + 2 > hello.length) return undefined;
  at += 2 + view.getUint16(at);
  if (at >= hello.length) return undefined;
  at += 1 + hello[at]!;
  for (at += 2; at + 4 <= hello.length; ) {
    const [type, end] = [view.getUint16(at), at + 4 + view.getUint16(at + 2)];
    if (end > hello.length) return undefined;
    if (type === SUPPORTED_VERSIONS) {
      for (let version = at + 5; version + 2 <= end; version += 2) said.tls13 ||= view.getUint16(version) === TLS13;
    } else if (type === PRE_SHARED_KEY && at + 8 <= end) {
      // The length of all identities, then that of the first.
      const ticketEnd = at + 8 + view.getUint16(at + 6);
      if (ticketEnd <= end) said.ticket = Buffer.from(hello.subarray(at + 8, ticketEnd));
    }
    at = end;
  }
  return said;
}

/** The body of the ClientHello, its records joined. */
function clientHello(flight: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let held = 0;
  for (let at = 0; at + 5 <= flight.length && held < MAX_HELLO; ) {
    const end = at + 5 + ((flight[at + 3]! << 8) | flight[at + 4]!);
    if (flight[at] !== HANDSHAKE || end > flight.length) return undefined;
    parts.push(flight.subarray(at + 5, end));
    held += end - at - 5;
    at = end;
  }
  const message = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  if (message.length < 4 || message[0] !== CLIENT_HELLO) return undefined;
  const length = (message[1]! << 16) | (message[2]! << 8) | message[3]!;
  return 4 + length > message.length ? undefined : message.subarray(4, 4 + length);
}
