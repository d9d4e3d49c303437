import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { promisify } from 'node:util';

const run = promisify(execFile);

const CONFIG = `
[tsa]
default_tsa = authority
[authority]
serial = serial
default_policy = 1.2.3.4.1
digests = sha256, sha512
accuracy = secs:1
clock_precision_digits = 6
ess_cert_id_chain = no
[time]
basicConstraints = CA:false
keyUsage = critical, digitalSignature
extendedKeyUsage = critical, timeStamping
[authority-of-times]
basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign
[req]
distinguished_name = name
[name]
`;

export type Tsa = Awaited<ReturnType<typeof startTsa>>;

/**
 * A time-stamping authority of openssl's over HTTP: a root, an authority below it, and the signer `tsa`. What it
 * answers can be replaced by `answer`.
 */
export async function startTsa() {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-tsa-'));
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder, encoding: 'utf8' });
  const file = (name: string): string => path.join(folder, name);
  await writeFile(file('tsa.cnf'), CONFIG);
  await writeFile(file('serial'), '01\n');
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  const from = ['-config', 'tsa.cnf', '-extensions'];
  const root = async (name: string) =>
    openssl(
      'req',
      '-x509',
      ...key,
      ...from,
      'authority-of-times',
      '-subj',
      `/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
    );
  const issue = async (name: string, section: string, by: string, newkey: readonly string[] = key) => {
    await openssl(
      'req',
      '-new',
      ...newkey,
      '-config',
      'tsa.cnf',
      '-subj',
      `/O=Times/CN=${name}`,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.csr`,
    );
    const extensions = ['-extfile', 'tsa.cnf', '-extensions', section];
    await openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      '-CA',
      `${by}.pem`,
      '-CAkey',
      `${by}.key`,
      '-CAcreateserial',
      ...extensions,
      '-out',
      `${name}.pem`,
    );
  };
  await root('root');
  await issue('middle', 'authority-of-times', 'root');
  await issue('tsa', 'time', 'middle');

  /** What openssl answers to a query (DER), signed by the one named. */
  async function reply(query: Uint8Array, signer = 'tsa', more: readonly string[] = []): Promise<Buffer> {
    await writeFile(file('query'), query);
    const by = ['-signer', `${signer}.pem`, '-inkey', `${signer}.key`, '-chain', 'middle.pem', '-sha256'];
    await openssl('ts', '-reply', '-config', 'tsa.cnf', '-queryfile', 'query', ...by, ...more, '-out', 'reply');
    return readFile(file('reply'));
  }

  const tsa = {
    folder,
    file,
    openssl,
    root,
    issue,
    reply,
    read: (name: string) => readFile(file(name)),
    url: '',
    /** Answers a query itself. */
    answer: undefined as ((query: Buffer, response: ServerResponse) => unknown) | undefined,
    async close(): Promise<void> {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
  const server = createServer(async (request, response) => {
    const query = await buffer(request);
    response.setHeader('content-type', 'application/timestamp-reply');
    try {
      const answer = tsa.answer ? await tsa.answer(query, response) : await reply(query);
      response.end(answer);
    } catch (error) {
      response.writeHead(500, { 'content-type': 'text/plain' }).end(String(error));
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  tsa.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return tsa;
}
