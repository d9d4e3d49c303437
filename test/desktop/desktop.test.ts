// The tray app as people use it, on a real network: the built app, the real daemon, a real tunnel. Electron alone is
// stood in for (docs/desktop.md).
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { CONTROLLER_URL, HUB_ENDPOINT, Lab } from '../lab/lab.ts';
import { type AgentName, HOME, type Plan } from '../lab/plan.ts';
import { until } from '../lab/run.ts';
import { requires } from '../requires.ts';
import { buildApp } from './app.ts';
import { Person } from './person.ts';

const ME: AgentName = 'alice';
/** alice alone with the hub. */
const PLAN: Plan = {
  internet: { hub: HOME.internet.hub, alice: HOME.internet.alice },
  behind: [],
  agents: ['hub', ME],
};

/** The private keys that a daemon keeps. */
function privateKeys(folder: string): string[] {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'));
  const texts = files.map((name) => readFileSync(path.join(folder, name), 'utf8'));
  return texts.flatMap((text) => [...text.matchAll(/"privateKey":\s*"([^"]+)"/g)].map((found) => found[1]!));
}

describe(
  'the tray app on a real tunnel',
  requires('root', 'ip', 'wg', 'wireguard-go', 'ping', 'nft', 'chromium'),
  () => {
    let app: Awaited<ReturnType<typeof buildApp>>;
    let lab: Lab;
    let alice: Person;
    let token: string;

    before(async () => {
      [app, lab] = await Promise.all([buildApp(), Lab.open(() => {}, PLAN)]);
      await lab.makeNetwork();
      assert.equal((await lab.enroll('hub', await lab.makePeer('hub'))).code, 0);
      token = await lab.makePeer(ME);
      alice = await Person.sitDown({ ...app, socketPath: lab.socketPath(ME) });
    });
    after(async () => {
      await alice?.leave();
      await lab?.close();
      app?.remove();
    });

    test('a link, a look at the host, a click: connected', async () => {
      await alice.sees('not-enrolled');
      await alice.opens(`gatehouse://enroll?url=${encodeURIComponent(CONTROLLER_URL)}&token=${token}`);
      await alice.clicks('checkbox', 'I trust the network in between');
      await alice.clicks('button', 'Join');
      const { view, status } = await alice.sees('connected');
      assert.match(view.title, /lab/);
      assert.equal(status?.hub?.endpoint, HUB_ENDPOINT);
      assert.deepEqual(status?.interface?.addresses, [
        `${lab.overlayAddress(ME)}/32`,
        `${lab.overlayAddress(ME, 6)}/128`,
      ]);
      await alice.neverSaid(token);
      const keys = privateKeys(lab.stateFolder(ME));
      assert.ok(keys.length > 0);
      for (const key of keys) await alice.neverSaid(key);
    });

    test('packets cross the tunnel, and the window shows them', async () => {
      await until('an echo through the tunnel', () => lab.ping(ME, 'hub'));
      const total = (series: { rx: number[] }): number => series.rx.reduce((sum, each) => sum + each, 0);
      await until(
        'throughput',
        async () => total(((await alice.ask('traffic', null)) as { seconds: { rx: number[] } }).seconds) > 0,
      );
      await until('a latency', async () => ((await alice.model()).status?.latency ?? 0) > 0);
      const peers = (await alice.ask('peers', null)) as { name: string; hub: boolean; lastHandshake: string | null }[];
      assert.deepEqual(
        peers.map(({ name, hub }) => [name, hub]),
        [['hub', true]],
      );
      assert.ok(peers[0]?.lastHandshake);
      const { names } = (await alice.ask('directory', { search: 'hub' })) as {
        names: { name: string; addresses: string[] }[];
      };
      assert.deepEqual(
        names.map(({ name }) => name),
        ['hub'],
      );
      assert.ok(names[0]?.addresses.includes(lab.overlayAddress('hub')));
    });

    test('off by the switch, on by the menu of the tray', async () => {
      const port = (await alice.model()).status?.interface?.listenPort;
      assert.ok(port);
      await alice.clicks('switch', 'Connection');
      await alice.sees('disconnected');
      assert.equal(await lab.ping(ME, 'hub'), undefined);
      await alice.picks('Connect');
      await alice.sees('connected');
      // Another one each time would look like two devices to the controller, which would put this one in quarantine.
      assert.equal((await alice.model()).status?.interface?.listenPort, port);
      await until('an echo through the tunnel', () => lab.ping(ME, 'hub'));
    });

    test('kept out by an administrator: it says so; let in again: connected', async () => {
      const acl = { enabled: false, rules: [] };
      await lab.api.call('PUT', lab.path('/acl'), { ...acl, blocked_peers: { [lab.peers.get(ME)!.id]: true } });
      const { status } = await alice.sees('quarantined');
      assert.equal(status?.standing?.admitted, false);
      await lab.api.call('PUT', lab.path('/acl'), { ...acl, blocked_peers: {} });
      await alice.sees('connected');
    });

    test('a daemon that was killed is missed, and found again with its tunnel', async () => {
      const since = (await alice.model()).status?.interface?.name;
      await lab.services.kill(ME, 'SIGKILL');
      await alice.sees('connected');
      assert.equal((await alice.model()).status?.interface?.name, since);
    });

    test('a deleted peer is signed out', async () => {
      await lab.api.call('DELETE', lab.peerPath(ME));
      await alice.sees('signed-out');
    });
  },
);
