import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { compile } from './compile.ts';
import { generateKeyPair } from './keys.ts';
import { render } from './render.ts';
import { network } from './testing.ts';

const net = network([{ id: 'hub', isHub: true, endpoint: 'hub.example' }, { id: 'alice' }], {
  cidrs: ['10.77.0.0/16', 'fd77::/64'],
  dns: ['1.1.1.1', '2606:4700::1111'],
});
const hub = net.peers.get('hub')!;
const alice = net.peers.get('alice')!;

test('a wg-quick file', () => {
  const state = compile(net, alice);
  const psk = state.peers[0]!.presharedKey;
  assert.equal(
    render(state, 'aGVsbG8='),
    `[Interface]
# Name: alice
PrivateKey = aGVsbG8=
Address = 10.77.0.2/32, fd77::2/128
MTU = 1420
DNS = 10.77.0.1, 1.1.1.1, 2606:4700::1111, internal

[Peer]
# Name: hub
PublicKey = ${hub.publicKey}
PresharedKey = ${psk}
AllowedIPs = 10.77.0.0/16, fd77::/64
Endpoint = hub.example:51820
PersistentKeepalive = 25
`,
  );
});

test('no key is given for a device that made its own', () => {
  assert.doesNotMatch(render(compile(net, alice), null), /^PrivateKey/m);
});

test('wg-quick reads it (strip) and finds nothing it does not know', requires('wg-quick'), () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-render-'));
  try {
    const file = path.join(folder, 'ghtest.conf');
    writeFileSync(file, render(compile(net, hub), generateKeyPair().privateKey), { mode: 0o600 });
    const stripped = execFileSync('wg-quick', ['strip', file], { encoding: 'utf8' });
    assert.match(stripped, /^ListenPort = 51820$/m);
    assert.match(stripped, new RegExp(`^PublicKey = ${alice.publicKey.replaceAll('+', '\\+')}$`, 'm'));
    assert.match(stripped, /^AllowedIPs = 10\.77\.0\.2\/32, fd77::2\/128$/m);
    assert.doesNotMatch(stripped, /^(Address|DNS|MTU)/m);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
