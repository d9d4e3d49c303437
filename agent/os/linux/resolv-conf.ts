import { lstat, open, readFile, readlink, rename, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { AgentError } from '../../errors.ts';
import { writeDurably } from '../temp.ts';
import type { ResolvBackup } from './journal.ts';

/** What the C library's resolver reads at most (resolv.conf(5): MAXNS, MAXDNSRCH of old versions). */
const MAX_SERVERS = 3;
const MAX_SEARCH = 6;

const marker = (name: string): string =>
  `# Written by Gatehouse for ${name}; the file that was here comes back when the tunnel closes.`;

/** True when the text is ours: other programs that write the file replace it whole, and the marker with it. */
export function isOurs(text: string, name: string): boolean {
  return text.startsWith(marker(name));
}

function words(text: string, keyword: string): string[] {
  const lines = text.split('\n').map((line) => line.trim().split(/\s+/));
  return lines.filter(([first]) => first === keyword).flatMap(([, ...rest]) => rest);
}

/** `before` is the text to fall back on: unless `exclusive`, its servers come after ours. */
export function renderResolvConf(
  name: string,
  want: { servers: readonly string[]; search: readonly string[]; exclusive: boolean },
  before: string,
): string {
  const older = want.exclusive ? [] : words(before, 'nameserver');
  const servers = [...new Set([...want.servers, ...older])].slice(0, MAX_SERVERS);
  const search = [...new Set([...want.search, ...words(before, 'search')])].slice(0, MAX_SEARCH);
  const lines = [marker(name), ...servers.map((server) => `nameserver ${server}`)];
  if (search.length > 0) lines.push(`search ${search.join(' ')}`);
  return `${lines.join('\n')}\n`;
}

/** The file at `file` as it is. */
export async function backupOf(file: string): Promise<ResolvBackup> {
  const stat = await lstat(file).catch(() => null);
  if (!stat) return { kind: 'absent' };
  if (stat.isSymbolicLink()) return { kind: 'symlink', target: await readlink(file), text: await readResolvConf(file) };
  return { kind: 'file', text: await readFile(file, 'utf8'), mode: stat.mode & 0o777 };
}

export async function readResolvConf(file: string): Promise<string> {
  return readFile(file, 'utf8').catch(() => '');
}

function refused(file: string, error: unknown): AgentError {
  const { code } = error as NodeJS.ErrnoException;
  return new AgentError(
    'apply-failed',
    `can't write ${file} (${code}): check that it is neither read-only nor immutable (lsattr)`,
    {
      cause: error,
    },
  );
}

/** In place: all there is when the file is a bind mount (containers, `ip netns exec`) or its folder is read-only. */
async function writeInPlace(file: string, text: string): Promise<void> {
  const handle = await open(file, 'r+');
  try {
    // One write and then the cut, so that a reader never finds the file empty.
    await handle.write(text, 0, 'utf8');
    await handle.truncate(Buffer.byteLength(text));
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const IN_PLACE = new Set(['EBUSY', 'EROFS', 'EACCES', 'EPERM', 'EXDEV']);

/** Replaces the file (a symbolic link too, not what it points to). */
export async function writeResolvConf(file: string, text: string, mode = 0o644): Promise<void> {
  try {
    await writeDurably(file, text, mode);
  } catch (error) {
    if (!IN_PLACE.has((error as NodeJS.ErrnoException).code ?? '')) throw refused(file, error);
    try {
      await writeInPlace(file, text);
    } catch (again) {
      throw refused(file, again);
    }
  }
}

/** Puts a backup back, if the file is still ours; an outsider's version stays. */
export async function restoreResolvConf(file: string, name: string, backup: ResolvBackup): Promise<void> {
  const now = await readFile(file, 'utf8').catch(() => null);
  // An empty file is ours too: power was lost in the middle of a write in place.
  if (now === null ? backup.kind === 'absent' : now !== '' && !isOurs(now, name)) return;
  if (backup.kind === 'file') return writeResolvConf(file, backup.text, backup.mode);
  if (backup.kind === 'absent') return rm(file, { force: true });
  const linked = (await lstat(file).catch(() => null))?.isSymbolicLink() ?? false;
  if (linked) return writeInPlace(file, backup.text).catch((error: unknown) => Promise.reject(refused(file, error)));
  const fresh = path.join(path.dirname(file), `.${path.basename(file)}.gatehouse-${process.pid}`);
  await rm(fresh, { force: true });
  try {
    await symlink(backup.target, fresh);
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw refused(file, error);
  }
}
