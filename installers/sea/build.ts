import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { BuildError, run } from '../tools.ts';
import { fetchNode } from './fetch.ts';
import { NODE_VERSION, type Target } from './targets.ts';

/** What node reads as `--build-sea` (Node's documentation, "Single executable applications"). */
export function seaConfig(main: string, executable: string, output: string): object {
  return {
    main,
    mainFormat: 'module',
    executable,
    output,
    disableExperimentalSEAWarning: true,
    // Both depend on the processor and V8's flags: they can't be made for another machine.
    useSnapshot: false,
    useCodeCache: false,
    // A privileged program takes no options for Node from its environment (NODE_OPTIONS).
    execArgvExtension: 'none',
  };
}

/**
 * Makes the agent's program for a target at `output`, of a bundle's `code`. `sign` is a program that is called with the
 * result's path (GATEHOUSE_CODESIGN): macOS runs no unsigned program on arm64. Throws BuildError.
 */
export async function buildSea(
  target: Target,
  code: string,
  output: string,
  sign = process.env.GATEHOUSE_CODESIGN,
): Promise<{ strippedBy: string | null; signed: boolean }> {
  if (process.versions.node !== NODE_VERSION)
    throw new BuildError(
      `the build needs Node ${NODE_VERSION}, the one that it packs; this is ${process.versions.node}`,
    );
  const { file: executable, strippedBy } = await fetchNode(target);
  await mkdir(path.dirname(output), { recursive: true });
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-sea-'));
  try {
    // Always under one name, and relative: the program holds the name, and no folder of whoever built it.
    await writeFile(path.join(folder, 'gatehouse.mjs'), code);
    const config = path.join(folder, 'sea.json');
    await writeFile(config, JSON.stringify(seaConfig('gatehouse.mjs', executable, path.resolve(output))));
    await rm(output, { force: true });
    await run(process.execPath, ['--build-sea', config], { cwd: folder, env: { NODE_OPTIONS: '' } });
    await chmod(output, 0o755);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const signed = target.os === 'darwin' && sign !== undefined && sign !== '';
  if (signed) await run(sign, [path.resolve(output)]);
  return { strippedBy, signed };
}
