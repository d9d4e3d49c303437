import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import type { Update } from '../../core/types.ts';
import { get, nodeRequest } from './http.ts';
import { fileMemory } from './memory.ts';
import { installCommand, packageKind } from './packages.ts';
import type { Channel, PackageKind } from './release.ts';
import { appStub, describeRelease, type Feed, releaseKey, signatureOf, startFeed } from './testing.ts';
import { createUpdater, type UpdaterOptions } from './updater.ts';

const { privateKey, publicText } = releaseKey();
const PACKAGES: Record<PackageKind, { platform: string; file: (version: string) => string }> = {
  nsis: { platform: 'win32', file: (version) => `Gatehouse-${version}-win-x64.exe` },
  pkg: { platform: 'darwin', file: (version) => `Gatehouse-${version}-mac-universal.pkg` },
  deb: { platform: 'linux', file: (version) => `Gatehouse-${version}-linux-amd64.deb` },
  rpm: { platform: 'linux', file: (version) => `Gatehouse-${version}-linux-x86_64.rpm` },
  appimage: { platform: 'linux', file: (version) => `Gatehouse-${version}-linux-x86_64.AppImage` },
};
const body = Buffer.alloc(300_000, 'a package of the new version ');

async function setUp(t: TestContext, kind: PackageKind, changes: Partial<UpdaterOptions> = {}) {
  const feed = await startFeed(t);
  const stub = appStub(t, '1.0.0');
  const states: Update[] = [];
  const ran: string[][] = [];
  const updater = createUpdater({
    app: stub.app,
    platform: PACKAGES[kind].platform,
    arch: 'x64',
    kind,
    keys: publicText,
    feed: () => feed.url,
    channel: () => 'stable',
    memory: fileMemory(path.join(stub.folder, 'updates.json')),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    onChange: (update) => states.push(update),
    now: () => new Date('2026-11-22T12:00:00Z'),
    run: async (command) => void ran.push([...command]),
    ...changes,
  });
  return { feed, updater, states, ran, ...stub };
}

/** Puts a release of a kind into the feed. */
function publish(feed: Feed, kind: PackageKind, version: string, name: string, bytes = body, expires?: string): string {
  const file = PACKAGES[kind].file(version);
  const description = describeRelease(version, { [file]: bytes }, undefined, expires);
  feed.files.set(name, description);
  feed.files.set(`${name}.sig`, signatureOf(description, privateKey));
  feed.files.set(file, bytes);
  return file;
}

const NAMES: Record<PackageKind, string> = {
  nsis: 'latest.yml',
  pkg: 'latest-mac.yml',
  deb: 'latest-linux.yml',
  rpm: 'latest-linux.yml',
  appimage: 'latest-linux.yml',
};

for (const kind of ['nsis', 'deb', 'rpm', 'pkg', 'appimage'] as const) {
  test(`${kind}: a signed release is downloaded by electron-updater, and is ready`, async (t) => {
    const { feed, updater, states, folder } = await setUp(t, kind);
    if (kind === 'appimage') {
      const old = path.join(folder, 'Gatehouse.AppImage');
      writeFileSync(old, 'the old one');
      process.env.APPIMAGE = old;
      t.after(() => delete process.env.APPIMAGE);
    }
    const file = publish(feed, kind, '1.2.0', NAMES[kind]);
    await updater.check();
    assert.deepEqual(updater.state(), { kind: 'ready', version: '1.2.0' });
    assert.deepEqual(states[0], { kind: 'checking' });
    assert.deepEqual(states[1], { kind: 'downloading', version: '1.2.0', percent: 0 });
    assert.deepEqual(readFileSync(path.join(folder, 'cache', 'pending', file)), body);
    const asked = feed.asked.length;
    await updater.check();
    assert.equal(updater.state().kind, 'ready');
    assert.deepEqual(feed.asked.slice(asked), [`/updates/${NAMES[kind]}`, `/updates/${NAMES[kind]}.sig`]);
  });

  test(`${kind}: a file that was tampered with is refused`, async (t) => {
    const { feed, updater, folder } = await setUp(t, kind);
    if (kind === 'appimage') {
      process.env.APPIMAGE = path.join(folder, 'Gatehouse.AppImage');
      writeFileSync(process.env.APPIMAGE, 'the old one');
      t.after(() => delete process.env.APPIMAGE);
    }
    const file = publish(feed, kind, '1.2.0', NAMES[kind]);
    const tampered = Buffer.from(body);
    tampered[1000] = tampered[1000]! ^ 1;
    feed.files.set(file, tampered);
    await updater.check();
    const state = updater.state();
    assert.equal(state.kind, 'failed');
    assert.match((state as { message: string }).message, /checksum mismatch/);
    assert.equal(existsSync(path.join(folder, 'cache', 'pending', file)), false);
  });
}

