import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { type Json, until, useAppliance } from '../api/support.ts';
import { assertProblem } from '../harness.ts';
import { makeNas, makePerson, radclient } from '../radius/support.ts';
import { requires } from '../requires.ts';
import { found, portOf, search, sendUdp, status } from './support.ts';

const MAC = '02:00:00:11:22:33';
const IP = '10.9.8.7';
const STATION = 'Calling-Station-Id = "02-00-00-11-22-33"';
const CALLED = 'Called-Station-Id = "AA-BB-CC-DD-EE-FF:Corp"';

describe("the appliance's own records", requires('radclient'), () => {
  const a = useAppliance();
  const ask = (password: string) =>
    radclient(a.the, 'auth', [
      'User-Name = "alice"',
      `User-Password = "${password}"`,
      STATION,
      CALLED,
      'Message-Authenticator = 0x00',
    ]);
  const account = async (type: string, session: string, ...more: string[]): Promise<void> => {
    const lines = ['User-Name = "alice"', `Acct-Status-Type = ${type}`, `Acct-Session-Id = "${session}"`];
    const { code, text } = await radclient(a.the, 'acct', [...lines, STATION, CALLED, ...more]);
    assert.equal(code, 'Accounting-Response', text);
  };
  const whois = async (ip: string, at?: string): Promise<Json[]> => {
    const query = new URLSearchParams({ ip, ...(at !== undefined && { at }) });
    const { status: code, body } = await a.the.admin.get(`/v1/logs/whois?${query}`);
    assert.equal(code, 200, JSON.stringify(body));
    return body.answers;
  };

  before(async () => {
    await Promise.all([makeNas(a.the), makePerson(a.the, { username: 'alice', network: 'reku-boda-42' })]);
  });

  test('RADIUS: who was let in, who was not and why, and accounting', async () => {
    assert.equal((await ask('reku-boda-42')).code, 'Access-Accept');
    assert.equal((await ask('wrong')).code, 'Access-Reject');
    await account('Start', 's-1', `Framed-IP-Address = ${IP}`);
    await account('Interim-Update', 's-1', `Framed-IP-Address = ${IP}`, 'Acct-Input-Octets = 5');
    const { admin } = a.the;
    const [accept] = await found(admin, { q: 'app:radius.accept', user: 'alice' });
    assert.deepEqual(
      [accept.kind, accept.transport, accept.source.name, accept.fields.mac, accept.fields.ssid, accept.fields.host],
      ['access', 'internal', 'gatehouse', MAC, 'Corp', 'ap-1'],
    );
    const [reject] = await found(admin, { q: 'app:radius.reject', mac: MAC });
    assert.deepEqual([reject.fields.action, reject.fields.user], ['fail', 'alice']);
    assert.ok(JSON.parse(reject.raw).reason);
    const records = await found(admin, { q: 'app:radius.accounting', ip: IP }, 2);
    assert.deepEqual(
      records.map(({ raw }) => JSON.parse(raw).status),
      ['Interim-Update', 'Start'],
    );
    assert.doesNotMatch(accept.raw, /reku-boda/);
  });

  test('whois: who had an address by RADIUS, and by DHCP joined with the session of the MAC', async () => {
    const [answer] = await until('RADIUS says', async () => {
      const answers = await whois(IP);
      return answers.length > 0 ? answers : undefined;
    });
    assert.deepEqual(
      [answer.via, answer.user, answer.mac, answer.nas, answer.ssid, answer.conflict],
      ['radius', 'alice', MAC, 'ap-1', 'Corp', false],
    );
    assert.ok(answer.records.length > 0);
    // An access point that knows no addresses: the lease of the DHCP server has to do.
    const line = `<30>May  2 10:00:00 dhcp dhcpd[77]: DHCPACK on 10.7.7.7 to ${MAC} (alices-laptop) via eth0`;
    await sendUdp(portOf(a.the.logs.syslog), [line]);
    await found(a.the.admin, { ip: '10.7.7.7', q: 'kind:log' });
    const [lease] = await whois('10.7.7.7');
    assert.deepEqual([lease.via, lease.user, lease.mac, lease.hostname], ['dhcp', 'alice', MAC, 'alices-laptop']);
    assert.deepEqual(await whois(IP, '2020-01-01T00:00:00Z'), []);
    await account('Stop', 's-1', `Framed-IP-Address = ${IP}`, 'Acct-Session-Time = 60');
    await found(a.the.admin, { q: 'app:radius.accounting Stop', ip: IP });
    assert.deepEqual(await whois(IP), []);
    const [asked] = await search(a.the.admin, { q: 'app:logs.whois' });
    assert.equal(JSON.parse(asked.raw).query.ip, IP);
    assertProblem(await a.the.admin.get('/v1/logs/whois?ip=10.0.0.0/8'), 422, /one address/);
  });

  test('audit: logins, failed ones too, a policy, and every search are sealed', async () => {
    const { admin, anonymous } = a.the;
    assert.equal((await anonymous.post('/api/v1/auth/login', { username: 'alice', password: 'nope' })).status, 401);
    const made = await admin.post('/v1/policies', {
      document: 'name: audited\npriority: 5\nmatch: { groups: [staff] }\ndecide: { action: allow }',
    });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    const [login] = await until('the login is there', () => search(admin, { q: 'app:identity.login', limit: '1' }));
    assert.equal(login.kind, 'audit');
    assert.equal(JSON.parse(login.raw).actor.address, '127.0.0.1');
    const [policy] = await found(admin, { q: 'audited kind:audit -app:logs.searched' });
    assert.match(policy.fields.app, /policy/);
    const size = (await status(admin)).size;
    await search(admin, { q: 'juliett', user: 'somebody' });
    const [searched] = await found(admin, { q: 'app:logs.searched juliett "somebody" -juliett-not' });
    assert.equal(searched.kind, 'audit');
    assert.deepEqual(JSON.parse(searched.raw).query, { q: 'juliett', user: 'somebody' });
    await until('the search is sealed', async () => (await status(admin)).size > Math.max(size, searched.index));
  });

  test('retention: a dry run changes nothing, and short periods are warned of', async () => {
    const { admin } = a.the;
    const before = (await admin.get('/v1/logs/retention')).body.days;
    const dry = await admin.put('/v1/logs/retention', { days: { guest: 7 }, dry_run: true });
    assert.equal(dry.status, 200, JSON.stringify(dry.body));
    assert.deepEqual([dry.body.dry_run, dry.body.expires], [true, []]);
    assert.deepEqual((await admin.get('/v1/logs/retention')).body.days, before);
    assertProblem(await admin.put('/v1/logs/retention', { days: { system: 7 } }), 422);
    assert.equal((await admin.put('/v1/logs/retention', { days: { guest: 7 } })).body.days.guest, 7);
    await found(admin, { q: 'app:logs.retention.updated' });
  });

  test('erasure: what is held stays; then what it said is gone for ever, and is still proved', async () => {
    const { admin } = a.the;
    const hold = await admin.post('/v1/logs/holds', {
      name: 'Case 7',
      reason: 'a court asks',
      from: '2020-01-01T00:00:00Z',
      source: 'gatehouse',
    });
    assert.equal(hold.status, 201, JSON.stringify(hold.body));
    await found(admin, { q: 'app:logs.hold.created' });
    // The last that is told of the session comes when it is stored.
    await found(admin, { q: 'app:session.disconnected', mac: MAC });
    const request = { mac: MAC, reason: 'she asked for it' };
    const whole = await admin.post('/v1/logs/erasures', { ...request, dry_run: true });
    assert.equal(whole.status, 200, JSON.stringify(whole.body));
    // The lease came by syslog, the rest is of the appliance itself.
    assert.deepEqual([whole.body.erased, whole.body.held.holds[0].name], [1, 'Case 7']);
    assert.ok(whole.body.held.count >= 5);
    assert.equal((await admin.delete(`/v1/logs/holds/${hold.body.id}`)).status, 204);
    const [accept] = await search(admin, { q: 'app:radius.accept', user: 'alice' });
    const erased = await until('the hold does not hold any more', async () => {
      const answer = await admin.post('/v1/logs/erasures', request);
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      return answer.body.erased > 5 && answer.body;
    });
    assert.equal(erased.held.count, 0);
    assert.deepEqual(await search(admin, { mac: MAC }), []);
    assert.deepEqual(await search(admin, { q: 'app:radius.accept', user: 'alice' }), []);
    const proven = await until('it is read anew', async () => {
      const { body } = await admin.get(`/v1/logs/${accept.index}`);
      return body.sealed && body.erased && body;
    });
    assert.deepEqual(
      [proven.raw, proven.salt, proven.fields.user, proven.fields.mac],
      [undefined, null, undefined, undefined],
    );
    assert.match(proven.proof, /^c2sp\.org\/tlog-proof@v1\n/);
    const [record] = await found(admin, { q: 'kind:erasure' });
    assert.match(record.raw, /she asked for it/);
    assert.doesNotMatch(record.raw, /alice|02:00:00:11:22:33/);
    const sealed = await status(admin);
    assert.deepEqual([sealed.state, sealed.reason, sealed.drops], ['sealing', null, []]);
  });
});
