import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatStatus } from '../cli/format.ts';
import { hubState } from '../dns/testing.ts';
import type { Platform, Tunnel } from '../os/platform.ts';
import { initialState } from '../tunnel/index.ts';
import { agentStatus, bareSnapshot } from './status.ts';
import { TunnelWorker } from './worker.ts';

test('a hub’s DNS comes after its tunnel and goes before it', async () => {
  const calls: string[] = [];
  const tunnel = {
    apply: async () => void calls.push('tunnel up'),
    read: async () => ({ peers: [] }),
    close: async () => void calls.push('tunnel down'),
  } as unknown as Tunnel;
  const platform = { openTunnel: async () => tunnel } as unknown as Platform;
  const names = {
    problems: [],
    update: async (state: unknown) => void calls.push(state ? 'names up' : 'names down'),
  };
  const worker = new TunnelWorker(platform, 'gh0', names);
  await worker.apply({ privateKey: '', state: hubState() });
  await worker.close();
  assert.deepEqual(calls, ['tunnel up', 'names up', 'names down', 'tunnel down']);
});

test('what the DNS lacks is a warning of the status, and no more', () => {
  const snapshot = bareSnapshot(initialState({ mono: 0, wall: 0 }));
  assert.doesNotMatch(formatStatus(agentStatus(snapshot), 0), /warning/);
  const status = agentStatus({ ...snapshot, warnings: ['port 53 is taken'] });
  assert.match(formatStatus(status, 0), /^warning +port 53 is taken$/m);
  assert.equal(status.state, 'disconnected');
});
