import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Arch, build, type Configuration, Platform } from 'electron-builder';
import { parse } from 'yaml';

/** Makes the app's packages: `node apps/tray/packaging/build.ts --linux x64`, after the app and the daemon are built. */
const projectDir = path.resolve(import.meta.dirname, '..');

/** electron-builder.yml as an object. */
export const loadConfig = (): Configuration =>
  parse(readFileSync(path.join(projectDir, 'electron-builder.yml'), 'utf8')) as Configuration;

if (import.meta.main) {
  const { values } = parseArgs({
    options: { linux: { type: 'string' }, win: { type: 'boolean' }, mac: { type: 'boolean' } },
  });
  const arch = values.linux === 'arm64' ? Arch.arm64 : Arch.x64;
  const targets = values.win
    ? Platform.WINDOWS.createTarget(['nsis'], Arch.x64, Arch.arm64)
    : values.mac
      ? Platform.MAC.createTarget(['pkg'], Arch.universal)
      : Platform.LINUX.createTarget(['deb', 'rpm', 'AppImage'], arch);
  // Its hooks are looked for from here.
  process.chdir(projectDir);
  // electron-builder.yml is found by itself; given as an object it would count twice.
  await build({ targets, projectDir, publish: 'never' });
}
