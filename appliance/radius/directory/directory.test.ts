import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { DeviceRecord, VoucherRecord } from '../../access/index.ts';
import { createBus, SYSTEM } from '../../events/index.ts';
import { Attempts, CALLER_BURST, REFILL_MS, USER_BURST } from './attempts.ts';
import { type Account, AccountPasswords, Directory, macOf, voucherCode } from './index.ts';
import { MAX_PASSWORD_BYTES, MAX_WRONG, WRONG_FOR_MS } from './proofs.ts';
import { createRefresh, MAX_IDS } from './refresh.ts';
import { account, device, quiet, voucher } from './testing.ts';

/** Rows as a database would have them, and what was asked of it. */
function world() {
  const rows = {
    accounts: new Map<string, Account>(),
    devices: new Map<string, DeviceRecord>(),
    vouchers: new Map<string, VoucherRecord>(),
  };
  const reads: (readonly string[] | undefined)[] = [];
  let broken = false;
  const table =
    <R>(from: Map<string, R>) =>
    async (ids?: readonly string[]): Promise<R[]> => {
      if (broken) throw new Error('no database');
      reads.push(ids);
      return ids ? ids.flatMap((id) => from.get(id) ?? []) : [...from.values()];
    };
  const bus = createBus();
  const directory = new Directory({
    accounts: table(rows.accounts),
    devices: table(rows.devices),
    vouchers: table(rows.vouchers),
    log: quiet,
  });
  directory.listen(bus);
  const setBroken = (to: boolean): void => {
    broken = to;
  };
  let number = 0;
  const emit = (type: string, data: object) =>
    bus.deliver({ id: ++number, at: '', type, data: { ...data, actor: SYSTEM } });
  return { ...rows, reads, directory, emit, setBroken };
}

describe('the directory', () => {
  it('is loaded when everything has been read, also where the database comes late', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { accounts, directory, setBroken } = world();
    accounts.set('1', account('1', 'bob'));
    setBroken(true);
    const started = directory.start();
    t.mock.timers.tick(5);
    await new Promise(setImmediate);
    assert.equal(directory.loaded, false);
    setBroken(false);
    t.mock.timers.tick(1000);
    await started;
    assert.equal(directory.loaded, true);
    assert.equal(directory.user('BOB')?.id, '1');
    directory.stop();
  });

  it('lets the rest start without it where it cannot be read', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const { directory, setBroken } = world();
    setBroken(true);
    const started = directory.start();
    t.mock.timers.tick(5000);
    await started;
    assert.equal(directory.loaded, false);
    directory.stop();
  });

  it('makes a handful of reads of 10,000 events', async () => {
    const { accounts, reads, directory, emit } = world();
    await directory.start();
    reads.length = 0;
    for (let n = 0; n < 10_000; n++) {
      accounts.set(`${n}`, account(`${n}`, `u${n}`));
      await emit('identity.user.created', { userId: `${n}` });
    }
    await directory.settled();
    assert.ok(reads.length <= 10, `${reads.length} reads`);
    assert.equal(directory.size.users, 10_000);
    assert.equal(directory.user('u9999')?.id, '9999');
    directory.stop();
  });

  it('takes a name that moves from one to another, in whatever order they are read', async () => {
    for (const order of [
      ['1', '2'],
      ['2', '1'],
    ]) {
      const { accounts, directory, emit } = world();
      accounts.set('1', account('1', 'ann'));
      accounts.set('2', account('2', 'bob'));
      await directory.start();
      accounts.set('1', account('1', 'carl'));
      accounts.set('2', account('2', 'ann'));
      for (const userId of order) await emit('identity.user.updated', { userId, changed: ['username'] });
      await directory.settled();
      assert.equal(directory.user('ann')?.id, '2');
      assert.equal(directory.user('carl')?.id, '1');
      assert.equal(directory.user('bob'), undefined);
      directory.stop();
    }
  });

  it('is what the tables are after any changes (model)', async () => {
    const id = fc.constantFrom('1', '2', '3');
    const name = fc.constantFrom('ann', 'bob', 'cy');
    const step = fc.oneof(
      fc.record({ kind: fc.constant('user' as const), id, name, password: fc.option(fc.constantFrom('p', 'q')) }),
      fc.record({ kind: fc.constant('no user' as const), id }),
      fc.record({ kind: fc.constant('device' as const), id, name, mac: fc.constantFrom('a', 'b', 'c') }),
      fc.record({ kind: fc.constant('no device' as const), id }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const { accounts, devices, directory, emit } = world();
        await directory.start();
        for (const s of steps) {
          if (s.kind === 'user') {
            // Names are unique, as the table holds it.
            if ([...accounts.values()].some((other) => other.username === s.name && other.id !== s.id)) continue;
            accounts.set(s.id, { ...account(s.id, s.name), networkPassword: s.password });
          } else if (s.kind === 'device') {
            const mac = `02:00:00:00:00:0${s.mac}`;
            if ([...devices.values()].some((other) => other.mac === mac && other.id !== s.id)) continue;
            devices.set(s.id, { ...device(s.id, mac), name: s.name, networkPassword: 'x' });
          } else (s.kind === 'no user' ? accounts : devices).delete(s.id);
          if (s.kind === 'user' || s.kind === 'no user') {
            await emit('identity.user.updated', { userId: s.id, changed: [] });
          } else await emit('access.device.updated', { deviceId: s.id, mac: '', changed: [] });
        }
        await directory.settled();
        for (const login of ['ann', 'bob', 'cy']) {
          const want = [...accounts.values()].find((row) => row.username === login);
          const got = directory.user(login);
          assert.equal(got?.id, want?.id);
          assert.equal(got?.password && Buffer.from(got.password.bytes).toString(), want?.networkPassword ?? undefined);
          const named = [...devices.values()].filter((row) => row.name === login).map((row) => row.id);
          assert.equal(directory.deviceByName(login, undefined)?.id, named.sort()[0]);
        }
        for (const row of devices.values()) assert.equal(directory.deviceByMac(row.mac)?.id, row.id);
        assert.equal(directory.size.devices, devices.size);
        directory.stop();
      }),
      { numRuns: 15 },
    );
  });

  it('reads vouchers again when a batch is made; a first use that is being written is kept', async () => {
    const { vouchers, directory, emit } = world();
    await directory.start();
    vouchers.set('1', { ...voucher('1', 'ABCD-EFGH'), duration: 60 });
    await emit('access.vouchers.created', { batchId: 'b', count: 1 });
    await directory.settled();
    const entry = directory.voucher('abcd efgh');
    assert.ok(entry);
    entry.firstUsedAt = 5;
    await emit('access.voucher.updated', { voucherId: '1', changed: [] });
    await directory.settled();
    assert.equal(directory.voucherById('1')?.firstUsedAt, 5);
    vouchers.delete('1');
    await emit('access.voucher.deleted', { voucherId: '1' });
    await directory.settled();
    assert.equal(directory.voucher('ABCDEFGH'), undefined);
    directory.stop();
  });
});

