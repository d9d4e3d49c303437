import { COMMANDS, type Command } from './commands.ts';
import { EXIT } from './exit.ts';
import { wrap } from './table.ts';

/** Columns of what is said under the options. */
const WIDTH = 80;

/** What each exit status means. */
export const MEANING: Record<keyof typeof EXIT, string> = {
  ok: 'done',
  failed: 'failed; the message says why',
  usage: 'wrong arguments or settings',
  notRunning: 'the daemon does not run',
  notEnrolled: 'this device is not enrolled',
  notPermitted: 'not permitted',
  unreachable: 'the controller cannot be reached safely',
  tokenRefused: 'the token was refused, or this device was cut off',
  otherVersion: 'the daemon that runs is too old or too new: restart it',
  interrupted: 'interrupted (Ctrl-C)',
};

function usage(command: Command): string {
  const options = Object.entries(command.options).map(
    ([name, { value }]) => `[--${name}${value === undefined ? '' : ` <${value}>`}]`,
  );
  const args = command.args.map((arg) => (arg.startsWith('[') ? arg : `<${arg}>`));
  // An option and its value stay on one line.
  const whole = [`gatehouse ${command.name}`, ...args, ...options].map((word) => word.replaceAll(' ', '\u00a0'));
  return wrap(whole.join(' '), WIDTH - 6)
    .join('\n      ')
    .replaceAll('\u00a0', ' ');
}

function columns(rows: [string, string][]): string {
  const width = Math.max(...rows.map(([left]) => left.length));
  return rows.map(([left, right]) => `  ${left.padEnd(width)}  ${right}\n`).join('');
}

export function commandHelp(command: Command): string {
  const options = Object.entries(command.options).map(([name, { value, help }]): [string, string] => [
    `--${name}${value === undefined ? '' : ` <${value}>`}`,
    help,
  ]);
  const notes = (command.notes ?? []).map((note) => `\n${wrap(note, WIDTH).join('\n')}\n`);
  return `${command.help}\n\n  ${usage(command)}\n${options.length > 0 ? `\n${columns(options)}` : ''}${notes.join('')}`;
}

export function generalHelp(): string {
  const commands = COMMANDS.map(({ name, help }): [string, string] => [name, help]);
  const codes = Object.entries(EXIT).map(([name, code]): [string, string] => [
    String(code),
    MEANING[name as keyof typeof EXIT],
  ]);
  return `gatehouse: the WireGuard tunnel of this device, as its controller says

  gatehouse <command> [options]

Commands:
${columns(commands)}
Options of one: gatehouse help <command>. With --json what goes wrong is said on
standard error as {"error": "…", "code": "…", "hint": "…"}; hint may be null.

Settings (environment):
${columns([
  ['GATEHOUSE_AGENT_STATE', 'folder for identity, keys and target state'],
  ['GATEHOUSE_AGENT_SOCKET', "the daemon's local socket"],
  ['GATEHOUSE_AGENT_INTERFACE', 'WireGuard interface (gh0)'],
  ['GATEHOUSE_TOKEN', 'token for enroll, instead of --token'],
])}
Exit status:
${columns(codes)}`;
}
