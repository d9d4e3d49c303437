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

/** A state folder that isn't to be touched; the message is both, what is wrong and what to do about it. */
export class StateRefused extends AgentError {
  readonly detail: string;
  readonly advice: string;

  constructor(detail: string, advice: string, options?: ErrorOptions) {
    super('internal', `${detail}. ${advice}`, options);
    this.detail = detail;
    this.advice = advice;
  }
}

/**
 * Refuses a folder that a newer agent wrote, or of which nobody can tell (StateRefused); notes our format where an older
 * or none is noted.
 */
export async function claimFormat(folder: string): Promise<void> {
  const file = path.join(folder, FILE);
  const found = await readFormat(file);
  if (found > STATE_FORMAT) {
    throw new StateRefused(
      `${folder} (GATEHOUSE_AGENT_STATE) was written by a newer agent: format ${found}, and this one knows ${STATE_FORMAT}`,
      'Install the newer version again, or move the folder away, restart the agent and enroll anew.',
    );
  }
  if (found < STATE_FORMAT) await writeDurably(file, `${STATE_FORMAT}\n`, 0o600);
}

async function readFormat(file: string): Promise<number> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw new StateRefused(
      `${file} can't be read (${(error as Error).message})`,
      'It says whether a newer agent wrote this folder, and nothing is touched until that is known. Mend the file or the ' +
        'disk, then restart the agent.',
      { cause: error },
    );
  }
  if (/^\d{1,9}\n?$/.test(text)) return Number(text);
  throw new StateRefused(
    `${file} is damaged (no number)`,
    'It says whether a newer agent wrote this folder, and nothing is touched until that is known. If no newer one was ever ' +
      'installed here, remove the file; else install that one again. Then restart the agent.',
  );
}
