/** An option as node:util `parseArgs` takes it, and what `help` says of it. */
interface Option {
  type: 'boolean' | 'string';
  /** Name of the value, for strings. */
  value?: string;
  help: string;
  /** How a shell completes the value. */
  completes?: 'file';
}

export interface Command {
  name: string;
  help: string;
  /** Names of the arguments; `[x]` is optional. */
  args: string[];
  /** Values that the first argument may have. */
  choices?: string[];
  options: Record<string, Option>;
}

const json: Option = { type: 'boolean', help: 'print JSON, for programs' };

/** Every command: what parses arguments, prints help and completes in shells goes by this table. */
export const COMMANDS: readonly Command[] = [
  { name: 'daemon', help: 'run the agent in the foreground (root)', args: [], options: {} },
  {
    name: 'enroll',
    help: 'join a network with a token, and bring the tunnel up',
    args: ['url'],
    options: {
      token: { type: 'string', value: 'token', help: "the token; '-' reads it from standard input" },
      'allow-http': { type: 'boolean', help: 'accept plain HTTP to another machine' },
      ca: { type: 'string', value: 'file', help: 'PEM to trust beside the system', completes: 'file' },
      add: { type: 'boolean', help: 'keep the networks joined before, and switch to this one' },
    },
  },
  { name: 'up', help: 'bring the tunnel up, also after a reboot', args: [], options: {} },
  { name: 'down', help: 'take the tunnel down and leave it so', args: [], options: {} },
  {
    name: 'status',
    help: 'show the state of the tunnel',
    args: [],
    options: { json, watch: { type: 'boolean', help: 'show it again on each change' } },
  },
  { name: 'peers', help: 'list the WireGuard peers', args: [], options: { json } },
  { name: 'doctor', help: 'look for what is wrong, and say what to do', args: [], options: { json } },
  {
    name: 'logs',
    help: "print the agent's last messages",
    args: [],
    options: { lines: { type: 'string', value: 'n', help: 'how many (200)' }, json },
  },
  { name: 'profiles', help: 'list the networks that this device is enrolled in', args: [], options: { json } },
  { name: 'use', help: 'switch to another of its networks', args: ['profile'], options: {} },
  {
    name: 'leave',
    help: 'leave the network and remove the identity',
    args: [],
    options: {
      profile: { type: 'string', value: 'profile', help: 'another network than the active one' },
      yes: { type: 'boolean', help: "don't ask" },
    },
  },
  {
    name: 'completion',
    help: 'print shell completion',
    args: ['shell'],
    choices: ['bash', 'zsh', 'fish'],
    options: {},
  },
  { name: 'version', help: 'print the version', args: [], options: {} },
  { name: 'help', help: 'print this, or the options of a command', args: ['[command]'], options: {} },
];

export const findCommand = (name: string): Command | undefined => COMMANDS.find((command) => command.name === name);
