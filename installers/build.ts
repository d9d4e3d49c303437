import { execFileSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { copyFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { AGENT_VERSION } from '../agent/config.ts';
import { buildDeb } from './daemon/deb.ts';
import { buildRpm } from './daemon/rpm.ts';
import { buildTar } from './daemon/tar.ts';
import { type Build, packageFiles } from './daemon/tree.ts';
import { buildSea } from './sea/build.ts';
import { bundleAgent } from './sea/bundle.ts';
import { notice } from './sea/notice.ts';
import type { Target } from './sea/targets.ts';
import { BuildError } from './tools.ts';
import { buildService, buildSetup, WIREGUARD, wireguardFolder } from './windows/setup.ts';

/** One file that a build made. */
export interface Artefact {
  target: string;
  kind: 'program' | 'deb' | 'rpm' | 'tar' | 'setup';
  /** Absolute. */
  file: string;
  bytes: number;
  /** What a person should know of it. */
  note?: string;
}

export interface BuildOptions {
  targets: readonly Target[];
  out: string;
  version?: string;
  say(line: string): void;
}

const MAX_EPOCH = 0xffff_ffff;

/** SOURCE_DATE_EPOCH, or the time of the last commit, or 0: what files of a package bear as their time. */
export function sourceDate(env: NodeJS.ProcessEnv): number {
  const given = env.SOURCE_DATE_EPOCH;
  if (given !== undefined) {
    if (/^\d{1,10}$/.test(given) && Number(given) <= MAX_EPOCH) return Number(given);
    throw new BuildError(`SOURCE_DATE_EPOCH must be whole seconds since 1970, not '${given.slice(0, 40)}'`);
  }
  try {
    const cwd = import.meta.dirname;
    const stdio = ['ignore', 'pipe', 'ignore'] as const;
    return Number(execFileSync('git', ['log', '-1', '--format=%ct'], { cwd, encoding: 'utf8', stdio: [...stdio] }));
  } catch {
    return 0;
  }
}

/** The agent's programs and packages for each target, in `out`. Throws BuildError. */
export async function buildDaemon({ targets, out, version = AGENT_VERSION, say }: BuildOptions): Promise<Artefact[]> {
  const epoch = sourceDate(process.env);
  say('bundling the agent');
  const bundle = await bundleAgent();
  const licences = await notice(bundle);
  const artefacts: Artefact[] = [];
  const add = (target: Target, kind: Artefact['kind'], file: string, remark?: string): void => {
    const bytes = statSync(file).size;
    artefacts.push({ target: target.name, kind, file: path.resolve(file), bytes, ...(remark && { note: remark }) });
    say(`${target.name}: ${path.relative('.', file)} (${(bytes / 1e6).toFixed(1)} MB)${remark ? `; ${remark}` : ''}`);
  };
  for (const target of targets) {
    say(`${target.name}: building the program`);
    const folder = path.join(out, 'agent', target.name);
    const program = path.join(folder, target.program);
    // The app's packages take the folder as it is.
    await rm(folder, { recursive: true, force: true });
    const { strippedBy, signed } = await buildSea(target, bundle.code, program);
    add(target, 'program', program, remark(target, strippedBy, signed));
    await writeFile(path.join(folder, 'NOTICE'), licences);
    if (target.os === 'linux')
      await packages(target, licences, { version, epoch, arch: target.arch, program, out }, add);
    if (target.os !== 'win32') continue;
    const service = path.join(folder, 'gatehouse-service.exe');
    await buildService(service);
    add(target, 'setup', await buildSetup({ version, arch: target.arch, epoch, program, service, out }), 'not signed');
    await addWireGuard(target, folder);
  }
  return artefacts;
}

function remark(target: Target, strippedBy: string | null, signed: boolean): string {
  if (target.os === 'darwin')
    return signed ? 'signed' : 'not signed: macOS runs it on Apple silicon only after codesign (GATEHOUSE_CODESIGN)';
  if (strippedBy !== null) return `Node stripped by ${strippedBy}`;
  return target.node.version === undefined ? 'nothing to strip' : `nothing to strip; Node ${target.node.version}`;
}

async function packages(
  target: Target,
  text: string,
  build: Build,
  add: (target: Target, kind: Artefact['kind'], file: string) => void,
): Promise<void> {
  const debian = packageFiles(build, 'debian', text);
  const other = packageFiles(build, 'other', text);
  add(target, 'deb', await buildDeb(build, debian));
  add(target, 'rpm', await buildRpm(build, other));
  add(target, 'tar', await buildTar(build, other));
}

/** What the setup ships beside the program goes with the app too. */
async function addWireGuard({ arch }: Target, folder: string): Promise<void> {
  const from = wireguardFolder(arch);
  if (from === undefined) return;
  for (const name of WIREGUARD) await copyFile(path.join(from, name), path.join(folder, name));
}