describe('re-reading', () => {
  it('reads ids, and everything over the limit', async () => {
    const reads: (readonly string[] | undefined)[] = [];
    const refresh = createRefresh(
      async (ids) => void reads.push(ids),
      () => assert.fail(),
    );
    refresh.touch('a');
    refresh.touch('b');
    refresh.touch('a');
    await refresh.settled();
    for (let n = 0; n <= MAX_IDS + 100; n++) refresh.touch(`${n}`);
    await refresh.settled();
    assert.deepEqual(reads, [['a', 'b'], undefined]);
    refresh.stop();
  });

  it('reads once more what was named during a read, and repeats what failed', async (t) => {
    t.mock.timers.enable({ apis: ['setTimeout'] });
    const reads: (readonly string[] | undefined)[] = [];
    const errors: unknown[] = [];
    let release = (): void => undefined;
    const refresh = createRefresh(
      (ids) => {
        reads.push(ids);
        return new Promise((resolve, reject) => {
          release = reads.length === 2 ? () => reject(new Error('x')) : resolve;
        });
      },
      (error) => errors.push(error),
    );
    const turn = async (): Promise<void> => {
      release();
      await new Promise(setImmediate);
      t.mock.timers.tick(1000);
    };
    refresh.touch('a');
    t.mock.timers.tick(5);
    refresh.touch('a');
    await turn(); // the first ends, the second starts
    refresh.touch('b');
    await turn(); // the second fails
    await turn();
    await refresh.settled();
    assert.deepEqual(reads, [['a'], ['a'], ['b', 'a']]);
    assert.equal(errors.length, 1);
    refresh.stop();
    refresh.touch('c');
    await refresh.settled();
  });
});

