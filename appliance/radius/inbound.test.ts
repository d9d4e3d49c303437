import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createRig, decision, type Rig } from './authenticate/testing.ts';
import { account } from './directory/testing.ts';
import { createInbound } from './inbound.ts';
import { challengeResponse, expandNtHash, ntHash } from './mschap/index.ts';
import type { Attempt } from './types.ts';

const PASSWORD = 'hello123';
const pap = (password = PASSWORD, login = 'bob'): Attempt => ({
  login,
  credentials: { kind: 'pap', password: Buffer.from(password) },
  request: undefined,
});
const challenge = new Uint8Array(8);
const mschap: Attempt = {
  login: 'bob',
  credentials: { kind: 'mschap', challenge, response: challengeResponse(challenge, expandNtHash(ntHash(PASSWORD))) },
  request: undefined,
};

async function start() {
  const rig = await createRig();
  rig.accounts.set('1', account('1', 'bob', { networkPassword: PASSWORD, groups: ['staff'] }));
  await rig.load();
  const ask = createInbound({
    access: { record: (ended) => void rig.state.recorded.push(ended) },
    authorize: rig.authorize,
    local: rig.local,
    resolve: (login) => ({ login, source: { kind: 'local' } }),
    now: () => rig.state.now,
  });
  return { rig, ask };
}
const last = ({ state }: Rig) => {
  const { facts, outcome, reason } = state.recorded.at(-1)!;
  return [facts.username, facts.method, outcome, reason];
};

describe('what another RADIUS server is told', () => {
  it('is one decision, by the method that was used', async () => {
    const { rig, ask } = await start();
    const asked: string[] = [];
    rig.state.decide = ({ method }) => {
      asked.push(method);
      return decision({ vlan: method === 'mschap' ? 7 : 8 });
    };
    const vlanOf = async (attempt: Attempt) => {
      const verdict = await ask(attempt);
      assert.ok(verdict.outcome === 'accept');
      return verdict.attributes?.find(({ name }) => name.startsWith('Tunnel-Private-Group-Id'));
    };
    assert.deepEqual(await vlanOf(mschap), { name: 'Tunnel-Private-Group-Id', value: '7', op: '+=' });
    assert.deepEqual((await vlanOf(pap()))?.value, '8');
    assert.deepEqual(asked, ['mschap', 'pap']);
  });

  it('is a reject where the decision cannot be told in full', async () => {
    const { rig, ask } = await start();
    rig.state.decide = () => decision({ attributes: [{ name: 'State', value: 'x', op: ':=' }] });
    assert.equal((await ask(pap())).outcome, 'reject');
    assert.match(String(last(rig)[3]), /can't be told/);
  });

  it('is held to the limits', async () => {
    const { rig, ask } = await start();
    rig.state.decide = () => decision({ simultaneousUse: 2, dailyQuota: { bytes: 1000, seconds: 3600 } });
    rig.state.usage = { sessions: 1, bytes: 0, seconds: 3000 };
    const verdict = await ask(pap());
    assert.equal(verdict.outcome === 'accept' && verdict.sessionTimeout, 600);
    for (const usage of [{ sessions: 2 }, { bytes: 1000 }, { seconds: 3600 }]) {
      rig.state.usage = { sessions: 0, bytes: 0, seconds: 0, ...usage };
      const refused = await ask(pap());
      assert.ok(refused.outcome === 'reject' && refused.message, JSON.stringify(usage));
    }
  });

  it('is in the journal, without a NAS', async () => {
    const { rig, ask } = await start();
    await ask(pap());
    assert.deepEqual(last(rig), ['bob', 'pap', 'accept', undefined]);
    assert.deepEqual(rig.state.recorded[0]?.facts.groups, ['staff']);
    await ask(pap('wrong'));
    assert.deepEqual(last(rig), ['bob', 'pap', 'reject', 'wrong password']);
    rig.state.decide = () => decision({ action: 'deny', message: 'not now' });
    assert.deepEqual(await ask(mschap), {
      outcome: 'reject',
      reason: 'denied by the policy staff',
      message: 'not now',
    });
    assert.deepEqual(last(rig), ['bob', 'mschap', 'reject', 'denied by the policy staff']);
    await ask(pap('wrong', 'no\0body'));
    assert.equal(last(rig)[0], 'no\u{fffd}body', 'PostgreSQL can keep it');
    assert.ok(rig.state.recorded.every(({ facts }) => facts.nas === undefined));
  });
});