test('what is not signed as it should be is not downloaded', async (t) => {
  const { feed, updater } = await setUp(t, 'deb');
  const file = publish(feed, 'deb', '1.2.0', 'latest-linux.yml');
  const description = feed.files.get('latest-linux.yml') as string;

  feed.files.delete('latest-linux.yml.sig');
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /no signature/);

  feed.files.set('latest-linux.yml.sig', signatureOf(description, releaseKey().privateKey));
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /not signed/);

  feed.files.set('latest-linux.yml.sig', 'x'.repeat(100_000));
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /more than was announced/);

  // Another file than the one that was signed for.
  publish(feed, 'deb', '1.2.0', 'latest-linux.yml');
  feed.files.set('latest-linux.yml', description.replace(file, file.replace('1.2.0', '6.6.6')));
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /not signed/);
  assert.equal(feed.asked.includes(`/updates/${file}`), false);
});

test('a server that goes back in time, redirects, floods or answers wrongly is refused, and the next check works', async (t) => {
  const { feed, updater, folder } = await setUp(t, 'deb');
  publish(feed, 'deb', '1.1.0', 'latest-linux.yml');
  const old = new Map(feed.files);
  publish(feed, 'deb', '1.2.0', 'latest-linux.yml');
  const file = PACKAGES.deb.file('1.2.0');
  feed.files.set(file, Buffer.concat([body, body]));
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /more than was announced/);

  for (const [name, bytes] of old) feed.files.set(name, bytes);
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /older than 1\.2\.0/);
  // A restart doesn't forget.
  assert.equal(fileMemory(path.join(folder, 'updates.json')).get('stable')?.version, '1.2.0');

  feed.answer = (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end();
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /redirects/);
  feed.answer = (_request, response) => void response.writeHead(500).end('x');
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /answered 500/);
  feed.answer = (request) => void request.socket.destroy();
  await updater.check();
  assert.equal(updater.state().kind, 'failed');
  feed.answer = undefined;

  publish(feed, 'deb', '1.2.0', 'latest-linux.yml');
  await updater.check();
  assert.deepEqual(updater.state(), { kind: 'ready', version: '1.2.0' });
});

test('nothing newer: none; no releases at all: none; not enrolled: nothing is asked', async (t) => {
  let url: string | null = null;
  const { feed, updater } = await setUp(t, 'deb', { feed: () => url });
  await updater.check();
  assert.deepEqual([updater.state(), feed.asked], [{ kind: 'none', checked: null }, []]);
  url = feed.url;
  await updater.check();
  assert.deepEqual(updater.state(), { kind: 'none', checked: '2026-11-22T12:00:00.000Z' });
  for (const version of ['0.9.0', '1.0.0']) {
    publish(feed, 'deb', version, 'latest-linux.yml');
    await updater.check();
    assert.equal(updater.state().kind, 'none');
  }
  url = 'ftp://127.0.0.1/';
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /no address of updates/);
});

