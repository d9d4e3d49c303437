import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import type { AfterPackContext, ArtifactBuildStarted, BuildResult } from 'electron-builder';
import { sourceDate } from '../../../installers/build.ts';
import { STATE_FORMAT } from '../../../installers/format.ts';
import { holdsPlaceholder, refusePlaceholder } from './guard.ts';
import { stageLinux } from './linux.ts';
import { stageMac } from './macos.ts';
import { notarize } from './notarize.ts';

/** What electron-builder.yml names: it calls each by its export. */
const AGENT = path.resolve(import.meta.dirname, '../../../installers/out/agent');

/** Electron-builder's numbers of processors. */
const ARCHES: Record<number, string> = { 1: 'x64', 3: 'arm64', 4: 'universal' };

/** Everything is bundled: electron-builder has no modules to look after. */
export const beforeBuild = async (): Promise<boolean> => false;

/** Refuses placeholders, wants the daemon's programs, and hands fpm the daemon's files. */
export async function beforePack(context: AfterPackContext): Promise<void> {
  const { packager, targets, electronPlatformName: platform } = context;
  const names = targets.map(({ name }) => name);
  const { electronDist } = packager.config;
  const dist = typeof electronDist === 'string' ? path.resolve(packager.projectDir, electronDist) : '';
  refusePlaceholder(dist === '' ? [] : [dist], names, publishOf(packager));
  if (names.every((name) => name === 'dir')) return;

  const arch = ARCHES[context.arch] ?? String(context.arch);
  for (const program of programs(platform, arch)) {
    if (!existsSync(path.join(AGENT, program))) {
      const target = path.dirname(program);
      throw new Error(`${program} is missing: npm run installers -- daemon --target ${target} --out installers/out`);
    }
  }
  const staged = path.join(context.outDir, 'staged');
  if (platform === 'darwin') await stageMac(path.join(staged, 'macos'));
  if (platform === 'win32') await stageWindows(staged);
  if (platform !== 'linux') return;
  for (const target of targets) {
    if (target.name !== 'deb' && target.name !== 'rpm') continue;
    const folder = path.join(staged, `${target.name}-${arch}`);
    const build = {
      version: packager.appInfo.version,
      epoch: sourceDate(process.env),
      arch: arch as 'x64' | 'arm64',
      program: path.join(AGENT, `linux-${arch}`, 'gatehouse'),
      out: folder,
    };
    await mkdir(folder, { recursive: true });
    const licences = await readFile(path.join(AGENT, `linux-${arch}`, 'NOTICE'), 'utf8');
    // One processor for each run of electron-builder (see build.ts): targets are shared between processors.
    const updateKeys = process.env.GATEHOUSE_UPDATE_KEY ?? '';
    Object.assign((target as unknown as { options: object }).options, {
      fpm: await stageLinux(target.name, build, licences, folder, updateKeys),
    });
  }
}

/** What installer.nsh can't know by itself. */
async function stageWindows(staged: string): Promise<void> {
  await mkdir(staged, { recursive: true });
  const folder = path.resolve(import.meta.dirname, '../../../installers/windows');
  const text = `!define GATEHOUSE_FORMAT ${STATE_FORMAT}\n!define GATEHOUSE_WINDOWS "${folder}"\n`;
  await writeFile(path.join(staged, 'gatehouse.nsh'), text);
}

/** What the daemon's build has to have left in `AGENT`. */
export const programs = (platform: string, arch: string): string[] =>
  ({
    linux: [`linux-${arch}/gatehouse`, `linux-${arch}/NOTICE`],
    win32: ['gatehouse.exe', 'gatehouse-service.exe', 'NOTICE'].map((name) => `win-${arch}/${name}`),
    darwin: ['darwin-x64', 'darwin-arm64'].flatMap((target) => [`${target}/gatehouse`, `${target}/NOTICE`]),
  })[platform] ?? [];

/** `--publish` as it was given; electron-builder's types leave it out. */
const publishOf = (packager: AfterPackContext['packager']): unknown =>
  (packager.info.options as { publish?: unknown }).publish;

/** What was packed of a placeholder isn't made a package by another way either. */
export async function afterPack({ appOutDir, targets, packager }: AfterPackContext): Promise<void> {
  refusePlaceholder(
    [appOutDir],
    targets.map(({ name }) => name),
    publishOf(packager),
  );
}

export async function artifactBuildStarted({ file, targetPresentableName }: ArtifactBuildStarted): Promise<void> {
  const out = path.dirname(file);
  for (const name of [
    'linux-unpacked',
    'linux-arm64-unpacked',
    'win-unpacked',
    'win-arm64-unpacked',
    'mac-universal',
  ]) {
    if (holdsPlaceholder(path.join(out, name))) throw new Error(`no ${targetPresentableName} of a placeholder`);
  }
}

/**
 * The Mac's package is notarized, whole, and described: electron-builder would notarize the app in it alone, and writes
 * no description for pkg, since its own updater takes zip. Ours takes pkg.
 */
export async function afterAllArtifactBuild({ outDir, artifactPaths }: BuildResult): Promise<string[]> {
  const pkg = artifactPaths.find((file) => file.endsWith('.pkg'));
  if (pkg === undefined) return [];
  await notarize(pkg);
  const version = /-(\d+\.\d+\.\d+[^/]*)-mac-/.exec(path.basename(pkg))?.[1] ?? '';
  const description = path.join(outDir, `${version.includes('-') ? 'beta' : 'latest'}-mac.yml`);
  await writeFile(description, describe(version, path.basename(pkg), await readFile(pkg), new Date()));
  return [description];
}

export function describe(version: string, name: string, body: Buffer, now: Date): string {
  const digest = createHash('sha512').update(body).digest('base64');
  return `version: ${version}
files:
  - url: ${name}
    sha512: ${digest}
    size: ${body.length}
path: ${name}
sha512: ${digest}
releaseDate: '${now.toISOString()}'
`;
}
