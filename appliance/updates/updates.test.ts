import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { pino } from 'pino';
import { run } from '../cli/index.ts';
import { createHttp, plainErrors } from '../http/index.ts';
import { listReleases, updatesRoutes } from './index.ts';

const DESCRIPTION = `version: 1.2.0
files:
  - url: Gatehouse-1.2.0-linux-x64.deb
    size: 10
releaseDate: '2026-11-20T10:00:00.000Z'
expires: '2027-02-18T10:00:00.000Z'
`;
const NOW = new Date('2026-11-22T12:00:00Z');

function layOut(t: TestContext): { data: string; folder: string } {
  const data = mkdtempSync(path.join(tmpdir(), 'gatehouse-updates-'));
  t.after(() => rmSync(data, { recursive: true, force: true }));
  const folder = path.join(data, 'updates');
  mkdirSync(path.join(folder, 'sub'), { recursive: true });
  writeFileSync(path.join(data, 'secret'), 'a secret');
  writeFileSync(path.join(folder, 'latest-linux.yml'), DESCRIPTION);
  writeFileSync(path.join(folder, 'latest-linux.yml.sig'), 'signature');
  writeFileSync(path.join(folder, 'Gatehouse-1.2.0-linux-x64.deb'), '0123456789');
  writeFileSync(path.join(folder, '.hidden'), 'hidden');
  writeFileSync(path.join(folder, 'sub', 'file'), 'below');
  symlinkSync('../secret', path.join(folder, 'link'));
  // Whoever opened it would wait for ever.
  execFileSync('mkfifo', [path.join(folder, 'pipe')]);
  return { data, folder };
}

async function start(t: TestContext, folder: string): Promise<URL> {
  const http = await createHttp({
    apis: [{ prefix: '/updates', errors: plainErrors, routes: [updatesRoutes(folder)] }],
    authenticate: async () => null,
    log: pino({ level: 'silent' }),
    subprotocols: [],
    sessionCookie: 'session',
    version: 'test',
  });
  t.after(() => http.close());
  return new URL(await http.listen('127.0.0.1', 0));
}

/** Without the tidying of addresses that `fetch` does. */
function raw(base: URL, target: string, method = 'GET', headers: Record<string, string> = {}) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: string }>((resolve, reject) => {
    const options = { host: base.hostname, port: base.port, path: target, method, headers, agent: false };
    request(options, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    })
      .on('error', reject)
      .end();
  });
}

test('releases are served whole and in ranges, and not twice', async (t) => {
  const base = await start(t, layOut(t).folder);
  const name = '/updates/Gatehouse-1.2.0-linux-x64.deb';
  const whole = await raw(base, name);
  assert.deepEqual([whole.status, whole.body], [200, '0123456789']);
  assert.equal(whole.headers['accept-ranges'], 'bytes');
  assert.equal(whole.headers['content-length'], '10');
  assert.equal(whole.headers['x-content-type-options'], 'nosniff');
  assert.equal(whole.headers['cache-control'], 'no-cache');

  const part = await raw(base, name, 'GET', { range: 'bytes=2-4' });
  assert.deepEqual([part.status, part.body, part.headers['content-range']], [206, '234', 'bytes 2-4/10']);
  assert.equal((await raw(base, name, 'GET', { range: 'bytes=50-' })).status, 416);
  const again = await raw(base, name, 'GET', { 'if-none-match': String(whole.headers.etag) });
  assert.deepEqual([again.status, again.body], [304, '']);
  const head = await raw(base, name, 'HEAD');
  assert.deepEqual([head.status, head.body, head.headers['content-length']], [200, '', '10']);

  const description = await raw(base, '/updates/latest-linux.yml?noCache=1');
  assert.deepEqual([description.status, description.body], [200, DESCRIPTION]);
  assert.match(String(description.headers['content-type']), /yaml/);
});

test('what lies there is data to a browser: no page and no script at the origin of the console', async (t) => {
  const { folder } = layOut(t);
  for (const name of ['x.html', 'x.svg', 'x.js', 'x.xml', 'x']) writeFileSync(path.join(folder, name), '<script>');
  const base = await start(t, folder);
  for (const name of ['x.html', 'x.svg', 'x.js', 'x.xml', 'x', 'Gatehouse-1.2.0-linux-x64.deb']) {
    for (const headers of [{}, { range: 'bytes=0-1' }]) {
      const answer = await raw(base, `/updates/${name}`, 'GET', headers);
      assert.equal(answer.headers['content-type'], 'application/octet-stream', name);
      assert.match(String(answer.headers['content-security-policy']), /^default-src 'none'/, name);
    }
  }
  const signature = await raw(base, '/updates/latest-linux.yml.sig');
  assert.match(String(signature.headers['content-type']), /^text\/plain/);
});

