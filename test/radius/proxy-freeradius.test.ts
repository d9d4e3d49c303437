import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { Registry } from 'prom-client';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  decryptPassword,
  decryptSalted,
  encodeRequest,
  type Packet,
  parsePacket,
  Secret,
  VENDOR,
} from '../../appliance/radius/codec/index.ts';
import { hashNtHash, mppeKeysV2, ntHash, ntResponse } from '../../appliance/radius/mschap/index.ts';
import { createServer } from '../../appliance/radius/server/index.ts';
import type { AccessRequest, Answer, Nas } from '../../appliance/radius/types.ts';
import { requires } from '../requires.ts';
import { type Authority, type Issued, makeAuthority } from './certificates.ts';
import { type Freeradius, startFreeradius } from './freeradius.ts';
import { nasOf, startProxy, upstreamOf } from './proxy-support.ts';
import { freeTcpPort, startRadsecproxy } from './radsecproxy.ts';

const run = promisify(execFile);
const NAS = 'secret between NAS and us';
const UP = 'secret between us and FreeRADIUS';
const PASSWORD = 'correct horse battery';
const UPSTREAM_REPLY = [
  'Class := "from upstream"',
  'Session-Timeout := 3600',
  'Tunnel-Type := VLAN',
  'Tunnel-Medium-Type := IEEE-802',
  'Tunnel-Private-Group-Id := "101"',
  'Tunnel-Password := "tunnel secret"',
  'Reply-Message := "welcome"',
];

/** Our RADIUS server on a port of 127.0.0.1 with these handlers. */
async function startOurs(
  onAccess: (request: AccessRequest) => Answer | undefined | Promise<Answer | undefined>,
  onAccounting: (request: { packet: Packet; nas: Nas; address: string }) => Promise<Answer | undefined>,
  nas: Partial<Nas> = {},
) {
  const radius = createServer({
    log: pino({ level: 'silent' }),
    registry: new Registry(),
    clients: () => nasOf({ secret: new Secret(NAS), ...nas }),
    limits: { rejectDelayMs: 0 },
    onAccess,
    onAccounting,
    monotonic: () => performance.now(),
    now: () => Date.now(),
  });
  const port = await radius.listenAuth('127.0.0.1', 0);
  return { radius, port, acctPort: await radius.listenAcct('127.0.0.1', 0), close: () => radius.close() };
}

/** radclient with this request; what it says of the answer, also where that is a reject. */
async function radclient(port: number, kind: 'auth' | 'acct', secret: string, attributes: string): Promise<string> {
  const child = run('radclient', ['-x', '-r', '3', '-t', '5', `127.0.0.1:${port}`, kind, secret]);
  child.child.stdin?.end(attributes);
  return (await child.catch((error: { stdout: string }) => error)).stdout;
}

/** Sends one request as a NAS would, and reads the answer. */
async function ask(port: number, request: Uint8Array): Promise<Packet> {
  const socket = createSocket('udp4');
  socket.send(request, port, '127.0.0.1');
  const [bytes] = (await once(socket, 'message')) as [Buffer];
  socket.close();
  return parsePacket(bytes) as Packet;
}