test('a feed that is frozen is found out at the end that was signed, and what it offers is taken all the same', async (t) => {
  let now = '2026-11-22T12:00:00.000Z';
  const END = '2027-02-18T10:00:00.000Z';
  const { feed, updater, states, folder } = await setUp(t, 'deb', { now: () => new Date(now) });
  publish(feed, 'deb', '1.0.0', 'latest-linux.yml', body, END);
  await updater.check();
  assert.deepEqual(updater.state(), { kind: 'none', checked: now });

  // Whoever holds the folder shows the same again and again: believed until the end, and no longer.
  now = '2027-02-18T10:00:00.000Z';
  await updater.check();
  assert.deepEqual(updater.state(), { kind: 'none', checked: now, stale: END });
  // Or empties it, or breaks it.
  const frozen = new Map(feed.files);
  feed.files.clear();
  await updater.check();
  assert.deepEqual(updater.state(), { kind: 'none', checked: now, stale: END });
  feed.answer = (_request, response) => void response.writeHead(500).end();
  await updater.check();
  assert.deepEqual([updater.state().kind, updater.state().stale], ['failed', END]);
  feed.answer = undefined;
  // Whoever looks meanwhile doesn't see it come and go.
  assert.ok(states.slice(-4).every(({ stale }) => stale === END));

  // After a restart too, and one who has never seen this feed is told by what it shows.
  for (const file of [path.join(folder, 'updates.json'), path.join(folder, 'fresh.json')]) {
    const other = await setUp(t, 'deb', { now: () => new Date(now), feed: () => feed.url, memory: fileMemory(file) });
    if (file.endsWith('fresh.json')) for (const [name, bytes] of frozen) feed.files.set(name, bytes);
    await other.updater.check();
    assert.equal(other.updater.state().stale, END, file);
  }

  // Signed again, nothing built: all is well.
  publish(feed, 'deb', '1.0.0', 'latest-linux.yml', body, '2027-05-20T00:00:00.000Z');
  await updater.check();
  assert.deepEqual(updater.state(), { kind: 'none', checked: now });
  // The signature of before is no way back.
  for (const [name, bytes] of frozen) feed.files.set(name, bytes);
  await updater.check();
  assert.deepEqual(updater.state(), { kind: 'none', checked: now });

  // An old word of a newer version is better than an even older one; that there may be a newer one yet is said.
  publish(feed, 'deb', '1.2.0', 'latest-linux.yml', body, '2027-01-01T00:00:00.000Z');
  await updater.check();
  const ready = { kind: 'ready', version: '1.2.0', stale: '2027-01-01T00:00:00.000Z' };
  assert.deepEqual(updater.state(), ready);
  feed.files.clear();
  feed.answer = (request) => void request.socket.destroy();
  await updater.check();
  assert.deepEqual(updater.state(), ready);
});

test('a description without an end is refused', async (t) => {
  const { feed, updater } = await setUp(t, 'deb');
  publish(feed, 'deb', '1.2.0', 'latest-linux.yml');
  const text = (feed.files.get('latest-linux.yml') as string).replace(/^expires: .*\n/m, '');
  feed.files.set('latest-linux.yml', text);
  feed.files.set('latest-linux.yml.sig', signatureOf(text, privateKey));
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /does not say until when it counts/);
});

test('a server that drips is given up: it cannot keep the app at one update', async (t) => {
  const feed = await startFeed(t);
  feed.answer = (_request, response) => {
    response.writeHead(200, { 'content-length': 1_000_000 });
    const timer = setInterval(() => response.write('x'), 5);
    response.once('close', () => clearInterval(timer));
  };
  const drip = get(nodeRequest, new URL(`${feed.url}/latest.yml`), 1000, { idleMs: 500, bytesPerSecond: 1e6 });
  // At a byte each 5 ms it is never idle, and has not sent too much by then.
  await assert.rejects(drip, /is too slow/);
  feed.answer = () => undefined;
  const silent = get(nodeRequest, new URL(`${feed.url}/latest.yml`), 1e6, { idleMs: 50, bytesPerSecond: 1 });
  await assert.rejects(silent, /does not answer/);
});

