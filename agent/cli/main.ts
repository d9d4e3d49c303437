import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import type { AgentStatus } from '@gatehouse/protocol';
import { callDaemon, watchDaemon } from '@gatehouse/protocol/socket';
import { AGENT_VERSION, type AgentConfig, readConfig } from '../config.ts';
import { clean } from '../text.ts';
import { ask, readToken, type Terminal } from './ask.ts';
import { type Command, findCommand } from './commands.ts';
import { COMPLETIONS } from './completion.ts';
import { EXIT, exitCode, statusExitCode, UsageError } from './exit.ts';
import { formatFindings, formatPeers, formatProfiles, formatStatus } from './format.ts';
import { commandHelp, generalHelp } from './help.ts';

/** Of what is said on standard error, in UTF-16 units; what lists every network at its longest is cut. */
const MAX_MESSAGE = 4096;

type Values = Record<string, string | boolean | undefined>;

interface Call {
  command: Command;
  args: string[];
  values: Values;
}

/** Takes the command line apart by the table of commands. Throws UsageError. */
function parse(argv: string[]): Call {
  const [name = '', ...rest] = argv;
  const alias: Record<string, string> = { '--help': 'help', '-h': 'help', '--version': 'version', '-V': 'version' };
  const command = findCommand(alias[name] ?? name);
  if (!command) throw new UsageError(name === '' ? 'a command is missing' : `there is no command '${name}'`);
  const options = Object.fromEntries(Object.entries(command.options).map(([key, { type }]) => [key, { type }]));
  let parsed: { values: Values; positionals: string[] };
  try {
    parsed = parseArgs({
      args: rest,
      options: { ...options, help: { type: 'boolean', short: 'h' } },
      allowPositionals: true,
    }) as typeof parsed;
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
  const { values, positionals } = parsed;
  if (values.help === true) return { command: findCommand('help')!, args: [command.name], values: {} };
  const missing = command.args.find((arg, i) => !arg.startsWith('[') && !positionals[i]);
  if (missing !== undefined) throw new UsageError(`${command.name} needs <${missing}>`);
  if (positionals.length > command.args.length) {
    throw new UsageError(`${command.name} doesn't take '${positionals[command.args.length]}'`);
  }
  return { command, args: positionals, values };
}

/** Runs one command of the CLI (all but `daemon`). Returns the exit status; messages go to standard error. */
export async function runCli(
  argv: string[],
  terminal: Terminal,
  daemon: (config: AgentConfig) => Promise<number>,
): Promise<number> {
  try {
    return await execute(parse(argv), terminal, daemon);
  } catch (error) {
    complain(terminal, (error as Error).message);
    if (error instanceof UsageError) terminal.stderr.write('See: gatehouse help\n');
    return exitCode(error);
  }
}

/** On one line: messages repeat what was typed, and what controllers call things. */
function complain({ stderr }: Terminal, message: string): void {
  stderr.write(`gatehouse: ${clean(message.replace(/\s+/g, ' '), MAX_MESSAGE)}\n`);
}

async function execute(
  { command, args, values }: Call,
  terminal: Terminal,
  daemon: (config: AgentConfig) => Promise<number>,
): Promise<number> {
  const { stdout } = terminal;
  const print = (text: string) => void stdout.write(text);
  const printJson = (value: unknown) => print(`${JSON.stringify(value)}\n`);
  switch (command.name) {
    case 'help': {
      const about = args[0] === undefined ? undefined : findCommand(args[0]);
      if (args[0] !== undefined && !about) throw new UsageError(`there is no command '${args[0]}'`);
      print(about ? commandHelp(about) : generalHelp());
      return EXIT.ok;
    }
    case 'version':
      print(`gatehouse ${AGENT_VERSION}\n`);
      return EXIT.ok;
    case 'completion': {
      const script = Object.hasOwn(COMPLETIONS, args[0]!) ? COMPLETIONS[args[0]!] : undefined;
      if (!script) throw new UsageError(`there is completion for bash, zsh and fish, not for '${args[0]}'`);
      print(script());
      return EXIT.ok;
    }
  }
  const config = readConfig(terminal.env);
  const socket = config.socketPath;
  const show = (status: AgentStatus) => print(formatStatus(status, Date.now()));
  switch (command.name) {
    case 'daemon':
      return daemon(config);
    case 'enroll': {
      const ca = values.ca === undefined ? {} : { ca: await readCa(String(values.ca)) };
      const token = await readToken(terminal, values.token as string | undefined);
      const allowHttp = values['allow-http'] === true;
      const add = values.add === true;
      show(await callDaemon(socket, 'enroll', { url: args[0]!, token, allowHttp, add, ...ca }));
      return EXIT.ok;
    }
    case 'up': {
      const status = await callDaemon(socket, 'up', {});
      show(status);
      return statusExitCode(status);
    }
    case 'down':
      show(await callDaemon(socket, 'down', {}));
      return EXIT.ok;
    case 'status': {
      if (values.watch === true) return watch(socket, values.json === true, terminal);
      const status = await callDaemon(socket, 'status', {});
      if (values.json === true) printJson(status);
      else show(status);
      return EXIT.ok;
    }
    case 'peers': {
      const status = await callDaemon(socket, 'status', {});
      const peers = await callDaemon(socket, 'peers', {});
      if (values.json === true) printJson(peers);
      else if (status.enrolled) print(formatPeers(peers, Date.now()));
      if (status.enrolled) return EXIT.ok;
      complain(terminal, status.cause?.message ?? 'This device is not enrolled.');
      return EXIT.notEnrolled;
    }
    case 'doctor': {
      const findings = await callDaemon(socket, 'doctor', {});
      if (values.json === true) printJson(findings);
      else print(formatFindings(findings));
      return findings.some(({ result }) => result === 'failed') ? EXIT.failed : EXIT.ok;
    }
    case 'logs': {
      const lines = await callDaemon(socket, 'logs', readLines(values.lines as string | undefined));
      if (values.json === true) printJson(lines);
      else print(lines.map((line) => `${clean(line)}\n`).join(''));
      return EXIT.ok;
    }
    case 'profiles': {
      const { profiles } = await callDaemon(socket, 'status', {});
      if (values.json === true) printJson(profiles);
      else print(formatProfiles(profiles));
      return EXIT.ok;
    }
    case 'use': {
      const status = await callDaemon(socket, 'use', { profile: args[0]! });
      show(status);
      return statusExitCode(status);
    }
    case 'leave':
      return leave(socket, values.profile as string | undefined, values.yes === true, terminal);
    default:
      throw new UsageError(`there is no command '${command.name}'`);
  }
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`the file of --ca can't be read: ${(error as Error).message}`);
  }
}

