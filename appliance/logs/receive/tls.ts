import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type DetailedPeerCertificate, type Server, type TLSSocket } from 'node:tls';
import type { Connections, Say } from './connections.ts';
import type { ReceiverLimits } from './limits.ts';
import type { CheckSender, SyslogTls } from './messages.ts';
import { plainAddress } from './peer.ts';

const MAX_CHAIN = 10;

interface TlsOptions {
  credentials: SyslogTls;
  connections: Connections;
  limits: ReceiverLimits;
  /** Asked of each certificate that TLS has accepted, and again while its connection stands. */
  check: CheckSender;
  say: Say;
}

/** The certificates that the sender has shown and their issuers, as far as they are known: DER, leaf first. */
function chainOf(socket: TLSSocket): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let next: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (next?.raw && chain.length < MAX_CHAIN && !chain.some((der) => next?.raw.equals(der))) {
    chain.push(next.raw);
    next = next.issuerCertificate;
  }
  return chain;
}

/** Syslog over TLS (RFC 5425, RFC 9662), for connections that come from elsewhere. Throws where credentials can't be used. */
export function createTls({ credentials, connections, limits, check, say }: TlsOptions) {
  let server = open(credentials);
  /** Connections whose certificate counted, and what they have shown. */
  const standing = new Map<TLSSocket, readonly Uint8Array[]>();
  const rechecks = setInterval(recheck, limits.recheckMs);

  function refused(socket: { remoteAddress?: string | undefined; destroy(): void }, why: string): void {
    connections.refused.handshakes++;
    say(plainAddress(socket.remoteAddress ?? ''), 'a syslog connection over TLS was refused', { why });
    socket.destroy();
  }

  function open({ cert, key, ca }: SyslogTls): Server {
    const tls = createServer({
      cert,
      key,
      ...(ca !== undefined && { ca }),
      requestCert: ca !== undefined,
      // Below, as nobody would hear why.
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      handshakeTimeout: limits.handshakeMs,
      // Nobody comes back without showing the certificate again.
      secureOptions: constants.SSL_OP_NO_TICKET,
    });
    tls.on('tlsClientError', (error, socket) => refused(socket, error.message));
    tls.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy());
      if (ca === undefined) connections.read(socket, { authenticated: false });
      else if (!socket.authorized) refused(socket, String(socket.authorizationError));
      else void accept(socket);
    });
    return tls;
  }

  /** Reads from a sender once its certificate is known to hold: TLS doesn't look for revocations. */
  async function accept(socket: TLSSocket): Promise<void> {
    const chain = chainOf(socket);
    // Before it is asked: what is revoked meanwhile is found by `recheck`.
    standing.set(socket, chain);
    socket.once('close', () => standing.delete(socket));
    const patience = setTimeout(
      () => refused(socket, 'its certificate could not be checked in time'),
      limits.handshakeMs,
    );
    const { remoteAddress, remotePort } = socket;
    const problem = await check(chain, { address: plainAddress(remoteAddress ?? ''), port: remotePort ?? 0 });
    clearTimeout(patience);
    if (socket.destroyed) return;
    if (problem === undefined) connections.read(socket, { authenticated: true });
    else refused(socket, problem);
  }

  /** Ends connections whose certificate doesn't hold any more: they may stand for months. */
  function recheck(): void {
    for (const [socket, chain] of standing) {
      void check(chain).then((why) => {
        if (why === undefined || socket.destroyed) return;
        const address = plainAddress(socket.remoteAddress ?? '');
        say(address, 'a syslog connection over TLS was closed: its certificate does not hold any more', { why });
        socket.destroy();
      });
    }
  }

  return {
    accept: (socket: Socket): void => void server.emit('connection', socket),
    /** For connections from now on; those that are there stay, as far as their certificates still count. */
    replace(replacement: SyslogTls): void {
      server = open(replacement);
      recheck();
    },
    recheck,
    close: (): void => clearInterval(rechecks),
  };
}
