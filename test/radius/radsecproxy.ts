import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Issued } from './certificates.ts';
import { end } from './freeradius.ts';

export async function freeTcpPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** radsecproxy with this configuration (without log and certificates, which are put before it). */
export async function startRadsecproxy(options: { authorityFile: string; own: Issued; configuration: string }) {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-radsecproxy-'));
  const file = path.join(folder, 'radsecproxy.conf');
  const { authorityFile, own, configuration } = options;
  const text = `
LogLevel 2
LogDestination file://${path.join(folder, 'log')}
tls default {
  CACertificateFile ${authorityFile}
  CertificateFile ${own.certificateFile}
  CertificateKeyFile ${own.keyFile}
}
${configuration}
`;
  await writeFile(file, text, { mode: 0o600 });
  const child = spawn('radsecproxy', ['-f', '-c', file], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk;
    });
  }
  return {
    output: () => output,
    running: () => child.exitCode === null && child.signalCode === null,
    async stop(): Promise<void> {
      await end(child);
      await rm(folder, { recursive: true, force: true });
    },
  };
}
