import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { connect, type Json, refusal, until, useAppliance } from '../api/support.ts';
import { assertProblem } from '../harness.ts';
import { requires } from '../requires.ts';
import { found, logger, portOf, search, sendUdp, status } from './support.ts';

/** The firewall's address: another one of this machine than everybody else's. */
const FIREWALL = '127.0.0.2';
const TRAFFIC =
  '<189>date=2026-05-02 time=10:11:12 devname="FGT-1" devid="FGT60F0000000001" logid="0000000013" type="traffic" ' +
  'subtype="forward" level="notice" srcip=10.1.2.3 srcport=50000 dstip=203.0.113.7 dstport=443 proto=6 ' +
  'action="close" policyid=7 user="carla" srcmac="02:00:00:aa:bb:cc" sentbyte=1200 rcvdbyte=3400';

describe('syslog of the whole appliance', requires('logger', 'rsyslogd'), () => {
  const a = useAppliance();
  const port = (): number => portOf(a.the.logs.syslog);
  let began: string;

  before(async () => {
    began = new Date(Date.now() - 1000).toISOString();
    await Promise.all([
      logger(port(), '-d', '--rfc3164', '-p', 'local4.notice', '-t', 'gate', 'alpha by UDP'),
      logger(port(), '-d', '--rfc5424', '-t', 'gate', 'bravo by UDP'),
      logger(port(), '-T', '--octet-count', '--rfc5424', '-t', 'gate', 'charlie by TCP'),
      logger(port(), '-T', '--rfc3164', '-t', 'gate', 'delta by TCP'),
      sendUdp(port(), [TRAFFIC], FIREWALL),
      sendUdp(port(), [Buffer.from('<13>echo \xff of bytes', 'latin1') as never]),
    ]);
    await found(a.the.admin, { q: 'kind:log', limit: '50' }, 6);
  });

  test('what logger sends is found by its words, with how it came and what it says', async () => {
    for (const [word, transport] of [
      ['alpha', 'udp'],
      ['bravo', 'udp'],
      ['charlie', 'tcp'],
      ['delta', 'tcp'],
    ] as const) {
      const [record] = await found(a.the.admin, { q: `${word} kind:log` });
      assert.equal(record.transport, transport);
      assert.match(record.raw, new RegExp(`^<\\d+>.*${word} by `));
      assert.match(record.peer, /^127\.0\.0\.1:\d+$/);
      assert.deepEqual([record.kind, record.source.address, record.fields.app], ['log', '127.0.0.1', 'gate']);
      assert.ok(record.received_at >= began && record.received_at <= new Date(Date.now() + 1000).toISOString());
      assert.ok(record.device_time, word);
    }
    const [alpha] = await search(a.the.admin, { q: 'alpha kind:log' });
    assert.equal(alpha.fields.msg, 'alpha by UDP');
    const [bytes] = await found(a.the.admin, { q: 'echo kind:log' });
    assert.equal(Buffer.from(bytes.raw_base64, 'base64').toString('latin1'), '<13>echo \xff of bytes');
  });

  test('a sender that is registered has its name from the first line on; removed, its records keep it', async () => {
    const { admin } = a.the;
    const address = '127.0.0.9';
    const made = await admin.post('/v1/logs/sources', { address, name: 'router-9', parser: 'mikrotik' });
    assert.equal(made.status, 201, JSON.stringify(made.body));
    await sendUdp(port(), ['<13>registered one'], address);
    const [record] = await found(admin, { q: 'registered kind:log' });
    assert.deepEqual([record.source.id, record.source.name], [made.body.id, 'router-9']);

    assert.equal((await admin.delete(`/v1/logs/sources/${made.body.id}`)).status, 204);
    const listed = async (): Promise<string[]> =>
      (await admin.get('/v1/logs/sources')).body.map((one: Json) => one.address);
    assert.ok(!(await listed()).includes(address));
    assert.equal((await found(admin, { q: 'registered kind:log' }))[0].source.name, 'router-9');
    await found(admin, { q: 'app:logs.source.deleted' });

    await sendUdp(port(), ['<13>registered two'], address);
    const [again] = await found(admin, { q: '"registered two" kind:log' });
    assert.equal(again.source.id, made.body.id, 'it is back under its number');
    assert.ok((await listed()).includes(address));
    const problem = await admin.post('/v1/logs/sources', { address });
    assertProblem(problem, 409, /is source \d+ already/);
  });

  test('each filter finds the line of the firewall, and another value does not', async () => {
    const { admin } = a.the;
    const [line] = await found(admin, { q: 'dstport:443 kind:log' });
    assert.equal(line.raw, TRAFFIC);
    assert.deepEqual(
      [line.parser, line.fields.srcip, line.fields.mac, line.fields.user, line.fields.bytes],
      ['fortigate', '10.1.2.3', '02:00:00:aa:bb:cc', 'carla', 4600],
    );
    const id = String(line.source.id);
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString();
    for (const [matching, not] of [
      [{ user: 'carla' }, { user: 'carlo' }],
      [{ ip: '10.1.2.3' }, { ip: '10.1.2.4' }],
      [{ mac: '0200.00AA.BBCC' }, { mac: '0200.00AA.BBCD' }],
      [{ source: FIREWALL }, { source: '127.0.0.1' }],
      [{ source: id }, { source: '0' }],
      [{ q: 'srcip:10.0.0.0/8 bytes:>4000' }, { q: 'srcip:10.0.0.0/8 bytes:>5000' }],
      [{ q: '"203.0.113.7"' }, { q: '"203.0.113.8"' }],
      [{ from: began }, { from: tomorrow }],
      [{ to: tomorrow }, { to: began }],
      [{ site: 'default' }, { site: 'default', q: 'nothing-like-it' }],
    ] as [Record<string, string>, Record<string, string>][]) {
      const only = { source: FIREWALL, limit: '50' };
      const some = await search(admin, { ...only, ...matching });
      assert.deepEqual([some.length, some[0]?.index], [1, line.index], JSON.stringify(matching));
      const none = await search(admin, { q: 'carla kind:log', ...not });
      assert.deepEqual(none, [], JSON.stringify(not));
    }
  });

  test('a source is named, gets another class, and is found by its name and its vendor', async () => {
    const { admin } = a.the;
    const [line] = await found(admin, { ip: '203.0.113.7', q: 'kind:log' });
    const at = `/v1/logs/sources/${line.source.id}`;
    const renamed = await admin.put(at, { name: 'Edge firewall', class: 'traffic' });
    assert.equal(renamed.status, 200, JSON.stringify(renamed.body));
    assert.deepEqual([renamed.body.name, renamed.body.class], ['Edge firewall', 'traffic']);
    assert.equal((await search(admin, { source: 'edge firewall' }))[0].source.name, 'Edge firewall');
    await until('the source is recognised', async () => {
      const { body } = await admin.get(at);
      return body.vendor === 'Fortinet' && body.messages === 1 && body.last_seen === line.received_at;
    });
    assert.equal((await search(admin, { source: 'fortigate' })).length, 1);
    // Anybody can send a line in its name: it hides nothing.
    await sendUdp(port(), ['<13>{"a":1,"msg":"kilo"}'], FIREWALL);
    assert.equal((await found(admin, { source: 'edge firewall' }, 2))[0].parser, 'json');
    assert.deepEqual(
      (await search(admin, { source: 'fortigate' })).map(({ index }) => index),
      [line.index],
    );
    assert.equal((await search(admin, { source: 'fortinet,edge firewall' })).length, 2);
    assertProblem(await admin.put('/v1/logs/sources/0', { name: 'x' }), 409, /own records/);
    const [told] = await found(admin, { q: 'app:logs.source.updated' });
    assert.equal(told.kind, 'audit');
  });

  test('pages: by the Link header every record is given once, the newest first', async () => {
    const { admin } = a.the;
    const wanted = await search(admin, { q: 'kind:log', limit: '1000' });
    const pages: Json[] = [];
    let route: string | undefined = `/v1/logs?${new URLSearchParams({ q: 'kind:log', limit: '2' })}`;
    while (route !== undefined) {
      const answer = await admin.get(route);
      assert.ok(answer.status === 200 && answer.body.length <= 2, JSON.stringify(answer.body));
      pages.push(...answer.body);
      const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
      route = next && new URL(next, admin.url).href.slice(admin.url.length);
    }
    assert.deepEqual(
      pages.map(({ index }) => index),
      wanted.map(({ index }) => index),
    );
    assertProblem(await admin.get('/v1/logs?q=%22open'), 422, /q: /);
    assertProblem(await admin.get('/v1/logs?source=nowhere'), 422, /sources lists them/);
  });

  test('one record with its proof; nobody else may read', async () => {
    const { admin, anonymous } = a.the;
    const [line] = await found(admin, { ip: '203.0.113.7', q: 'kind:log' });
    const proven = await until('it is sealed', async () => {
      const { body } = await admin.get(`/v1/logs/${line.index}`);
      return body.sealed && body;
    });
    assert.match(proven.proof, /^c2sp\.org\/tlog-proof@v1\n/);
    assert.equal(Buffer.from(proven.leaf, 'base64').length, 58);
    assertProblem(await admin.get('/v1/logs/99999999'), 404);
    for (const route of [
      '',
      '/status',
      '/checkpoint',
      '/whois?ip=10.1.2.3',
      '/exports',
      '/sources',
      `/${line.index}`,
    ]) {
      assert.equal((await anonymous.get(`/v1/logs${route}`)).status, 401, route);
    }
    await admin.post('/api/v1/users', { username: 'reader', password: 'a-password-for-tests', role: 'user' });
    const reader = await a.the.login('reader', 'a-password-for-tests');
    assertProblem(await reader.get('/v1/logs'), 403);
    assert.match((await reader.get('/v1/logs/checkpoint')).body, /^gatehouse\/local\/default\//);
  });

  test('a live tail tells of what matches, as it comes', async (t) => {
    const { admin, url } = a.the;
    const tail = `${url}/v1/logs/tail?${new URLSearchParams({ q: 'foxtrot kind:log' })}`;
    const line = await connect(tail, { authorization: admin.authorization as string });
    t.after(() => line.close());
    await sendUdp(port(), ['<13>golf is not for it', '<13>foxtrot one', '<13>foxtrot two']);
    const heard: string[] = [];
    while (heard.length < 2) heard.push(...(await line.next()).records.map(({ raw }: Json) => raw));
    assert.deepEqual(heard, ['<13>foxtrot one', '<13>foxtrot two']);
    assert.equal((await refusal(tail, { authorization: 'Session nobody' })).status, 401);
    const [told] = await found(admin, { q: 'app:logs.tailed' });
    assert.deepEqual([told.kind, JSON.parse(told.raw).query.q], ['audit', 'foxtrot kind:log']);
  });

  test('what rsyslogd sends is there in its order, all of it', async (t) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-rsyslog-'));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = (name: string): string => path.join(folder, name);
    writeFileSync(file('input'), Array.from({ length: 300 }, (_, i) => `hotel ${i}\n`).join(''));
    writeFileSync(
      file('rsyslog.conf'),
      `global(workDirectory="${folder}")
module(load="imfile")
input(type="imfile" file="${file('input')}" tag="hotels" startmsg.regex="^hotel" readTimeout="1")
action(type="omfwd" target="127.0.0.1" port="${port()}" protocol="tcp" TCP_Framing="octet-counted"
  template="RSYSLOG_SyslogProtocol23Format")
`,
    );
    const sender = spawn('rsyslogd', ['-n', '-f', file('rsyslog.conf'), '-i', file('pid')], { stdio: 'ignore' });
    t.after(async () => {
      sender.kill('SIGTERM');
      if (sender.exitCode === null && sender.signalCode === null) await once(sender, 'exit');
    });
    const records = await found(a.the.admin, { q: 'app:hotels', limit: '1000' }, 300);
    assert.deepEqual(
      records.map(({ fields }) => fields.msg).reverse(),
      Array.from({ length: 300 }, (_, i) => `hotel ${i}`),
    );
  });

  test('a burst of both framings on one connection; a page ends where it says', async () => {
    const socket = connectTcp(port(), '127.0.0.1');
    const lines = Array.from({ length: 2500 }, (_, i) => `<13>india line ${i}`);
    socket.end(lines.map((line, i) => (i % 2 ? `${line}\n` : `${line.length} ${line}`)).join(''));
    await once(socket, 'close');
    const first = await until('all are found', async () => {
      const answer = await a.the.admin.get('/v1/logs?limit=1000&q=india+kind:log');
      const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
      return answer.body[0]?.raw === lines.at(-1) && next !== undefined && answer.body;
    });
    assert.deepEqual([first.length, first[999].raw], [1000, lines[1500]]);
  });

  test('connections that are refused are counted by address: in the status, a metric and a record', async () => {
    const localAddress = '127.0.0.3';
    const sockets = Array.from({ length: 70 }, () => {
      const socket = connectTcp({ port: port(), host: '127.0.0.1', localAddress });
      socket.on('error', () => undefined);
      return socket;
    });
    try {
      await until('six are counted', async () => {
        const { refused_connections: refused } = await status(a.the.admin);
        return refused.some((one: Json) => one.address === localAddress && one.count === 6) || undefined;
      });
      assert.match((await a.the.admin.get('/metrics')).body, /^gatehouse_logs_refused_connections_total 6$/m);
      await until('they are in the log', async () => {
        const gaps = (await search(a.the.admin, { q: 'kind:gap' })).map(({ raw }) => JSON.parse(raw));
        const counts = gaps
          .filter(({ reason }) => reason === 'connection')
          .map((gap) => gap.by_source[localAddress] ?? 0);
        return counts.reduce((sum, count) => sum + count, 0) === 6 || undefined;
      });
      assert.deepEqual((await status(a.the.admin)).drops, [], 'no message was dropped');
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  test('saved searches hold a query, which finds what it found', async () => {
    const { admin } = a.the;
    const query = { q: 'dstport:443 kind:log', user: 'carla' };
    const saved = await admin.post('/v1/logs/searches', { name: 'Carla, HTTPS', query, shared: true });
    assert.equal(saved.status, 201, JSON.stringify(saved.body));
    const { body } = await admin.get(`/v1/logs/searches/${saved.body.id}`);
    assert.deepEqual(body.query, query);
    assert.equal((await search(admin, body.query)).length, 1);
    assertProblem(await admin.post('/v1/logs/searches', { name: 'carla, https', query }), 409);
    assert.equal((await admin.delete(`/v1/logs/searches/${body.id}`)).status, 204);
    assert.deepEqual((await admin.get('/v1/logs/searches')).body, []);
  });
});
