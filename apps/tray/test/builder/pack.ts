import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { Arch, build, type Configuration, Platform } from 'electron-builder';
import { loadConfig } from '../../packaging/build.ts';
import { builtApp, placeholderElectron } from './placeholder.ts';

export const projectDir = path.resolve(import.meta.dirname, '../..');
const SYSTEMS = { linux: Platform.LINUX, win32: Platform.WINDOWS, darwin: Platform.MAC };
const UNPACKED = { linux: 'linux-unpacked', win32: 'win-unpacked', darwin: 'mac' };

// Nothing is downloaded, and nothing is signed with what lies around.
for (const name of ['ELECTRON_MIRROR', 'ELECTRON_BUILDER_BINARIES_MIRROR', 'ELECTRON_CUSTOM_DIR']) {
  process.env[name] = 'http://127.0.0.1:9/';
}
process.env.CSC_IDENTITY_AUTO_DISCOVERY = 'false';

/** Runs electron-builder with our own configuration over a placeholder; gives the unpacked folder. */
export async function pack(
  t: TestContext,
  system: 'linux' | 'win32' | 'darwin',
  target = 'dir',
  options: { publish?: 'always' | 'never'; afterExtract?: Configuration['afterExtract']; arch?: Arch } = {},
): Promise<string> {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-pack-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const at = (name: string): string => path.join(folder, name);
  placeholderElectron(at('electron'), system);
  builtApp(at('app'), path.join(projectDir, 'package.json'));
  for (const name of [
    'win-x64/gatehouse.exe',
    'win-x64/gatehouse-service.exe',
    'win-x64/NOTICE',
    'win-arm64/gatehouse.exe',
    'win-arm64/gatehouse-service.exe',
    'win-arm64/NOTICE',
    'darwin-x64/gatehouse',
    'darwin-arm64/gatehouse',
    'linux-x64/gatehouse',
  ]) {
    mkdirSync(path.dirname(at(`agent/${name}`)), { recursive: true });
    writeFileSync(at(`agent/${name}`), `the daemon for ${name}`, { mode: 0o755 });
  }
  const text = JSON.stringify(loadConfig()).replaceAll('../../installers/out/agent', at('agent'));
  const whole: Configuration = {
    ...(JSON.parse(text) as Configuration),
    electronDist: at('electron'),
    directories: { buildResources: 'assets', app: at('app'), output: at('out') },
  };
  // As a file: an object would be merged into the electron-builder.yml that electron-builder finds by itself.
  writeFileSync(at('config.json'), JSON.stringify(whole));
  const config: Configuration = { extends: at('config.json'), afterExtract: options.afterExtract ?? null };
  process.chdir(projectDir);
  const { publish, arch = Arch.x64 } = options;
  const targets = SYSTEMS[system].createTarget([target], arch);
  await build({ targets, config, projectDir, ...(publish !== undefined && { publish }) });
  const unpacked = UNPACKED[system];
  return path.join(at('out'), arch === Arch.arm64 ? unpacked.replace('-', '-arm64-') : unpacked);
}
