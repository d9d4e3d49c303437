import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import type { Connections, Say } from './connections.ts';
import type { ReceiverLimits } from './limits.ts';
import type { SyslogTls } from './messages.ts';
import { plainAddress } from './peer.ts';

interface TlsOptions {
  credentials: SyslogTls;
  connections: Connections;
  limits: ReceiverLimits;
  say: Say;
}

/** Syslog over TLS (RFC 5425, RFC 9662), for connections that come from elsewhere. Throws where credentials can't be used. */
export function createTls({ credentials, connections, limits, say }: TlsOptions) {
  let server = open(credentials);

  function refused(address: string, why: string): void {
    connections.refused.handshakes++;
    say(address, 'a syslog connection over TLS was refused', { why });
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
    tls.on('tlsClientError', (error, socket) => {
      refused(plainAddress(socket.remoteAddress ?? ''), error.message);
      socket.destroy();
    });
    tls.on('secureConnection', (socket) => {
      socket.on('error', () => socket.destroy());
      if (ca !== undefined && !socket.authorized) {
        refused(plainAddress(socket.remoteAddress ?? ''), String(socket.authorizationError));
        socket.destroy();
        return;
      }
      connections.read(socket, { authenticated: ca !== undefined });
    });
    return tls;
  }

  return {
    accept: (socket: Socket): void => void server.emit('connection', socket),
    /** For connections from now on; those that are there stay as they are. */
    replace(replacement: SyslogTls): void {
      server = open(replacement);
    },
  };
}
