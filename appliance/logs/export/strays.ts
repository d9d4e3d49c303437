import { fstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { readHeads, segmentFile, withFile } from '../archive/files.ts';
import type { Archive } from '../archive/index.ts';
import { signerFaults } from '../keys/index.ts';
import type { VerifyOptions } from './verify.ts';

/** Files that are named. */
const MAX_NAMED = 5;

/** What is in the log's folder and proves nothing against it, but doesn't belong there or would stop the next start. */
export function straysIn(archive: Archive, { folder, secrets }: Pick<VerifyOptions, 'folder' | 'secrets'>): string[] {
  const segments = archive.segments();
  const known = new Set(segments.map(({ first }) => path.basename(segmentFile(folder, first))));
  const strange = readdirSync(path.join(folder, 'segments')).filter((name) => !known.has(name));
  const named = strange.slice(0, MAX_NAMED).join(', ');
  const last = segments.at(-1);
  const torn =
    last && !last.closed
      ? (withFile(segmentFile(folder, last.first), (fd) => {
          const { size } = fstatSync(fd);
          return size - readHeads(fd, 0, size).end;
        }) ?? 0)
      : 0;
  return [
    ...(strange.length === 0
      ? []
      : [`Not of this log, and not looked at, in segments/: ${named}${strange.length > MAX_NAMED ? ', …' : ''}.`]),
    ...(torn === 0
      ? []
      : [
          `${torn} bytes behind the last whole batch of records are none: one that is being written, or was cut short.`,
        ]),
    ...signerFaults(folder, secrets).map((fault) => `The log can’t be gone on with, as it is here: ${fault}.`),
  ];
}
