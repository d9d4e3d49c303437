import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bytes, columns, render, type Snapshot } from './table.ts';

test('bytes are shown in binary units', () => {
  assert.equal(bytes(0), '0 B');
  assert.equal(bytes(1023), '1023 B');
  assert.equal(bytes(1536), '1.5 KiB');
  assert.equal(bytes(5 * 1024 ** 3), '5.0 GiB');
});

test('columns are as wide as their widest cell, counted in characters', () => {
  const text = columns(
    [
      ['a', 'long', 'x'],
      ['–––', '1', 'y'],
    ],
    [1],
  );
  assert.equal(text, 'a    long  x\n–––     1  y');
});

test('the table shows a dash for what is not known and says when a daemon or the controller is silent', () => {
  const snapshot: Snapshot = {
    lab: '00beef',
    takenAt: '2026-01-02T03:04:05.000Z',
    controller: { url: 'http://198.51.100.1:8080', answers: false },
    peers: [
      {
        peer: 'alice',
        state: null,
        cause: null,
        address: '10.77.0.2',
        endpoint: null,
        handshakeAge: null,
        rx: 0,
        tx: 148,
        latency: null,
      },
    ],
    aliceToBob: null,
    sessions: [],
    enter: { alice: 'ip netns exec gh00beef-alice bash' },
  };
  const text = render(snapshot);
  assert.match(text, /alice {2}no daemon +10\.77\.0\.2 +– +– +0 B +148 B +–$/m);
  assert.match(text, /alice → bob through the hub: –/);
  assert.match(text, /controller http:\/\/198\.51\.100\.1:8080: does not answer/);
  assert.match(text, /stand on alice: {2}ip netns exec gh00beef-alice bash/);
});
