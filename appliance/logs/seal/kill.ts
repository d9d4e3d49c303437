import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { openKeyFile } from '../../store/index.ts';
import { openArchive } from '../archive/archive.ts';
import { leafHash } from '../merkle/hash.ts';
import { Frontier, rootAt } from '../merkle/tree.ts';
import type { Place } from './testing.ts';

/** Seals as fast as it can, and prints each checkpoint once it is told of it. */
const PROGRAM = `
  import { writeSync } from 'node:fs';
  const { lines, makePlace, openSealer } = await import(${JSON.stringify(new URL('./testing.ts', import.meta.url).href)});
  const { systemClock } = await import(${JSON.stringify(new URL('./clock.ts', import.meta.url).href)});
  const print = (text) => writeSync(1, text + '\\n');
  const told = (message) => {
    if (message.type === 'sealed') print('sealed ' + message.size + ' ' + Buffer.from(message.root).toString('hex'));
    if (message.type === 'state') print(message.state + ' ' + message.reason);
  };
  const limits = { sealRecords: 50, batchRecords: 400, segmentRecords: 3000, sealAfterUs: 5000 };
  const { sealer, send } = openSealer(makePlace(process.argv[1]), { clock: systemClock(), limits, tell: told });
  print('begun');
  let n = 0;
  const run = () => {
    send(lines(1 + Math.floor(Math.random() * 300), (n += 1000)), '192.0.2.' + (n / 1000 % 9) + ':514');
    if (n % 3000 === 0) void sealer.call({ type: 'append', id: n, kind: 2, class: 1, records: ['{"n":' + n + '}'] });
    sealer.tick();
    setImmediate(run);
  };
  run();
`;

/**
 * Starts a sealer in a process of its own and kills it (SIGKILL) under load, `rounds` times. After each it must start
 * again, and every checkpoint that was ever told must be that of the log's beginning. Returns the size in the end.
 */
export async function killRounds({ data, folder }: Place, rounds: number): Promise<number> {
  const told = new Map<number, string>();
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, ['--input-type=module', '--eval', PROGRAM, data], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    let killing: NodeJS.Timeout | undefined;
    for await (const line of createInterface({ input: child.stdout })) {
      const [what, size, root] = line.split(' ');
      if (what === 'sealed') told.set(Number(size), root!);
      else if (what !== 'begun') assert.fail(`round ${round}: ${line}`);
      // Every other round may die before it has sealed anything.
      if (what === 'sealed' || round % 2 === 1)
        killing ??= setTimeout(() => child.kill('SIGKILL'), Math.random() * 250);
    }
    await ended;
    assert.ok(killing, `round ${round}: it did not start again`);
  }
  const archive = openArchive({ folder, secrets: openKeyFile(data) });
  try {
    const size = archive.size();
    assert.ok(
      told.size >= rounds / 2 && Math.max(...told.keys()) <= size,
      'no record is lost that a checkpoint covered',
    );
    for (const [at, root] of told) {
      assert.equal(Buffer.from(rootAt(at, archive.readHash)).toString('hex'), root, `the checkpoint of ${at}`);
    }
    const records = new Frontier();
    for (let index = 0; index < size; index++) records.append(leafHash(archive.leaf(index)!));
    assert.deepEqual(
      Buffer.from(records.root()),
      Buffer.from(rootAt(size, archive.readHash)),
      'the records themselves',
    );
    return size;
  } finally {
    archive.close();
  }
}