describe('account passwords', () => {
  const rig = (verify: (userId: string, password: string) => Promise<boolean>) => {
    const state = { now: 0, calls: 0, failures: 0 };
    const passwords = new AccountPasswords({
      verify: (userId, password) => {
        state.calls++;
        return verify(userId, password);
      },
      failed: () => void state.failures++,
      monotonic: () => state.now,
    });
    return { state, passwords };
  };
  const proof = (version = 1) => ({ userId: 'u', version, proven: undefined as string | undefined });

  it('cost argon2 once, and again for another version, user or process', async () => {
    const { state, passwords } = rig(async (_, password) => password === 'right');
    const account = proof();
    assert.equal(await passwords.check(account, Buffer.from('right'), 'm'), 'right');
    assert.equal(passwords.check(account, Buffer.from('right'), 'm'), 'right', 'at once');
    assert.equal(state.calls, 1);
    const kept = { ...proof(2), proven: account.proven };
    assert.ok(passwords.check(kept, Buffer.from('right'), 'm') instanceof Promise);
    const other = { ...account, userId: 'v' };
    assert.ok(passwords.check(other, Buffer.from('right'), 'm') instanceof Promise);
    assert.ok(rig(async () => true).passwords.check({ ...account }, Buffer.from('right'), 'm') instanceof Promise);
  });

  it('ask once for what is under check, and know a wrong one for half a minute', async () => {
    const { state, passwords } = rig(async () => false);
    const account = proof();
    const both = [passwords.check(account, Buffer.from('x'), 'm'), passwords.check(account, Buffer.from('x'), 'n')];
    assert.deepEqual(await Promise.all(both), ['wrong', 'wrong']);
    assert.equal(state.calls, 1);
    assert.equal(passwords.check(account, Buffer.from('x'), 'm'), 'wrong');
    state.now = WRONG_FOR_MS;
    assert.equal(await passwords.check(account, Buffer.from('x'), 'm'), 'wrong');
    assert.equal(state.calls, 2);
  });

  it('are busy where they could not be checked, and that is not remembered', async () => {
    let broken = true;
    const { state, passwords } = rig(async () => {
      if (broken) throw new Error('full');
      return true;
    });
    const account = proof();
    assert.equal(await passwords.check(account, Buffer.from('x'), 'm'), 'busy');
    assert.equal(state.failures, 1);
    broken = false;
    assert.equal(await passwords.check(account, Buffer.from('x'), 'm'), 'right');
  });

  it('are refused unseen where they are longer than any, and remember no more than their limit', async () => {
    const { state, passwords } = rig(async () => false);
    assert.equal(passwords.check(proof(), new Uint8Array(MAX_PASSWORD_BYTES + 1), 'm'), 'wrong');
    assert.equal(state.calls, 0);
    await passwords.check(proof(), new Uint8Array(MAX_PASSWORD_BYTES), 'm');
    assert.equal(state.calls, 1);
    for (let n = 0; n < MAX_WRONG + 10; n++) {
      await passwords.check({ userId: `u${n}`, version: 1, proven: undefined }, Buffer.from('x'), 'm');
    }
    assert.equal(passwords.remembered, MAX_WRONG);
  });

  it('are throttled by caller and by user, not for a caller that has proved it', async () => {
    const { state, passwords } = rig(async (_, password) => password === 'right');
    const account = proof();
    const wrong = (n: number, caller: string) => passwords.check(account, Buffer.from(`${n}`), caller);
    for (let n = 0; n < CALLER_BURST; n++) assert.equal(await wrong(n, 'm'), 'wrong');
    assert.equal(await wrong(99, 'm'), 'throttled');
    assert.equal(await passwords.check(account, Buffer.from('right'), 'own'), 'right');
    for (let n = CALLER_BURST; n < USER_BURST; n++) assert.equal(await wrong(n, `m${n}`), 'wrong');
    assert.equal(await wrong(100, 'another'), 'throttled');
    assert.equal(await wrong(100, 'own'), 'wrong');
    state.now += 2 * REFILL_MS;
    assert.equal(await wrong(101, 'another'), 'wrong');
  });

  it('hold a bounded number of failures', () => {
    const attempts = new Attempts();
    for (let n = 0; n < 30_000; n++) {
      attempts.failed(`u${n}`, 'm', 0);
      attempts.succeeded(`u${n}`, 'n');
    }
    assert.equal(attempts.size, 30_000);
  });
});

describe('notations', () => {
  it('of a MAC address', () => {
    const mac = '02:0a:fb:11:22:33';
    for (const text of [
      '020afb112233',
      '02-0A-FB-11-22-33',
      '02:0a:fb:11:22:33',
      '020a.fb11.2233',
      '020A-FB11-2233',
      '020afb-112233',
    ]) {
      assert.equal(macOf(text), mac, text);
    }
    for (const text of [
      '',
      'bob',
      '020afb11223',
      '020afb11223g',
      '02-0A:FB-11-22-33',
      '02 0A FB 11 22 33',
      '0-20A-FB-11-22-33',
      '020afb11.2233.',
      '02:0a:fb:11:22:33:44',
    ]) {
      assert.equal(macOf(text), undefined, text);
    }
    fc.assert(fc.property(fc.string({ maxLength: 20 }), (text) => void macOf(text)));
  });

  it("of a voucher's code", () => {
    for (const text of ['ABCD-EFGH', 'abcdefgh', ' abcd efgh ', 'ABCD_EF.GH']) {
      assert.equal(voucherCode(text), 'ABCDEFGH');
    }
  });
});