test('ranges: several give the whole once, a wrong one nothing, and a large file is not read for a part', async (t) => {
  const { folder } = layOut(t);
  // 8 GiB with no blocks on the disk, larger than what fits into memory here at once.
  const large = path.join(folder, 'large.pkg');
  writeFileSync(large, '');
  truncateSync(large, 8 * 2 ** 30);
  const base = await start(t, folder);
  const ask = (name: string, range: string) => raw(base, `/updates/${name}`, 'GET', { range });
  for (const many of [Array.from({ length: 500 }, () => '0-').join(','), '0-1,4-5,8-9', '5-,0-,2-'])
    assert.equal((await ask('Gatehouse-1.2.0-linux-x64.deb', `bytes=${many}`)).body, '0123456789', many);
  for (const range of ['bytes=9999999999999999999999-', 'bytes=7-3', 'bytes=-0'])
    assert.ok([200, 416].includes((await ask('Gatehouse-1.2.0-linux-x64.deb', range)).status), range);
  for (const range of ['bytes=0-1', `bytes=${8 * 2 ** 30 - 2}-`, 'bytes=-2']) {
    const part = await ask('large.pkg', range);
    assert.deepEqual([part.status, part.body], [206, '\0\0'], range);
  }
});

test('nothing else of the disk is: no list, no folder, no hidden file, no link, no way out', async (t) => {
  const base = await start(t, layOut(t).folder);
  const targets = [
    ...[
      '',
      '/',
      '/sub',
      '/sub/',
      '/sub/file',
      '/.hidden',
      '/link',
      '/pipe',
      '/missing',
      '/..',
      '/../secret',
      '/%2e%2e/secret',
    ],
    ...['/..%2fsecret', '/%2e%2e%2fsecret', '/..%5csecret', '/sub%2ffile', '//secret', '/./latest-linux.yml'],
    ...['/latest-linux.yml/', '/latest-linux.yml%00', '/%', `/${'a'.repeat(300)}`, '/latest-linux.yml%2f..%2flink'],
  ];
  for (const target of targets) {
    const { status, body } = await raw(base, `/updates${target}`);
    // The server takes a slash at the end of any address for none.
    if (target === '/latest-linux.yml/') continue;
    assert.ok(status >= 400 && status < 500, `${target}: ${status}`);
    assert.ok(!/secret'|a secret|hidden|below/.test(body.replace(/\/[^"]*/g, '')), `${target}: ${body}`);
  }
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) {
    assert.equal((await raw(base, '/updates/latest-linux.yml', method)).status, 404, method);
  }
});

test('without the folder there is nothing, until it is there', async (t) => {
  const { data, folder } = layOut(t);
  const later = path.join(data, 'later');
  const base = await start(t, later);
  assert.equal((await raw(base, '/updates/latest-linux.yml')).status, 404);
  assert.equal(listReleases(later), null);
  mkdirSync(later);
  writeFileSync(path.join(later, 'latest.yml'), 'x');
  assert.equal((await raw(base, '/updates/latest.yml')).body, 'x');
  assert.equal(listReleases(folder)?.length, 1);
});

test('releases are listed with what keeps apps from taking them', (t) => {
  const { folder } = layOut(t);
  const [release] = listReleases(folder, NOW) ?? [];
  assert.deepEqual(release, {
    name: 'latest-linux.yml',
    version: '1.2.0',
    released: '2026-11-20T10:00:00.000Z',
    expires: '2027-02-18T10:00:00.000Z',
    signed: true,
    files: [{ name: 'Gatehouse-1.2.0-linux-x64.deb', bytes: 10 }],
    problems: [],
    warnings: [],
  });
  rmSync(path.join(folder, 'latest-linux.yml.sig'));
  writeFileSync(path.join(folder, 'Gatehouse-1.2.0-linux-x64.deb'), 'short');
  writeFileSync(path.join(folder, 'beta.yml'), DESCRIPTION.replace('Gatehouse-1.2.0-linux-x64.deb', '../secret'));
  writeFileSync(path.join(folder, 'latest.yml'), 'a: [');
  symlinkSync('latest.yml', path.join(folder, 'latest-mac.yml'));
  // A key that stands twice: no app takes it.
  writeFileSync(path.join(folder, 'beta-mac.yml'), `${DESCRIPTION}version: 9.9.9\n`);
  const problems = (listReleases(folder, NOW) ?? []).map(({ name, problems }) => [name, problems]);
  assert.deepEqual(problems, [
    ['beta-mac.yml', ['it has no signature', "it can't be read"]],
    ['beta.yml', ['it has no signature', '../secret is not there']],
    ['latest-linux.yml', ['it has no signature', 'Gatehouse-1.2.0-linux-x64.deb has 5 bytes, not 10']],
    ['latest-mac.yml', ['it has no signature', "it can't be read"]],
    ['latest.yml', ['it has no signature', "it can't be read"]],
  ]);
});

