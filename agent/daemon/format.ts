import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { AgentError } from '../errors.ts';
import { writeDurably } from '../os/temp.ts';

/**
 * The format of the state folder, raised when an older agent could no longer use what is written there. The packages'
 * scripts read the same file, and refuse a downgrade below it before anything is replaced.
 */
export const STATE_FORMAT = 1;
const FILE = 'format';

/**
 * Refuses a folder that a newer agent wrote (AgentError), and notes our format where an older or none is noted. A note
 * that can't be read as a number counts as none.
 */
export async function claimFormat(folder: string): Promise<void> {
  const file = path.join(folder, FILE);
  const text = await readFile(file, 'utf8').catch(() => '');
  const found = /^\d{1,9}\n?$/.test(text) ? Number(text) : 0;
  if (found > STATE_FORMAT) {
    throw new AgentError(
      'internal',
      `${folder} (GATEHOUSE_AGENT_STATE) was written by a newer agent: format ${found}, and this one knows ${STATE_FORMAT}. ` +
        'Install the newer version again, or move the folder away and enroll anew.',
    );
  }
  if (found < STATE_FORMAT) await writeDurably(file, `${STATE_FORMAT}\n`, 0o600);
}
