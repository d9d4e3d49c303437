// States of the tray app that take a while, or break the machine's network, each made for real (docs/desktop.md).
// Pictures of them land in the folder that GATEHOUSE_PICTURES names.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { CONTROLLER, Lab } from '../lab/lab.ts';
import { type AgentName, HOME, type Plan } from '../lab/plan.ts';
import { requires } from '../requires.ts';
import { buildApp } from './app.ts';
import { Person } from './person.ts';

const ME: AgentName = 'alice';
const PLAN: Plan = {
  internet: { hub: HOME.internet.hub, alice: HOME.internet.alice },
  behind: [],
  agents: ['hub', ME],
};
const PORTAL = 'http://login.cafe.example/welcome';

/** A café: all that wants to reach the controller is sent to a page of its own. */
const CAFE = `table ip gatehouse_lab_cafe {
  chain output {
    type nat hook output priority -100;
    ip daddr ${HOME.internet.hub} tcp dport 8080 redirect to :8081
    ip daddr ${HOME.internet.hub} tcp dport 80 redirect to :8081
  }
  chain cut {
    type filter hook output priority filter;
    ip daddr ${HOME.internet.hub} udp dport 51820 drop
  }
}
`;
const PAGE = `require('node:http').createServer((q, r) => r.writeHead(302, { location: '${PORTAL}' }).end()).listen(8081, '127.0.0.1')`;

describe('the tray app when things break', requires('root', 'ip', 'wg', 'wireguard-go', 'nft', 'chromium'), () => {
  let app: Awaited<ReturnType<typeof buildApp>>;
  let lab: Lab;
  let alice: Person;
  const shoot = async (name: string) => {
    const folder = process.env.GATEHOUSE_PICTURES;
    if (folder) await alice.photographs(folder, name);
  };

  before(async () => {
    [app, lab] = await Promise.all([buildApp(), Lab.open(() => {}, PLAN)]);
    await lab.enrollAll();
    alice = await Person.sitDown({ ...app, socketPath: lab.socketPath(ME) });
    await alice.sees('connected');
    await shoot('connected');
  });
  after(async () => {
    await alice?.leave();
    await lab?.close();
    app?.remove();
  });

  test('the controller is away: degraded, and says why', async () => {
    await lab.services.stop(CONTROLLER);
    const { status, view } = await alice.sees('degraded', 120);
    assert.equal(status?.cause?.code, 'controller-unreachable');
    assert.match(view.detail, /\S/);
    await shoot('degraded');
    lab.services.resume(CONTROLLER);
    await lab.controllerReady();
    await alice.sees('connected', 120);
  });

  test('the hub is away as well: no internet, as far as the laptop can tell', async () => {
    await lab.topology.unplug('hub');
    await alice.sees('no-internet', 180);
    await shoot('no-internet');
    await lab.topology.plug('hub');
    await alice.sees('connected', 180);
  });

  test('a café with a page in front of the internet', async () => {
    await lab.services.stop(ME);
    await alice.sees('daemon-down');
    await shoot('daemon-down');
    await lab.nft(ME, CAFE);
    lab.services.start({
      name: 'cafe',
      argv: lab.topology.on(ME, [process.execPath, '-e', PAGE]),
      cwd: lab.topology.folder,
      log: `${lab.topology.folder}/cafe.log`,
      env: { PATH: process.env.PATH ?? '' },
    });
    lab.services.resume(ME);
    const { status, view } = await alice.sees('captive', 120);
    assert.equal(status?.captive?.url, PORTAL);
    assert.deepEqual(view.actions[0]?.action, { id: 'open-portal' });
    await shoot('captive');
    await lab.on(ME, ['nft', 'delete', 'table', 'ip', 'gatehouse_lab_cafe']);
    await alice.sees('connected', 180);
  });
});
