import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { STATE_FORMAT } from '../../agent/daemon/format.ts';
import { BuildError, run, tool } from '../tools.ts';

const HERE = import.meta.dirname;

/**
 * The program that is the Windows service and runs the daemon (service.c), at `output`. It is for x64 and goes with either
 * daemon: Debian has no compiler for Windows on ARM, and Windows 11 there runs it.
 */
export async function buildService(output: string): Promise<void> {
  const hardened = ['-Wl,--dynamicbase,--nxcompat,--high-entropy-va', '-Wl,--no-insert-timestamp'];
  const args = ['-municode', '-Wall', '-Wextra', '-Werror', '-O2', '-s', ...hardened];
  args.push('-o', path.resolve(output), 'service.c', '-ladvapi32');
  await mkdir(path.dirname(output), { recursive: true });
  await run(tool('x86_64-w64-mingw32-gcc'), args, { cwd: HERE });
}

/** What a folder of GATEHOUSE_WIREGUARD_WINDOWS holds. */
export const WIREGUARD = ['wireguard-go.exe', 'wintun.dll'] as const;

export interface Setup {
  version: string;
  arch: 'x64' | 'arm64';
  /** SOURCE_DATE_EPOCH */
  epoch: number;
  /** gatehouse.exe */
  program: string;
  /** gatehouse-service.exe */
  service: string;
  out: string;
}

/** What makensis is told; `wireguard` is a folder with wireguard-go.exe and wintun.dll. Throws BuildError. */
export function defines({ version, arch, program, service }: Setup, output: string, wireguard?: string): string[] {
  const numeric = /^\d+\.\d+\.\d+/.exec(version)?.[0];
  if (numeric === undefined)
    throw new BuildError(`a setup for Windows needs a version of three numbers, not '${version}'`);
  for (const file of wireguard === undefined ? [] : WIREGUARD)
    if (!existsSync(path.join(wireguard!, file)))
      throw new BuildError(`GATEHOUSE_WIREGUARD_WINDOWS is '${wireguard}', which has no ${file}`);
  const values = {
    VERSION: version,
    NUMERIC: numeric,
    ARCH: arch,
    FORMAT: String(STATE_FORMAT),
    PROGRAM: path.resolve(program),
    SERVICE: path.resolve(service),
    OUT: path.resolve(output),
    ...(wireguard !== undefined && { WIREGUARD: path.resolve(wireguard) }),
  };
  return Object.entries(values).map(([name, value]) => `-D${name}=${value}`);
}

/** The folder of GATEHOUSE_WIREGUARD_WINDOWS for a processor: what is for arm64 lies in `arm64` of it, or is not shipped. */
export function wireguardFolder(
  arch: Setup['arch'],
  from = process.env.GATEHOUSE_WIREGUARD_WINDOWS,
): string | undefined {
  if (!from) return undefined;
  if (arch === 'x64') return from;
  const own = path.join(from, arch);
  return existsSync(own) ? own : undefined;
}

/** Makes gatehouse-agent-<version>-<arch>-setup.exe and gives its path. Throws BuildError. */
export async function buildSetup(setup: Setup): Promise<string> {
  const output = path.join(setup.out, `gatehouse-agent-${setup.version}-${setup.arch}-setup.exe`);
  await mkdir(setup.out, { recursive: true });
  const args = ['-V2', '-WX', '-INPUTCHARSET', 'UTF8', ...defines(setup, output, wireguardFolder(setup.arch))];
  const env = { SOURCE_DATE_EPOCH: String(setup.epoch) };
  await run(tool('makensis'), [...args, path.join(HERE, 'daemon.nsi')], { cwd: HERE, env });
  return output;
}
