import { cpSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { build } from 'vite';

const here = import.meta.dirname;

/** Node's own modules and Electron are there when the app runs; all else is bundled. */
const bundle = (entry: string, fileName: string, format: 'es' | 'cjs', outDir: string) =>
  build({
    configFile: false,
    root: here,
    logLevel: 'warn',
    publicDir: false,
    define: {
      __GATEHOUSE_UPDATE_KEY__: JSON.stringify(process.env.GATEHOUSE_UPDATE_KEY ?? ''),
      __GATEHOUSE_UPDATE_FEED__: JSON.stringify(process.env.GATEHOUSE_UPDATE_FEED ?? ''),
    },
    ssr: { noExternal: true, external: ['electron'], target: 'node' },
    build: {
      ssr: path.join(here, entry),
      outDir,
      emptyOutDir: false,
      minify: false,
      target: 'node24',
      rolldownOptions: { output: { format, entryFileNames: fileName, codeSplitting: false } },
    },
  });

/** `main.js` and `preload.cjs` (a sandboxed preload has to be CommonJS), and the tray's pictures beside them. */
async function buildShell(outDir: string): Promise<void> {
  mkdirSync(outDir, { recursive: true });
  await bundle('shell/main.ts', 'main.js', 'es', outDir);
  await bundle('shell/preload.ts', 'preload.cjs', 'cjs', outDir);
  const pictures = path.join(here, 'assets', 'tray');
  if (existsSync(pictures)) cpSync(pictures, path.join(outDir, 'tray'), { recursive: true });
  const icon = path.join(here, 'assets', 'icon.png');
  if (existsSync(icon)) cpSync(icon, path.join(outDir, 'icon.png'));
}

/** The whole app; gives the folder. */
export async function buildTray(outDir = path.join(here, 'dist')): Promise<string> {
  await buildShell(outDir);
  const window = { outDir: path.join(outDir, 'window') };
  await build({ configFile: path.join(here, 'vite.config.ts'), logLevel: 'warn', build: window });
  return outDir;
}

if (import.meta.main) await buildTray();
