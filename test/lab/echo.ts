// Both ends of a TCP connection that is seen from within: `echo.ts serve <port>` answers each byte with the same byte,
// `echo.ts talk <host> <port>` says a line ten times a second. Each tells on its standard output what arrived.
import net from 'node:net';

const [role, ...args] = process.argv.slice(2);
const tell = (news: object): void => void process.stdout.write(`${JSON.stringify(news)}\n`);

if (role === 'serve') {
  const server = net.createServer((socket) => {
    const from = socket.remoteAddress?.replace('::ffff:', '') ?? '';
    let bytes = 0;
    tell({ from, bytes });
    socket.on('data', (chunk) => {
      bytes += chunk.length;
      tell({ from, bytes });
      socket.write(chunk);
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(Number(args[0]), () => tell({ listening: true }));
} else {
  const [host = '', port] = args;
  let bytes = 0;
  const socket = net.connect(Number(port), host);
  socket.on('connect', () => {
    tell({ bytes });
    setInterval(() => socket.write('a line of news\n'), 100);
  });
  socket.on('data', (chunk) => {
    bytes += chunk.length;
    tell({ bytes });
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    tell({ error: error.code ?? error.message });
    process.exit(1);
  });
}
