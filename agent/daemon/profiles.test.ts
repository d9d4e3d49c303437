import assert from 'node:assert/strict';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import fsp from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, test } from 'node:test';
import { type Identity, type Pending, publicKeyOf } from '../controller/index.ts';
import { credentialHash, newCredential, newPrivateKey } from '../controller/keys.ts';
import { spokeState } from '../controller/testing/fake-controller.ts';
import { makeStateFolder } from './files.ts';
import { profileFolder } from './profile-folder.ts';
import { MAX_PROFILES, Profiles } from './profiles.ts';
import { AgentStore } from './store.ts';

const identity = (peerId: string, more: Partial<Identity> = {}): Identity => ({
  url: 'https://gate.example',
  allowHttp: false,
  privateKey: newPrivateKey(),
  credential: newCredential(),
  networkId: 'net-1',
  peerId,
  peerName: `laptop of ${peerId}`,
  ...more,
});
const pendingOf = ({ url, allowHttp, privateKey, credential }: Identity, add: boolean): Pending => ({
  ...{ url, allowHttp, privateKey, credential, add },
  token: 'token',
});

const CHANGING = ['rename', 'rm', 'rmdir', 'open', 'mkdir'] as const;

/** Runs `work` on a machine that loses its power at its `nth` touch of the disk; true when it came so far. */
async function crashAt(nth: number, work: () => Promise<void>): Promise<boolean> {
  const saved = Object.fromEntries(CHANGING.map((name) => [name, fsp[name]]));
  let touched = 0;
  for (const name of CHANGING) {
    const real = fsp[name] as (...args: unknown[]) => Promise<unknown>;
    Object.assign(fsp, {
      [name]: (...args: unknown[]) => {
        touched += 1;
        return touched > nth ? Promise.reject(new Error('the power is gone')) : real(...args);
      },
    });
  }
  syncBuiltinESMExports();
  try {
    await work().catch((error: Error) => assert.equal(error.message, 'the power is gone', `${error.stack}`));
  } finally {
    Object.assign(fsp, saved);
    syncBuiltinESMExports();
  }
  return touched > nth;
}

