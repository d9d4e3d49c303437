import { type ExecFileException, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { pino } from 'pino';
import { startSiteApi } from '../http/testing.ts';
import { openKeyFile, openStore, type StoredEvent, storeMigrations } from '../store/index.ts';
import { createPki, pkiMigrations } from './index.ts';

/** Runs openssl with an array of arguments; its output, also where it fails. */
export function openssl(args: readonly string[], input?: string): Promise<{ code: number; out: string }> {
  return new Promise((resolve) => {
    const child = execFile('openssl', args, { encoding: 'utf8' }, (error: ExecFileException | null, stdout, stderr) => {
      resolve({ code: error ? Number(error.code ?? 1) : 0, out: stdout + stderr });
    });
    child.stdin?.end(input);
  });
}

export async function must(args: readonly string[], input?: string): Promise<string> {
  const { code, out } = await openssl(args, input);
  if (code !== 0) throw new Error(`openssl ${args.join(' ')}: ${out}`);
  return out;
}

/** A PKI with its routes, as the appliance has them; the clock stands where it is set. */
export async function startPki(
  options: { dataDir?: string; database?: string; at?: number; heard?: (event: StoredEvent) => Promise<void> } = {},
) {
  const dataDir = options.dataDir ?? (await mkdtemp(path.join(tmpdir(), 'gatehouse-pki-')));
  const clock = { at: options.at ?? Date.now() };
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) });
  const migrations = [...storeMigrations, ...pkiMigrations].map((step, i) => ({ ...step, id: i + 1 }));
  const store = await openStore({ dataDir, database: options.database, migrations, log });
  const events: StoredEvent[] = [];
  store.onEvent(async (event) => {
    events.push(event);
    await options.heard?.(event);
  });
  const names = ['radius.example.com'];
  /** Names of RadSec NAS, lower-case. */
  const nas = new Set<string>();
  const pki = createPki({
    store,
    secrets: openKeyFile(dataDir),
    log,
    now: () => new Date(clock.at),
    userExistsByName: async (name) => (name === 'Erin@example.com' ? 'erin' : /^(alice|bob|zoë|carol)/.test(name)),
    nasExists: async (name) => nas.has(name.toLowerCase()),
    serverNames: () => names,
  });
  await pki.start();
  const { app, close } = await startSiteApi([pki.routes]);
  return {
    pki,
    store,
    events,
    lines,
    clock,
    names,
    nas,
    dataDir,
    async call(method: 'GET' | 'POST' | 'PUT' | 'DELETE', url: string, body?: object, as = 'admin') {
      const answer = await app.inject({
        method,
        url: `/v1/pki/${url}`,
        headers: { authorization: as },
        ...(body && { payload: body }),
      });
      await store.drained();
      const json = answer.headers['content-type']?.includes('json') && answer.body !== '';
      return {
        status: answer.statusCode,
        body: json ? answer.json() : answer.body,
        bytes: answer.rawPayload,
        headers: answer.headers,
      };
    },
    async close(keep = false) {
      pki.stop();
      await close();
      await store.close();
      if (!keep) await rm(dataDir, { recursive: true });
    },
  };
}

const CA_CONFIG = `
[ca]
default_ca = here
[here]
dir = .
database = index.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
serial = serial
crlnumber = crlnumber
default_md = sha256
policy = any
unique_subject = no
default_days = 30
default_crl_days = 3
copy_extensions = copy
[any]
organizationName = optional
commonName = supplied
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
[plain]
basicConstraints = CA:FALSE
[ocsp]
basicConstraints = CA:FALSE
extendedKeyUsage = OCSPSigning
[sub]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
`;

