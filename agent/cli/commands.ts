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
  /** Sentences that `gatehouse help <command>` adds. */
  notes?: string[];
  /** What it is called like, in the manner of other programs, as hints for who types that. */
  aka?: string[];
}

const json: Option = { type: 'boolean', help: 'print JSON, for programs; errors too' };

/** Every command: what parses arguments, prints help and completes in shells goes by this table. */
export const COMMANDS: readonly Command[] = [
  {
    name: 'daemon',
    help: 'run the agent in the foreground (root)',
    args: [],
    options: {},
    notes: ['The packages install it as a service. SIGTERM or SIGINT ends it, and takes the tunnel down.'],
  },
  {
    name: 'enroll',
    help: 'join a network with a token, and bring the tunnel up',
    args: ['url'],
    options: {
      token: { type: 'string', value: 'token', help: "the token; '-' reads it from standard input" },
      'allow-http': { type: 'boolean', help: 'accept plain HTTP to another machine' },
      ca: { type: 'string', value: 'file', help: 'PEM to trust beside the system', completes: 'file' },
      pin: { type: 'string', value: 'pin', help: 'sha256:…, by which to know its certificate' },
      add: { type: 'boolean', help: 'keep the networks joined before, and switch to this one' },
      json,
    },
    notes: [
      "<url> may also be the link of an invitation, in quotes: 'gatehouse://enroll?url=…&token=…'.",
      'A controller with a certificate of its own prints its pin, and its invitations bring it.',
      'Without --token it is GATEHOUSE_TOKEN, or asked for on a terminal. Arguments are visible to other users of the machine.',
    ],
    aka: ['join', 'register', 'login', 'add'],
  },
  {
    name: 'up',
    help: 'bring the tunnel up, also after a reboot',
    args: [],
    options: { json },
    notes: ['Waits up to 5 s for the first attempt to end, and exits by the state that it shows.'],
    aka: ['connect', 'start', 'on'],
  },
  {
    name: 'down',
    help: 'take the tunnel down and leave it so',
    args: [],
    options: { json },
    aka: ['disconnect', 'stop', 'off'],
  },
  {
    name: 'status',
    help: 'show the state of the tunnel',
    args: [],
    options: { json, watch: { type: 'boolean', help: 'show it again on each change' } },
    notes: ['Exits with 0 whenever there is a status. With --watch --json each change is a line.'],
    aka: ['state', 'show', 'info', 'latency', 'ping'],
  },
  {
    name: 'peers',
    help: 'list the WireGuard peers: handshake, latency, traffic, routes',
    args: [],
    options: { json },
    notes: ['A laptop has only its hubs as peers; what it reaches through them is in: gatehouse directory.'],
    aka: ['routes', 'hubs'],
  },
  {
    name: 'directory',
    help: 'list the names and addresses that this device may reach',
    args: ['[search]'],
    options: { json },
    notes: ['Of the controller, up to 500; <search> is a part of a name or an address.'],
    aka: ['names', 'hosts', 'devices', 'ls', 'list'],
  },
  {
    name: 'traffic',
    help: 'show what the tunnel carried in the last 10 minutes',
    args: [],
    options: { hours: { type: 'boolean', help: 'the last 24 hours, by the hour' }, json },
    notes: [
      'A restart of the agent begins the 10 minutes anew, not the 24 hours.',
      'JSON has both: 600 steps of a second and 1440 of a minute, in bytes.',
    ],
    aka: ['throughput', 'bandwidth', 'stats'],
  },
  {
    name: 'sessions',
    help: 'list the last 100 times that the tunnel carried traffic',
    args: [],
    options: { json },
    aka: ['history', 'last'],
  },
  {
    name: 'posture',
    help: "show this device's facts, what fails a policy, and how to mend it",
    args: [],
    options: { anew: { type: 'boolean', help: 'ask the system now, not what was read last' }, json },
    notes: ['Exits with 1 when a policy misses something.'],
    aka: ['compliance', 'checks', 'facts'],
  },
  {
    name: 'doctor',
    help: 'look for what is wrong, and say what to do',
    args: [],
    options: { json },
    notes: ['Exits with 1 when a check failed.'],
    aka: ['check', 'diagnose', 'test'],
  },
  {
    name: 'logs',
    help: "print the agent's last messages",
    args: [],
    options: { lines: { type: 'string', value: 'n', help: 'how many (200)' }, json },
    aka: ['log', 'journal'],
  },
  {
    name: 'profiles',
    help: 'list the networks that this device is enrolled in',
    args: [],
    options: { json },
    aka: ['networks'],
  },
  {
    name: 'use',
    help: 'switch to another of its networks',
    args: ['profile'],
    options: { json },
    notes: ["<profile> is its id, its network's or its device's name; see: gatehouse profiles."],
    aka: ['switch'],
  },
  {
    name: 'leave',
    help: 'leave the network and remove the identity',
    args: [],
    options: {
      profile: { type: 'string', value: 'profile', help: 'another network than the active one' },
      yes: { type: 'boolean', help: "don't ask" },
      json,
    },
    aka: ['logout', 'unenroll', 'remove', 'delete'],
  },
  {
    name: 'completion',
    help: 'print shell completion',
    args: ['shell'],
    choices: ['bash', 'zsh', 'fish'],
    options: {},
    notes: ['For this shell: source <(gatehouse completion bash). The packages install it for all three.'],
  },
  { name: 'version', help: 'print the version', args: [], options: { json } },
  { name: 'help', help: 'print this, or the options of a command', args: ['[command]'], options: {} },
];

export const findCommand = (name: string): Command | undefined => COMMANDS.find((command) => command.name === name);
