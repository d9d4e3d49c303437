import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import { CODE } from '../../appliance/radius/codec/index.ts';
import { type Json, until, useAppliance } from '../api/support.ts';
import { requires } from '../requires.ts';
import { eapolTest, makeNas, makePerson, portOf, radclient } from './support.ts';

describe('TLS sessions at the whole appliance', requires('eapol_test', 'radclient'), () => {
  const a = useAppliance();
  let ca: string;
  let id: string;

  before(async () => {
    id = await makePerson(a.the, { username: 'alice', network: 'reku-boda-42' });
    await makeNas(a.the);
    ca = path.join(a.the.dataDir, 'ca-for-clients.pem');
    writeFileSync(ca, (await a.the.anonymous.get('/v1/pki/ca.pem')).body);
  });

  /** What lies between eapol_test and the appliance: the first accept is held back until `meanwhile` is done. */
  async function relay(t: TestContext, meanwhile: () => Promise<void>): Promise<number> {
    const [inner, outer] = [createSocket('udp4'), createSocket('udp4')];
    t.after(() => [inner, outer].forEach((socket) => void socket.close()));
    let client = 0;
    let held: Promise<void> | undefined;
    inner.on('message', (message, { port }) => {
      client = port;
      outer.send(message, portOf(a.the, 'auth'), '127.0.0.1');
    });
    outer.on('message', (message) => {
      if (message[0] === CODE.accessAccept) held ??= meanwhile();
      void (held ?? Promise.resolve()).then(() => inner.send(message, client, '127.0.0.1'));
    });
    await new Promise<void>((resolve) => inner.bind(0, '127.0.0.1', resolve));
    return inner.address().port;
  }
  const comesTwice = async (t: TestContext, method: string[], meanwhile: () => Promise<void>) => {
    const port = await relay(t, meanwhile);
    const network = [...method, 'identity="alice"', `ca_cert="${ca}"`];
    return eapolTest(a.the, network, ['-r1', '-p', String(port)]);
  };
  const reasons = async (method: string): Promise<string[]> => {
    const { body } = await a.the.admin.get('/v1/access/requests?outcome=reject');
    return body.filter((one: Json) => one.method.startsWith(method.toLowerCase())).map(({ reason }: Json) => reason);
  };
  const changed = 'the password has changed since this session was made';

  for (const [name, method] of [
    ['PEAP', ['eap=PEAP', 'phase2="auth=MSCHAPV2"']],
    ['TTLS', ['eap=TTLS', 'phase2="auth=PAP"']],
  ] as const) {
    test(`${name}: a session is resumed, but not over a change of the network password`, async (t) => {
      const [before, after] = [`old-${name}-42`, `new-${name}-42`];
      const set = async (password: string) => {
        assert.ok((await a.the.admin.put(`/v1/users/${id}/network-password`, { password })).status < 300);
        // A change holds within a second.
        await until('the password is known', async () => {
          const lines = ['User-Name = "alice"', `User-Password = "${password}"`, 'Message-Authenticator = 0x00'];
          return (await radclient(a.the, 'auth', lines)).code === 'Access-Accept';
        });
      };
      await set(before);
      const shown = [...method, `password="${before}"`];
      const same = await comesTwice(t, shown, async () => undefined);
      assert.ok(same.success, same.text.slice(-4000));
      assert.deepEqual(await reasons(name), []);
      const other = await comesTwice(t, shown, () => set(after));
      assert.equal(other.success, false, other.text.slice(-4000));
      assert.deepEqual(await reasons(name), [changed]);
    });
  }
});
