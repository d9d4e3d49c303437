import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { LogServer } from './server.ts';

/**
 * Debian's rsyslogd writing every message to one file, with what its documentation says makes it fast: batched receives,
 * a large buffer, the raw message as it came, asynchronous buffered writing. It seals nothing.
 */
export async function startRsyslog(port: number): Promise<LogServer> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-rsyslog-'));
  const file = path.join(folder, 'messages');
  const config = path.join(folder, 'rsyslog.conf');
  writeFileSync(
    config,
    `
global(workDirectory="${folder}")
main_queue(queue.size="1000000" queue.dequeueBatchSize="2048")
module(load="imudp" batchSize="128")
module(load="imtcp")
template(name="raw" type="string" string="%rawmsg%\\n")
ruleset(name="file" queue.type="LinkedList" queue.size="1000000" queue.dequeueBatchSize="2048") {
  action(type="omfile" file="${file}" template="raw" ioBufferSize="256k" flushOnTXEnd="off" asyncWriting="on")
}
input(type="imudp" address="127.0.0.1" port="${port}" rcvbufSize="8m" ruleset="file")
input(type="imtcp" address="127.0.0.1" port="${port}" ruleset="file")
`,
  );
  const child = spawn('/usr/sbin/rsyslogd', ['-n', '-f', config, '-i', path.join(folder, 'pid')], { stdio: 'inherit' });
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  if (child.exitCode !== null) throw new Error('rsyslogd did not start');
  const bytes = (): number => statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return {
    name: 'rsyslog to a file',
    pid: child.pid as number,
    port,
    async stored() {
      if (bytes() === 0) return 0;
      let lines = 0;
      for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
        for (let at = (chunk as Buffer).indexOf(10); at >= 0; at = (chunk as Buffer).indexOf(10, at + 1)) lines++;
      }
      return lines;
    },
    bytes: async () => bytes(),
    async stop() {
      child.kill('SIGTERM');
      await once(child, 'exit');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
