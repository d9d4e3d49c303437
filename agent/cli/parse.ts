import { parseArgs } from 'node:util';
import { COMMANDS, type Command, findCommand } from './commands.ts';
import { UsageError } from './exit.ts';
import { nearest } from './nearest.ts';

type Values = Record<string, string | boolean | undefined>;

export interface Call {
  command: Command;
  args: string[];
  values: Values;
}

const ALIASES: Record<string, string> = { '--help': 'help', '-h': 'help', '--version': 'version', '-V': 'version' };

/** The command of that name. Throws UsageError with the nearest one there is. */
export function commandNamed(name: string): Command {
  const command = findCommand(name);
  if (command) return command;
  if (name === '') throw new UsageError('a command is missing');
  if (name.startsWith('-')) throw new UsageError(`a command goes first, and its options after it, not '${name}'`);
  const also = COMMANDS.find(({ aka }) => aka?.includes(name.toLowerCase()))?.name;
  const meant =
    also ??
    nearest(
      name,
      COMMANDS.map((each) => each.name),
    );
  throw new UsageError(`there is no command '${name}'`, meant && `Did you mean: gatehouse ${meant}`);
}

/** Takes the command line apart by the table of commands. Throws UsageError. */
export function parse(argv: string[]): Call {
  const [name = '', ...rest] = argv;
  const command = commandNamed(Object.hasOwn(ALIASES, name) ? ALIASES[name]! : name);
  const fail = (message: string, meant?: string) =>
    new UsageError(message, meant ?? `See: gatehouse help ${command.name}`);
  const known: Record<string, { type: 'boolean' | 'string'; short?: string }> = {
    ...Object.fromEntries(Object.entries(command.options).map(([key, { type }]) => [key, { type }])),
    help: { type: 'boolean', short: 'h' },
  };
  // Not strict: Node's own messages speak to programmers.
  const { tokens } = parseArgs({ args: rest, options: known, allowPositionals: true, strict: false, tokens: true });
  const values: Values = {};
  const args: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') args.push(token.value);
    if (token.kind !== 'option') continue;
    if (!Object.hasOwn(known, token.name)) {
      const meant = nearest(token.name, Object.keys(known));
      throw fail(
        `${command.name} has no option '${token.rawName}'`,
        meant && `Did you mean: gatehouse ${command.name} --${meant}`,
      );
    }
    const { type } = known[token.name]!;
    if (type === 'boolean') {
      if (token.value !== undefined) throw fail(`${token.rawName} takes no value`);
      values[token.name] = true;
      continue;
    }
    const given = token.value;
    const needs = `--${token.name} <${command.options[token.name]?.value ?? 'value'}>`;
    if (given === undefined) throw fail(`a value is missing: ${needs}`);
    // `--token --json` forgot the token. Neither is shown: it may be one.
    if (!token.inlineValue && given.length > 1 && given.startsWith('-')) {
      throw fail(`a value is missing: ${needs}; one that begins with '-' is given as --${token.name}=…`);
    }
    values[token.name] = given;
  }
  if (values.help === true) return { command: findCommand('help')!, args: [command.name], values: {} };
  const missing = command.args.find((arg, i) => !arg.startsWith('[') && !args[i]);
  if (missing !== undefined) throw fail(`${command.name} needs <${missing}>`);
  if (args.length > command.args.length) throw fail(`${command.name} doesn't take '${args[command.args.length]}'`);
  return { command, args, values };
}
