import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { until } from '../api/support.ts';
import { ADMIN_PASSWORD, startTestAppliance } from '../harness.ts';
import { makeNas, makePerson, radclient } from '../radius/support.ts';
import { requires } from '../requires.ts';
import { found, inState, portOf, run, sendUdp, status, tempFolder } from './support.ts';

const CLI = fileURLToPath(new URL('../../appliance/cli.ts', import.meta.url));

describe('the disk of the log is full', requires('root', 'mount', 'radclient'), () => {
  test('it is said, people are let in all the same, and it goes on once there is room', async (t) => {
    const enders: (() => unknown)[] = [];
    t.after(async () => {
      for (const end of enders.reverse()) await end();
    });
    const ends = { after: (fn: () => unknown) => void enders.push(fn) };
    const dataDir = tempFolder(ends);
    const logs = path.join(dataDir, 'logs');
    mkdirSync(logs, { mode: 0o700 });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=6m,mode=0700', 'tmpfs', logs]);
    enders.push(() => run('umount', ['-l', logs]));
    const a = await startTestAppliance({ after: () => undefined }, { GATEHOUSE_DATA: dataDir });
    enders.push(() => a.close());
    const port = portOf(a.logs.syslog);
    await makeNas(a);
    await makePerson(a, { username: 'alice', network: 'reku-boda-42' });
    const ask = () =>
      radclient(a, 'auth', ['User-Name = "alice"', 'User-Password = "reku-boda-42"', 'Message-Authenticator = 0x00']);
    await sendUdp(port, ['<13>papa before']);
    await found(a.admin, { q: 'papa kind:log' });

    const fill = (): void => {
      const { bavail, bsize } = statfsSync(logs);
      if (bavail > 0) writeFileSync(path.join(logs, `filler-${bavail}`), Buffer.alloc(bavail * bsize));
    };
    fill();
    await sendUdp(
      port,
      Array.from({ length: 300 }, (_, i) => `<13>papa while ${i} ${'x'.repeat(800)}`),
    );
    const { reason } = await inState(a.admin, 'full');
    assert.match(reason, /the disk is full but for \d+ KiB .*: free some space/);
    assert.equal((await ask()).code, 'Access-Accept');
    assert.equal((await a.login('alice', 'account-password')).url, a.url);
    assert.match((await a.admin.get('/metrics')).body, /gatehouse_logs_sealing 0/);
    await sendUdp(port, ['<13>papa dropped', '<13>papa dropped too']);

    await run('find', [logs, '-name', 'filler-*', '-delete']);
    await inState(a.admin, 'sealing');
    const [gap] = await until('the gap is told', async () => {
      const { body } = await a.admin.get('/v1/logs?q=kind:gap');
      return body.length > 0 ? (body as [{ raw: string }]) : undefined;
    });
    assert.match(gap.raw, /disk/);
    await found(a.admin, { q: 'papa while kind:log', limit: '400' }, 300);
    // What was told of meanwhile has waited.
    await until('the decision is there', async () => {
      const { body } = await a.admin.get('/v1/logs?q=app:radius.accept&user=alice');
      return body.length > 0;
    });
    // The alarm and its end, once each: in the log as well.
    const changes = await found(a.admin, { q: 'app:log.state' }, 2);
    assert.deepEqual(
      changes
        .map(({ raw }) => JSON.parse(raw))
        .sort((a, b) => (a.at < b.at ? -1 : 1))
        .map((change) => [change.state, change.reason]),
      [
        ['full', reason],
        ['sealing', null],
      ],
    );
    await sendUdp(port, ['<13>papa after']);
    await found(a.admin, { q: '"papa after" kind:log' });
    const { drops } = await inState(a.admin, 'sealing');
    assert.deepEqual(
      drops.map(({ source, count }: { source: { address: string }; count: number }) => [source.address, count]),
      [['127.0.0.1', 2]],
    );
  });

  test('with the database on the same disk: lines don’t take its last bytes, so that people can sign in and make room', async (t) => {
    const enders: (() => unknown)[] = [];
    t.after(async () => {
      for (const end of enders.reverse()) await end();
    });
    const dataDir = tempFolder({ after: (fn: () => unknown) => void enders.push(fn) });
    await run('mount', ['-t', 'tmpfs', '-o', 'size=40m,mode=0700', 'tmpfs', dataDir]);
    enders.push(() => run('umount', ['-l', dataDir]));
    const a = await startTestAppliance({ after: () => undefined }, { GATEHOUSE_DATA: dataDir });
    enders.push(() => a.close());
    const socket = connect(portOf(a.logs.syslog), '127.0.0.1');
    enders.push(() => socket.destroy());
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    // Incompressible, as much as is taken: at last the sender has to wait.
    const line = (): string => `<13>quebec ${randomBytes(600).toString('base64')}\n`;
    const sent = async (): Promise<boolean> => {
      for (let i = 0; i < 500; i++) if (!socket.write(line())) await Promise.race([once(socket, 'drain'), sleep(250)]);
      return (await status(a.admin)).state === 'full';
    };
    await until('the disk is full', async () => (await sent()) || undefined);
    const { reason } = await inState(a.admin, 'full');
    assert.match(reason, /but for 4 MiB that are kept for signing in/);
    for (let i = 0; i < 5; i++) {
      const { status: code, body } = await a.anonymous.post('/api/v1/auth/login', {
        username: 'admin',
        password: ADMIN_PASSWORD,
      });
      assert.equal(code, 200, JSON.stringify(body));
    }
    const { bavail, bsize } = statfsSync(dataDir);
    assert.ok(bavail * bsize > 1024 * 1024, `${bavail * bsize} bytes are left`);
    const said = await run(process.execPath, [CLI, 'logs', 'status'], {
      env: { ...process.env, GATEHOUSE_DATA: dataDir },
    });
    assert.match(said.stdout, /^Disk .*: FULL, syslog is taken once/m);
    await run('mount', ['-o', 'remount,size=80m', dataDir]);
    await inState(a.admin, 'sealing');
  });
});
