import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { diffState } from '@gatehouse/protocol';
import { uapiBackend } from '../../agent/wireguard/uapi.ts';
import { compile } from '../../appliance/overlay/compile.ts';
import { generateKeyPair } from '../../appliance/overlay/keys.ts';
import { render } from '../../appliance/overlay/render.ts';
import { putPeer } from '../../appliance/overlay/snapshot.ts';
import { network } from '../../appliance/overlay/testing.ts';
import { median, ms } from './cpu.ts';

const time = async (work: () => unknown): Promise<number> => {
  const start = performance.now();
  await work();
  return performance.now() - start;
};

const bigNetwork = (spokes: number) =>
  network(
    Array.from({ length: spokes + 1 }, (_, i) =>
      i === 0 ? { id: 'hub', isHub: true, endpoint: '198.51.100.1' } : { id: `p${i}` },
    ),
  );

/** What the controller does when one of `spokes` laptops changes: compile its hub, find the difference. */
export async function benchCompile(spokes: number): Promise<Record<string, string | number>> {
  const net = bigNetwork(spokes);
  const hub = net.peers.get('hub')!;
  const rounds = Array.from({ length: 15 }, () => 0);
  let before = compile(net, hub);
  const compiles: number[] = [];
  const diffs: number[] = [];
  for (const [i] of rounds.entries()) {
    const one = net.peers.get(`p${i + 1}`)!;
    putPeer(net, one.id, { ...one, name: `renamed-${i}` });
    let after = before;
    compiles.push(await time(() => (after = compile(net, hub))));
    diffs.push(await time(() => diffState(before, after)));
    before = after;
  }
  const spoke = await time(() => {
    for (let i = 0; i < 1000; i++) compile(net, net.peers.get(`p${i + 1}`)!);
  });
  return {
    peers: spokes,
    'compile the hub, ms': ms(median(compiles)),
    'find the difference, ms': ms(median(diffs)),
    'compile a spoke, ms': ms(spoke / 1000),
  };
}

/** One peer more on a device that has `spokes`: our UAPI driver against `wg set` and `wg syncconf`. Needs root. */
export async function benchDevice(spokes: number): Promise<Record<string, string | number>[]> {
  const name = `ghb${process.pid % 100000}`;
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-bench-'));
  const daemon = spawn('wireguard-go', ['-f', name], { stdio: 'ignore' });
  try {
    const socket = `/var/run/wireguard/${name}.sock`;
    for (let i = 0; i < 200 && !existsSync(socket); i++) await new Promise((resolve) => setTimeout(resolve, 25));
    const net = bigNetwork(spokes);
    const state = compile(net, net.peers.get('hub')!);
    const { privateKey } = generateKeyPair();
    const file = path.join(folder, 'wg.conf');
    // What `wg-quick strip` leaves: wg(8) knows no addresses, MTU and DNS.
    const text = render(state, privateKey).replace(/^(Address|MTU|DNS) = .*\n/gm, '');
    writeFileSync(file, text, { mode: 0o600 });
    execFileSync('wg', ['setconf', name, file]);

    const backend = uapiBackend(name, socket);
    const rows: Record<string, string | number>[] = [];
    const add = async (how: string, work: (publicKey: string, address: string) => unknown) => {
      const times: number[] = [];
      for (let i = 0; i < 9; i++) {
        const { publicKey } = generateKeyPair();
        times.push(await time(() => work(publicKey, `10.250.0.${i + 1}/32`)));
      }
      rows.push({ 'one peer more, by': how, 'peers on the device': spokes, 'ms (median of 9)': ms(median(times)) });
    };
    await add('our UAPI driver', (publicKey, address) =>
      backend.set({ peers: [{ publicKey, allowedIps: [address], replaceAllowedIps: true, keepalive: 25 }] }),
    );
    await add('wg set', (publicKey, address) =>
      execFileSync('wg', ['set', name, 'peer', publicKey, 'allowed-ips', address, 'persistent-keepalive', '25']),
    );
    await add('wg syncconf', (publicKey, address) => {
      writeFileSync(file, `${text}\n[Peer]\nPublicKey = ${publicKey}\nAllowedIPs = ${address}\n`, { mode: 0o600 });
      execFileSync('wg', ['syncconf', name, file]);
    });
    return rows;
  } finally {
    daemon.kill();
    rmSync(folder, { recursive: true });
  }
}
