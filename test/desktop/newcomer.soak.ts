// A newcomer's first minutes: the deb on a clean Debian with systemd, the rest in the window (docs/desktop.md).
import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AGENT_VERSION } from '../../agent/config.ts';
import { buildDeb, DEPENDS } from '../../installers/daemon/deb.ts';
import { packageFiles } from '../../installers/daemon/tree.ts';
import { buildSea } from '../../installers/sea/build.ts';
import { bundleAgent } from '../../installers/sea/bundle.ts';
import { TARGETS } from '../../installers/sea/targets.ts';
import { DebianMachine, debianTree } from '../../installers/testing/machine.ts';
import { CONTROLLER_URL, Lab } from '../lab/lab.ts';
import { HOME } from '../lab/plan.ts';
import { until } from '../lab/run.ts';
import { requires } from '../requires.ts';
import { buildApp } from './app.ts';
import { Person } from './person.ts';

const NEEDS = requires('root', 'mmdebstrap', 'dpkg-deb', 'x86_64-linux-gnu-strip', 'wireguard-go', 'chromium');

describe('a newcomer', NEEDS, () => {
  const out = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-newcomer-'));
  let app: Awaited<ReturnType<typeof buildApp>>;
  let lab: Lab;
  let machine: DebianMachine;
  let person: Person;

  before(async () => {
    const root = await debianTree(DEPENDS.map((one) => one.split(/[ |]/)[0]!));
    [app, lab] = await Promise.all([buildApp(), Lab.open(undefined, { ...HOME, agents: ['hub'] })]);
    machine = await DebianMachine.boot(root, lab.topology.namespace('alice'));
    await lab.enrollAll();
    const program = path.join(out, 'gatehouse');
    await buildSea(TARGETS[0]!, (await bundleAgent()).code, program);
    const build = { version: AGENT_VERSION, epoch: 0, arch: 'x64' as const, program, out, level: 0 };
    copyFileSync(await buildDeb(build, packageFiles(build, 'debian', '')), path.join(machine.root, 'root/agent.deb'));
  });
  after(async () => {
    await person?.leave();
    await machine?.stop();
    await lab?.close();
    app?.remove();
    rmSync(out, { recursive: true, force: true });
  });

  test('installs the deb, follows the link, looks, clicks: connected, and the hub answers', async () => {
    machine.run('dpkg', '-i', '/root/agent.deb');
    await until('the daemon to answer', () => machine.try('gatehouse', 'status').code === 0);
    person = await Person.sitDown({ ...app, socketPath: machine.reach('/run/gatehouse/agent.sock') });
    await person.sees('not-enrolled');
    const peer = await lab.api.call<{ token: string }>('POST', lab.path('/peers'), {
      name: 'newcomer',
      use_agent: true,
    });
    await person.opens(`gatehouse://enroll?url=${encodeURIComponent(CONTROLLER_URL)}&token=${peer.token}`);
    await person.clicks('checkbox', 'I trust the network in between');
    await person.clicks('button', 'Join');
    await person.sees('connected');
    const hub = lab.overlayAddress('hub');
    await until('an echo of the hub', () => machine.try('ping', '-c', '1', '-W', '2', hub).code === 0);
    await until('throughput in the window', async () => {
      const { seconds } = (await person.ask('traffic', null)) as { seconds: { rx: number[] } };
      return seconds.rx.some((bytes) => bytes > 0);
    });
    const folder = process.env.GATEHOUSE_PICTURES;
    if (folder) await person.photographs(folder, 'newcomer');
    assert.equal(machine.run('systemctl', 'is-active', 'gatehouse-agent.service'), 'active');
  });
});
