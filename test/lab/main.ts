// `npm run lab`: the whole overlay on one computer. See docs/lab.md.
import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { AGENTS, Lab } from './lab.ts';
import { until } from './run.ts';
import { render, takeSnapshot } from './table.ts';

const REFRESH_SECONDS = 2;
const HELP = `usage: npm run lab -- [--once] [--json]

Builds the lab (network namespaces, the controller, three agents), shows a live table, and removes it all at Ctrl-C.

  --once   one table once the tunnel works, then the end
  --json   the table as JSON, one object a line
`;

const say = (line: string): void => {
  process.stderr.write(`lab: ${line}\n`);
};

function fail(message: string): never {
  say(message);
  process.exit(1);
}

function options(): { once: boolean; json: boolean } {
  try {
    const boolean = { type: 'boolean', default: false } as const;
    const { values } = parseArgs({ options: { once: boolean, json: boolean, help: boolean } });
    if (!values.help) return { once: values.once, json: values.json };
  } catch (error) {
    fail(`${(error as Error).message}\n${HELP}`);
  }
  process.stdout.write(HELP);
  process.exit(0);
}

const { once, json } = options();
if (process.platform !== 'linux') fail('network namespaces are a thing of Linux: run it there');
if (process.getuid?.() !== 0) fail('making network namespaces needs root: run it as root');
const folders = `${process.env.PATH}:/usr/sbin:/sbin`.split(':');
for (const program of ['ip', 'wg', 'wireguard-go', 'ping', 'nft', 'unshare']) {
  if (!folders.some((folder) => existsSync(path.join(folder, program)))) fail(`${program} is missing: install it`);
}

const ending = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => ending.abort());
}

let lab: Lab | undefined;
try {
  lab = await Lab.open(say);
  if (!ending.signal.aborted) await lab.enrollAll(say);
  say('waiting for the tunnel');
  const { signal } = ending;
  for (const name of AGENTS) {
    const connected = async (): Promise<boolean> => (await lab?.status(name))?.state === 'connected';
    await until(`${name} to be connected`, async () => signal.aborted || (await connected()));
  }
  // An agent's first report follows its tunnel, and the hub's of where a laptop is follows its handshake.
  await until('all sessions', async () => {
    const known = (await lab?.sessions()) ?? [];
    return signal.aborted || known.filter((session) => session.reported_endpoint !== '').length === AGENTS.length;
  });
  await until('an echo alice → bob', async () => signal.aborted || (await lab?.ping('alice', 'bob')));
  while (!ending.signal.aborted) {
    const snapshot = await takeSnapshot(lab);
    const live = process.stdout.isTTY && !json && !once;
    process.stdout.write(`${live ? '\x1b[H\x1b[2J' : ''}${json ? JSON.stringify(snapshot) : render(snapshot)}\n`);
    if (once) break;
    await sleep(REFRESH_SECONDS * 1000, undefined, { signal: ending.signal }).catch(() => {});
  }
} catch (error) {
  if (!ending.signal.aborted) {
    process.exitCode = 1;
    say(`${(error as Error).message}\n${lab?.services.tails() ?? ''}`);
  }
} finally {
  say('removing it');
  await lab?.close();
}
