import { readFile } from 'node:fs/promises';

/** Where the system says what it is, the first that is there (os-release(5)). */
const FILES = ['/etc/os-release', '/usr/lib/os-release'];

/** Name and version of a Linux distribution; empty where it doesn't say. Never throws. */
export async function osRelease(files: readonly string[] = FILES): Promise<{ distro: string; release: string }> {
  for (const file of files) {
    const text = await readFile(file, 'utf8').catch(() => null);
    if (text === null) continue;
    return { distro: value(text, 'NAME'), release: value(text, 'VERSION_ID') };
  }
  return { distro: '', release: '' };
}

/** A shell assignment: bare, or in quotes of either kind with `\` before what the shell would read. */
function value(text: string, name: string): string {
  const raw = new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]?.trim() ?? '';
  return raw.replace(/^(["'])(.*)\1$/, '$2').replace(/\\([\\"'$`])/g, '$1');
}