describe('FreeRADIUS as upstream', requires('freeradius', 'radclient', 'openssl'), () => {
  const ends: (() => unknown)[] = [];
  let folder: string;
  let [ca]: Authority[] = [];
  let [certificate, client]: Issued[] = [];
  let upstream: Freeradius;
  let ours: Awaited<ReturnType<typeof startOurs>>;
  let proxy: ReturnType<typeof startProxy>;
  let own: Uint8Array;

  before(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-proxy-'));
    ca = makeAuthority(path.join(folder, 'ca'), 'Test CA');
    certificate = ca.issue('radius.example.com', { alternatives: 'DNS:radius.example.com,IP:127.0.0.1' });
    client = ca.issue('bob', { alternatives: 'email:bob@example.com' });
    upstream = await startFreeradius({
      clients: [{ address: '127.0.0.1', secret: UP }],
      users: [{ name: 'bob', password: PASSWORD, reply: UPSTREAM_REPLY }],
      eap: { keyFile: certificate.keyFile, certificateFile: certificate.certificateFile, authorityFile: ca.file },
      // This version has no Message-Authenticator in answers to PAP by itself.
      sections: {
        postAuth:
          'update reply {\n Message-Authenticator := 0x00\n}\nPost-Auth-Type REJECT {\nupdate reply {\n Message-Authenticator := 0x00\n}\n}',
        accounting: 'update reply {\n Class := "counted"\n}\nok',
      },
    });
    ends.push(() => upstream.stop());
    own = new Uint8Array(0);
    proxy = startProxy(
      [
        upstreamOf('fr', upstream.authPort, {
          acctPort: upstream.acctPort,
          secret: new Secret(UP),
          statusServer: true,
          timeoutMs: 2000,
        }),
      ],
      { onAccept: () => own },
    );
    ends.push(proxy.close);
    const login = (packet: Packet) => packet.text(ATTRIBUTE.userName)?.replace(/@example\.com$/, '');
    ours = await startOurs(
      (request) => proxy.proxyAccess(['fr'], request, { login: login(request.packet) }),
      (request) => proxy.proxyAccounting(['fr'], request, { login: login(request.packet) }),
    );
    ends.push(ours.close);
  });
  after(async () => {
    for (const end of ends.reverse()) await end();
    await rm(folder, { recursive: true });
  });

  test('PAP: the password, a long one too; the answer as it was, the tunnel password readable', async () => {
    const said = await radclient(
      ours.port,
      'auth',
      NAS,
      `User-Name=bob@example.com,User-Password="${PASSWORD}",Proxy-State=0x6162,Proxy-State=0x63,Message-Authenticator=0x00\n`,
    );
    assert.match(said, /Received Access-Accept/);
    assert.match(said, /Session-Timeout = 3600/);
    assert.match(said, /Tunnel-Private-Group-Id:0 = "101"/);
    assert.match(said, /Tunnel-Password:0 = "tunnel secret"/);
    assert.match(said, /Reply-Message = "welcome"/);
    assert.deepEqual(
      [...said.split('Received')[1]!.matchAll(/Proxy-State = (\w+)/g)].map(([, v]) => v),
      ['0x6162', '0x63'],
    );
    const wrong = await radclient(
      ours.port,
      'auth',
      NAS,
      'User-Name=bob,User-Password=wrong,Message-Authenticator=0x00\n',
    );
    assert.match(wrong, /Received Access-Reject/);
  });

  test('CHAP, its challenge in the authenticator and beside it; MS-CHAP with its keys', async () => {
    for (const more of ['', ',CHAP-Challenge=0x00112233445566778899aabbccddeeff']) {
      const said = await radclient(
        ours.port,
        'auth',
        NAS,
        `User-Name=bob,CHAP-Password="${PASSWORD}"${more},Message-Authenticator=0x00\n`,
      );
      assert.match(said, /Received Access-Accept/);
    }
    const said = await radclient(
      ours.port,
      'auth',
      NAS,
      `User-Name=bob,MS-CHAP-Password="${PASSWORD}",Message-Authenticator=0x00\n`,
    );
    const keys = `0000000000000000${Buffer.from(hashNtHash(ntHash(PASSWORD))).toString('hex')}`;
    assert.match(said, new RegExp(`MS-CHAP-MPPE-Keys = 0x${keys}`));
  });

  test('MS-CHAPv2: the keys that the NAS opens are those of RFC 3079', async () => {
    const [authChallenge, peerChallenge] = [randomBytes(16), randomBytes(16)];
    const response = ntResponse(authChallenge, peerChallenge, 'bob', ntHash(PASSWORD));
    const attributes = new AttributeWriter()
      .add(ATTRIBUTE.userName, 'bob')
      .vendor(VENDOR.microsoft, 11, authChallenge)
      .vendor(VENDOR.microsoft, 25, Uint8Array.of(1, 0, ...peerChallenge, ...new Uint8Array(8), ...response));
    const secret = new Secret(NAS);
    const request = encodeRequest(CODE.accessRequest, 1, secret, attributes.done());
    const answer = await ask(ours.port, request);
    assert.equal(answer.code, CODE.accessAccept);
    assert.match(Buffer.from(answer.vendor(VENDOR.microsoft, 26)!).toString(), /S=[0-9A-F]{40}/);
    const expected = mppeKeysV2(hashNtHash(ntHash(PASSWORD)), response);
    const shown = (type: number) =>
      decryptSalted(answer.vendor(VENDOR.microsoft, type)!, request.subarray(4, 20), secret);
    assert.deepEqual([...shown(16)!], [...expected.send]);
    assert.deepEqual([...shown(17)!], [...expected.recv]);
    assert.ok(decryptPassword(randomBytes(16), request.subarray(4, 20), secret));
  });

  test(
    'EAP: PEAP, TTLS and TLS through us, and the keys of both ends are the same',
    requires('eapol_test'),
    async () => {
      const networks = {
        peap: `eap=PEAP\n identity="bob@example.com"\n password="${PASSWORD}"\n phase2="auth=MSCHAPV2"`,
        ttls: `eap=TTLS\n identity="bob@example.com"\n password="${PASSWORD}"\n phase2="auth=PAP"`,
        tls: `eap=TLS\n identity="bob@example.com"\n client_cert="${client!.certificateFile}"\n private_key="${client!.keyFile}"`,
      };
      for (const [name, network] of Object.entries(networks)) {
        const file = path.join(folder, `${name}.conf`);
        const inner = name === 'tls' ? network : network.replace('identity="bob@example.com"', 'identity="bob"');
        await writeFile(file, `network={\n ssid="x"\n key_mgmt=WPA-EAP\n ca_cert="${ca!.file}"\n ${inner}\n}\n`);
        const args = ['-c', file, '-a', '127.0.0.1', '-p', String(ours.port), '-s', NAS, '-t', '20'];
        const { stdout } = await run('eapol_test', args, { maxBuffer: 16 * 1024 * 1024 }).catch((error) => error);
        assert.match(stdout, /^SUCCESS$/m, `${name}: ${stdout.slice(-2000)}`);
        assert.match(stdout, /MPPE keys OK: [12] {2}mismatch: 0/, name);
      }
      assert.ok(proxy.stats().conversations > 0);
    },
  );

  test('accounting is forwarded, and acknowledged by the upstream', async () => {
    const said = await radclient(
      ours.acctPort,
      'acct',
      NAS,
      'User-Name=bob@example.com,Acct-Status-Type=Start,Acct-Session-Id=s1\n',
    );
    assert.match(said, /Received Accounting-Response/);
    assert.match(said, /Class = 0x636f756e746564/);
  });

  test('local policy: our attributes in the place of the same of the upstream', async () => {
    own = new AttributeWriter().add(ATTRIBUTE.sessionTimeout, 60).done();
    const said = await radclient(
      ours.port,
      'auth',
      NAS,
      `User-Name=bob,User-Password="${PASSWORD}",Message-Authenticator=0x00\n`,
    );
    own = new Uint8Array(0);
    assert.deepEqual(
      [...said.matchAll(/Session-Timeout = (\d+)/g)].map(([, v]) => v),
      ['60'],
    );
  });

  test('a server that stands still is asked by Status-Server, and used again when it goes on', async () => {
    process.kill(upstream.pid, 'SIGSTOP');
    const quick = startProxy(
      [upstreamOf('fr', upstream.authPort, { secret: new Secret(UP), statusServer: true, timeoutMs: 100, retries: 1 })],
      { limits: { probeEveryMs: 100 } },
    );
    ends.push(quick.close);
    const again = await startOurs(
      (request) => quick.proxyAccess(['fr'], request),
      async () => undefined,
    );
    ends.push(again.close);
    const state = () => quick.stat('fr')?.state;
    const pap = `User-Name=bob,User-Password="${PASSWORD}",Message-Authenticator=0x00\n`;
    const ask = (tries: string) => {
      const child = run('radclient', ['-r', tries, '-t', '1', `127.0.0.1:${again.port}`, 'auth', NAS]);
      child.child.stdin?.end(pap);
      return child.catch(() => undefined);
    };
    try {
      for (let i = 0; state() !== 'dead' && i < 20; i++) await ask('1');
      assert.equal(state(), 'dead');
    } finally {
      process.kill(upstream.pid, 'SIGCONT');
    }
    for (let i = 0; state() !== 'alive' && i < 500; i++) await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(state(), 'alive');
    assert.match(await radclient(again.port, 'auth', NAS, pap), /Received Access-Accept/);
  });

  test('RadSec: to radsecproxy, which goes on to FreeRADIUS', requires('radsecproxy'), async () => {
    const port = await freeTcpPort();
    const behind = await startRadsecproxy({
      authorityFile: ca!.file,
      own: certificate!,
      configuration: `
ListenTLS 127.0.0.1:${port}
client 127.0.0.1 {
  type tls
  secret radsec
  certificateNameCheck off
}
server fr {
  host 127.0.0.1
  port ${upstream.authPort}
  type udp
  secret "${UP}"
}
realm * {
  server fr
}
`,
    });
    ends.push(behind.stop);
    const tls = {
      ca: ca!.pem,
      certificate: client!.certificate,
      privateKey: client!.key,
      serverName: 'radius.example.com',
    };
    const radsec = startProxy([
      upstreamOf('rs', port, { protocol: 'radsec', secret: new Secret('radsec'), tls, deadSeconds: 1 }),
    ]);
    ends.push(radsec.close);
    const relay = await startOurs(
      (request) => radsec.proxyAccess(['rs'], request),
      async () => undefined,
    );
    ends.push(relay.close);
    const pap = `User-Name=bob,User-Password="${PASSWORD}",Message-Authenticator=0x00\n`;
    let said = '';
    for (let i = 0; !/Received/.test(said) && i < 10; i++) said = await radclient(relay.port, 'auth', NAS, pap);
    assert.match(said, /Received Access-Accept/, behind.output());
    assert.match(said, /Tunnel-Password:0 = "tunnel secret"/);
  });
});

