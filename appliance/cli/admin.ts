import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { type Config, loadConfig } from '../config/index.ts';
import { DATABASE_FILE, openStore } from '../store/index.ts';
import { type Command, CommandError, stderrLog, type Terminal } from './command.ts';

const MAX_PASSWORD_BYTES = 4096;
const RANDOM_BYTES = 18;

export const resetPasswordCommand: Command = {
  name: 'admin reset-password',
  usage: '[username] [--password-stdin]',
  summary: "set a user's password (admin's unless named), random or the first line of standard input",
  options: { 'password-stdin': { type: 'boolean' } },
  takes: [0, 1],
  async run({ args, flags }, terminal) {
    const config = loadConfig(terminal.env);
    if (!config.database && !existsSync(path.join(config.dataDir, DATABASE_FILE))) {
      throw new CommandError(`There is no database in ${config.dataDir}. Set GATEHOUSE_DATA.`);
    }
    const username = args[0] ?? 'admin';
    const given = flags['password-stdin'] ? await firstLine(terminal.stdin) : undefined;
    const password = given ?? randomBytes(RANDOM_BYTES).toString('base64url');
    await setPassword(config, terminal, username, password);
    terminal.out(`The password of ${username} was set.`);
    if (given === undefined) terminal.out(`It is ${password}`);
  },
};

/** The appliance must be stopped: the store takes the data folder. The event stays in the outbox for its next start. */
async function setPassword(config: Config, terminal: Terminal, username: string, password: string): Promise<void> {
  const { dataDir, database } = config;
  // Loaded here, so that the commands which need no capability start without them.
  const [{ migrations }, { resetPassword }] = await Promise.all([
    import('../appliance.ts'),
    import('../identity/index.ts'),
  ]);
  const store = await openStore({ dataDir, database, migrations, log: stderrLog(terminal) });
  try {
    await resetPassword(store, username, password);
  } catch (error) {
    throw new CommandError(`The password was not set: ${(error as Error).message}.`);
  } finally {
    await store.close();
  }
}

async function firstLine(stdin: NodeJS.ReadableStream): Promise<string> {
  let text = '';
  for await (const chunk of stdin) {
    text += chunk.toString();
    if (text.includes('\n') || text.length > MAX_PASSWORD_BYTES) break;
  }
  return text.split(/\r?\n/, 1)[0] ?? '';
}
