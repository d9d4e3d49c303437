import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Answer, assertProblem } from '../harness.ts';
import { assertShape, assertTimes, makeUser, useAppliance } from './support.ts';

describe('the site API', () => {
  const a = useAppliance();

  test('words errors as problems (RFC 9457)', async () => {
    const { admin, anonymous } = a.the;
    assertProblem(await anonymous.get('/v1/sites'), 401, /sign in/);
    assertProblem(await (await makeUser(a.the)).client.get('/v1/sites'), 403, /administrator/);
    assertProblem(await admin.get('/v1/sites/none'), 404, /site not found/);
    assertProblem(await admin.get('/v1/nothing'), 404, /there is no GET \/v1\/nothing/);
    assertProblem(await admin.put('/v1/sites/default', { time_zone: 7 }), 422, /time_zone must be string/);
    assertProblem(await admin.put('/v1/sites/default', '{'), 400, /not valid JSON/);
    assertProblem(await admin.put('/v1/sites/default', { nmae: 'x' }), 422, /additional/);
    assertProblem(await admin.put('/v1/sites/default', {}), 422);
    // The other APIs keep their own format.
    const plain: Answer = await admin.get('/api/v1/nothing');
    assert.deepEqual([plain.status, Object.keys(plain.body)], [404, ['error']]);
  });

  test('has one site, whose name and zone can be changed', async () => {
    const { admin } = a.the;
    const list = await admin.get('/v1/sites');
    assert.equal(list.status, 200);
    const [site] = list.body.data;
    const shape = {
      id: 'string',
      name: 'string',
      time_zone: 'string',
      created_at: 'string',
      updated_at: 'string',
    } as const;
    assertShape(site, shape);
    assertTimes(site, 'created_at', 'updated_at');
    assert.deepEqual([site.id, site.time_zone], ['default', 'UTC']);
    assertProblem(await admin.put('/v1/sites/default', { time_zone: 'Rome' }), 422, /Europe\/Rome/);
    const changed = await admin.put('/v1/sites/default', { name: 'Osteria', time_zone: 'Europe/Rome' });
    assert.deepEqual([changed.status, changed.body.name, changed.body.time_zone], [200, 'Osteria', 'Europe/Rome']);
    assert.deepEqual((await admin.get('/v1/sites/default')).body, changed.body);
    const same = await admin.put('/v1/sites/default', { name: 'Osteria' });
    assert.equal(same.body.updated_at, changed.body.updated_at);
  });
});