test('until when a release counts is listed, with a word before that', (t) => {
  const { folder } = layOut(t);
  const at = (now: string) => {
    const [{ problems, warnings } = { problems: null, warnings: null }] = listReleases(folder, new Date(now)) ?? [];
    return { problems, warnings };
  };
  assert.deepEqual(at('2027-02-04T09:59:59Z'), { problems: [], warnings: [] });
  const soon = (words: string) => ({ problems: [], warnings: [`it counts for ${words}: sign it again`] });
  assert.deepEqual(at('2027-02-04T10:00:00Z'), soon('14 more days'));
  assert.deepEqual(at('2027-02-18T09:59:59Z'), soon('1 more day'));
  const ended = { problems: ['what it says has ended: sign it again'], warnings: [] };
  assert.deepEqual(at('2027-02-18T10:00:00Z'), ended);
  for (const line of ['', 'expires: never\n', "expires: ''\n"]) {
    writeFileSync(path.join(folder, 'latest-linux.yml'), DESCRIPTION.replace(/^expires: .*\n/m, line));
    assert.deepEqual(
      at('2026-11-22T12:00:00Z').problems,
      ['it does not say until when it counts: sign it again'],
      line,
    );
  }
});

test('the box lists them too', async (t) => {
  const { data, folder } = layOut(t);
  const call = async (...args: string[]) => {
    const lines: string[] = [];
    const out = (line: string) => void lines.push(line);
    const code = await run(args, { env: { GATEHOUSE_DATA: data }, cwd: data, stdin: process.stdin, out, err: out });
    return { code, lines };
  };
  // By the clock of the day.
  const until = new Date(Date.now() + 40 * 86_400_000).toISOString();
  const current = DESCRIPTION.replace('2027-02-18T10:00:00.000Z', until);
  writeFileSync(path.join(folder, 'latest-linux.yml'), current);
  const { code, lines } = await call('updates', 'list');
  assert.equal(code, 0);
  assert.match(lines[0] ?? '', /^FILE +VERSION +RELEASED +UNTIL +PACKAGES +STATE$/);
  const row = /^latest-linux\.yml +1\.2\.0 +2026-11-20 +(\S+) +1 +complete$/.exec(lines[1] ?? '');
  assert.equal(row?.[1], until.slice(0, 10));
  const { releases } = JSON.parse((await call('updates', 'list', '--json')).lines[0] ?? '');
  assert.deepEqual(releases, listReleases(folder));
  const hostile = current.replace('1.2.0', '"1.\\e[31m2\\u202e"').replace(/url: .*/, 'url: "a\\nb\\x9b"');
  writeFileSync(path.join(folder, 'beta.yml'), hostile);
  const shown = (await call('updates', 'list')).lines;
  assert.match(
    shown[1] ?? '',
    /^beta\.yml +1\.\?\[31m2\? +2026-11-20 +\S+ +1 +it has no signature; a\?b\? is not there$/,
  );
  rmSync(folder, { recursive: true });
  const gone = await call('updates', 'list');
  assert.deepEqual([gone.code, /no updates are served/.test(gone.lines.join())], [1, true]);
  // For programs too, which get their JSON all the same.
  const json = await call('updates', 'list', '--json');
  assert.deepEqual([json.code, JSON.parse(json.lines[0] ?? '')], [1, { folder, releases: [] }]);
  writeFileSync(folder, '');
  for (const args of [[], ['--json']]) {
    const file = await call('updates', 'list', ...args);
    assert.equal(file.code, 1);
    assert.match(file.lines.join('\n'), /^gatehouse-appliance: .*updates is no folder.*make a folder there\.$/);
  }
});
