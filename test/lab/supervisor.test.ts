import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { until } from './run.ts';
import { type Service, Supervisor } from './supervisor.ts';

function setUp(script: string): { services: Supervisor; service: Service; [Symbol.asyncDispose](): Promise<void> } {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-supervisor-'));
  const services = new Supervisor();
  const service: Service = {
    name: 'one',
    argv: [process.execPath, '-e', script],
    env: { PATH: process.env.PATH },
    cwd: folder,
    log: path.join(folder, 'one.log'),
  };
  const dispose = async (): Promise<void> => {
    await services.stopAll(2);
    rmSync(folder, { recursive: true });
  };
  return { services, service, [Symbol.asyncDispose]: dispose };
}

const FOREVER = 'setInterval(() => {}, 1000)';

test('what dies is started again under a new process id', async () => {
  await using lab = setUp(FOREVER);
  const { services, service } = lab;
  services.start(service);
  const killed = await services.kill('one', 'SIGKILL');
  const again = await until('a second start', () => services.pid('one'), 30);
  assert.notEqual(again, killed);
  assert.equal(services.starts('one'), 2);
});

test('what is stopped stays stopped until it is resumed, and its exit status is told', async () => {
  await using lab = setUp(`process.on('SIGTERM', () => process.exit(7)); console.log('up'); ${FOREVER}`);
  const { services, service } = lab;
  services.start(service);
  await until('it to be up', () => readFileSync(service.log, 'utf8').includes('up'), 30);
  assert.deepEqual(await services.stop('one'), { code: 7, signal: null });
  assert.equal(services.pid('one'), undefined);
  services.resume('one');
  assert.notEqual(services.pid('one'), undefined);
  assert.equal(services.starts('one'), 2);
});

test('what is stopped between two starts is not started', async () => {
  await using lab = setUp('process.exit(3)');
  const { services, service } = lab;
  services.start(service);
  await until('its end', () => services.pid('one') === undefined, 30);
  assert.deepEqual(await services.stop('one'), { code: 3, signal: null });
  assert.equal(services.starts('one'), 1);
  assert.match(services.tails(), /one \(does not run, started 1×\).*ended: exit 3/s);
});

test('what ignores SIGTERM is killed', async () => {
  await using lab = setUp(`process.on('SIGTERM', () => {}); console.log('up'); ${FOREVER}`);
  const { services, service } = lab;
  services.start(service);
  await until('it to be up', () => readFileSync(service.log, 'utf8').includes('up'), 30);
  assert.deepEqual(await services.stop('one', 'SIGTERM', 1), { code: null, signal: 'SIGKILL' });
});

test('a program that does not exist is told in the log', async () => {
  await using lab = setUp('');
  const { services, service } = lab;
  services.start({ ...service, argv: ['/nonexistent/program'] });
  await until('the error', () => readFileSync(service.log, 'utf8').includes('ENOENT'), 30);
});
