import path from 'node:path';
import { loadConfig } from '../config/index.ts';
import { listReleases, type ReleaseListing, UPDATES_FOLDER } from '../updates/index.ts';
import { type Command, CommandError } from './command.ts';

export const updatesCommand: Command = {
  name: 'updates list',
  usage: '[--json]',
  summary: 'list the releases of the app that this appliance serves, and what keeps apps from taking them',
  options: { json: { type: 'boolean' } },
  takes: [0, 0],
  async run({ flags }, { env, out }) {
    const folder = path.join(loadConfig(env).dataDir, UPDATES_FOLDER);
    const releases = list(folder);
    if (flags.json) out(JSON.stringify({ folder, releases: releases ?? [] }));
    if (!releases) throw new CommandError(`There is no ${folder}: no updates are served. docs/updates.md says how.`);
    if (flags.json) return;
    if (releases.length === 0) return out(`No release in ${folder}.`);
    for (const line of table(releases)) out(line);
  },
};

function list(folder: string): ReleaseListing[] | null {
  try {
    return listReleases(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOTDIR') throw error;
    throw new CommandError(`${folder} is no folder, so no updates are served: move it away, and make a folder there.`);
  }
}

/** Descriptions come from elsewhere: nothing in them drives a terminal or turns a line around. */
const clean = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff]/gu, '?');

function table(releases: readonly ReleaseListing[]): string[] {
  const rows = [
    ['FILE', 'VERSION', 'RELEASED', 'UNTIL', 'PACKAGES', 'STATE'],
    ...releases.map(({ name, version, released, expires, files, problems, warnings }) => [
      name,
      version ?? '-',
      released?.slice(0, 10) ?? '-',
      expires?.slice(0, 10) ?? '-',
      String(files.length),
      [...(problems.length === 0 ? ['complete'] : problems), ...warnings].join('; '),
    ]),
  ].map((row) => row.map(clean));
  const widths = [0, 1, 2, 3, 4].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
}
