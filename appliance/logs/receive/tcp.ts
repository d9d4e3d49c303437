import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';

export interface TcpListener {
  port: number;
  /** Takes no more connections; those that are there stay. */
  close(): void;
}

/** Takes connections at an IPv4 or IPv6 address (`::` takes both). Rejects where the port can't be bound. */
export async function listenTcp(
  host: string,
  port: number,
  incoming: (socket: Socket) => void,
  onError: (error: Error) => void,
): Promise<TcpListener> {
  const server: Server = createServer(incoming);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host, port, exclusive: true }, resolve);
  });
  server.removeAllListeners('error');
  // No file descriptor is free, say: the next connection may find one.
  server.on('error', onError);
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}