test(
  'FreeRADIUS as downstream: it forwards to us, with its Proxy-State',
  requires('freeradius', 'radclient'),
  async (t) => {
    const seen: Packet[] = [];
    const ours = await startOurs(
      ({ packet, nas }) => {
        seen.push(packet);
        const password = decryptPassword(packet.first(ATTRIBUTE.userPassword)!, packet.authenticator, nas.secret);
        const right = Buffer.from(password ?? []).toString() === PASSWORD;
        const attributes = new AttributeWriter().add(ATTRIBUTE.replyMessage, 'of ours').done();
        return { code: right ? CODE.accessAccept : CODE.accessReject, attributes };
      },
      async ({ packet }) => {
        seen.push(packet);
        return { code: CODE.accountingResponse, attributes: new Uint8Array(0) };
      },
    );
    t.after(ours.close);
    const home = (name: string, type: string, port: number) => `
home_server ${name} {
  type = ${type}
  ipaddr = 127.0.0.1
  port = ${port}
  secret = "${NAS}"
}
home_server_pool ${name} {
  home_server = ${name}
}`;
    const downstream = await startFreeradius({
      clients: [{ address: '127.0.0.1', secret: 'of its own' }],
      proxy: `${home('ours_auth', 'auth', ours.port)}${home('ours_acct', 'acct', ours.acctPort)}
realm example.com {
  auth_pool = ours_auth
  acct_pool = ours_acct
}`,
    });
    t.after(() => downstream.stop());
    const pap = (password: string) =>
      radclient(downstream.authPort, 'auth', 'of its own', `User-Name=bob@example.com,User-Password="${password}"\n`);
    const said = await pap(PASSWORD);
    assert.match(said, /Received Access-Accept/, downstream.output());
    assert.match(said, /Reply-Message = "of ours"/);
    assert.deepEqual([seen[0]?.text(ATTRIBUTE.userName), seen[0]?.all(ATTRIBUTE.proxyState).length], ['bob', 1]);
    assert.match(await pap('wrong'), /Received Access-Reject/);
    const start = 'User-Name=bob@example.com,Acct-Status-Type=Start,Acct-Session-Id=s1\n';
    assert.match(await radclient(downstream.acctPort, 'acct', 'of its own', start), /Received Accounting-Response/);
    assert.equal(seen.at(-1)?.text(ATTRIBUTE.acctSessionId), 's1');
  },
);
