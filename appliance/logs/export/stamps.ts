import { hash } from 'node:crypto';
import type { KeptCheckpoint, Timestamp } from '../archive/index.ts';
import { parseNote } from '../merkle/note.ts';
import { checkTimestamp } from '../timestamp/token.ts';
import { timeOf } from './format.ts';
import type { Anchor } from './verifier/clock.mjs';
import type { Finding } from './walk.ts';

interface Stamps {
  timestamps: readonly Timestamp[];
  /** Checkpoints that are kept, and the newest. */
  checkpoints: readonly Pick<KeptCheckpoint, 'size' | 'note'>[];
  /** PEM of the authorities that are trusted; empty: any is taken, and that is said. */
  authorities: readonly string[];
}

interface Told {
  fault(finding: Finding): void;
  proved: string[];
  remarks: string[];
}

/**
 * Checks the time-stamps (RFC 3161) that are kept: that each is of the checkpoint that it is kept with, rightly signed, of
 * the time that is remembered, and by a trusted authority. What is good says by when a record was there.
 */
export async function checkStamps({ timestamps, checkpoints, authorities }: Stamps, told: Told): Promise<Anchor[]> {
  const notes = new Map(checkpoints.map(({ size, note }) => [size, note]));
  const anchors: Anchor[] = [];
  const signers = new Set<string>();
  for (const { size, token, genTimeUs } of timestamps) {
    const bad = (why: string): void =>
      told.fault({
        defect: 'timestamp',
        text: `The time-stamp of the checkpoint of ${size} records isn’t good: ${why}.`,
      });
    const note = notes.get(size);
    if (note === undefined) {
      bad('no such checkpoint is kept, so nothing shows what it is of');
      continue;
    }
    try {
      const digest = hash('sha256', parseNote(note).text, 'buffer');
      const trusted = authorities.length > 0 ? { trusted: authorities } : {};
      const stamp = await checkTimestamp(token, digest, trusted);
      if (stamp.genTimeUs !== genTimeUs) {
        bad(`it is of ${timeOf(stamp.genTimeUs)}, and ${timeOf(genTimeUs)} is remembered of it`);
        continue;
      }
      signers.add(stamp.signer);
      anchors.push({ size, us: stamp.genTimeUs, by: `the time-stamping authority ${stamp.signer}` });
    } catch (error) {
      bad((error as Error).message);
    }
  }
  const last = anchors.at(-1);
  if (!last) return anchors;
  const [count, by] = [anchors.length === 1 ? '1 time-stamp is' : `${anchors.length} time-stamps are`, [...signers]];
  told.proved.push(
    `${count} of checkpoints of this log, rightly signed by ${by.join(' and ')}: ${last.size} records were there on ${timeOf(last.us)}.`,
  );
  if (authorities.length === 0) {
    told.remarks.push(
      'The time-stamps were not checked against an authority, as none is set: whose certificate they are signed with isn’t proved. --tsa-ca or logs.tsa_ca names its certificates.',
    );
  }
  return anchors;
}
