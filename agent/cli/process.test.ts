import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import type http from 'node:http';
import { createServer } from 'node:net';
import path from 'node:path';
import { Readable } from 'node:stream';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import { AgentStatus, IPC, type IpcMethod } from '@gatehouse/protocol';
import { Compile } from 'typebox/compile';
import { requires } from '../../test/requires.ts';
import { type FakeController, spokeState, startFakeController } from '../controller/testing/fake-controller.ts';
import { Machine } from '../daemon/testing/processes.ts';
import { COMMANDS } from './commands.ts';
import { runCli } from './main.ts';

// What the installed program runs, whose ends of pipes and terminals are the subject here.
const PROGRAM = path.join(import.meta.dirname, '..', 'main.ts');

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Collects what a child says; `ended` resolves with all of it. */
function listen(child: ChildProcess): { said: Ended; ended: Promise<Ended> } {
  const said: Ended = { code: null, signal: null, stdout: '', stderr: '' };
  child.stdout?.on('data', (chunk) => {
    said.stdout += String(chunk);
  });
  child.stderr?.on('data', (chunk) => {
    said.stderr += String(chunk);
  });
  const ended = once(child, 'close').then(([code, signal]) => Object.assign(said, { code, signal }));
  return { said, ended };
}

const poll = async (until: () => boolean): Promise<void> => {
  while (!until()) await new Promise((resolve) => setTimeout(resolve, 10));
};

/** What each command that asks the agent is called with. */
const ASKING = COMMANDS.filter(({ options, name }) => 'json' in options && name !== 'version').map(({ name, args }) => [
  name,
  ...args.filter((arg) => !arg.startsWith('[')).map(() => 'x'),
  ...(name === 'enroll' ? ['--token', 'x'] : []),
]);

/** A command in this process: each of its own takes a second to start. */
async function here(args: string[], env: NodeJS.ProcessEnv, columns?: number): Promise<Ended> {
  const said: Ended = { code: null, signal: null, stdout: '', stderr: '' };
  const stream = (name: 'stdout' | 'stderr') =>
    ({
      isTTY: columns !== undefined,
      columns,
      write: (text: string) => {
        said[name] += text;
        return true;
      },
    }) as unknown as NodeJS.WriteStream;
  const stdin = Readable.from([]) as unknown as NodeJS.ReadStream;
  const terminal = { stdin, stdout: stream('stdout'), stderr: stream('stderr'), env };
  said.code = await runCli(args, terminal, () => assert.fail());
  return said;
}