test('the channel is asked for at each check', async (t) => {
  let channel: Channel = 'stable';
  const { feed, updater } = await setUp(t, 'deb', { channel: () => channel });
  publish(feed, 'deb', '1.3.0-beta.1', 'beta-linux.yml');
  await updater.check();
  assert.equal(updater.state().kind, 'none');
  channel = 'beta';
  await updater.check();
  assert.deepEqual(updater.state(), { kind: 'ready', version: '1.3.0-beta.1' });
});

test('a signed test version under the name of the finished one is refused', async (t) => {
  const { feed, updater } = await setUp(t, 'deb');
  publish(feed, 'deb', '1.3.0-beta.1', 'latest-linux.yml');
  await updater.check();
  assert.match(JSON.stringify(updater.state()), /test version/);
});

test('an installation checks the file again, then leaves it to the system', async (t) => {
  const { feed, updater, ran, told, folder } = await setUp(t, 'deb');
  const file = path.join(folder, 'cache', 'pending', publish(feed, 'deb', '1.2.0', 'latest-linux.yml'));
  await updater.install();
  assert.deepEqual([ran, told], [[], { quit: 0, relaunch: 0 }]);
  await updater.check();
  await updater.install();
  const proof = ['latest-linux.yml', 'latest-linux.yml.sig'].map((name) =>
    Buffer.from(feed.files.get(name)!).toString('base64'),
  );
  assert.deepEqual(ran, [['/usr/bin/pkexec', '/usr/lib/gatehouse/install-update', 'deb', file, ...proof]]);
  assert.deepEqual(told, { quit: 1, relaunch: 1 });

  writeFileSync(file, 'something else');
  await updater.install();
  assert.equal(ran.length, 1);
  assert.match(JSON.stringify(updater.state()), /changed on this computer/);
  // It is downloaded anew.
  await updater.check();
  assert.equal(updater.state().kind, 'ready');
});

test('an installation that fails or is declined says so, and the app stays', async (t) => {
  const { feed, updater, told } = await setUp(t, 'rpm', {
    run: () => Promise.reject(new Error('Request dismissed')),
  });
  publish(feed, 'rpm', '1.2.0', 'latest-linux.yml');
  await updater.check();
  await updater.install();
  assert.match(JSON.stringify(updater.state()), /Request dismissed/);
  assert.deepEqual(told, { quit: 0, relaunch: 0 });
  await updater.check();
  assert.equal(updater.state().kind, 'ready');
});

test('without a key, or not from a package, updates are off and say why', async (t) => {
  const noKey = await setUp(t, 'deb', { keys: '' });
  await noKey.updater.check();
  assert.deepEqual(noKey.updater.state(), { kind: 'off', reason: 'no-key' });
  assert.deepEqual(noKey.feed.asked, []);
  const { updater } = await setUp(t, 'deb', { kind: null });
  assert.deepEqual(updater.state(), { kind: 'off', reason: 'no-package' });
});

test('how this copy was installed', (t) => {
  const { folder } = appStub(t, '1.0.0');
  const empty = mkdtempSync(path.join(folder, 'empty-'));
  assert.equal(packageKind('linux', empty, {}), null);
  assert.equal(packageKind('linux', empty, { APPIMAGE: '/home/a/Gatehouse.AppImage' }), 'appimage');
  writeFileSync(path.join(empty, 'package-type'), 'rpm');
  assert.equal(packageKind('linux', empty, {}), 'rpm');
  assert.equal(packageKind('win32', empty, {}), null);
  assert.equal(packageKind('win32', folder, {}), 'nsis');
  assert.equal(packageKind('darwin', folder, {}), 'pkg');
  const proof = { description: Buffer.from(''), signature: Buffer.from('') };
  for (const kind of ['deb', 'rpm', 'pkg'] as const) {
    assert.ok(path.isAbsolute(installCommand(kind, '/x', proof)![0]));
  }
});