describe('profiles', () => {
  let folder: string;
  let log: string[];
  beforeEach(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-profiles-'));
    log = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const store = (at = folder) => new AgentStore(at, (message) => log.push(message));
  const load = async (at = folder): Promise<Profiles> => {
    const profiles = new Profiles(store(at), (message) => log.push(message));
    await profiles.load();
    return profiles;
  };
  const keys = async (at: string): Promise<string[]> =>
    (await store(at).readIdentities()).identities.map(({ privateKey }) => privateKey).sort();

  /** Does `work` in copies of the folder, crashing at each touch of the disk, and looks at what is left each time. */
  const crashes = async (
    work: (profiles: Profiles) => Promise<void>,
    look: (at: string) => Promise<void>,
  ): Promise<number> => {
    for (let nth = 0; ; nth += 1) {
      const at = `${folder}-${nth}`;
      cpSync(folder, at, { recursive: true });
      try {
        const crashed = await crashAt(nth, async () => work(await load(at)));
        await look(at);
        if (!crashed) return nth;
      } finally {
        rmSync(at, { recursive: true });
      }
    }
  };

  test('one after the other, found by id and by name', async () => {
    const [office, home] = [identity('peer-office'), identity('peer-home', { url: 'https://home.example' })];
    const profiles = await load();
    assert.deepEqual([profiles.active, profiles.list(), profiles.problem], [null, [], null]);
    await profiles.commit(office, false);
    await profiles.commit(home, true);
    await store().writeNetwork('peer-office', {
      epoch: 'e',
      seq: 1,
      state: spokeState(publicKeyOf(office.privateKey)),
      addresses: {},
    });
    const again = await load();
    assert.equal(again.active?.peerId, 'peer-home');
    assert.deepEqual(
      again.list().map(({ id, networkName, peerName, active }) => [id, networkName, peerName, active]),
      [
        ['peer-office', 'office', 'laptop', false],
        ['peer-home', null, 'laptop of peer-home', true],
      ],
    );
    for (const text of ['peer-office', 'office', 'Office', 'laptop'])
      assert.equal(again.find(text).peerId, 'peer-office');
    assert.throws(() => again.find('nowhere'), {
      code: 'unknown-profile',
      message: /office \(laptop, id peer-office\), laptop of/,
    });
    again.named('peer-home', 'laptop', 'home');
    assert.throws(() => again.find('laptop'), { code: 'unknown-profile', message: /More than one.*say its id/ });
    await again.activate(again.find('office'));
    assert.equal((await load()).active?.peerId, 'peer-office');
    await again.remove(again.find('office'));
    assert.equal(again.active?.peerId, 'peer-home');
    await again.remove(again.find('home'));
    assert.deepEqual([again.active, (await load()).list()], [null, []]);
    assert.deepEqual(readdirSync(folder), []);
  });

  test('what was cut off is replaced, and kept with add; the same peer anew takes its place', async () => {
    const profiles = await load();
    const first = identity('peer-first');
    await profiles.commit(first, false);
    await profiles.update({ ...first, revoked: 'cut off' });
    await profiles.commit(identity('peer-second'), true);
    await profiles.activate(profiles.find('peer-first'));
    await profiles.commit(identity('peer-third'), false);
    assert.deepEqual(
      profiles
        .list()
        .map(({ id }) => id)
        .sort(),
      ['peer-second', 'peer-third'],
    );
    const anew = identity('peer-second');
    await profiles.commit(anew, true);
    const { identities } = await store().readIdentities();
    assert.equal(identities.find(({ peerId }) => peerId === 'peer-second')?.privateKey, anew.privateKey);
    assert.equal(identities.length, 2);
  });

  test("another controller can't take a profile's place by its id", async () => {
    const profiles = await load();
    const mine = identity('peer-mine');
    await profiles.commit(mine, false);
    const theirs = identity('peer-mine', { url: 'https://elsewhere.example' });
    await assert.rejects(profiles.commit(theirs, true), {
      code: 'already-enrolled',
      message: /gatehouse leave --profile/,
    });
    assert.deepEqual(await keys(folder), [mine.privateKey]);
  });

  test('ids that are no plain names become folders all the same', async () => {
    const profiles = await load();
    for (const peerId of ['../../../etc', 'A', 'a', 'nul', '', 'x'.repeat(300), 'Größe/1']) {
      assert.match(profileFolder(peerId), /^_[0-9a-f]{64}$/);
      await profiles.commit(identity(peerId), true);
    }
    assert.equal((await load()).list().length, 7);
    assert.deepEqual(readdirSync(folder).sort(), ['active.json', 'profiles']);
  });

  test('names that a controller chose badly are bounded and drive no terminal', async () => {
    const profiles = await load();
    await profiles.commit(identity('peer-1', { peerName: 'a\u001b[2Jb' }), false);
    assert.equal(profiles.list()[0]?.peerName, 'a?[2Jb');
    profiles.named('peer-1', '\u202elaptop', 'x'.repeat(100_000));
    const [{ peerName, networkName } = assert.fail()] = profiles.list();
    assert.deepEqual([peerName, networkName?.length], ['?laptop', 253]);
    // Found by what people were shown.
    assert.equal(profiles.find('?laptop').peerId, 'peer-1');
  });

  test('full at the bound', async () => {
    const profiles = await load();
    for (let i = 0; i < MAX_PROFILES; i += 1) {
      assert.equal(profiles.full, false);
      await profiles.commit(identity(`peer-${i}`), true);
    }
    assert.equal(profiles.full, true);
  });

  test('a damaged identity is said and kept beside; the others can be used', async () => {
    const profiles = await load();
    await profiles.commit(identity('peer-good'), false);
    await profiles.commit(identity('peer-bad'), true);
    const bad = path.join(folder, 'profiles', 'peer-bad', 'identity.json');
    writeFileSync(bad, '{"url":');
    const again = await load();
    assert.equal(again.active, null);
    assert.match(again.problem ?? '', /identity\.json is damaged.*enroll anew/);
    await again.activate(again.find('peer-good'));
    assert.equal(again.problem, null);
    assert.equal(readFileSync(bad, 'utf8'), '{"url":');
    writeFileSync(path.join(folder, 'active.json'), '{"profile":"peer-bad"}');
    const third = await load();
    await third.removeDamaged();
    assert.equal(third.active?.peerId, 'peer-good');
    assert.ok(existsSync(`${bad}.damaged`));
    const moved = path.join(folder, 'profiles', 'peer-else', 'identity.json');
    cpSync(path.join(folder, 'profiles', 'peer-good'), path.dirname(moved), { recursive: true });
    assert.equal((await load()).list().length, 1);
    assert.match(log.at(-1) ?? '', /another device's/);
  });

  test('an older layout is taken over, whenever the power goes', async () => {
    const old = identity('peer-old');
    const state = spokeState(publicKeyOf(old.privateKey));
    writeFileSync(path.join(folder, 'identity.json'), JSON.stringify(old));
    writeFileSync(path.join(folder, 'network.json'), JSON.stringify({ epoch: 'e', seq: 1, state, addresses: {} }));
    writeFileSync(path.join(folder, 'target.json'), '{"target":"up"}');
    const steps = await crashes(
      async () => undefined,
      async (at) => {
        const profiles = await load(at);
        assert.equal(profiles.active?.privateKey, old.privateKey);
        assert.equal((await store(at).readNetwork(old))?.seq, 1);
        assert.equal(await store(at).readTarget(), 'up');
        assert.ok(!existsSync(path.join(at, 'identity.json')) && !existsSync(path.join(at, 'network.json')));
      },
    );
    assert.ok(steps > 8, `${steps} steps`);
  });

  test('what an agent from before profiles enrolled meanwhile is one more, and the profiles are as they were', async () => {
    const [home, office] = [identity('peer-home'), identity('peer-office')];
    const profiles = await load();
    await profiles.commit(home, false);
    // It knows nothing of profiles: for it this device was enrolled nowhere.
    writeFileSync(path.join(folder, 'identity.json'), JSON.stringify(office));
    const again = await load();
    assert.equal(again.active?.peerId, 'peer-office');
    assert.equal(again.find('peer-home').privateKey, home.privateKey);
    assert.equal(again.problem, null);
  });

  test('an enrollment ends whenever the power goes: nothing is lost, and the same commit completes it', async () => {
    const before = await load();
    const [first, second] = [identity('peer-first'), identity('peer-second')];
    await before.commit(first, false);
    await store().writePending(pendingOf(second, true));
    await crashes(
      (profiles) => profiles.commit(second, true),
      async (at) => {
        const profiles = await load(at);
        const pending = await profiles.readPending();
        const found = await keys(at);
        assert.ok(found.includes(first.privateKey));
        assert.ok(pending?.privateKey === second.privateKey || found.includes(second.privateKey));
        assert.ok(profiles.active);
        await profiles.commit(profiles.withKey(second.privateKey) ?? second, true);
        assert.deepEqual(await keys(at), [first.privateKey, second.privateKey].sort());
        assert.equal((await load(at)).active?.peerId, 'peer-second');
        assert.equal(await profiles.readPending(), null);
      },
    );
  });

  test('so do leaving and switching', async () => {
    const before = await load();
    const all = [identity('peer-a'), identity('peer-b'), identity('peer-c')];
    for (const each of all) await before.commit(each, true);
    const kept = all.slice(0, 2).map(({ privateKey }) => privateKey);
    await crashes(
      (profiles) => profiles.remove(profiles.find('peer-c')),
      async (at) => {
        const found = await keys(at);
        for (const key of kept) assert.ok(found.includes(key));
        const profiles = await load(at);
        assert.ok(profiles.active);
        const left = profiles.list().find(({ id }) => id === 'peer-c');
        if (left) await profiles.remove(profiles.find('peer-c'));
        assert.deepEqual(readdirSync(path.join(at, 'profiles')), ['peer-a', 'peer-b']);
      },
    );
    await crashes(
      (profiles) => profiles.activate(profiles.find('peer-a')),
      async (at) => {
        assert.equal((await keys(at)).length, 3);
        assert.ok(['peer-a', 'peer-c'].includes((await load(at)).active?.peerId ?? ''));
      },
    );
  });

  test('keys that a killed write left beside are removed', async () => {
    await makeStateFolder(path.join(folder, 'profiles', 'peer-a'));
    const beside = path.join(folder, 'profiles', 'peer-a', 'identity.json.0123456789ab.tmp');
    writeFileSync(beside, credentialHash('x'));
    await load();
    assert.ok(!existsSync(beside));
  });
});
