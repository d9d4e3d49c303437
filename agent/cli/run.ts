import { readFile } from 'node:fs/promises';
import { type AgentStatus, IPC_VERSION } from '@gatehouse/protocol';
import { AGENT_VERSION, type AgentConfig, readConfig } from '../config.ts';
import { AgentError } from '../errors.ts';
import { clean } from '../text.ts';
import { readToken, type Terminal } from './ask.ts';
import { COMPLETIONS } from './completion.ts';
import { DaemonLink } from './daemon.ts';
import { EXIT, statusExitCode, UsageError } from './exit.ts';
import { formatDirectory, formatFindings, formatPeers, formatProfiles, formatStatus } from './format.ts';
import { commandHelp, generalHelp } from './help.ts';
import { formatSessions, formatTraffic } from './history.ts';
import { readInvitation } from './invitation.ts';
import { leave } from './leave.ts';
import { type Call, commandNamed } from './parse.ts';
import { formatPosture } from './posture.ts';

/** Narrower than this a table is no table: the terminal breaks its lines. */
const MIN_WIDTH = 40;

/** How long a tunnel that is set up may take to carry its first packet before its owner is told so, in milliseconds. */
const FIRST_PACKET = 3_000;

/** Of a controller's URL that is repeated, in UTF-16 units. */
const MAX_URL = 2048;

export interface Context extends Call {
  terminal: Terminal;
  daemon: (config: AgentConfig) => Promise<number>;
}

interface Output {
  daemon: DaemonLink;
  /** The terminal's columns; undefined where nobody sees it. */
  width: number | undefined;
  /** The value in JSON where that was asked for, else the text. */
  answer<T>(value: T, text: (value: T) => string): Promise<void>;
}
type Handler = (context: Context, output: Output) => Promise<number>;

/** Runs a command that was understood. Returns the exit status; throws what `exitCode` knows. */
export async function run(context: Context): Promise<number> {
  const { command, args, values, terminal } = context;
  const print = (text: string) => void terminal.stdout.write(text);
  switch (command.name) {
    case 'help':
      print(args[0] === undefined ? generalHelp() : commandHelp(commandNamed(args[0])));
      return EXIT.ok;
    case 'version':
      print(
        values.json === true
          ? `${JSON.stringify({ version: AGENT_VERSION, ipc: IPC_VERSION })}\n`
          : `gatehouse ${AGENT_VERSION}\n`,
      );
      return EXIT.ok;
    case 'completion': {
      const script = Object.hasOwn(COMPLETIONS, args[0]!) ? COMPLETIONS[args[0]!] : undefined;
      if (!script)
        throw new UsageError(
          `there is completion for bash, zsh and fish, not for '${args[0]}'`,
          'See: gatehouse help completion',
        );
      print(script());
      return EXIT.ok;
    }
  }
  const config = readConfig(terminal.env);
  if (command.name === 'daemon') return context.daemon(config);
  const daemon = new DaemonLink(config.socketPath);
  const { isTTY, columns } = terminal.stdout;
  const width = isTTY && columns >= MIN_WIDTH ? columns : undefined;
  return HANDLERS[command.name]!(context, {
    daemon,
    width,
    answer: async (value, text) =>
      print(values.json === true ? `${JSON.stringify(value)}\n` : await daemon.render(() => text(value))),
  });
}

const show = (output: Output, status: AgentStatus): Promise<void> =>
  output.answer(status, () => formatStatus(status, Date.now(), output.width));

