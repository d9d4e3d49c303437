import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { Registry } from 'prom-client';
import { createRig, decision, nas, type Rig } from '../../appliance/radius/authenticate/testing.ts';
import { account, device, quiet, voucher } from '../../appliance/radius/directory/testing.ts';
import { createServer } from '../../appliance/radius/server/index.ts';
import { requires } from '../requires.ts';

const SECRET = 'testing123';

interface Reply {
  code: string;
  /** As radclient prints them. */
  attributes: string[];
}

/** Sends one Access-Request with FreeRADIUS's client, which checks the reply's authenticators. */
function radclient(port: number, attributes: readonly string[]): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      'radclient',
      ['-x', '-r', '1', '-t', '8', `127.0.0.1:${port}`, 'auth', SECRET],
      // A reject is an exit code of 1.
      (_, stdout, stderr) => {
        const [, code = '', rest = ''] = /Received (Access-\S+) .*\n((?:\t.*\n)*)/.exec(stdout) ?? [];
        if (code === '') reject(new Error(`no reply: ${stdout}${stderr}`));
        else resolve({ code, attributes: rest.split('\n').flatMap((line) => line.trim() || []) });
      },
    );
    child.stdin?.end(`${['Message-Authenticator = 0x00', ...attributes].join('\n')}\n`);
  });
}

describe('authentication by a foreign client', requires('radclient'), () => {
  let rig: Rig;
  let server: ReturnType<typeof createServer>;
  let port: number;
  const of = nas({ type: 'mikrotik' });

  before(async () => {
    rig = await createRig();
    rig.accounts.set('1', account('1', 'bob', { networkPassword: 'hello123', groups: ['staff'] }));
    rig.accounts.set('2', account('2', 'ann', { hasPassword: true }));
    rig.accounts.set('3', account('3', 'long', { networkPassword: 'pässwörd '.repeat(8).trim() }));
    rig.devices.set('d', device('d', '02:00:00:11:22:33'));
    rig.vouchers.set('v', voucher('v', 'ABCDEFGH', { duration: 3600 }));
    rig.state.passwords.set('2', 'account password');
    await rig.load();
    const terms = decision({ vlan: 42, sessionTimeout: 1800, bandwidth: { up: 2e6, down: 1e7 } });
    rig.state.decide = ({ groups }) => (groups.includes('staff') ? terms : decision({}));
    server = createServer({
      log: quiet,
      registry: new Registry(),
      clients: () => of,
      onAccess: rig.handle,
      onAccounting: () => undefined,
      monotonic: () => performance.now(),
      now: () => rig.state.now,
    });
    port = await server.listenAuth('127.0.0.1', 0);
  });
  after(() => server.close());

  const ask = (...attributes: string[]) => radclient(port, attributes);
  const code = async (...attributes: string[]): Promise<string> => (await ask(...attributes)).code;
  const METHODS = ['User-Password', 'CHAP-Password', 'MS-CHAP-Password'];

  it('lets in who has the network password, by PAP, CHAP and MS-CHAP, on the terms of the decision', async () => {
    for (const method of METHODS) {
      const reply = await ask('User-Name = "bob"', `${method} = "hello123"`);
      assert.equal(reply.code, 'Access-Accept', method);
      assert.deepEqual(
        reply.attributes.filter((line) => !line.startsWith('Message-Authenticator')),
        [
          'Tunnel-Type:0 = VLAN',
          'Tunnel-Medium-Type:0 = IEEE-802',
          'Tunnel-Private-Group-Id:0 = "42"',
          'Mikrotik-Wireless-VLANID = 42',
          'Mikrotik-Rate-Limit = "2000k/10000k"',
          'Session-Timeout = 1800',
          'Termination-Action = RADIUS-Request',
        ],
      );
      assert.equal(
        rig.state.recorded.at(-1)?.facts.method,
        method.replace('User-Password', 'pap').replace('-Password', '').replace('MS-CHAP', 'mschap').toLowerCase(),
      );
    }
    assert.equal(
      await code('User-Name = "long"', `User-Password = "${'pässwörd '.repeat(8).trim()}"`),
      'Access-Accept',
    );
  });

  it('keeps out who has not', async () => {
    const replies = await Promise.all([
      ...METHODS.map((method) => ask('User-Name = "bob"', `${method} = "hello124"`)),
      ...METHODS.map((method) => ask('User-Name = "eve"', `${method} = "hello123"`)),
    ]);
    assert.deepEqual(new Set(replies.map((reply) => reply.code)), new Set(['Access-Reject']));
    const [, , mschap] = replies;
    assert.match(mschap?.attributes.join() ?? '', /MS-CHAP-Error = "\\000E=691 R=0 C=[0-9A-F]{16} V=2"/);
  });

  it('takes an account password by PAP only', async () => {
    assert.equal(await code('User-Name = "ann"', 'User-Password = "account password"'), 'Access-Accept');
    assert.equal(await code('User-Name = "ann"', 'CHAP-Password = "account password"'), 'Access-Reject');
    assert.equal(rig.state.recorded.at(-1)?.reason, 'this user has no network password');
  });

  it('lets a device in by its MAC address, and a voucher by its code', async () => {
    const calling = 'Calling-Station-Id = "02-00-00-11-22-33"';
    assert.equal(await code('User-Name = "020000112233"', 'User-Password = "020000112233"', calling), 'Access-Accept');
    assert.equal(await code('User-Name = "020000112233"', 'Service-Type = Call-Check', calling), 'Access-Accept');
    assert.equal(await code('User-Name = "020000112233"', 'CHAP-Password = "020000112233"', calling), 'Access-Accept');
    const guest = await ask('User-Name = "voucher"', 'User-Password = "abcd-efgh"');
    assert.ok(guest.attributes.includes('Session-Timeout = 3600'));
  });
});
