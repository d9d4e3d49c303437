import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { until, useAppliance } from '../api/support.ts';
import { assertProblem } from '../harness.ts';
import { requires } from '../requires.ts';
import { type Freeradius, startFreeradius } from './freeradius.ts';
import { makeNas, radclient } from './support.ts';

const UP = 'secret of the upstream';
const SIGNED = 'Message-Authenticator = 0x00';

describe('realms of the whole appliance', requires('radclient', 'freeradius'), () => {
  const a = useAppliance();
  let upstream: Freeradius;
  let upstreamId: string;

  before(async () => {
    upstream = await startFreeradius({
      clients: [{ address: '127.0.0.1', secret: UP }],
      users: [{ name: 'carol', password: 'hello', reply: ['Session-Timeout := 7200', 'Filter-Id := "from-upstream"'] }],
      sections: { accounting: 'update reply {\n Class := "counted"\n}\nok' },
    });
    await makeNas(a.the);
  });
  after(() => upstream?.stop());

  const ask = (user: string, ...lines: string[]) =>
    radclient(a.the, 'auth', [`User-Name = "${user}"`, 'User-Password = "hello"', ...lines, SIGNED]);

  /** What was changed holds within a second. */
  const whenever = (what: string, code: string, text = '') =>
    until(what, async () => {
      const reply = await ask('carol@example.com');
      return reply.code === code && reply.text.includes(text) ? reply : undefined;
    });

  test('a realm is authenticated by its upstream, at once after it was made', async () => {
    const { admin } = a.the;
    assert.equal((await ask('carol@example.com')).code, 'Access-Reject', 'not a realm yet: a local name');
    const server = await admin.post('/v1/radius/upstreams', {
      name: 'campus',
      address: '127.0.0.1',
      auth_port: upstream.authPort,
      acct_port: upstream.acctPort,
      secret: UP,
      // This FreeRADIUS is older than the attack.
      require_message_authenticator: false,
    });
    assert.equal(server.status, 201, JSON.stringify(server.body));
    upstreamId = server.body.id;
    const source = { kind: 'proxy', upstream_ids: [upstreamId] };
    const realm = await admin.post('/v1/radius/realms', { name: 'example.com', strip: true, accounting: true, source });
    assert.equal(realm.status, 201, JSON.stringify(realm.body));
    const inside = await whenever('the realm counts', 'Access-Accept');
    assert.deepEqual(inside.attributes['Session-Timeout'], ['7200']);
    assert.deepEqual(inside.attributes['Filter-Id'], ['from-upstream']);
    assert.equal((await ask('dave@example.com')).code, 'Access-Reject');
    assertProblem(await admin.delete(`/v1/radius/upstreams/${upstreamId}`), 409, /example\.com/);
  });

  test('accounting is kept here and forwarded', async () => {
    const said = await radclient(a.the, 'acct', [
      'User-Name = "carol@example.com"',
      'Acct-Status-Type = Start',
      'Acct-Session-Id = "p-1"',
      'Calling-Station-Id = "02-00-00-00-00-07"',
    ]);
    assert.equal(said.code, 'Accounting-Response');
    const listed = await a.the.admin.get('/v1/sessions?mac=02:00:00:00:00:07&status=active');
    assert.equal(listed.body.length, 1, JSON.stringify(listed.body));
    const metrics = (await a.the.admin.get('/metrics')).body as string;
    assert.match(metrics, /gatehouse_radius_upstream_answers_total\{upstream="campus",port="acct"\} 1/);
  });

  test("a policy decides over the upstream's users", async () => {
    const policy = async (name: string, decide: string) => {
      const document = `name: ${name}\npriority: 10\nmatch: { realms: [example.com] }\ndecide: ${decide}\n`;
      const made = await a.the.admin.post('/v1/policies', { document });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      return made.body.id as string;
    };
    const shorter = await policy('guests', '{ action: allow, session_timeout: 1h, vlan: 42 }');
    const { attributes } = await whenever('the policy counts', 'Access-Accept', 'Session-Timeout = 3600');
    assert.deepEqual(attributes['Filter-Id'], ['from-upstream']);
    assert.deepEqual(attributes['Tunnel-Private-Group-Id:0'] ?? attributes['Tunnel-Private-Group-Id'], ['42']);
    assert.equal((await a.the.admin.delete(`/v1/policies/${shorter}`)).status, 204);
    const closed = await policy('closed', '{ action: deny }');
    await whenever('the other policy counts', 'Access-Reject');
    assert.equal((await a.the.admin.delete(`/v1/policies/${closed}`)).status, 204);
    await whenever('there is no policy any more', 'Access-Accept', 'Session-Timeout = 7200');
  });

  test('an upstream that is gone: no answer, never a reject', async () => {
    const moved = await a.the.admin.put(`/v1/radius/upstreams/${upstreamId}`, {
      auth_port: 1,
      timeout_ms: 100,
      retries: 0,
    });
    assert.equal(moved.status, 200);
    const lines = ['User-Name = "carol@example.com"', 'User-Password = "hello"', SIGNED];
    const codes = new Set<string | undefined>();
    const timeout = { timeout: 1 };
    await until('nobody answers', async () => {
      const { code } = await radclient(a.the, 'auth', lines, timeout);
      codes.add(code);
      return code === undefined;
    });
    assert.ok(!codes.has('Access-Reject'));
    const back = await a.the.admin.put(`/v1/radius/upstreams/${upstreamId}`, { auth_port: upstream.authPort });
    assert.equal(back.status, 200);
    await whenever('it is there again', 'Access-Accept');
  });
});
