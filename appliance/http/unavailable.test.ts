import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { pino } from 'pino';
import { plainErrors, problemErrors } from './errors.ts';
import { createHttp, type Http, type Routes } from './server.ts';

const FULL = 'the disk is full: free some space on it';
const routes: Routes = async (app) => {
  for (const code of ['full', 'other']) {
    app.get(`/${code}`, { config: { access: 'public' } }, async () => {
      throw Object.assign(new Error('database or disk is full'), { code });
    });
  }
};
const logged: string[] = [];
let http: Http;
before(async () => {
  http = await createHttp({
    apis: [
      { prefix: '/api/v1', errors: plainErrors, routes: [routes] },
      { prefix: '/v1', errors: problemErrors, routes: [routes] },
    ],
    authenticate: async () => null,
    log: pino({ level: 'info' }, { write: (line: string) => void logged.push(line) }),
    subprotocols: [],
    sessionCookie: 'session',
    version: 'test',
    unavailable: (error) => ((error as { code: string }).code === 'full' ? FULL : undefined),
  });
});
after(() => http.close());

test('what nothing can be kept for just now is 503 with why, and when to ask again, as each API words it', async () => {
  const plain = await http.app.inject('/api/v1/full');
  assert.deepEqual([plain.statusCode, plain.headers['retry-after'], plain.json()], [503, '10', { error: FULL }]);
  const problem = await http.app.inject('/v1/full');
  assert.deepEqual(
    [problem.statusCode, problem.headers['retry-after'], problem.json()],
    [503, '10', { type: 'about:blank', title: 'Service Unavailable', status: 503, detail: FULL }],
  );
  assert.match(String(problem.headers['content-type']), /^application\/problem\+json/);
});

test('what nobody serves is told apart from what is missing, and a token in a path is in no answer and no log', async () => {
  const token = `ghe_${'0a'.repeat(32)}`;
  const plain = await http.app.inject(`/api/v1/agent/resolve/${token}?token=${token}`);
  assert.deepEqual(
    [plain.statusCode, plain.headers['x-gatehouse-error'], plain.json()],
    [404, 'no-route', { error: 'there is no GET /api/v1/agent/resolve/ghe_…' }],
  );
  const encoded = await http.app.inject(`/nosuch/x${token}x`);
  assert.ok(!encoded.body.includes(token));
  assert.ok(logged.length > 0);
  assert.ok(!logged.join('').includes(token) && logged.join('').includes('/api/v1/agent/resolve/ghe_…'));
});

test('any other fault is still ours: 500 without its words', async () => {
  const { statusCode, headers, json } = await http.app.inject('/v1/other');
  assert.deepEqual([statusCode, headers['retry-after']], [500, undefined]);
  assert.match(json().detail, /^internal error; the log has it under request id/);
});
