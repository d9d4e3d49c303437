import assert from 'node:assert/strict';
import { createConnection } from 'node:net';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Json, until } from '../api/support.ts';
import { makeNas, radclient } from '../radius/support.ts';
import { requires } from '../requires.ts';
import { assertVerified, found, inState, type Process, portOf, search, startProcess, tempFolder } from './support.ts';

/** Sends lines over one connection, as fast as they are taken; how many it has sent. */
function stream(address: string, word: string) {
  const socket = createConnection(portOf(address), '127.0.0.1');
  let sent = 0;
  let ended = false;
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
  });
  const loop = (async () => {
    while (!ended && sent < 20_000) {
      socket.write(`<13>${word} ${sent++}\n`);
      if (sent % 20 === 0) await sleep(2);
    }
  })();
  return {
    sent: () => sent,
    async stop(): Promise<void> {
      ended = true;
      await loop;
      await new Promise<void>((resolve) => {
        if (socket.closed) resolve();
        else socket.end(resolve);
      });
    },
  };
}

/** All pages of a search. */
async function all(a: Process, q: string): Promise<Json[]> {
  const records: Json[] = [];
  let route: string | undefined = `/v1/logs?${new URLSearchParams({ q, limit: '1000' })}`;
  while (route !== undefined) {
    const answer = await a.admin.get(route);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    records.push(...answer.body);
    const next = /<([^>]+)>; rel="next"/.exec(answer.headers.get('link') ?? '')?.[1];
    route = next && new URL(next, a.url).href.slice(a.url.length);
  }
  return records;
}

describe('the whole appliance is killed, and stopped', requires('radclient'), () => {
  const enders: (() => unknown)[] = [];
  const t = { after: (fn: () => unknown) => void enders.push(fn) };
  after(async () => {
    for (const end of enders.reverse()) await end();
  });

  test('kill -9 under load: what was acknowledged is in the log, which is whole', async () => {
    const dataDir = tempFolder(t);
    let a = await startProcess(t, dataDir);
    await makeNas(a as never);
    const acknowledged: string[] = [];
    const policies: string[] = [];
    for (let round = 0; round < 2; round++) {
      const lines = stream(a.logs.syslog, `quebec${round}`);
      for (let n = 0; n < 8; n++) {
        const id = `s-${round}-${n}`;
        const asked = radclient(a as never, 'acct', [
          'User-Name = "alice"',
          'Acct-Status-Type = Start',
          `Acct-Session-Id = "${id}"`,
        ]);
        const document = `name: p-${round}-${n}\npriority: ${100 + n}\nmatch: { groups: [staff] }\ndecide: { action: allow }`;
        const made = a.admin.post('/v1/policies', { document });
        if ((await asked).code === 'Accounting-Response') acknowledged.push(id);
        if ((await made).status === 201) policies.push(`p-${round}-${n}`);
      }
      a.child.kill('SIGKILL');
      await a.ended;
      await lines.stop();
      await assertVerified(dataDir);
      a = await startProcess(t, dataDir);
      await inState(a.admin, 'sealing');
    }
    assert.equal(acknowledged.length, 16);
    await until('every acknowledged record is in the log', async () => {
      const there = new Set((await all(a, 'app:radius.accounting')).map(({ raw }) => JSON.parse(raw).session_id));
      return acknowledged.every((id) => there.has(id));
    });
    await until('every change of a policy is in the log', async () => {
      const texts = (await all(a, 'kind:audit -app:logs.searched event:config')).map(({ raw }) => raw).join('\n');
      return policies.every((name) => texts.includes(`"${name}"`));
    });
    // Of a connection the lines are there up to one, without holes.
    const numbers = (await all(a, 'quebec0 kind:log')).map(({ raw }) => Number(raw.split(' ')[1])).reverse();
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
    );
    a.child.kill('SIGTERM');
    assert.equal((await a.ended).code, 0);
    await assertVerified(dataDir);
  });

  test('SIGTERM while lines come in: it ends well, and all that was taken is sealed', async () => {
    const dataDir = tempFolder(t);
    const first = await startProcess(t, dataDir);
    const lines = stream(first.logs.syslog, 'romeo');
    await until('some were sent', () => lines.sent() > 500);
    first.child.kill('SIGTERM');
    const { code, err } = await first.ended;
    assert.equal(code, 0, err);
    assert.doesNotMatch(err, /did not end in time/);
    await lines.stop();
    const size = await assertVerified(dataDir);
    const again = await startProcess(t, dataDir);
    const numbers = (await all(again, 'romeo kind:log')).map(({ raw }) => Number(raw.split(' ')[1])).reverse();
    assert.ok(numbers.length >= 400 && numbers.length <= size, `${numbers.length} of ${lines.sent()}`);
    assert.deepEqual(
      numbers,
      numbers.map((_, i) => i),
    );
    // Nothing was left behind the checkpoint: no recovery.
    assert.deepEqual(await search(again.admin, { q: 'kind:recovery' }), []);
    await found(again.admin, { q: 'app:identity.login', limit: '10' }, 2);
    again.child.kill('SIGTERM');
    assert.equal((await again.ended).code, 0);
  });
});