describe('without an agent', () => {
  const machine = new Machine();
  after(() => machine.dispose());

  test('each command says so, in words or in JSON, and prints nothing', async () => {
    for (const args of ASKING) {
      const [text, json] = [await here(args, machine.env), await here([...args, '--json'], machine.env)];
      assert.deepEqual([text.code, text.stdout, json.code, json.stdout], [3, '', 3, ''], args.join(' '));
      assert.match(text.stderr, /^gatehouse: The agent doesn't run: .*\nStart it: .*\n$/);
      const { error, code, hint, ...more } = JSON.parse(json.stderr) as Record<string, unknown>;
      assert.deepEqual([code, more], ['not-running', {}]);
      assert.equal(text.stderr, `gatehouse: ${error}\n${hint}\n`);
    }
    const wrong = await machine.cli(['staus', '--json']);
    assert.equal(wrong.code, 2);
    assert.deepEqual(JSON.parse(wrong.stderr), {
      error: "there is no command 'staus'",
      code: 'usage',
      hint: 'Did you mean: gatehouse status',
    });
    const version = JSON.parse((await machine.cli(['version', '--json'])).stdout) as Record<string, unknown>;
    assert.deepEqual(Object.keys(version), ['version', 'ipc']);
  });

  test('a reader that went away is no error, and no stack', requires('bash'), async () => {
    for (const args of ['help', 'completion bash', 'status']) {
      const line = `"$0" "$1" ${args} | true; exit "\${PIPESTATUS[0]}"`;
      const child = spawn('bash', ['-c', line, process.execPath, PROGRAM], { env: machine.env });
      const { code, stderr } = await listen(child).ended;
      assert.equal(code, args === 'status' ? 3 : 0, stderr);
      assert.doesNotMatch(stderr, /EPIPE|\n\s+at /);
    }
    const silent = spawn(
      'bash',
      ['-c', '{ "$0" "$1" status 2>&3 3>&-; echo $? >&4; } 4>&1 3> >(true) | cat', process.execPath, PROGRAM],
      {
        env: machine.env,
      },
    );
    assert.equal((await listen(silent).ended).stdout, '3\n');
  });
});

describe('an agent of another version', () => {
  const machine = new Machine();
  let server: ReturnType<typeof createServer>;
  let answers: Record<string, unknown>;
  let events: object[];
  beforeEach(async () => {
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk) => {
        const { method } = JSON.parse(String(chunk)) as { method: string };
        if (method === 'watch') {
          for (const event of events) socket.write(`${JSON.stringify({ id: 1, event })}\n`);
          return;
        }
        const message = `There is no method '${method}'; there are ${Object.keys(answers).join(', ')}.`;
        const result = answers[method];
        socket.write(
          `${JSON.stringify({ id: 1, ...(result ? { result } : { error: { code: 'bad-request', message } }) })}\n`,
        );
      });
    });
    mkdirSync(path.dirname(machine.socketPath), { recursive: true });
    server.listen(machine.socketPath);
    await once(server, 'listening');
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));
  after(() => machine.dispose());

  test('too old for a command: which it is, and that it is to be restarted', async () => {
    answers = { status: { version: '0.0.1', ipc: 1 } };
    for (const command of ['traffic', 'sessions', 'directory', 'posture']) {
      const { code, stdout, stderr } = await machine.cli([command]);
      assert.deepEqual([code, stdout], [8, '']);
      assert.match(
        stderr,
        new RegExp(`^gatehouse: the agent that runs, 0\\.0\\.1, is older .*'${command}'\\nRestart the agent: `),
      );
    }
    const json = await machine.cli(['traffic', '--json']);
    assert.equal((JSON.parse(json.stderr) as { code: string }).code, 'other-version');
    answers = {};
    assert.match((await machine.cli(['traffic'])).stderr, /the agent that runs is older than this program/);
  });

  test('up waits for the first packet, as the agent answers before it', async () => {
    const status = { version: '0.0.1', state: 'connecting', cause: null };
    answers = { up: status };
    events = [status, { ...status, state: 'connected' }];
    const { code, stdout } = await machine.cli(['up', '--json']);
    assert.deepEqual([code, JSON.parse(stdout)], [0, { ...status, state: 'connected' }]);
  });

  test('an answer that is not such as this program knows is for programs only', async () => {
    answers = { status: { version: '0.0.1', ipc: 1 } };
    const text = await machine.cli(['status']);
    assert.equal(text.code, 8);
    assert.match(text.stderr, /^gatehouse: the agent's answer is not understood: it is 0\.0\.1, and this program is /);
    const json = await machine.cli(['status', '--json']);
    assert.deepEqual([json.code, JSON.parse(json.stdout)], [0, answers.status]);
  });
});

