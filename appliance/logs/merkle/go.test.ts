import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { it } from 'node:test';
import { formatCheckpoint } from './checkpoint.ts';
import { createCosigner } from './cosignature.ts';
import { leafHash, toBase64 } from './hash.ts';
import { noteSigner, signNote } from './note.ts';
import { askGo, type GoQuestion, leavesOf, readFrom, requiresGo } from './testing.ts';
import { consistencyProof, inclusionProof, rootAt } from './tree.ts';

const ORIGIN = 'gatehouse/acme/lisbon/edge-1';
const newKey = () => generateKeyPairSync('ed25519').privateKey;
const leaves = leavesOf(300);
const read = readFrom(leaves);

it('Go’s sumdb takes our notes, checkpoints and proofs, and no altered ones', requiresGo(), async () => {
  const right: GoQuestion[] = [];
  const wrong: GoQuestion[] = [];

  const log = noteSigner(ORIGIN, newKey());
  const epoch = noteSigner(`${ORIGIN}/epoch-7`, newKey());
  const witness = createCosigner('hub.example/witness', newKey());
  const body = formatCheckpoint({ origin: ORIGIN, size: 300, root: rootAt(300, read) });
  const checkpoint = signNote(body, [log, epoch]) + witness.cosign(body, 1_795_305_600);
  const vkeys = [log.vkey, epoch.vkey, witness.vkey];
  const statement = signNote('gatehouse/epoch/v1\nè una prova\n\nmore\n', [log]);
  right.push({ kind: 'note', note: checkpoint, vkeys }, { kind: 'note', note: statement, vkeys: [log.vkey] });
  const forger = noteSigner(ORIGIN, newKey());
  wrong.push(
    { kind: 'note', note: checkpoint.replace('\n300\n', '\n301\n'), vkeys },
    { kind: 'note', note: checkpoint.replace('\n300\n', '\n301\n'), vkeys: [witness.vkey] },
    { kind: 'note', note: signNote(body, [forger]), vkeys: [log.vkey] },
    { kind: 'note', note: signNote(body, [log]) + witness.cosign(`${body}more\n`, 1), vkeys: [witness.vkey] },
  );

  const altered = (proof: string[]): string[][] => [
    [...proof, toBase64(leaves[0]!)],
    ...(proof.length > 0 ? [proof.slice(1), proof.with(-1, toBase64(leafHash(leaves[0]!)))] : []),
  ];
  for (const size of [1, 2, 3, 7, 8, 255, 256, 257, 300]) {
    const root = toBase64(rootAt(size, read));
    for (const index of new Set([0, 1, Math.floor(size / 2), size - 2, size - 1])) {
      if (index < 0 || index >= size) continue;
      const proof = inclusionProof(index, size, read).map(toBase64);
      const question = { kind: 'inclusion', proof, size, root, index, leaf: toBase64(leaves[index]!) } as const;
      right.push(question);
      wrong.push({ ...question, leaf: root === question.leaf ? toBase64(leaves[1]!) : root });
      wrong.push(...altered(proof).map((other) => ({ ...question, proof: other })));
      const old = index + 1;
      const grown = consistencyProof(old, size, read).map(toBase64);
      const claim = {
        kind: 'consistency',
        proof: grown,
        size,
        root,
        old,
        oldRoot: toBase64(rootAt(old, read)),
      } as const;
      right.push(claim);
      wrong.push({ ...claim, oldRoot: toBase64(leafHash(leaves[3]!)) });
      wrong.push(...altered(grown).map((other) => ({ ...claim, proof: other })));
    }
  }
  const answers = await askGo([...right, ...wrong]);
  assert.equal(answers.length, right.length + wrong.length);
  for (const [i, question] of right.entries()) assert.equal(answers[i], '', JSON.stringify(question));
  for (const [i, question] of wrong.entries()) assert.notEqual(answers[right.length + i], '', JSON.stringify(question));
});
