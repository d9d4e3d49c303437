import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import { ATTRIBUTE, AttributeWriter, CODE, decryptPassword, Secret } from '../../appliance/radius/codec/index.ts';
import { createRadsec } from '../../appliance/radius/radsec/index.ts';
import { createServer } from '../../appliance/radius/server/index.ts';
import { requires } from '../requires.ts';
import { makeAuthority } from './certificates.ts';
import { freeUdpPorts } from './freeradius.ts';
import { nasOf } from './proxy-support.ts';
import { startRadsecproxy } from './radsecproxy.ts';

const run = promisify(execFile);
const PASSWORD = 'correct horse battery';

test('radclient by UDP to radsecproxy, by RadSec to us', requires('radsecproxy', 'radclient', 'openssl'), async (t) => {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-radsec-'));
  t.after(() => rm(folder, { recursive: true }));
  const ca = makeAuthority(path.join(folder, 'ca'), 'Test CA');
  const own = ca.issue('radius.example.com', { alternatives: 'DNS:radius.example.com,IP:127.0.0.1' });
  const log = pino({ level: 'silent' });
  const registry = new Registry();
  const nas = nasOf({ protocol: 'radsec', secret: new Secret('radsec') });
  const radius = createServer({
    log,
    registry,
    clients: () => undefined,
    limits: { rejectDelayMs: 0 },
    onAccess({ packet, nas: { secret } }) {
      const password = decryptPassword(packet.first(ATTRIBUTE.userPassword)!, packet.authenticator, secret);
      const right = Buffer.from(password ?? []).toString() === PASSWORD;
      const attributes = new AttributeWriter().add(ATTRIBUTE.replyMessage, right ? 'welcome' : 'no').done();
      return { code: right ? CODE.accessAccept : CODE.accessReject, attributes };
    },
    onAccounting: async () => ({ code: CODE.accountingResponse, attributes: new Uint8Array(0) }),
    batched: 'off',
    monotonic: () => performance.now(),
    now: () => Date.now(),
  });
  const radsec = createRadsec({
    log,
    registry,
    credentials: () => ({ key: own.key, chain: own.certificate, authorities: ca.pem }),
    findNas: (names) => (names.includes('proxy.example.com') ? nas : undefined),
    openStream: (connection) => radius.openStream(connection),
    monotonic: () => performance.now(),
  });
  t.after(() => radius.close());
  t.after(() => radsec.close());
  const port = await radsec.listen('127.0.0.1', 0);
  const [udp] = await freeUdpPorts(1);
  const before = await startRadsecproxy({
    authorityFile: ca.file,
    own: ca.issue('proxy', { alternatives: 'DNS:proxy.example.com' }),
    configuration: `
ListenUDP 127.0.0.1:${udp}
client 127.0.0.1 {
  type udp
  secret of-the-nas
}
server ours {
  host 127.0.0.1
  port ${port}
  type tls
  secret radsec
}
realm * {
  server ours
  accountingServer ours
}
`,
  });
  t.after(before.stop);
  const radclient = async (kind: 'auth' | 'acct', attributes: string): Promise<string> => {
    const child = run('radclient', ['-x', '-r', '10', '-t', '1', `127.0.0.1:${udp}`, kind, 'of-the-nas']);
    child.child.stdin?.end(attributes);
    return (await child.catch((error: { stdout: string }) => error)).stdout;
  };
  const pap = (password: string) => radclient('auth', `User-Name=bob@example.com,User-Password="${password}"\n`);
  const said = await pap(PASSWORD);
  assert.match(said, /Received Access-Accept/, before.output());
  assert.match(said, /Reply-Message = "welcome"/);
  assert.match(await pap('wrong'), /Received Access-Reject/);
  const start = 'User-Name=bob@example.com,Acct-Status-Type=Start,Acct-Session-Id=s1\n';
  assert.match(await radclient('acct', start), /Received Accounting-Response/);
  assert.equal(radsec.stats().connections, 1, 'all by one connection');
});