/** A CA made with openssl in a folder of its own. */
export async function foreignCa(name: string) {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-ca-'));
  const file = (leaf: string): string => path.join(folder, leaf);
  const config = file('ca.cnf');
  // openssl ca takes its files from where it runs; paths in the configuration are made absolute for that.
  await writeFile(
    config,
    CA_CONFIG.replace('dir = .', `dir = ${folder}`)
      .replaceAll(/= (index.txt|ca.pem|ca.key|serial|crlnumber)$/gm, `= ${folder}/$1`)
      .replace('new_certs_dir = .', `new_certs_dir = ${folder}`),
  );
  for (const [leaf, text] of [
    ['index.txt', ''],
    ['serial', '1000'],
    ['crlnumber', '01'],
  ] as const)
    await writeFile(file(leaf), text);
  await must([
    'req',
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:P-256',
    '-nodes',
    '-keyout',
    file('ca.key'),
    '-out',
    file('ca.pem'),
    '-subj',
    `/O=Foreign/CN=${name}`,
    '-days',
    '60',
    '-addext',
    'basicConstraints=critical,CA:TRUE',
    '-addext',
    'keyUsage=critical,keyCertSign,cRLSign',
  ]);
  const pem = await readFile(file('ca.pem'), 'utf8');
  const ca = {
    folder,
    pem,
    file,
    /** A certificate by this CA: its PEM. */
    async issue(
      leaf: string,
      subject: string,
      options: { kind?: 'client' | 'server' | 'plain' | 'ocsp' | 'sub'; addext?: string[]; days?: number } = {},
    ): Promise<string> {
      const extensions = (options.addext ?? []).flatMap((extension) => ['-addext', extension]);
      await must([
        'req',
        '-new',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-keyout',
        file(`${leaf}.key`),
        '-out',
        file(`${leaf}.csr`),
        '-subj',
        subject,
        ...extensions,
      ]);
      await must([
        'ca',
        '-config',
        config,
        '-batch',
        '-notext',
        '-in',
        file(`${leaf}.csr`),
        '-out',
        file(`${leaf}.pem`),
        '-extensions',
        options.kind ?? 'client',
        '-days',
        String(options.days ?? 30),
      ]);
      return readFile(file(`${leaf}.pem`), 'utf8');
    },
    revoke: (leaf: string) => must(['ca', '-config', config, '-revoke', file(`${leaf}.pem`)]),
    async crl(form: 'PEM' | 'DER' = 'DER'): Promise<Buffer> {
      await must(['ca', '-config', config, '-gencrl', '-out', file('crl.pem')]);
      if (form === 'DER') await must(['crl', '-in', file('crl.pem'), '-outform', 'DER', '-out', file('crl.der')]);
      return readFile(file(form === 'DER' ? 'crl.der' : 'crl.pem'));
    },
    /** `openssl ocsp` on a free port of loopback, signing with a certificate of this CA. */
    async responder(signer = 'ca') {
      const args = [
        'ocsp',
        '-index',
        file('index.txt'),
        '-port',
        '0',
        '-rsigner',
        file(`${signer}.pem`),
        '-rkey',
        file(`${signer}.key`),
        '-CA',
        file('ca.pem'),
        '-nmin',
        '5',
      ];
      const child = spawn('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });
      const port = await new Promise<number>((resolve, reject) => {
        child.once('exit', (code) => reject(new Error(`openssl ocsp ended with ${code}`)));
        for (const stream of [child.stdout, child.stderr]) {
          createInterface({ input: stream }).on('line', (line) => {
            const found = /^ACCEPT .*:(\d+)/.exec(line)?.[1];
            if (found) resolve(Number(found));
          });
        }
      });
      return {
        url: `http://127.0.0.1:${port}/`,
        async stop() {
          if (child.exitCode !== null || child.signalCode !== null) return;
          child.removeAllListeners('exit');
          child.kill('SIGKILL');
          await once(child, 'exit');
        },
      };
    },
    remove: () => rm(folder, { recursive: true }),
  };
  return ca;
}

/** A web server on loopback that gives out what `answer` says; how often it was asked. */
export async function serve(answer: (url: string) => Buffer | number) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    request.resume();
    const said = answer(request.url ?? '');
    if (typeof said === 'number') response.writeHead(said).end();
    else response.end(said);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
