#!/usr/bin/env node
import { parseArgs } from 'node:util';
import { parseTargets, TARGETS } from './sea/targets.ts';
import { BuildError } from './tools.ts';

const HELP = `Builds the agent's programs and packages for servers, without Electron.

  npm run installers -- daemon [--target <list>] [--out <folder>] [--json]

  --target <list>   ${TARGETS.map(({ name }) => name).join(', ')}; with commas, or all (default: linux-x64)
  --out <folder>    where the results go (default: dist)
  --json            print the results as one JSON array; progress goes to standard error

Environment: SOURCE_DATE_EPOCH (time that files bear; default: of the last commit), GATEHOUSE_CODESIGN (a program that
signs the macOS program at the path it is called with), GATEHOUSE_WIREGUARD_WINDOWS (a folder with wireguard-go.exe and
wintun.dll to ship with the Windows setup).
`;

async function main(argv: string[]): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      args: argv,
      allowPositionals: true,
      options: {
        target: { type: 'string', default: 'linux-x64' },
        out: { type: 'string', default: 'dist' },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    if (values.help || positionals[0] === 'help') {
      process.stdout.write(HELP);
      return 0;
    }
    if (positionals.length !== 1 || positionals[0] !== 'daemon')
      throw new BuildError(`say what to build: daemon (not '${positionals.join(' ')}'); see --help`);
    const targets = parseTargets(values.target);
    // The bundler is slow to load, and not needed to say what is wrong.
    const { buildDaemon } = await import('./build.ts');
    const progress = values.json ? process.stderr : process.stdout;
    const artefacts = await buildDaemon({ targets, out: values.out, say: (line) => void progress.write(`${line}\n`) });
    if (values.json) process.stdout.write(`${JSON.stringify(artefacts)}\n`);
    return 0;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const usage = error instanceof BuildError || code?.startsWith('ERR_PARSE_ARGS');
    if (!usage) throw error;
    process.stderr.write(`installers: ${message}\n`);
    return 1;
  }
}

process.exitCode = await main(process.argv.slice(2));
