import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AGENT_VERSION } from '../../agent/config.ts';
import type { AgentStatus } from '../../protocol/index.ts';
import type { Peer } from '../../test/lab/api.ts';
import { CONTROLLER_URL, Lab } from '../../test/lab/lab.ts';
import { HOME } from '../../test/lab/plan.ts';
import { until } from '../../test/lab/run.ts';
import { requires } from '../../test/requires.ts';
import { buildSea } from '../sea/build.ts';
import { bundleAgent } from '../sea/bundle.ts';
import { TARGETS } from '../sea/targets.ts';
import { DebianMachine, debianTree } from '../testing/machine.ts';
import { buildDeb, DEPENDS } from './deb.ts';
import { packageFiles } from './tree.ts';

const UNIT = 'gatehouse-agent.service';
const STATE = '/var/lib/gatehouse-agent';
const NEXT = '9.9.9';
const OLD = '0.0.1';

/** The longest wait between two echoes, in seconds; ping -D writes the time before each. */
const longestGap = (text: string): number => {
  const times = [...text.matchAll(/^\[(\d+\.\d+)\].*bytes from/gm)].map((match) => Number(match[1]));
  return Math.max(0, ...times.slice(1).map((time, i) => time - times[i]!));
};

// The life of the deb on a clean Debian with systemd, in a lab with a controller and a hub: each step goes on from the one before.
describe(
  'gatehouse-agent.deb',
  requires('root', 'mmdebstrap', 'dpkg-deb', 'x86_64-linux-gnu-strip', 'wireguard-go'),
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-life-'));
    let lab: Lab;
    let machine: DebianMachine;
    let hubAddress: string;

    /** A package whose program says `version` of itself. */
    async function makeDeb(code: string, version: string): Promise<string> {
      const program = path.join(folder, version, 'gatehouse');
      assert.ok(code.includes(`AGENT_VERSION = "${AGENT_VERSION}"`));
      const own = code.replace(`AGENT_VERSION = "${AGENT_VERSION}"`, `AGENT_VERSION = "${version}"`);
      await buildSea(TARGETS[0]!, own, program);
      const build = { version, epoch: 0, arch: 'x64' as const, program, out: folder, level: 0 };
      const deb = await buildDeb(build, packageFiles(build, 'debian', ''));
      cpSync(deb, path.join(machine.root, `root/${version}.deb`));
      return deb;
    }
    const install = (version: string) => machine.try('dpkg', '-i', `/root/${version}.deb`);
    const status = () => JSON.parse(machine.run('gatehouse', 'status', '--json')) as AgentStatus;
    const pid = () => machine.run('systemctl', 'show', '-P', 'MainPID', UNIT);
    const device = () => machine.run('cat', '/sys/class/net/gh0/ifindex');
    // But for what is written as time goes by, whatever is installed.
    const files = () =>
      machine.run('sh', '-c', `cd ${STATE} && find . -type f ! -name traffic.json ! -name sessions.json | sort`);
    const connected = () =>
      until('the tunnel to be connected', () => {
        const { stdout } = machine.try('gatehouse', 'status', '--json');
        return stdout !== '' && (JSON.parse(stdout) as AgentStatus).state === 'connected';
      });

    before(async () => {
      const names = DEPENDS.map((one) => one.split(/[ |]/)[0]!);
      const root = await debianTree(names);
      lab = await Lab.open(undefined, { ...HOME, agents: ['hub'] });
      machine = await DebianMachine.boot(root, lab.topology.namespace('alice'));
      await lab.enrollAll();
      hubAddress = lab.overlayAddress('hub');
      const { code } = await bundleAgent();
      for (const version of [OLD, AGENT_VERSION, NEXT]) await makeDeb(code, version);
    });
    after(async () => {
      await machine?.stop();
      await lab?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test('is installed: the service runs, members of the group may speak to it, others may not', async (t) => {
      const ran = install(AGENT_VERSION);
      assert.equal(ran.code, 0, ran.stderr);
      await until('the daemon to answer', () => machine.try('gatehouse', 'status').code === 0);
      assert.equal(machine.run('systemctl', 'is-enabled', UNIT), 'enabled');
      assert.equal(machine.run('stat', '-c', '%U:%G %a', '/run/gatehouse'), 'root:gatehouse 750');
      assert.equal(machine.run('stat', '-c', '%U:%G %a', '/run/gatehouse/agent.sock'), 'root:gatehouse 660');
      assert.equal(machine.run('stat', '-c', '%U:%G %a', STATE), 'root:root 700');
      machine.run('useradd', '--groups', 'gatehouse', 'ann');
      machine.run('useradd', 'eve');
      const as = (user: string) =>
        machine.try('setpriv', `--reuid=${user}`, `--regid=${user}`, '--init-groups', 'gatehouse', 'status');
      assert.equal(as('ann').code, 0);
      assert.equal(as('eve').code, 5);
      t.diagnostic(machine.run('systemd-analyze', 'security', '--no-pager', UNIT).split('\n').at(-1)!);
    });

    test('enrolls, and the hub answers through the tunnel', async () => {
      const peer = await lab.api.call<Peer>('POST', lab.path('/peers'), { name: 'server', use_agent: true });
      const args = ['enroll', CONTROLLER_URL, '--token', '-', '--allow-http'];
      const ran = machine.tryWith(`${peer.token}\n`, 'gatehouse', ...args);
      assert.equal(ran.code, 0, ran.stderr);
      await connected();
      await until('an echo of the hub', () => machine.try('ping', '-c', '1', '-W', '2', hubAddress).code === 0);
    });

    test('an upgrade exchanges the daemon and leaves the tunnel', async (t) => {
      const before = { status: status(), device: device(), pid: pid(), files: files() };
      const ping = machine.start('ping', '-D', '-i', '0.05', hubAddress);
      let said = '';
      ping.stdout!.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });
      const watch = machine.start('ip', 'monitor', 'link', 'dev', 'gh0');
      let seen = '';
      watch.stdout!.setEncoding('utf8').on('data', (text: string) => {
        seen += text;
      });
      const ran = install(NEXT);
      assert.equal(ran.code, 0, ran.stderr);
      await until('the new daemon', () => machine.try('gatehouse', 'status', '--json').stdout.includes(`"${NEXT}"`));
      await connected();
      const ended = Promise.all([ping, watch].map((child) => new Promise((resolve) => child.once('exit', resolve))));
      // On the machine: a signal to nsenter would end it alone.
      machine.run('pkill', '-INT', '-x', 'ping');
      machine.run('pkill', '-x', 'ip');
      await ended;
      assert.notEqual(pid(), before.pid);
      assert.equal(device(), before.device, 'the interface is the one from before');
      assert.ok(!/Deleted/.test(seen), `the interface was never gone:\n${seen}`);
      assert.equal(status().enrolled?.peerId, before.status.enrolled?.peerId);
      assert.equal(status().target, 'up');
      assert.equal(files(), before.files);
      const log = machine.run('journalctl', '-u', UNIT, '--no-pager');
      assert.match(log, /adopted the running interface gh0/);
      const [, sent, received] = /(\d+) packets transmitted, (\d+) received/.exec(said) ?? [];
      t.diagnostic(`longest gap between echoes ${longestGap(said).toFixed(2)} s; ${received} of ${sent} came back`);
    });

    test('the same version again changes nothing', () => {
      const before = { pid: pid(), device: device(), files: files() };
      const ran = install(NEXT);
      assert.equal(ran.code, 0, ran.stderr);
      assert.deepEqual({ pid: pid(), device: device(), files: files() }, before);
    });

    test('a stopped service stays stopped through an upgrade, and its stop took the tunnel down', async () => {
      machine.run('systemctl', 'stop', UNIT);
      assert.notEqual(machine.try('ip', 'link', 'show', 'gh0').code, 0);
      assert.equal(install(NEXT).code, 0);
      assert.equal(machine.try('systemctl', 'is-active', UNIT).stdout.trim(), 'inactive');
      machine.run('systemctl', 'start', UNIT);
      await connected();
    });

    test('a downgrade works where the state allows it, and is refused before a file changes where it does not', async () => {
      const same = device();
      assert.equal(install(OLD).code, 0);
      await connected();
      assert.equal(device(), same);
      const format = readFileSync(path.join(machine.root, STATE, 'format'), 'utf8');
      machine.write(`${STATE}/format`, `${Number(format) + 1}\n`);
      assert.equal(install(NEXT).code, 1);
      assert.match(install(NEXT).stderr, /which a newer version wrote/);
      assert.equal(machine.run('dpkg-query', '-W', '-f', '$'.concat('{Version}'), 'gatehouse-agent'), OLD);
      assert.equal(device(), same);
      machine.write(`${STATE}/format`, format);
      assert.equal(install(NEXT).code, 0);
      await connected();
    });

    test('a removal takes the tunnel down and keeps the state; the next installation goes on with it', async () => {
      const before = files();
      machine.run('dpkg', '--remove', 'gatehouse-agent');
      assert.notEqual(machine.try('ip', 'link', 'show', 'gh0').code, 0);
      assert.equal(machine.try('pgrep', '-x', 'wireguard-go').stdout, '');
      const kept = files().split('\n');
      for (const file of before.split('\n').filter((name) => !/os-|history|traffic/.test(name)))
        assert.ok(kept.includes(file), file);
      assert.equal(install(NEXT).code, 0);
      await connected();
    });

    test('a purge leaves nothing', () => {
      machine.run('dpkg', '--purge', 'gatehouse-agent');
      for (const file of [
        STATE,
        '/run/gatehouse',
        '/usr/bin/gatehouse',
        '/usr/lib/systemd/system/gatehouse-agent.service',
      ])
        assert.notEqual(machine.try('test', '-e', file).code, 0, file);
      assert.notEqual(machine.try('getent', 'group', 'gatehouse').code, 0);
      const links = execFileSync('find', [path.join(machine.root, 'etc/systemd'), '-name', '*gatehouse*'], {
        encoding: 'utf8',
      });
      assert.equal(links, '');
      assert.notEqual(machine.try('ip', 'link', 'show', 'gh0').code, 0);
    });
  },
);
