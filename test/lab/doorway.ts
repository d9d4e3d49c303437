// A door into a network namespace: a Unix socket, which the file system carries across namespaces, whose connections
// go on to a TCP address inside. So the lab talks to the controller without a link between it and the computer's own
// network. Arguments: the socket's path, host, port.
import { rmSync } from 'node:fs';
import net from 'node:net';

const [socketPath = '', host = '', port = ''] = process.argv.slice(2);
rmSync(socketPath, { force: true });
net
  .createServer((outside) => {
    const inside = net.connect(Number(port), host);
    for (const end of [outside, inside]) {
      end.on('error', () => {
        outside.destroy();
        inside.destroy();
      });
    }
    outside.pipe(inside).pipe(outside);
  })
  .listen(socketPath);
