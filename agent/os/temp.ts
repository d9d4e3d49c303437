import { mkdtemp, open, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** Writes each text to a file of mode 0600 in a fresh folder of mode 0700, and removes them once `use` is done. */
export async function withTempFiles<T>(texts: readonly string[], use: (files: string[]) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-'));
  try {
    const files: string[] = [];
    for (const [i, text] of texts.entries()) {
      const file = path.join(folder, String(i));
      await writeFile(file, text, { mode: 0o600, flag: 'wx' });
      files.push(file);
    }
    return await use(files);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Replaces `file` so that after a crash either the old or the new content is there, whole. */
export async function writeDurably(file: string, text: string, mode: number): Promise<void> {
  // With the process id: two agents may share a folder, as those in network namespaces share /etc.
  const fresh = path.join(path.dirname(file), `.${path.basename(file)}.gatehouse-${process.pid}`);
  await rm(fresh, { force: true });
  try {
    const handle = await open(fresh, 'wx', mode);
    try {
      await handle.chmod(mode);
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(fresh, file);
  } catch (error) {
    await rm(fresh, { force: true });
    throw error;
  }
  if (process.platform === 'win32') return;
  const folder = await open(path.dirname(file), 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
