import { existsSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '../config/index.ts';
import { KEY_FILE, openKeyFile } from '../store/index.ts';
import { type Command, CommandError } from './command.ts';

export const rotateCommand: Command = {
  name: 'keys rotate',
  usage: '',
  summary: 'add a key that encrypts secrets from the next start on; old secrets stay readable',
  options: {},
  takes: [0, 0],
  async run(_call, { env, out }) {
    const { dataDir } = loadConfig(env);
    const file = path.join(dataDir, KEY_FILE);
    if (!existsSync(file)) throw new CommandError(`There is no key file in ${dataDir}. Set GATEHOUSE_DATA.`);
    const id = openKeyFile(dataDir).rotate();
    out(`Key ${id} was added to ${file}. It is used when the appliance starts next. Make a new backup.`);
  },
};