/** Of what is asked of the daemon. */
const HANDLERS: Readonly<Record<string, Handler>> = {
  enroll: async ({ args, values, terminal }, output) => {
    const ca = values.ca === undefined ? {} : { ca: await readCa(String(values.ca)) };
    const invitation = readInvitation(args[0]!);
    if (invitation.token !== undefined) {
      if (values.token !== undefined) {
        throw new UsageError('the link brings its own token: leave --token out', 'See: gatehouse help enroll');
      }
      terminal.stderr.write(`Enrolling with ${clean(invitation.url, MAX_URL)}\n`);
    }
    if (invitation.pin !== undefined && values.pin !== undefined) {
      throw new UsageError('the link brings its own pin: leave --pin out', 'See: gatehouse help enroll');
    }
    const pin = invitation.pin ?? (values.pin as string | undefined);
    const token = await readToken(terminal, invitation.token ?? (values.token as string | undefined));
    const options = { allowHttp: values['allow-http'] === true, add: values.add === true };
    const params = { url: invitation.url, token, ...options, ...ca, ...(pin !== undefined && { pin }) };
    await show(
      output,
      await changing(async () => arrived(output.daemon, await output.daemon.call('enroll', params)), terminal),
    );
    return EXIT.ok;
  },
  up: async ({ terminal }, output) => {
    const status = await changing(async () => arrived(output.daemon, await output.daemon.call('up', {})), terminal);
    await show(output, status);
    return statusExitCode(status);
  },
  down: async ({ terminal }, output) => {
    await show(output, await changing(() => output.daemon.call('down', {}), terminal));
    return EXIT.ok;
  },
  use: async ({ args, terminal }, output) => {
    const profile = args[0]!;
    const status = await changing(
      async () => arrived(output.daemon, await output.daemon.call('use', { profile })),
      terminal,
    );
    await show(output, status);
    return statusExitCode(status);
  },
  status: async ({ values, terminal }, output) => {
    if (values.watch === true) return watch(output, values.json === true, terminal);
    await show(output, await output.daemon.call('status', {}));
    return EXIT.ok;
  },
  peers: async (_context, { daemon, width, answer }) => {
    const status = await daemon.call('status', {});
    if (!status.enrolled) throw new AgentError('not-enrolled', status.cause?.message ?? 'This device is not enrolled.');
    await answer(await daemon.call('peers', {}), (peers) => formatPeers(peers, Date.now(), width));
    return EXIT.ok;
  },
  directory: async ({ args: [search] }, { daemon, width, answer }) => {
    const found = await daemon.call('directory', search === undefined ? {} : { search });
    await answer(found, (directory) => formatDirectory(directory, search, width));
    return EXIT.ok;
  },
  traffic: async ({ values }, { daemon, width, answer }) => {
    await answer(await daemon.call('traffic', {}), (traffic) => formatTraffic(traffic, values.hours === true, width));
    return EXIT.ok;
  },
  sessions: async (_context, { daemon, width, answer }) => {
    await answer(await daemon.call('sessions', {}), (sessions) => formatSessions(sessions, Date.now(), width));
    return EXIT.ok;
  },
  posture: async ({ values }, { daemon, width, answer }) => {
    const posture = await daemon.call('posture', { anew: values.anew === true });
    const { standing } = await daemon.call('status', {});
    await answer(posture, () => formatPosture(posture, standing, process.platform, Date.now(), width));
    return posture.checks.some(({ result }) => result === 'failed') ? EXIT.failed : EXIT.ok;
  },
  doctor: async (_context, { daemon, width, answer }) => {
    const findings = await daemon.call('doctor', {});
    await answer(findings, () => formatFindings(findings, width));
    return findings.some(({ result }) => result === 'failed') ? EXIT.failed : EXIT.ok;
  },
  logs: async ({ values }, { daemon, answer }) => {
    const lines = await daemon.call('logs', readLines(values.lines as string | undefined));
    await answer(lines, () => lines.map((line) => `${clean(line)}\n`).join(''));
    return EXIT.ok;
  },
  profiles: async (_context, { daemon, width, answer }) => {
    const { profiles } = await daemon.call('status', {});
    await answer(profiles, () => formatProfiles(profiles, width));
    return EXIT.ok;
  },
  leave: async ({ values, terminal }, { daemon, answer }) => {
    const left = await leave(daemon, values.profile as string | undefined, values.yes === true, terminal);
    if (!left) {
      terminal.stderr.write('Nothing was changed.\n');
      return EXIT.failed;
    }
    await answer(left.status, () => left.said);
    return EXIT.ok;
  },
};

/** The daemon answers once the interface stands; the first packet comes a moment later, and then all is well. */
async function arrived(daemon: DaemonLink, status: AgentStatus): Promise<AgentStatus> {
  if (status.state !== 'connecting') return status;
  let last = status;
  const stop = AbortSignal.timeout(FIRST_PACKET);
  const end = new AbortController();
  // What the command did is done, whatever becomes of the watching.
  await daemon
    .watch(
      (next) => {
        last = next;
        if (next.state !== 'connecting') end.abort();
      },
      AbortSignal.any([stop, end.signal]),
    )
    .catch(() => undefined);
  return last;
}

/** Waits for what changes the daemon; Ctrl-C ends the waiting, of which the daemon knows nothing. */
async function changing<T>(work: () => Promise<T>, { stderr }: Terminal): Promise<T> {
  const interrupt = () => {
    stderr.write('\ngatehouse: interrupted; the agent may go on with it: gatehouse status\n');
    process.exit(EXIT.interrupted);
  };
  process.once('SIGINT', interrupt);
  try {
    return await work();
  } finally {
    process.off('SIGINT', interrupt);
  }
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`the file of --ca can't be read: ${(error as Error).message}`, 'See: gatehouse help enroll');
  }
}

function readLines(option: string | undefined): { lines?: number } {
  if (option === undefined) return {};
  const lines = Number(option);
  if (!/^\d+$/.test(option) || lines < 1 || lines > 10_000) {
    throw new UsageError(`--lines takes a number from 1 to 10000, not '${option}'`, 'See: gatehouse help logs');
  }
  return { lines };
}

async function watch({ daemon, width }: Output, json: boolean, { stdout, env }: Terminal): Promise<number> {
  const stop = new AbortController();
  const end = () => stop.abort();
  process.once('SIGINT', end);
  process.once('SIGTERM', end);
  stdout.on('error', end);
  const redraw = !json && stdout.isTTY && env.TERM !== 'dumb';
  try {
    await daemon.watch((status) => {
      if (json) stdout.write(`${JSON.stringify(status)}\n`);
      else {
        const text = formatStatus(status, Date.now(), stdout.isTTY ? (stdout.columns ?? width) : undefined);
        stdout.write(redraw ? `\u001b[H\u001b[2J${text}` : `${text}\n`);
      }
    }, stop.signal);
  } finally {
    process.off('SIGINT', end);
    process.off('SIGTERM', end);
  }
  return EXIT.ok;
}
