import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health, MAX_SILENT, MAX_SILENT_PROBES } from './health.ts';

const silent = (health: Health, times: number, now: number) => {
  for (let i = 0; i < times; i++) health.silent(now, {});
};

test('without Status-Server: dead after some silent tries, for its time', () => {
  const health = new Health({ deadMs: 1000, statusServer: false });
  silent(health, MAX_SILENT - 1, 0);
  assert.equal(health.state(0), 'alive');
  health.heard();
  silent(health, MAX_SILENT - 1, 0);
  assert.equal(health.state(0), 'alive', 'only those in a row count');
  health.silent(5, {});
  assert.equal(health.state(1004), 'dead');
  assert.equal(health.state(1005), 'alive');
  health.silent(1006, {});
  assert.equal(health.state(2005), 'dead', 'one more is enough');
  health.heard();
  assert.equal(health.state(2005), 'alive');
  silent(health, MAX_SILENT - 1, 2005);
  assert.equal(health.state(2005), 'alive', 'it starts anew');
});

test('with Status-Server: doubted first, dead when it answers no probe', () => {
  const health = new Health({ deadMs: 1000, statusServer: true });
  silent(health, MAX_SILENT + 5, 0);
  assert.equal(health.state(0), 'doubted');
  for (let i = 1; i < MAX_SILENT_PROBES; i++) health.probeSilent(0);
  assert.equal(health.state(0), 'doubted');
  health.heard();
  assert.equal(health.state(0), 'alive');
  silent(health, MAX_SILENT, 0);
  for (let i = 1; i < MAX_SILENT_PROBES; i++) health.probeSilent(0);
  assert.equal(health.state(0), 'doubted', 'probes are counted anew as well');
  health.probeSilent(0);
  assert.equal(health.state(0), 'dead');
  health.probeSilent(0);
  assert.equal(health.state(999), 'dead');
  assert.equal(health.state(1000), 'alive');
});

test('one request alone, however often it is tried, says nothing of the server', () => {
  const health = new Health({ deadMs: 1000, statusServer: false });
  const request = {};
  for (let i = 0; i < MAX_SILENT * 5; i++) health.silent(0, request);
  assert.equal(health.state(0), 'alive');
  health.silent(0, {});
  assert.equal(health.state(0), 'dead');
});
