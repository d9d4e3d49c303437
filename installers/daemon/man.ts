import { COMMANDS } from '../../agent/cli/commands.ts';
import { EXIT } from '../../agent/cli/exit.ts';
import { MEANING } from '../../agent/cli/help.ts';

/** A hyphen that people copy stays one; a backslash, and a dot at a line's start, are roff's. */
const roff = (text: string): string =>
  text
    .replace(/\\/g, '\\e')
    .replace(/-/g, '\\-')
    .replace(/^([.'])/gm, '\\&$1');

const bold = (text: string): string => `\\fB${roff(text)}\\fR`;
const italic = (text: string): string => `\\fI${roff(text)}\\fR`;

/** gatehouse(1), from the same table that parses the command line. `date` is of the form 2026-01-31. */
export function manPage(version: string, date: string): string {
  const commands = COMMANDS.flatMap(({ name, help, args, options, notes = [] }) => {
    const words = args.map((arg) => italic(arg.replace(/[[\]]/g, '')));
    const flags = Object.entries(options).flatMap(([option, { value, help: text }]) => [
      '.RS',
      '.TP',
      `${bold(`--${option}`)}${value === undefined ? '' : ` ${italic(value)}`}`,
      `${roff(text)}.`,
      '.RE',
    ]);
    return ['.TP', [bold(name), ...words].join(' '), [`${help}.`, ...notes].map(roff).join(' '), ...flags];
  });
  const files: [string, string][] = [
    ['/var/lib/gatehouse-agent', 'who this device is, its keys, and what the controller said last'],
    ['/run/gatehouse/agent.sock', 'the local socket, for root and members of the group gatehouse'],
    ['/etc/default/gatehouse-agent', 'settings of the service, as NAME=value; not there unless you make it'],
  ];
  return `${[
    `.TH GATEHOUSE 1 "${date}" "gatehouse ${version}" "Gatehouse"`,
    '.SH NAME',
    'gatehouse \\- the WireGuard tunnel of this device, as its controller says',
    '.SH SYNOPSIS',
    `${bold('gatehouse')} ${italic('command')} [${italic('options')}]`,
    '.SH COMMANDS',
    ...commands,
    '.SH EXIT STATUS',
    ...Object.entries(EXIT).flatMap(([name, code]) => [
      '.TP',
      bold(String(code)),
      `${roff(MEANING[name as keyof typeof EXIT])}.`,
    ]),
    '.SH FILES',
    ...files.flatMap(([file, text]) => ['.TP', italic(file), `${roff(text)}.`]),
    '.SH SEE ALSO',
    `${bold('wg')}(8), ${bold('systemctl')}(1)`,
  ].join('\n')}\n`;
}
