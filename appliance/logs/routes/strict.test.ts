import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { type Fixture, START_US, startLogApi } from '../testing-api.ts';

interface Operation {
  requestBody?: { content: Record<string, { schema: { additionalProperties?: boolean } }> };
  parameters?: { in: string; name: string }[];
}

describe('what is misspelt is refused, not left out', () => {
  let l: Fixture;
  before(async () => {
    l = await startLogApi();
  });
  after(() => l?.close());

  test('in each body and each query of the API', async () => {
    const seen = { bodies: 0, queries: 0 };
    for (const [url, methods] of Object.entries(l.app.swagger().paths ?? {})) {
      if (!url.startsWith('/v1/')) continue;
      for (const [method, operation] of Object.entries(methods as Record<string, Operation>)) {
        const verb = method.toUpperCase() as 'GET';
        const at = url.replace(/\{\w+\}/g, '1');
        if (operation.requestBody) {
          seen.bodies++;
          const { schema } = operation.requestBody.content['application/json']!;
          assert.equal(schema.additionalProperties, false, `${verb} ${url}`);
          assert.equal((await l.call(verb, at, { nonsense: true })).status, 422, `${verb} ${url}`);
        }
        if (operation.parameters?.some((one) => one.in === 'query') && url !== '/v1/logs/tail') {
          seen.queries++;
          const { status, body } = await l.call(verb, `${at}?nonsense=1${at.endsWith('/whois') ? '&ip=10.0.0.1' : ''}`);
          assert.equal(status, 422, `${verb} ${url}`);
          assert.match(body.detail, /additional properties: there is no "nonsense"/, `${verb} ${url}`);
        }
      }
    }
    await assert.rejects(l.tail('?nonsense=1'), /422/);
    assert.ok(seen.bodies >= 8 && seen.queries >= 6, JSON.stringify(seen));
  });

  test('so nothing is erased, shortened or disclosed by a slip', async () => {
    l.backend.add({ fields: { user: 'toto' } });
    const times = { from: '2026-03-01T00:00:00Z', to: '2026-03-02T00:00:00Z' };
    for (const [method, url, body] of [
      ['POST', '/erasures', { user: 'toto', reason: 'x', dryrun: true }],
      ['POST', '/erasures', { user: 'toto', reason: 'x', dry_run: true, form: '2030-01-01T00:00:00Z' }],
      ['PUT', '/retention', { days: { log: 1 }, dryrun: true }],
      ['POST', '/exports', { ...times, user: 'alice' }],
      ['POST', '/holds', { name: 'n', reason: 'r', ...times, until: times.to }],
    ] as const) {
      assert.equal((await l.call(method, url, body)).status, 422, `${method} ${url} ${JSON.stringify(body)}`);
    }
    assert.equal(l.backend.records[0]?.erased, undefined);
    assert.equal(l.backend.records[0]?.receiveUs, START_US);
    assert.deepEqual((await l.call('GET', '/exports')).body, []);
    assert.deepEqual((await l.call('GET', '/holds')).body, []);
    assert.equal(l.backend.audit.length, 0);
  });
});
