import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { requires } from '../../test/requires.ts';
import type { Checked } from './check.ts';
import { foreignCa, must, openssl, startPki } from './testing.ts';

const derOf = (pem: string): Buffer => new X509Certificate(pem).raw;
const LONG = `${'a'.repeat(63)}.${'b'.repeat(63)}.example.com`;

describe('certificates of RadSec clients', requires('openssl'), () => {
  let pki: Awaited<ReturnType<typeof startPki>>;
  let folder: string;
  /** What the check said of the certificate when its revocation was heard of. */
  const whenHeard: Checked[] = [];
  let watched: Buffer | undefined;

  before(async () => {
    pki = await startPki({
      async heard({ type }) {
        if (type === 'pki.certificate.revoked' && watched) whenHeard.push(await pki.pki.check([watched], 'nas'));
      },
    });
    folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-nas-'));
    for (const name of ['radsec-1', 'ap.example.com', '192.0.2.7', '2001:db8::7', LONG]) pki.nas.add(name);
    await writeFile(path.join(folder, 'ca.pem'), (await pki.call('GET', 'ca.pem')).body);
  });
  after(async () => {
    await pki.close();
    await rm(folder, { recursive: true });
  });

  const issue = async (body: object) => {
    const answer = await pki.call('POST', 'certificates', { generate: true, ...body });
    assert.equal(answer.status, 201, JSON.stringify(answer.body));
    return answer.body;
  };

  test('the name is the subjectAltName; OU=NAS in the subject; for clients', async () => {
    for (const [nas, alternative] of [
      ['radsec-1', 'DNS:radsec-1'],
      ['AP.example.com', 'DNS:ap.example.com'],
      ['192.0.2.7', 'IP Address:192.0.2.7'],
      ['2001:DB8::7', 'IP Address:2001:DB8:0:0:0:0:0:7'],
      [LONG, `DNS:${LONG}`],
    ] as const) {
      const body = await issue({ nas, days: 30 });
      assert.deepEqual([body.nas, body.username], [nas.toLowerCase(), '']);
      const certificate = new X509Certificate(body.certificate);
      assert.equal(certificate.subjectAltName, alternative);
      assert.equal(certificate.subject, `OU=NAS\nCN=${nas.toLowerCase().slice(0, 64)}`);
      assert.equal(certificate.checkPrivateKey(createPrivateKey(body.private_key)), true);
      const file = path.join(folder, 'nas.pem');
      await writeFile(file, body.certificate);
      const verify = (purpose: string) =>
        openssl(['verify', '-CAfile', path.join(folder, 'ca.pem'), '-purpose', purpose, file]);
      assert.equal((await verify('sslclient')).code, 0);
      assert.notEqual((await verify('sslserver')).code, 0);
    }
  });

  test('for a key of its own, and as PKCS#12', async () => {
    const [key, csr] = [path.join(folder, 'csr.key'), path.join(folder, 'csr.pem')];
    const args = ['req', '-new', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', csr, '-subj', '/CN=alice'];
    await must([...args, '-addext', 'subjectAltName=DNS:evil.example.com']);
    const signed = await issue({ nas: 'radsec-1', generate: false, csr: await readFile(csr, 'utf8') });
    const certificate = new X509Certificate(signed.certificate);
    assert.deepEqual([certificate.subject, certificate.subjectAltName], ['OU=NAS\nCN=radsec-1', 'DNS:radsec-1']);
    assert.equal(certificate.checkPrivateKey(createPrivateKey(await readFile(key))), true);
    const { pkcs12, password, nas } = await issue({ nas: 'radsec-1', format: 'pkcs12' });
    assert.equal(nas, 'radsec-1');
    const file = path.join(folder, 'nas.p12');
    await writeFile(file, Buffer.from(pkcs12, 'base64'));
    assert.match(await must(['pkcs12', '-in', file, '-passin', `pass:${password}`, '-nodes']), /OU ?= ?NAS/);
  });

  test('a NAS is no user, and a user no NAS', async () => {
    pki.nas.add('alice');
    const nas = derOf((await issue({ nas: 'alice' })).certificate);
    const asNas = await pki.pki.check([nas], 'nas');
    assert.ok(asNas.ok);
    assert.deepEqual([asNas.login, asNas.facts.subject], ['', 'CN=alice,OU=NAS']);
    const refused = { ok: false, reason: 'this is a certificate of a NAS' };
    assert.deepEqual(await pki.pki.check([nas], 'user'), refused);
    assert.deepEqual(await pki.pki.check([nas]), refused, 'what is meant where nothing is said');
    for (const username of ['alice', 'alice,OU=NAS', 'alice+OU=NAS', 'alice/OU=NAS', 'alice@x.DNS:alice']) {
      const user = derOf((await issue({ username })).certificate);
      const asUser = await pki.pki.check([user]);
      assert.equal(asUser.ok && asUser.login, username);
      const reason = 'this is a certificate of a user, not of a NAS';
      assert.deepEqual(await pki.pki.check([user], 'nas'), { ok: false, reason });
    }
    assert.equal((await pki.pki.check([derOf(pki.pki.server().chain)], 'nas')).ok, false, "the server's own");
  });

  test('a sender of logs is a NAS, until it is revoked, and no person', async () => {
    const user = [derOf((await issue({ username: 'alice' })).certificate)];
    const reason = 'this is a certificate of a user, not of a NAS';
    assert.deepEqual(await pki.pki.check(user, 'sender'), { ok: false, reason });
    const issued = await issue({ nas: 'radsec-1' });
    const chain = [derOf(issued.certificate)];
    assert.equal((await pki.pki.check(chain, 'sender')).ok, true);
    assert.equal((await pki.call('POST', `certificates/${issued.id}/revoke`, {})).status, 204);
    const refused = { ok: false, reason: 'the certificate is revoked' };
    assert.deepEqual(await pki.pki.check(chain, 'sender'), refused);
  });

  test('what cannot be used is refused with the reason', async () => {
    for (const name of [
      'ap 1',
      'ap_1',
      '-ap',
      'ap-',
      'ap..x',
      '*.example.com',
      `${'a'.repeat(64)}.x`,
      'fe80::1%eth0',
      'ä',
    ])
      pki.nas.add(name);
    pki.nas.add('2001:db8:0::8');
    const before = (await pki.call('GET', 'certificates')).body.length;
    for (const [body, detail] of [
      [{}, /either username, or nas/],
      [{ username: 'alice', nas: 'radsec-1' }, /either username, or nas/],
      [{ nas: 'radsec-2' }, /there is no RadSec NAS radsec-2/],
      [{ nas: '' }, /nas/],
      [{ nas: 'a'.repeat(254) }, /nas/],
      [{ nas: 'ap 1' }, /neither a DNS name nor an IP address/],
      [{ nas: 'ap_1' }, /neither/],
      [{ nas: '-ap' }, /neither/],
      [{ nas: 'ap-' }, /neither/],
      [{ nas: 'ap..x' }, /neither/],
      [{ nas: '*.example.com' }, /neither/],
      [{ nas: `${'a'.repeat(64)}.x` }, /neither/],
      [{ nas: 'fe80::1%eth0' }, /neither/],
      [{ nas: 'ä' }, /neither/],
      [{ nas: '2001:db8:0::8' }, /written 2001:db8::8/],
      [{ nas: 'radsec-1', generate: false }, /either csr, or generate/],
      [{ nas: 'radsec-1', generate: false, csr: 'nonsense' }, /not a certificate request/],
    ] as [object, RegExp][]) {
      const answer = await pki.call('POST', 'certificates', { generate: true, ...body });
      assert.equal(answer.status, 422, JSON.stringify(body));
      assert.match(answer.body.detail, detail);
    }
    const forbidden = await pki.call('POST', 'certificates', { nas: 'radsec-1', generate: true }, 'user');
    assert.equal(forbidden.status, 403);
    assert.equal((await pki.call('GET', 'certificates')).body.length, before);
  });

  test('lists by NAS; users have none', async () => {
    pki.nas.add('bob');
    await issue({ nas: 'bob' });
    await issue({ username: 'bob' });
    const listed = async (query: string) =>
      (await pki.call('GET', `certificates?${query}`)).body.map(({ username, nas }: Record<string, string>) => [
        username,
        nas,
      ]);
    assert.deepEqual(await listed('nas=BOB'), [['', 'bob']]);
    assert.deepEqual(await listed('username=bob'), [['bob', null]]);
    assert.deepEqual(await listed('username='), []);
    assert.deepEqual(await listed('nas=bob&username=bob'), []);
  });

  test('a revoked one holds no more before anybody hears of it; who is deleted as a user takes none along', async () => {
    const { id, certificate, serial } = await issue({ nas: 'radsec-1' });
    watched = derOf(certificate);
    await pki.pki.userDeleted('');
    await pki.pki.userDeleted('radsec-1');
    assert.equal((await pki.pki.check([watched], 'nas')).ok, true);
    assert.equal((await pki.call('POST', `certificates/${id}/revoke`)).status, 204);
    assert.deepEqual(whenHeard, [{ ok: false, reason: 'the certificate is revoked' }]);
    const told = pki.events.filter(({ type, data }) => type.startsWith('pki.certificate.') && data.serial === serial);
    assert.deepEqual(
      told.map(({ type, data }) => [type, data.username]),
      [
        ['pki.certificate.issued', ''],
        ['pki.certificate.revoked', ''],
      ],
    );
  });

  test('of a NAS that is removed, unless another has its name', async () => {
    pki.nas.add('alice');
    const asked = [{ nas: 'alice' }, { nas: 'alice' }, { username: 'alice' }, { nas: 'radsec-1' }];
    const ders: Buffer[] = [];
    for (const body of asked) ders.push(derOf((await issue(body)).certificate));
    const purposes = ['nas', 'nas', 'user', 'nas'] as const;
    const counts = () => Promise.all(ders.map(async (der, at) => (await pki.pki.check([der], purposes[at])).ok));
    await pki.pki.nasDeleted('Alice');
    assert.deepEqual(await counts(), [true, true, true, true], 'another has the name');
    pki.nas.delete('alice');
    await pki.pki.nasDeleted('Alice');
    assert.deepEqual(await counts(), [false, false, true, true]);
    await pki.pki.nasDeleted('Alice');
    const reasons = (await pki.call('GET', 'certificates?nas=alice')).body.map((one: { reason: string }) => one.reason);
    assert.deepEqual(new Set(reasons), new Set(['cessationOfOperation']));
  });

  test('a NAS that is removed meanwhile gets none', async () => {
    pki.nas.add('going');
    const has = pki.nas.has.bind(pki.nas);
    // Gone as soon as it was asked for.
    pki.nas.has = (name) => has(name) && (name !== 'going' || pki.nas.delete(name));
    const { status, body } = await pki.call('POST', 'certificates', { nas: 'going', generate: true });
    pki.nas.has = has;
    assert.equal(status, 422);
    assert.match(body.detail, /no RadSec NAS going/);
    const made = (await pki.call('GET', 'certificates?nas=going')).body;
    assert.deepEqual(
      made.map(({ reason }: { reason: string }) => reason),
      ['cessationOfOperation'],
    );
  });

  test('of another authority: a name that could be a login is not asked for', async () => {
    const ca = await foreignCa('NAS CA');
    const site = await startPki({ at: Date.now() + 60_000 });
    try {
      const body = { authorities: [{ pem: ca.pem, ocsp: false, login: 'email' }], own: true };
      assert.equal((await site.call('PUT', 'authorities', body)).status, 200);
      const pem = await ca.issue('ap', '/CN=ap', { addext: ['subjectAltName=DNS:ap.example.com'] });
      const asNas = await site.pki.check([derOf(pem)], 'nas');
      assert.ok(asNas.ok, JSON.stringify(asNas));
      assert.deepEqual([asNas.login, asNas.facts.alternativeNames], ['', ['DNS:ap.example.com']]);
      const asUser = await site.pki.check([derOf(pem)]);
      assert.match(asUser.ok ? '' : asUser.reason, /no e-mail address/);
      // It says what it wants in the subject: only our CA's word on it counts.
      const person = await ca.issue('p', '/OU=NAS/CN=p', { addext: ['subjectAltName=email:p@corp.example'] });
      const checked = await site.pki.check([derOf(person)]);
      assert.equal(checked.ok && checked.login, 'p@corp.example');
      const server = await ca.issue('s', '/CN=s', { kind: 'server', addext: ['subjectAltName=DNS:ap.example.com'] });
      assert.equal((await site.pki.check([derOf(server)], 'nas')).ok, false);
    } finally {
      await site.close();
      await ca.remove();
    }
  });
});