describe('with an agent', () => {
  let machine: Machine;
  let controller: FakeController;
  const held: http.ServerResponse[] = [];
  const standing = { admitted: true, reason: null, missing: [] as object[], reported: null };
  const names = [{ name: 'nas\u001b[31m', dns: 'nas.office.internal', addresses: ['10.10.0.9'], online: true }];
  before(async () => {
    machine = new Machine();
    controller = await startFakeController({ accepts: ['posture'], state: (key) => spokeState(key) });
    controller.answer = (request, response) => {
      const reply = (body: object) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body));
        return true;
      };
      if (request.headers.authorization === 'Bearer slow') return held.push(response) > 0;
      if (request.url === '/api/v1/agent/standing') return reply(standing);
      if (request.url?.startsWith('/api/v1/agent/directory')) return reply({ names, more: false });
      return false;
    };
    await machine.daemonHere();
  });
  after(async () => {
    for (const response of held) response.destroy();
    await machine.dispose();
    await controller.close();
  });

  test('SIGINT while it waits for the controller: 130, and what goes on is told', async () => {
    const { said, ended } = (() => {
      const child = machine.spawn(['enroll', controller.url, '--token', 'slow']);
      const listened = listen(child);
      void poll(() => held.length > 0).then(() => child.kill('SIGINT'));
      return listened;
    })();
    await ended;
    assert.deepEqual([said.code, said.signal, said.stdout], [130, null, '']);
    assert.match(said.stderr, /^\ngatehouse: interrupted; the agent may go on with it: gatehouse status\n$/);
    for (const response of held.splice(0))
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"error":"no"}');
    // Whoever asks next waits for that to end.
    const refused = await machine.cli(['up', '--json']);
    assert.equal(refused.code, 4);
    assert.equal((JSON.parse(refused.stderr) as { code: string }).code, 'not-enrolled');
    const directory = await machine.cli(['directory']);
    assert.deepEqual([directory.code, directory.stdout], [4, '']);
  });

  test('what changes the tunnel answers with the status', async () => {
    machine.kernel.traffic(4096);
    controller.tokens.set('good', null);
    const check = Compile(AgentStatus);
    for (const [args, target] of [
      [['enroll', controller.url, '--token', 'good'], 'up'],
      [['down'], 'down'],
      [['use', 'office'], 'down'],
      [['up'], 'up'],
    ] as const) {
      const { code, stdout, stderr } = await machine.cli([...args, '--json']);
      assert.deepEqual([code, stderr], [0, ''], args[0]);
      const status: unknown = JSON.parse(stdout);
      assert.ok(check.Check(status));
      assert.equal(status.target, target, args[0]);
    }
  });

  test('the lists: JSON as the table of the protocol has it, and text', async () => {
    machine.kernel.traffic(8192);
    await machine.until(({ state, standing: told }) => state === 'connected' && told !== null);
    const texts: Record<string, RegExp> = {
      traffic:
        /^Through the tunnel, a minute a line, since .*Z:\nFROM +RECEIVED +SENT\n10 min ago .*\n(.*\n){8}1 min ago .*\nsum .*\n$/,
      sessions:
        /^SINCE +LASTED +RECEIVED +SENT +NETWORK \(HUB\) +ENDED\n(?:2.*Z .* office \(gate\) +\S.*\n)*.* by hand\n(?:2.*Z .*\n)*$/,
      directory: /^NAME +ONLINE +ADDRESS +NAME IN DNS\nnas\?\[31m +yes +10\.10\.0\.9 +nas\.office\.internal\n$/,
      posture: /^disk encryption +yes \(lsblk\)\n(?:.*\n)*controller +this device is let in\ncollected .* ago\n$/,
    };
    for (const [method, pattern] of Object.entries(texts)) {
      const [json, text] = await Promise.all([
        machine.cli([method, '--json']),
        // Whatever is said of colours: nobody sees them here, and there are none.
        machine.cli([method], { env: { FORCE_COLOR: '1', NO_COLOR: undefined, CLICOLOR_FORCE: '1' } }),
      ]);
      assert.deepEqual([json.code, json.stderr, text.code, text.stderr], [0, '', 0, ''], method);
      const schema = (IPC[method as IpcMethod] as { result: typeof AgentStatus }).result;
      assert.ok(Compile(schema).Check(JSON.parse(json.stdout)), method);
      assert.match(text.stdout, pattern);
      assert.doesNotMatch(text.stdout, /\u001b/);
    }
    assert.match((await machine.cli(['traffic', '--hours'])).stdout, /an hour a line.*\nFROM.*\n24 h ago /);
    await machine.cli(['directory', 'nas &?']);
    assert.ok(controller.calls.includes('GET /api/v1/agent/directory?search=nas+%26%3F'));
    const old = await machine.cli(['directory', 'x'.repeat(300)]);
    assert.equal(old.code, 2, old.stderr);
    assert.match(old.stderr, /^gatehouse: The search of 'directory' is longer than 253 characters/);
  });

  test('a policy that misses something: 1, what it wants, and how to mend it', async () => {
    standing.missing = [{ fact: 'disk_encryption', wanted: 'false', policy: 'laptops' }];
    const asked = controller.calls.length;
    // It is asked again when the device is connected anew.
    await machine.cli(['down']);
    await machine.cli(['up']);
    await machine.until(({ standing: told }) => (told?.missing.length ?? 0) > 0);
    assert.ok(controller.calls.slice(asked).includes('GET /api/v1/agent/standing'));
    const [text, json] = await Promise.all([machine.cli(['posture', '--anew']), machine.cli(['posture', '--json'])]);
    assert.deepEqual([text.code, json.code], [1, 1]);
    assert.match(text.stdout, /^failed +disk encryption +yes \(lsblk\)\n +→ wanted: false\. \S/);
    assert.match(json.stdout, /"result":"failed","wanted":"false"/);
  });

  test('a watch ends when its reader does', requires('bash'), async () => {
    const line = `"$0" "$1" status --watch --json | head -1; exit "\${PIPESTATUS[0]}"`;
    const child = spawn('bash', ['-c', line, process.execPath, PROGRAM], { env: machine.env });
    const { said, ended } = listen(child);
    let bytes = 10_000;
    // It notices when it has something to say.
    const timer = setInterval(() => {
      bytes += 100;
      machine.kernel.traffic(bytes);
    }, 50);
    await ended.finally(() => clearInterval(timer));
    assert.equal(said.code, 0, said.stderr);
    assert.equal(said.stdout.trim().split('\n').length, 1);
    assert.equal(said.stderr, '');
  });
});

