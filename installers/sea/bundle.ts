import { isBuiltin } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type Plugin, rolldown } from 'rolldown';
import { BuildError } from '../tools.ts';

const MAIN = fileURLToPath(new URL('../../agent/main.ts', import.meta.url));

/**
 * Native helpers that libraries try to load and do without. In the bundle they are never there: looked for beside the
 * program they could be planted by whoever may write to a folder above it.
 */
const OPTIONAL = ['bufferutil', 'utf-8-validate', 'osx-temperature-sensor', 'macos-temperature-sensor'];
const ABSENT = '\0gatehouse:absent:';

const absent: Plugin = {
  name: 'optional-natives',
  resolveId: (source) => (OPTIONAL.includes(source) ? ABSENT + source : undefined),
  load: (id) => {
    if (!id.startsWith(ABSENT)) return undefined;
    const text = JSON.stringify(`Cannot find module '${id.slice(ABSENT.length)}'`);
    return `throw Object.assign(new Error(${text}), { code: 'MODULE_NOT_FOUND' });`;
  },
};

export interface Bundle {
  code: string;
  /** Folders of the npm packages that are in it. */
  packages: string[];
}

/**
 * The agent as one ES module that needs nothing but Node: the daemon's part is evaluated when it is asked for, so the
 * other commands start quickly. Throws BuildError when something would be left to be found at run time.
 */
export async function bundleAgent(): Promise<Bundle> {
  const warnings: string[] = [];
  const build = await rolldown({
    input: MAIN,
    platform: 'node',
    plugins: [absent],
    onLog: (_level, log) => {
      if (log.code === 'UNRESOLVED_IMPORT') warnings.push(log.message);
    },
  });
  try {
    const { output } = await build.generate({
      format: 'es',
      codeSplitting: false,
      minify: 'dce-only',
      comments: false,
    });
    const [chunk, ...rest] = output;
    if (rest.length > 0) throw new BuildError(`the bundle has ${output.length} files, not one`);
    const outside = [...chunk.imports, ...chunk.dynamicImports, ...required(chunk.code)].filter(
      // A lazy part of the same file counts as an import of it.
      (id) => id !== chunk.fileName && !isBuiltin(id),
    );
    if (outside.length > 0 || warnings.length > 0)
      throw new BuildError(`the bundle needs what isn't in it: ${[...new Set(outside), ...warnings].join(', ')}`);
    return { code: chunk.code, packages: packageFolders(chunk.moduleIds) };
  } finally {
    await build.close();
  }
}

/** The packages that modules lie in, sorted: what they are licensed by goes along with the bundle. */
const packageFolders = (ids: readonly string[]): string[] =>
  [...new Set(ids.flatMap((id) => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(id)?.[0] ?? []))].sort();

/** What CommonJS modules in the bundle ask Node for at run time. */
const required = (code: string): string[] =>
  [...code.matchAll(/\b__require\(\s*(["'`])([^"'`]*)\1\s*\)/g)].map((match) => match[2]!);
