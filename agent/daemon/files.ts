import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import type Type from 'typebox';
import { Compile, type Validator } from 'typebox/compile';

/** A file that is there but can't be used; the message says which and what to do. */
export class DamagedFileError extends Error {
  override name = 'DamagedFileError';
}

const validators = new WeakMap<Type.TSchema, Validator>();

/** Each schema is compiled once, and only when something of it is read. */
function compiled(schema: Type.TSchema): Validator {
  let validator = validators.get(schema);
  if (!validator) {
    validator = Compile(schema) as unknown as Validator;
    validators.set(schema, validator);
  }
  return validator;
}

/** A JSON file of one shape in the state folder: mode 0600, replaced whole, durable when `write` resolves. */
export class JsonFile<S extends Type.TSchema> {
  readonly path: string;
  readonly #schema: S;

  constructor(folder: string, name: string, schema: S) {
    this.path = path.join(folder, name);
    this.#schema = schema;
  }

  /** Null when the file isn't there. Throws DamagedFileError. */
  async read(): Promise<Type.Static<S> | null> {
    let text: string;
    try {
      text = await readFile(this.path, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw new DamagedFileError(`${this.path} can't be read (${(error as Error).message})`, { cause: error });
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw new DamagedFileError(`${this.path} is damaged (no JSON)`);
    }
    if (!compiled(this.#schema).Check(value))
      throw new DamagedFileError(`${this.path} is damaged (not the expected content)`);
    return value as Type.Static<S>;
  }

  /** Writes beside, syncs, renames, syncs the folder. Null removes the file. */
  async write(value: Type.Static<S> | null): Promise<void> {
    if (value === null) {
      await rm(this.path, { force: true });
    } else {
      const beside = `${this.path}.${randomBytes(6).toString('hex')}.tmp`;
      try {
        const file = await open(beside, 'wx', 0o600);
        try {
          await file.writeFile(`${JSON.stringify(value)}\n`);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(beside, this.path);
      } catch (error) {
        await rm(beside, { force: true });
        throw error;
      }
    }
    await syncFolder(path.dirname(this.path));
  }

  /** Takes a file of the same shape over from elsewhere in the state folder; nothing when there is none. */
  async moveFrom(file: string): Promise<void> {
    try {
      await rename(file, this.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
      throw error;
    }
    await syncFolder(path.dirname(this.path));
    await syncFolder(path.dirname(file));
  }

  /** Puts a damaged file aside, where people can look at it. */
  async setAside(): Promise<string> {
    const aside = `${this.path}.damaged`;
    await rename(this.path, aside);
    return aside;
  }
}

/** Removes what writes that were killed left beside: it may hold keys. */
export async function sweep(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    if (/\.json\.[0-9a-f]{12}\.tmp$/.test(name)) await rm(path.join(folder, name), { force: true });
  }
}

/** Makes the rename itself durable. Windows can't open folders, and doesn't need to. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes the state folder, for its owner only. Throws when it can't be used. */
export async function makeStateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    const { mode } = await handle.stat();
    if ((mode & 0o077) !== 0) await handle.chmod(0o700);
  } finally {
    await handle.close();
  }
}
