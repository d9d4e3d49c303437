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
    const releases = listReleases(folder);
    if (flags.json) return out(JSON.stringify({ folder, releases: releases ?? [] }));
    if (!releases) throw new CommandError(`There is no ${folder}: no updates are served. docs/updates.md says how.`);
    if (releases.length === 0) return out(`No release in ${folder}.`);
    for (const line of table(releases)) out(line);
  },
};

function table(releases: readonly ReleaseListing[]): string[] {
  const rows = [
    ['FILE', 'VERSION', 'RELEASED', 'PACKAGES', 'STATE'],
    ...releases.map(({ name, version, released, files, problems }) => [
      name,
      version ?? '-',
      released?.slice(0, 10) ?? '-',
      String(files.length),
      problems.length === 0 ? 'complete' : problems.join('; '),
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
}
