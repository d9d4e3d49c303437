import { isIP } from 'node:net';
import { checkServerIdentity, connect, type TLSSocket } from 'node:tls';
import { Framer } from './framing.ts';

export const HANDSHAKE_MS = 10_000;
/** What may wait to be sent; beyond it the server doesn't take it in any more. */
const MAX_UNSENT = 1024 * 1024;

/** One connection to a RadSec server. It is not made anew: `closed` is called once, at its end. */
export interface RadsecConnection {
  /** Before `opened` nothing is sent: the server isn't known to be the one. */
  send(bytes: Uint8Array): void;
  close(): void;
}

/**
 * Connects by TLS (RFC 6614, section 2): version 1.2 at least; the server's certificate must be from one of `ca` (the
 * system's where none is given) and name `serverName`, or the host.
 */
export function connectRadsec(options: {
  host: string;
  port: number;
  serverName?: string | undefined;
  /** PEM. */
  ca?: string | undefined;
  certificate?: string | undefined;
  privateKey?: string | undefined;
  opened(): void;
  received(bytes: Uint8Array): void;
  closed(reason: string): void;
}): RadsecConnection {
  const { host, port, ca, certificate, privateKey } = options;
  const name = options.serverName ?? host;
  let reason = 'the server has closed the connection';
  let over = false;
  let socket: TLSSocket;
  try {
    socket = connect({
      host,
      port,
      // RFC 6066, section 3: an address is no server name.
      servername: isIP(name) === 0 ? name : '',
      checkServerIdentity: (_, peer) => checkServerIdentity(name, peer),
      ...(ca !== undefined && { ca }),
      ...(certificate !== undefined && { cert: certificate }),
      ...(privateKey !== undefined && { key: privateKey }),
      minVersion: 'TLSv1.2',
    });
  } catch (error) {
    // A certificate or key that OpenSSL doesn't take.
    setImmediate(() => over || options.closed((error as Error).message));
    return {
      send: () => undefined,
      close: () => {
        over = true;
      },
    };
  }
  const framer = new Framer();
  const fail = (why: string) => {
    if (!over) reason = why;
    socket.destroy();
  };
  socket.setNoDelay(true);
  socket.setTimeout(HANDSHAKE_MS, () => fail('no TLS handshake within 10 s'));
  socket.on('secureConnect', () => {
    socket.setTimeout(0);
    if (!over) options.opened();
  });
  socket.on('data', (chunk: Uint8Array) => {
    if (!framer.push(chunk, options.received)) fail('a packet with a length that cannot be');
  });
  socket.on('error', (error) => fail(error.message));
  socket.on('close', () => {
    if (over) return;
    over = true;
    options.closed(reason);
  });
  return {
    send(bytes) {
      if (socket.destroyed || !socket.writable) return;
      if (socket.writableLength > MAX_UNSENT) return fail('the server takes nothing in any more');
      socket.write(bytes);
    },
    close() {
      over = true;
      socket.destroy();
    },
  };
}
