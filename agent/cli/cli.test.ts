import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { AgentPeer, AgentStatus, Finding } from '@gatehouse/protocol';
import Type from 'typebox';
import { Compile } from 'typebox/compile';
import { requires } from '../../test/requires.ts';
import { selfSigned } from '../controller/testing/certificates.ts';
import { type FakeController, spokeState, startFakeController } from '../controller/testing/fake-controller.ts';
import { Machine } from '../daemon/testing/processes.ts';
import { runCli } from './main.ts';

const run = promisify(execFile);

// Each command is a real process; the daemon behind has a fake controller and a fake kernel.
describe('the command line', () => {
  let machine: Machine;
  let controller: FakeController;
  before(async () => {
    machine = new Machine();
    controller = await startFakeController({ state: (key) => spokeState(key) });
    controller.tokens.set('good', null);
  });
  after(async () => {
    await machine.dispose();
    await controller.close();
  });

  /** Runs commands side by side and compares exit status and what standard error says. */
  const expectAll = async (
    cases: [args: string[], code: number, stderr: RegExp, env?: NodeJS.ProcessEnv, input?: string][],
  ): Promise<void> => {
    const check = async ([args, code, stderr, env = {}, input = '']: (typeof cases)[number]) => {
      const result = await machine.cli(args, { env, input });
      assert.equal(result.code, code, `gatehouse ${args.join(' ')}: ${result.stderr}${result.stdout}`);
      assert.match(result.stderr, stderr);
      if (code !== 0) assert.doesNotMatch(result.stderr, /\n\s+at /, 'no stack trace');
    };
    await Promise.all(cases.map(check));
  };

  test('wrong arguments and settings: 2', async () => {
    await expectAll([
      [['reboot'], 2, /no command 'reboot'\nSee: gatehouse help/],
      [['daemon'], 2, /GATEHOUSE_AGENT_INTERFACE must be/, { GATEHOUSE_AGENT_INTERFACE: 'a/b' }],
    ]);
    const cases: [args: string[], stderr: RegExp, env?: NodeJS.ProcessEnv][] = [
      [[], /a command is missing/],
      [['status', '--jsom'], /--jsom/],
      [['a\u001b[31m\u202eb\nc'], /^gatehouse: there is no command 'a\?\[31m\?b c'\n/],
      [['use', 'x', 'y'.repeat(100_000)], /^gatehouse: .{4000,4096}…\n/],
      [['use', ''], /use needs <profile>/],
      [['up', 'now'], /up doesn't take 'now'/],
      [['enroll'], /enroll needs <url>/],
      [['enroll', 'https://gate.example'], /enroll needs a token/],
      [['enroll', 'https://gate.example', '--token', '-'], /the token is empty/],
      [['enroll', 'https://gate.example', '--token', 'x'.repeat(513)], /longer than 512/],
      [['enroll', 'https://gate.example', '--token', 'x', '--ca', '/nonexistent'], /--ca can't be read/],
      [['logs', '--lines', '0'], /--lines takes a number/],
      [['completion', 'tcsh'], /bash, zsh and fish/],
      [['status'], /GATEHOUSE_AGENT_SOCKET must be an absolute path/, { GATEHOUSE_AGENT_SOCKET: 'agent.sock' }],
      [['daemon'], /GATEHOUSE_AGENT_STATE is empty/, { GATEHOUSE_AGENT_STATE: '' }],
    ];
    for (const [args, stderr, env = {}] of cases) {
      let said = '';
      const terminal = {
        stdin: Readable.from([]) as unknown as NodeJS.ReadStream,
        stdout: process.stdout,
        stderr: { write: (text: string) => (said += text) } as unknown as NodeJS.WriteStream,
        env,
      };
      assert.equal(await runCli(args, terminal, () => assert.fail()), 2, args.join(' '));
      assert.match(said, stderr);
    }
  });

  test('no daemon: 3', () =>
    expectAll([
      [['status'], 3, /The agent doesn't run: .*\nStart it: sudo gatehouse daemon\n/],
      [['leave', '--yes'], 3, /doesn't run/],
    ]));

  test('a state folder that can not be made: the setting is named', async () => {
    writeFileSync(path.join(machine.folder, 'file'), '');
    const env = { GATEHOUSE_AGENT_STATE: path.join(machine.folder, 'file', 'state') };
    await expectAll([[['daemon'], 1, /GATEHOUSE_AGENT_STATE\) can't be used/, env]]);
  });

  test('a socket that may not be opened: 5', requires('root', 'setpriv'), async () => {
    // As nobody, towards a folder of root's.
    const folder = path.join(machine.folder, 'private');
    mkdirSync(folder, { mode: 0o700 });
    chmodSync(machine.folder, 0o755);
    const program = path.join(import.meta.dirname, '..', 'main.ts');
    const env = { ...machine.env, GATEHOUSE_AGENT_SOCKET: path.join(folder, 'agent.sock') };
    const args = ['--reuid', '65534', '--regid', '65534', '--clear-groups', process.execPath, program, 'status'];
    const failure = await run('setpriv', args, { env }).catch((error: { code: number; stderr: string }) => error);
    assert.ok('code' in failure);
    assert.equal(failure.code, 5, failure.stderr);
    assert.match(failure.stderr, /You may not speak to the agent on .*use sudo/);
  });

  test('before enrollment: 4; a refused enrollment says why by its status', async () => {
    const daemon = await machine.daemonHere();
    const tls = selfSigned('localhost');
    const secure = await startFakeController({ tls });
    const token = ['--token', 'good'];
    try {
      await expectAll([
        [['up'], 4, /not enrolled.*gatehouse enroll/],
        [['leave', '--yes'], 4, /not enrolled/],
        [['peers'], 4, /not enrolled/],
        [['status'], 0, /^$/],
        [['doctor'], 1, /^$/],
      ]);
      await expectAll([
        [['enroll', controller.url, '--token', 'bad'], 7, /refuses the token/],
        [['enroll', 'http://gate.example', ...token], 2, /plain HTTP.*--allow-http/],
        [['enroll', 'http://gate.invalid', '--allow-http', ...token], 6, /can't be resolved/],
        [['enroll', 'http://127.0.0.1:9', ...token], 6, /nothing listens there/],
        [['enroll', secure.url, ...token], 6, /--ca <file>/],
        [['enroll', 'gate.example', ...token], 2, /write https:/],
      ]);
      controller.answer = (_request, response) => {
        response.writeHead(500).end('oops');
        return true;
      };
      await expectAll([[['enroll', controller.url, ...token], 1, /HTTP 500.*controller's log/]]);
    } finally {
      controller.answer = null;
      await secure.close();
      await daemon.stop();
    }
  });

  test('enroll by standard input, by the environment, and with a CA', async () => {
    const daemon = await machine.daemonHere();
    const tls = selfSigned('localhost');
    const ca = path.join(machine.folder, 'ca.pem');
    writeFileSync(ca, tls.cert);
    const secure = await startFakeController({ tls, state: (key) => spokeState(key) });
    secure.tokens.set('one', null);
    secure.tokens.set('two', null);
    const enroll = ['enroll', secure.url, '--ca', ca];
    await expectAll([[[...enroll, '--token', '-'], 0, /^$/, {}, 'one\n']]);
    await expectAll([[[...enroll, '--token', 'two'], 1, /gatehouse leave/]]);
    await expectAll([[['leave'], 2, /removes the identity and the keys of laptop at https:.*\n.*--yes/]]);
    const left = await machine.cli(['leave', '--yes']);
    assert.equal(left.code, 0);
    assert.match(left.stdout, /^Left: laptop at https:.*Nothing else is needed/);
    secure.tokens.delete('one');
    await expectAll([[enroll, 0, /^$/, { GATEHOUSE_TOKEN: 'two' }]]);
    await machine.until(({ enrolled }) => enrolled?.networkName === 'office');
    await expectAll([[['profiles'], 0, /^$/]]);
    const pin = `sha256:${createHash('sha256').update(new X509Certificate(tls.cert).raw).digest('base64url')}`;
    const third = await startFakeController({ tls, peerId: 'peer-3', state: (key) => spokeState(key) });
    third.tokens.set('four', null);
    const pinned = `gatehouse://enroll?${new URLSearchParams({ url: third.url, token: 'four', pin })}`;
    await expectAll([
      [['enroll', pinned, '--pin', pin], 2, /brings its own pin: leave --pin out/],
      [['enroll', third.url, '--add', '--token', 'four', '--pin', pin.slice(1)], 2, /not of the form sha256:/],
      [
        ['enroll', third.url, '--add', '--token', 'four', '--pin', `sha256:${'A'.repeat(43)}`],
        6,
        /Somebody may be in between/,
      ],
    ]);
    assert.deepEqual(third.calls, [], 'it was told nothing until then');
    await expectAll([[['enroll', pinned, '--add'], 0, /^Enrolling with https:\/\/localhost:\d+\n$/]]);
    await expectAll([[['leave', '--profile', 'peer-3', '--yes'], 0, /^$/]]);
    await third.close();
    const other = await startFakeController({ peerId: 'peer-2' });
    other.tokens.set('three', null);
    const link = `gatehouse://enroll?${new URLSearchParams({ url: other.url, token: 'three' })}`;
    await expectAll([
      [['enroll', link, '--token', 'three'], 2, /brings its own token: leave --token out/],
      [['enroll', link, '--add'], 0, /^Enrolling with http:\/\/127\.0\.0\.1:\d+\n$/],
    ]);
    await expectAll([
      [['use', 'nowhere'], 2, /No network is 'nowhere'.*id peer-1.*id peer-2.*\nSee: gatehouse profiles\n/],
      [['leave', '--profile', 'nowhere', '--yes'], 2, /No network is 'nowhere'\.\nSee: gatehouse profiles\n/],
      [['leave', '--profile', 'laptop'], 2, /More than one network goes by 'laptop': say its id/],
      [['leave', '--profile', 'OFFICE'], 2, /keys of laptop at https:/],
      [['leave', '--profile', 'peer-1'], 2, /keys of laptop at https:.*\n.*gatehouse leave --profile peer-1 --yes/],
    ]);
    const listed = await machine.cli(['profiles']);
    assert.match(
      listed.stdout,
      /^ +NETWORK +DEVICE .*\n {3}office +laptop +https:.* peer-1\n\* +- +laptop +http:.* peer-2\n$/,
    );
    const used = await machine.cli(['use', 'office']);
    assert.match(used.stdout, /^device +laptop \(spoke\) in office$/m, used.stderr);
    const gone = await machine.cli(['leave', '--yes']);
    assert.match(
      gone.stdout,
      /^Left: laptop at https:.*\nlaptop at http:.* is active now, and down: gatehouse up\.\n$/,
    );
    assert.deepEqual(JSON.parse((await machine.cli(['profiles', '--json'])).stdout).length, 1);
    await expectAll([[['leave', '--profile', 'peer-2', '--yes'], 0, /^$/]]);
    assert.match((await machine.cli(['profiles'])).stdout, /enrolled nowhere/);
    await other.close();
    await daemon.stop();
    await secure.close();
  });

  test('the life of a tunnel, in JSON and for people', async () => {
    const daemon = await machine.daemonHere();
    const enrolled = await machine.cli(['enroll', controller.url, '--token', 'good']);
    assert.equal(enrolled.code, 0, enrolled.stderr);
    // It has waited for what the controller says.
    assert.match(enrolled.stdout, /^device +laptop \(spoke\) in office$/m);
    assert.doesNotMatch(enrolled.stdout, /controller-unreachable/);
    machine.kernel.traffic(2048);
    await machine.until(({ state }) => state === 'connected');
    const [json, text, peersJson, peers, doctorJson, doctor, logs, logsJson] = await Promise.all([
      machine.cli(['status', '--json']),
      machine.cli(['status']),
      machine.cli(['peers', '--json']),
      machine.cli(['peers']),
      machine.cli(['doctor', '--json']),
      machine.cli(['doctor']),
      machine.cli(['logs', '--lines', '2']),
      machine.cli(['logs', '--json']),
    ]);
    for (const { code, stderr } of [json, text, peersJson, peers, doctorJson, doctor, logs, logsJson]) {
      assert.deepEqual([code, stderr], [0, '']);
    }
    const status: unknown = JSON.parse(json.stdout);
    assert.ok(Compile(AgentStatus).Check(status));
    assert.deepEqual(Object.keys(status), Object.keys(AgentStatus.properties));
    assert.equal(status.state, 'connected');
    assert.match(text.stdout, /^state {7}connected, since \d+ s\n/);
    assert.match(text.stdout, /^hub {9}gate, 192\.0\.2\.10:51820, handshake \d+ s ago$/m);
    assert.match(text.stdout, /^traffic {5}1 peer, 2\.0 KiB received, 0 B sent$/m);
    assert.ok(Compile(Type.Array(AgentPeer)).Check(JSON.parse(peersJson.stdout)));
    assert.match(
      peers.stdout,
      /^NAME {2}ROLE {2}HANDSHAKE {2}LATENCY .*\ngate {2}hub {3}\d+ s ago .* 192\.0\.2\.10:51820, \S/,
    );
    const findings: unknown = JSON.parse(doctorJson.stdout);
    assert.ok(Compile(Type.Array(Finding)).Check(findings));
    assert.deepEqual(
      findings.map(({ check, result }) => `${check} ${result}`),
      [
        'daemon ok',
        'enrollment ok',
        'controller TCP ok',
        'controller HTTP ok',
        'clock ok',
        'wireguard ok',
        'channel ok',
        'handshake ok',
      ],
    );
    assert.match(doctor.stdout, /^ok {2}daemon +runs as process/);
    assert.equal(logs.stdout.trim().split('\n').length, 2);
    assert.ok(Array.isArray(JSON.parse(logsJson.stdout)));

    const watching = machine.spawn(['status', '--watch', '--json']);
    const lines: string[] = [];
    let rest = '';
    watching.stdout?.on('data', (chunk) => {
      rest += String(chunk);
      const parts = rest.split('\n');
      rest = parts.pop() ?? '';
      lines.push(...parts);
    });
    const states = () => lines.map((line) => (JSON.parse(line) as AgentStatus).state);
    while (lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await expectAll([[['down'], 0, /^$/]]);
    while (!states().includes('disconnected')) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(states()[0], 'connected');
    watching.kill('SIGINT');
    assert.deepEqual(await once(watching, 'exit'), [0, null]);

    machine.kernel.fail('no-privileges Run the daemon as root.');
    await expectAll([[['up'], 5, /^gatehouse: Run the daemon as root\.\n$/]]);
    machine.kernel.fail(null);
    await expectAll([[['up'], 0, /^$/]]);
    await daemon.stop();
  });

  test('help, version and completion', async () => {
    const [help, enroll, also, version, bash, zsh, fish] = await Promise.all(
      [
        ['help'],
        ['help', 'enroll'],
        ['enroll', '--help'],
        ['--version'],
        ['completion', 'bash'],
        ['completion', 'zsh'],
        ['completion', 'fish'],
      ].map((args) => machine.cli(args)),
    );
    for (const result of [help, enroll, also, version, bash, zsh, fish]) assert.equal(result?.code, 0);
    for (const code of [0, 1, 2, 3, 4, 5, 6, 7, 8, 130])
      assert.match(help!.stdout, new RegExp(`^ {2}${code} +\\S`, 'm'));
    assert.match(
      enroll!.stdout,
      /gatehouse enroll <url> \[--token <token>\] \[--allow-http\] \[--ca <file>\]\n +\[--pin <pin>\] \[--add\] \[--json\]\n/,
    );
    assert.equal(also!.stdout, enroll!.stdout);
    assert.match(version!.stdout, /^gatehouse \d+\.\d+\.\d+\n$/);
    const words = `${bash!.stdout}
      complete_for() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _gatehouse; echo "\${COMPREPLY[*]}"; }
      complete_for gatehouse st; complete_for gatehouse status --; complete_for gatehouse completion f`;
    const { stdout } = await run('bash', ['-c', words]);
    assert.deepEqual(stdout.split('\n').slice(0, 3), ['status', '--json --watch --help', 'fish']);
    assert.match(zsh!.stdout, /^#compdef gatehouse\n/);
    assert.match(fish!.stdout, /complete -c gatehouse -n '__fish_seen_subcommand_from enroll' -l ca .* -r -F/);
  });
});
