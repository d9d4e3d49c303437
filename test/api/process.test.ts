import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { loadConfig } from '../../appliance/config/index.ts';
import { ADMIN_PASSWORD, createClient, FREE_PORTS } from '../harness.ts';
import { connect, makeNetwork, makePeer, until } from './support.ts';

const MAIN = fileURLToPath(new URL('../../appliance/main.ts', import.meta.url));

function folder(t: TestContext): string {
  const dir = mkdtempSync(path.join(tmpdir(), 'gatehouse-process-'));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

interface Ended {
  code: number | null;
  signal: string | null;
  out: string;
  err: string;
}

/** `node appliance/main.ts` with these settings and no others. */
function start(t: TestContext, settings: Record<string, string>, ...args: string[]) {
  const { PATH, NODE_COMPILE_CACHE } = process.env;
  const env = { PATH, NODE_COMPILE_CACHE, ...FREE_PORTS, ...settings };
  const child: ChildProcess = spawn(process.execPath, [MAIN, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let [out, err] = ['', ''];
  child.stdout?.on('data', (data) => {
    out += data;
  });
  child.stderr?.on('data', (data) => {
    err += data;
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on('close', (code, signal) => resolve({ code, signal, out, err }));
  });
  t.after(() => child.kill('SIGKILL'));
  const ready = async (): Promise<string> =>
    until('the appliance is ready', () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${err}`);
      return /^gatehouse ready (http:\S+)$/m.exec(out)?.[1];
    });
  return { child, ended, ready, output: () => out + err };
}

const login = async (url: string) => {
  const anonymous = createClient(url);
  const { status, body } = await anonymous.post('/api/v1/auth/login', { username: 'admin', password: ADMIN_PASSWORD });
  assert.equal(status, 200);
  return anonymous.as(`Session ${body.session_hash}`);
};

describe('the appliance as a process', () => {
  test('SIGTERM with a request in flight and a WebSocket open: both end well, exit code 0', async (t) => {
    const appliance = start(t, { GATEHOUSE_DATA: folder(t), GATEHOUSE_ADMIN_PASSWORD: ADMIN_PASSWORD });
    const url = await appliance.ready();
    const admin = await login(url);
    const network = await makeNetwork(admin);
    const peer = await makePeer(admin, network.id);
    const line = await connect(url, peer.token);
    await line.next();
    // Half a request: its head is in, the rest of its body comes after the signal.
    const body = JSON.stringify({ name: 'in-flight', cidr: '10.66.0.0/24' });
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => {
      answer += data;
    });
    const login2 = await createClient(url).post('/api/v1/auth/login', { username: 'admin', password: ADMIN_PASSWORD });
    const authorization = `Authorization: Session ${login2.body.session_hash}`;
    const type = 'Content-Type: application/json';
    const head = `POST /api/v1/networks HTTP/1.1\r\nHost: x\r\n${authorization}\r\n${type}\r\nContent-Length: ${body.length}`;
    await new Promise((resolve) => socket.write(`${head}\r\n\r\n${body.slice(0, 5)}`, resolve));
    // The appliance has read the head once it answers a later request.
    await admin.get('/api/v1/networks');
    appliance.child.kill('SIGTERM');
    await line.closed();
    socket.write(body.slice(5));
    await until('the request in flight is answered', () => answer.includes('\r\n\r\n'));
    assert.match(answer, /^HTTP\/1\.1 201 /);
    const { code, signal, err } = await appliance.ended;
    assert.deepEqual([code, signal], [0, null], err);
    assert.doesNotMatch(err, /did not end in time/, 'the last resort was not needed');
    await assert.rejects(fetch(`${url}/api/v1/health`), 'nothing listens any more');
  });

  test('SIGTERM with clients that hang: they are cut off, and what was in memory is written', async (t) => {
    const settings = { GATEHOUSE_DATA: folder(t), GATEHOUSE_ADMIN_PASSWORD: ADMIN_PASSWORD };
    const first = start(t, settings);
    const url = await first.ready();
    const admin = await login(url);
    const network = await makeNetwork(admin);
    const line = await connect(url, (await makePeer(admin, network.id)).token);
    line.send({ hostname: 'laptop', system_uptime: 7, wireguard_uptime: 7 });
    const sessions = `/api/v1/networks/${network.id}/sessions`;
    await until('the session is there', async () => (await admin.get(sessions)).body.length === 1);
    line.socket.pause(); // It never answers the close.
    const socket = net.connect(Number(new URL(url).port), '127.0.0.1');
    socket.on('error', () => undefined);
    t.after(() => socket.destroy());
    await new Promise((resolve) => socket.write('POST /api/v1/auth/login HTTP/1.1\r\nHost: x\r\n', resolve));
    first.child.kill('SIGTERM');
    const { code, err } = await first.ended;
    assert.equal(code, 0);
    assert.doesNotMatch(err, /did not end in time/);
    const again = await login(await start(t, settings).ready());
    assert.equal((await again.get(sessions)).body[0].system_uptime, 7);
  });

  test('SIGKILL right after a 201 loses nothing, and the next start takes the folder', async (t) => {
    const settings = { GATEHOUSE_DATA: folder(t), GATEHOUSE_ADMIN_PASSWORD: ADMIN_PASSWORD };
    const first = start(t, settings);
    const admin = await login(await first.ready());
    const network = await makeNetwork(admin);
    const second = start(t, settings);
    const refused = await second.ended;
    assert.equal(refused.code, 1);
    assert.match(refused.err, /in use by another Gatehouse/);
    const peer = await makePeer(admin, network.id);
    first.child.kill('SIGKILL');
    assert.equal((await first.ended).signal, 'SIGKILL');
    const third = start(t, settings);
    const again = await login(await third.ready());
    assert.deepEqual((await again.get(`/api/v1/networks/${network.id}/peers/${peer.id}`)).body, peer);
    third.child.kill('SIGTERM');
    assert.equal((await third.ended).code, 0);
    for (const process of [first, second, third]) assert.ok(!process.output().includes(ADMIN_PASSWORD));
    assert.ok(!third.output().includes(peer.token), 'no token in the log');
  });

  test('the first start makes up a password and shows it once', async (t) => {
    const settings = { GATEHOUSE_DATA: folder(t) };
    const first = start(t, settings);
    const url = await first.ready();
    const password = /password: (\S+)/.exec(first.output())?.[1];
    const answer = await createClient(url).post('/api/v1/auth/login', { username: 'admin', password });
    assert.equal(answer.status, 200);
    first.child.kill('SIGINT');
    assert.equal((await first.ended).code, 0);
    const second = start(t, settings);
    await second.ready();
    assert.doesNotMatch(second.output(), /password:/);
  });

  test('settings that are unknown or bad stop the start, and are named', async (t) => {
    const dir = folder(t);
    const file = path.join(dir, 'bad.yaml');
    writeFileSync(file, 'listen: 127.0.0.1:0\nlissten: x\n');
    const cases: [Record<string, string>, RegExp, ...string[]][] = [
      [{ GATEHOUSE_LISTN: 'x' }, /GATEHOUSE_LISTN .*Did you mean GATEHOUSE_LISTEN/],
      [{ GATEHOUSE_LISTEN: '127.0.0.1:99999' }, /GATEHOUSE_LISTEN/],
      [{ GATEHOUSE_CONFIG: file }, /bad\.yaml.*lissten/],
      [{}, /--port=80/, '--port=80'],
    ];
    const ends = cases.map(([settings, , ...args]) =>
      start(t, { GATEHOUSE_DATA: mkdtempSync(path.join(dir, 'data-')), ...settings }, ...args),
    );
    for (const [i, [, about]] of cases.entries()) {
      const { code, out, err } = await (ends[i] as (typeof ends)[number]).ended;
      assert.equal(code, 1, err);
      assert.match(err, about);
      assert.doesNotMatch(out, /gatehouse ready/);
    }
    for (const [name, value] of [
      ['GATEHOUSE_LISTEN', 'x'],
      ['GATEHOUSE_LISTEN', '127.0.0.1:70000'],
      ['GATEHOUSE_TLS_LISTEN', 'nonsense'],
      ['GATEHOUSE_DATABASE', 'mysql://user:secret@host/db'],
      ['GATEHOUSE_CONFIG', path.join(dir, 'missing.yaml')],
    ] as const) {
      const refused = (error: Error) => {
        assert.match(error.message, name === 'GATEHOUSE_CONFIG' ? /missing\.yaml/ : new RegExp(name));
        assert.doesNotMatch(error.message, /secret/);
        return true;
      };
      assert.throws(() => loadConfig({ GATEHOUSE_DATA: dir, [name]: value }), refused);
    }
  });
});
