import assert from 'node:assert/strict';
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { until } from '../api/support.ts';
import { startTestAppliance } from '../harness.ts';
import { makeNas, makePerson, radclient } from '../radius/support.ts';
import { requires } from '../requires.ts';
import { found, inState, portOf, run, sendUdp, tempFolder } from './support.ts';

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
    assert.match(reason, /the disk is full: free some space/);
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
});
