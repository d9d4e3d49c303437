import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { writeDurably } from '../temp.ts';

/** What /etc/resolv.conf was before the agent wrote it. */
export type ResolvBackup =
  | { kind: 'file'; text: string; mode: number }
  /** `text` is what the link led to: put back where the link couldn't be replaced and its target was written. */
  | { kind: 'symlink'; target: string; text: string }
  | { kind: 'absent' };

export interface JournalData {
  /** True once the agent has set about making the interface: it may be adopted and deleted. */
  made: boolean;
  /** True once a firewall may be there. */
  firewall: boolean;
  /** Kernel settings that the agent changed: what they were and what it wrote. Void after a reboot. */
  bootId: string;
  sysctls: Record<string, { before: string; ours: string }>;
  dns: { mode: 'resolvectl' } | { mode: 'resolvconf' } | { mode: 'resolv.conf'; backup: ResolvBackup } | null;
}

const EMPTY: JournalData = { made: false, firewall: false, bootId: '', sysctls: {}, dns: null };

/**
 * The adapter's notes of what is to be put back, one small file for each interface. It is on disk before the system is
 * changed, so a killed daemon's successor can put it back.
 */
export class Journal {
  readonly #file: string;
  #data: JournalData;

  private constructor(file: string, data: JournalData) {
    this.#file = file;
    this.#data = data;
  }

  static async load(stateDir: string, name: string, bootId: string): Promise<Journal> {
    const file = path.join(stateDir, `os-${name}.json`);
    let data: JournalData = EMPTY;
    try {
      data = { ...EMPTY, ...(JSON.parse(await readFile(file, 'utf8')) as Partial<JournalData>) };
    } catch (error) {
      if (!(error instanceof SyntaxError) && (error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    if (data.bootId !== bootId) data = { ...data, bootId, sysctls: {} };
    return new Journal(file, data);
  }

  get data(): Readonly<JournalData> {
    return this.#data;
  }

  async update(change: Partial<JournalData>): Promise<void> {
    const data = { ...this.#data, ...change };
    await mkdir(path.dirname(this.#file), { recursive: true, mode: 0o700 });
    await writeDurably(this.#file, `${JSON.stringify(data)}\n`, 0o600);
    this.#data = data;
  }

  /** Everything is put back. */
  async clear(): Promise<void> {
    await rm(this.#file, { force: true });
    this.#data = { ...EMPTY, bootId: this.#data.bootId };
  }
}
