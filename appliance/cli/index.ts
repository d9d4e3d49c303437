import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { ConfigError } from '../config/index.ts';
import { StoreError } from '../store/index.ts';
import { resetPasswordCommand } from './admin.ts';
import { backupCommand } from './backup.ts';
import { type Command, CommandError, type Terminal, UsageError } from './command.ts';
import { rotateCommand } from './keys.ts';
import { exportCommand } from './logs-export.ts';
import { forgetCommand } from './logs-forget.ts';
import { setAsideCommand } from './logs-set-aside.ts';
import { statusCommand } from './logs-status.ts';
import { verifyCommand } from './logs-verify.ts';
import { restoreCommand } from './restore.ts';
import { updatesCommand } from './updates-list.ts';

const PROGRAM = 'gatehouse-appliance';
/** A longer call has its summary on the next line of the help. */
const MAX_LEFT = 48;

const versionCommand: Command = {
  name: 'version',
  usage: '',
  summary: 'print the version',
  options: {},
  takes: [0, 0],
  async run(_call, { out }) {
    const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    out(`gatehouse-appliance ${manifest.version}`);
  },
};

const helpCommand: Command = {
  name: 'help',
  usage: '',
  summary: 'print this',
  options: {},
  takes: [0, 0],
  async run(_call, { out }) {
    out(help());
  },
};

const commands: readonly Command[] = [
  backupCommand,
  restoreCommand,
  resetPasswordCommand,
  rotateCommand,
  verifyCommand,
  exportCommand,
  statusCommand,
  setAsideCommand,
  forgetCommand,
  updatesCommand,
  versionCommand,
  helpCommand,
];

/** Runs one command. Returns the exit code: 0 done, 1 failed, 2 called wrongly. */
export async function run(argv: readonly string[], terminal: Terminal): Promise<0 | 1 | 2> {
  try {
    const { command, rest } = find(argv);
    await command.run(parse(command, rest), terminal);
    return 0;
  } catch (error) {
    if (error instanceof UsageError) {
      terminal.err(`${PROGRAM}: ${error.message}`);
      return 2;
    }
    const told = [CommandError, ConfigError, StoreError].some((kind) => error instanceof kind);
    terminal.err(`${PROGRAM}: ${told ? (error as Error).message : reason(error)}`);
    return 1;
  }
}

/** Errors of the system say what happened and to which file; anything else is a fault of ours, so with its stack. */
function reason(error: unknown): string {
  const { code, message, stack } = error as NodeJS.ErrnoException;
  return (code === undefined ? stack : message) ?? String(error);
}

function find(argv: readonly string[]): { command: Command; rest: string[] } {
  if (argv.length === 0) throw new UsageError(`which command?\n\n${help()}`);
  if (argv[0] === '--help' || argv[0] === '-h') return { command: helpCommand, rest: [] };
  if (argv[0] === '--version') return { command: versionCommand, rest: [] };
  const command = commands.find(({ name }) => name.split(' ').every((word, index) => argv[index] === word));
  if (command) return { command, rest: argv.slice(command.name.split(' ').length) };
  throw new UsageError(`there is no command '${argv.slice(0, 2).join(' ')}'\n\n${help()}`);
}

function parse(command: Command, args: string[]): { args: string[]; flags: Record<string, unknown> } {
  const line = `usage: ${PROGRAM} ${command.name} ${command.usage}`.trimEnd();
  try {
    const { values, positionals } = parseArgs({ args, options: command.options, allowPositionals: true });
    const [least, most] = command.takes;
    if (positionals.length < least) throw new Error('an argument is missing');
    if (positionals.length > most) throw new Error(`unexpected argument '${positionals[most]}'`);
    return { args: positionals, flags: values };
  } catch (error) {
    throw new UsageError(`${(error as Error).message}\n${line}`);
  }
}

function help(): string {
  const lines = commands.map(({ name, usage, summary }): [string, string] => [`${name} ${usage}`.trimEnd(), summary]);
  const width = Math.max(...lines.map(([left]) => left.length).filter((length) => length <= MAX_LEFT));
  const gap = (left: string): string => (left.length > width ? `\n${' '.repeat(width + 2)}` : '');
  return [
    `usage: ${PROGRAM} <command>`,
    '',
    ...lines.map(([left, right]) => `  ${left.padEnd(width)}${gap(left)}  ${right}`),
    '',
    'Commands work on the data folder that GATEHOUSE_DATA names (./data unless set).',
    'Exit codes: 0 done, 1 failed, 2 called wrongly.',
  ].join('\n');
}