function readLines(option: string | undefined): { lines?: number } {
  if (option === undefined) return {};
  const lines = Number(option);
  if (!/^\d+$/.test(option) || lines < 1 || lines > 10_000) {
    throw new UsageError(`--lines takes a number from 1 to 10000, not '${option}'`);
  }
  return { lines };
}

async function watch(socket: string, json: boolean, { stdout }: Terminal): Promise<number> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  stdout.on('error', end);
  const redraw = !json && stdout.isTTY;
  try {
    await watchDaemon(
      socket,
      (status) => {
        if (json) stdout.write(`${JSON.stringify(status)}\n`);
        else
          stdout.write(`${redraw ? '\u001b[H\u001b[2J' : ''}${formatStatus(status, Date.now())}${redraw ? '' : '\n'}`);
      },
      stop.signal,
    );
  } finally {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  }
  return EXIT.ok;
}

async function leave(socket: string, profile: string | undefined, yes: boolean, terminal: Terminal): Promise<number> {
  const status = await callDaemon(socket, 'status', {});
  const leaving = profile ?? status.enrolled?.peerId;
  const found = status.profiles.find(({ id }) => id === leaving);
  const which = profile === undefined ? 'what is left of an enrollment' : `'${profile}'`;
  const whom = clean(found ? `${found.peerName} at ${found.url}` : which, MAX_MESSAGE);
  if (!yes) {
    const warning = `This removes the identity and the keys of ${whom}. Coming back takes a new token.`;
    if (!terminal.stdin.isTTY) {
      const again = ['gatehouse leave', ...(profile === undefined ? [] : [`--profile ${profile}`]), '--yes'].join(' ');
      throw new UsageError(`${warning} If that is what you want: ${again}`);
    }
    const answer = await ask(terminal, `${warning}\nLeave? [y/N] `, false);
    if (!/^y(es)?$/i.test(answer)) {
      terminal.stderr.write('Nothing was changed.\n');
      return EXIT.failed;
    }
  }
  const after = await callDaemon(socket, 'leave', profile === undefined ? {} : { profile });
  const said = [`Left: ${whom}. Nothing else is needed; an administrator may delete the peer on the controller.`];
  if (after.enrolled && after.enrolled.peerId !== status.enrolled?.peerId) {
    const { peerName, url } = after.enrolled;
    said.push(`${clean(`${peerName} at ${url}`, MAX_MESSAGE)} is active now, and down: gatehouse up.`);
  }
  terminal.stdout.write(`${said.join('\n')}\n`);
  return EXIT.ok;
}