describe('on a terminal', () => {
  const machine = new Machine();
  after(() => machine.dispose());

  /** The program on a pseudo terminal of 80 columns; `type` answers what it has said so far with what is typed. */
  const onTerminal = async (args: string, type: [after: string, keys: string][] = []): Promise<Ended> => {
    const command = `stty cols 80; exec "${process.execPath}" "${PROGRAM}" ${args}`;
    const child = spawn('script', ['-qec', command, '/dev/null'], { env: { ...machine.env, TERM: 'xterm' } });
    const { said, ended } = listen(child);
    for (const [after, keys] of type) {
      await Promise.race([poll(() => said.stdout.includes(after)), ended]);
      child.stdin.write(keys);
    }
    return ended;
  };

  test('a token that is asked for is not shown; Ctrl-C and Ctrl-D change nothing', requires('script'), async () => {
    const question = 'Enrollment token: ';
    const typed = await onTerminal('enroll https://gate.invalid', [[question, 'secret\r']]);
    assert.equal(typed.code, 3, typed.stdout);
    assert.doesNotMatch(typed.stdout, /secret/);
    for (const keys of ['\u0003', '\u0004']) {
      const { code, stdout } = await onTerminal('enroll https://gate.invalid', [[question, keys]]);
      assert.equal(code, 130, stdout);
      assert.match(stdout, /gatehouse: interrupted: nothing was changed\r\n/);
    }
  });

  test('what is printed fits it', requires('script'), async () => {
    const daemon = await machine.daemonHere();
    try {
      const fits = (args: string, text: string) => {
        for (const line of text.split(/\r?\n/)) assert.ok(line.length <= 80, `${args}: ${line}`);
      };
      fits('posture', (await onTerminal('posture')).stdout);
      for (const args of ['status', 'traffic', 'doctor', 'help', ...COMMANDS.map(({ name }) => `help ${name}`)]) {
        const { code, stdout } = await here(args.split(' '), machine.env, 80);
        assert.ok(code === 0 || args === 'doctor', args);
        fits(args, stdout);
      }
    } finally {
      await daemon.stop();
    }
  });
});
