import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { TestAppliance } from '../api/support.ts';

export const SECRET = 'testing123-and-more';

/** Where the appliance answers: `auth` and `acct` of 127.0.0.1. */
export const portOf = (a: TestAppliance, which: 'auth' | 'acct'): number => Number(a.radius[which]?.split(':').at(-1));

/** A change holds within a second; twice that on a machine that is busy with tests. */
const holds = (): Promise<void> => setTimeout(2_000);

/** A NAS at 127.0.0.1 with `SECRET`; once it is known. */
export async function makeNas(a: TestAppliance, body: Record<string, unknown> = {}): Promise<{ id: string }> {
  const made = await a.admin.post('/v1/sites/default/nas', {
    name: 'ap-1',
    address: '127.0.0.1',
    secret: SECRET,
    type: 'generic',
    ...body,
  });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  await holds();
  return made.body;
}

/** A user with both passwords, and groups; once RADIUS knows them. */
export async function makePerson(
  a: TestAppliance,
  person: { username: string; password?: string; network?: string; groups?: string[] },
): Promise<string> {
  const { username, password = 'account-password', network, groups } = person;
  const made = await a.admin.post('/api/v1/users', { username, password, role: 'user' });
  assert.equal(made.status, 201, JSON.stringify(made.body));
  const { id } = made.body;
  if (network !== undefined) {
    const set = await a.admin.put(`/v1/users/${id}/network-password`, { password: network });
    assert.ok(set.status < 300, JSON.stringify(set.body));
  }
  if (groups) assert.equal((await a.admin.put(`/v1/users/${id}/groups`, { groups })).status, 200);
  await holds();
  return id;
}

export interface Reply {
  /** `Access-Accept`, or undefined: no answer. */
  code: string | undefined;
  /** Attributes by name, as radclient shows them. */
  attributes: Record<string, string[]>;
  text: string;
}

/** Debian's radclient; lines as in its man page, for example `User-Password = "x"`. */
export function radclient(
  a: TestAppliance,
  command: 'auth' | 'acct' | 'status',
  lines: readonly string[],
  options: { secret?: string; port?: number; timeout?: number } = {},
): Promise<Reply> {
  const port = options.port ?? portOf(a, command === 'acct' ? 'acct' : 'auth');
  const args = [
    '-x',
    '-r',
    '1',
    '-t',
    String(options.timeout ?? 5),
    `127.0.0.1:${port}`,
    command,
    options.secret ?? SECRET,
  ];
  return new Promise((resolve) => {
    const child = execFile('radclient', args, (_error, stdout) => resolve(parseReply(stdout)));
    child.stdin?.end(`${lines.join(', ')}\n`);
  });
}

function parseReply(text: string): Reply {
  const received = text.split('\n').findIndex((line) => line.startsWith('Received '));
  const attributes: Record<string, string[]> = {};
  if (received < 0) return { code: undefined, attributes, text };
  const lines = text.split('\n').slice(received);
  for (const line of lines.slice(1)) {
    const [, name, value] = /^\t([\w-]+(?::\d+)?) = (.*)$/.exec(line) ?? [];
    if (name !== undefined && value !== undefined) {
      attributes[name] = [...(attributes[name] ?? []), value.replace(/^"(.*)"$/, '$1')];
    }
  }
  return { code: /^Received (\S+)/.exec(lines[0] as string)?.[1], attributes, text };
}

/** Debian's eapol_test: `network` are the lines of a network block. Resolves to whether it succeeded, and what it said. */
export async function eapolTest(
  a: TestAppliance,
  network: readonly string[],
  more: readonly string[] = [],
): Promise<{ success: boolean; keys: boolean; text: string }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-eapol-'));
  try {
    const file = path.join(folder, 'eapol.conf');
    writeFileSync(
      file,
      `network={\n  ssid="Corp"\n  key_mgmt=WPA-EAP\n${network.map((line) => `  ${line}\n`).join('')}}\n`,
    );
    const args = ['-c', file, '-a', '127.0.0.1', '-p', String(portOf(a, 'auth')), '-s', SECRET, '-t', '15', ...more];
    const child = spawn('eapol_test', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (text += data));
    const code = await new Promise((resolve) => child.once('close', resolve));
    return { success: code === 0 && /\nSUCCESS/.test(text), keys: /MPPE keys OK: [1-9]/.test(text), text };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
