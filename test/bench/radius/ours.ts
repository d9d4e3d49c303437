import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient, FREE_PORTS } from '../../harness.ts';
import type { Server } from './server.ts';

const PASSWORD = 'bench-password';

/** What the users of FreeRADIUS's bench get, as a policy. */
const POLICY = `name: bench
priority: 100
match: {}
decide:
  action: allow
  vlan: 101
  session_timeout: 1h
  attributes: [{ name: Reply-Message, value: hello }]
`;

/**
 * The whole appliance as a process: HTTP, store and policies included, with `users` (name and password) imported and a
 * NAS for the generator.
 */
export async function startOurs(options: {
  name: string;
  users: readonly { name: string; password: string }[];
  certificates: string;
  /** Settings of the file's section `radius`. */
  radius?: Record<string, unknown>;
}): Promise<Server> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-bench-radius-'));
  writeFileSync(
    path.join(folder, 'gatehouse.yaml'),
    JSON.stringify({ radius: options.radius ?? {}, log: { level: 'warn' } }),
  );
  const child = spawn(process.execPath, [path.join(import.meta.dirname, '../../../appliance/main.ts')], {
    env: { ...process.env, ...FREE_PORTS, GATEHOUSE_DATA: folder, GATEHOUSE_ADMIN_PASSWORD: PASSWORD },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let out = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
  });
  while (!out.includes('gatehouse ready')) await once(child.stdout, 'data');
  const found = (what: RegExp): string => {
    const value = what.exec(out)?.[1];
    if (value === undefined) throw new Error(`the appliance did not say ${what}:\n${out}`);
    return value;
  };
  const anonymous = createClient(found(/gatehouse ready (\S+)/));
  const signedIn = await anonymous.post('/api/v1/auth/login', { username: 'admin', password: PASSWORD });
  const admin = anonymous.as(`Session ${signedIn.body.session_hash}`);
  const must = async (what: Promise<{ status: number; body: unknown }>): Promise<void> => {
    const { status, body } = await what;
    if (status >= 300) throw new Error(`the appliance answered ${status}: ${JSON.stringify(body)}`);
  };
  const csv = [
    'username,email,name,network_password,groups',
    ...options.users.map((u) => `${u.name},,,${u.password},`),
  ];
  await must(admin.call('POST', '/v1/users/import', `${csv.join('\n')}\n`, { 'content-type': 'text/csv' }));
  await must(
    admin.post('/v1/sites/default/nas', { name: 'bench', address: '127.0.0.1', secret: 'testing123', type: 'generic' }),
  );
  await must(admin.post('/v1/policies', { document: POLICY }));
  const pem = (name: string): string => readFileSync(path.join(options.certificates, name), 'utf8');
  await must(admin.put('/v1/pki/server', { certificate: pem('server.pem'), private_key: pem('server.key') }));
  await must(
    admin.put('/v1/pki/authorities', { own: true, authorities: [{ pem: pem('ca.pem'), ocsp: false, login: 'cn' }] }),
  );
  return {
    name: options.name,
    pid: child.pid as number,
    port: Number(found(/RADIUS auth \S+:(\d+)/)),
    acctPort: Number(found(/acct \S+:(\d+)/)),
    async stop() {
      child.kill('SIGTERM');
      await Promise.race([once(child, 'exit'), new Promise((resolve) => setTimeout(resolve, 10_000))]);
      child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
