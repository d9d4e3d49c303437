import assert from 'node:assert/strict';
import type http from 'node:http';
import { type TestContext, test } from 'node:test';
import { portalUrl } from './captive.ts';
import { fetchDirectory } from './directory.ts';
import { fetchStanding } from './standing.ts';
import { startFakeController } from './testing/fake-controller.ts';

const standing = {
  admitted: false,
  reason: 'Turn the firewall on.',
  missing: [{ fact: 'firewall', wanted: 'true', policy: 'Laptops' }],
  reported: '2026-01-02T03:04:05.000Z',
};

/** A controller that answers everything alike; `seen` is what it was asked. */
async function answering(t: TestContext, status: number, body: unknown) {
  const fake = await startFakeController({});
  t.after(() => fake.close());
  const seen: http.IncomingMessage[] = [];
  fake.answer = (request, response) => {
    seen.push(request);
    response.writeHead(status, { 'content-type': 'application/json', location: `${fake.url}/elsewhere` });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
    return true;
  };
  return { controller: { url: fake.url, credential: 'ghd_secret' }, seen };
}

test('a device asks for its standing and its directory with its credential', async (t) => {
  const asked = await answering(t, 200, standing);
  assert.deepEqual(await fetchStanding(asked.controller), standing);
  assert.equal(asked.seen[0]?.url, '/api/v1/agent/standing');
  assert.equal(asked.seen[0]?.headers.authorization, 'Bearer ghd_secret');

  const names = [{ name: 'nas', dns: 'nas.office.internal', addresses: ['10.10.0.9'], online: null }];
  const { controller, seen } = await answering(t, 200, { names, more: true });
  assert.deepEqual(await fetchDirectory(controller, 'a&b=ü %'), { names, more: true });
  await fetchDirectory(controller);
  await fetchDirectory(controller, '');
  const urls = seen.map(({ url }) => url ?? '');
  assert.equal(new URL(urls[0] ?? '', 'http://x').searchParams.get('search'), 'a&b=ü %');
  assert.deepEqual(urls.slice(1), ['/api/v1/agent/directory', '/api/v1/agent/directory']);
});

test('an older controller knows of no standing, and is named where it has no directory', async (t) => {
  const { controller } = await answering(t, 404, { error: 'not found' });
  assert.equal(await fetchStanding(controller), null);
  await assert.rejects(fetchDirectory(controller), /older than this agent/);
  await assert.rejects(portalUrl(controller, '10.0.0.2'), /no captive token for 10\.0\.0\.2 \(HTTP 404\): not found/);
});

test('what is no answer is an error that says so, without control characters and without the credential', async (t) => {
  for (const [status, body, expected] of [
    [200, { ...standing, admitted: 'yes' }, /does not say how it treats this device \(HTTP 200\)$/],
    [200, 'no JSON', /HTTP 200/],
    [200, 'null', /HTTP 200/],
    [201, standing, /HTTP 201/],
    [302, '', /HTTP 302/],
    [401, { error: 'revoked\u001b[31m' }, /HTTP 401\): revoked \[31m$/],
    [500, { error: { not: 'text' } }, /HTTP 500\)$/],
    [200, JSON.stringify({ ...standing, reason: 'x'.repeat(2 * 1024 * 1024) }), /larger than 1048576 bytes/],
  ] as const) {
    const { controller, seen } = await answering(t, status, body);
    await assert.rejects(fetchStanding(controller), (error: Error) => {
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /ghd_secret/);
      return true;
    });
    assert.equal(seen.length, 1, 'asked once, and nobody else');
  }
  await assert.rejects(fetchStanding({ url: 'http://127.0.0.1:1', credential: 'x' }), /can't be reached/);
});
