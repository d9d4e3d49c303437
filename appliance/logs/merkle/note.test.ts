import assert from 'node:assert/strict';
import { createPrivateKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatCheckpoint, openCheckpoint, parseCheckpoint } from './checkpoint.ts';
import { cosignatureTime, cosignatureVerifier, createCosigner } from './cosignature.ts';
import { leafHash, MerkleError } from './hash.ts';
import {
  formatVkey,
  noteSigner,
  noteVerifier,
  parseNote,
  parseSignatures,
  parseVkey,
  signNote,
  verifyNote,
} from './note.ts';
import { formatProof, MAX_PROOF_HASHES, parseProof, verifyProof } from './proof.ts';
import { leavesOf, readFrom } from './testing.ts';
import { inclusionProof, rootAt } from './tree.ts';

const refused = (run: () => unknown, message: RegExp | string): void =>
  assert.throws(run, (error) => {
    assert.ok(error instanceof MerkleError, String(error));
    assert.match(error.message, typeof message === 'string' ? RegExp(message) : message);
    return true;
  });

/** An Ed25519 key from its seed (RFC 8410). */
const keyOf = (seed: Uint8Array): KeyObject =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed]),
    format: 'der',
    type: 'pkcs8',
  });

// From the tests of Go's sumdb/note.
const PETER = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW';
const PETER_KEY = keyOf(Buffer.from('AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz', 'base64').subarray(1));
const ENOCH = 'EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop';
const TEXT = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER_LINE =
  '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n';
const ENOCH_LINE =
  '— EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n';

describe('a signed note', () => {
  it('is the one that Go signs', () => {
    assert.equal(signNote(TEXT, [noteSigner('PeterNeumann', PETER_KEY)]), `${TEXT}\n${PETER_LINE}`);
    assert.equal(noteSigner('PeterNeumann', PETER_KEY).vkey, PETER);
  });

  it('of two is verified by whom one knows', () => {
    const note = parseNote(`${TEXT}\n${PETER_LINE}${ENOCH_LINE}`);
    assert.equal(note.text, TEXT);
    const names = (...vkeys: string[]) => verifyNote(note, vkeys.map(noteVerifier)).map(({ name }) => name);
    assert.deepEqual(names(PETER), ['PeterNeumann']);
    assert.deepEqual(names(ENOCH, PETER), ['PeterNeumann', 'EnochRoot']);
    refused(() => names(), 'no signature of a known key');
  });

  it('is the one of the specification', () => {
    const note = parseNote(
      'This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
    );
    const verifier = noteVerifier('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k');
    assert.equal(verifyNote(note, [verifier]).length, 1);
    const poem =
      'Ognuno sta solo sul cuor della terra\ntrafitto da un raggio di sole:\n\ned è subito sera.\n\n— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=\n';
    assert.equal(parseNote(poem).text, poem.slice(0, poem.indexOf('\n—')));
  });

  it('is refused when a known key has not signed it', () => {
    const peter = noteVerifier(PETER);
    const forged = PETER_LINE.replace('ZJku', 'ZJkv');
    refused(() => verifyNote(parseNote(`${TEXT}\n${forged}`), [peter]), 'signature of PeterNeumann does not fit');
    refused(() => verifyNote(parseNote(`${TEXT}\n${PETER_LINE}${forged}`), [peter]), 'does not fit');
    refused(() => verifyNote(parseNote(`x${TEXT}\n${PETER_LINE}`), [peter]), 'does not fit');
    assert.equal(verifyNote(parseNote(`${TEXT}\n${PETER_LINE}${PETER_LINE}`), [peter]).length, 1);
    // Another name or another id is another key.
    const misnamed = PETER_LINE.replace('PeterNeumann', 'CarmenSandiego');
    const misnumbered = PETER_LINE.replace('x08g', 'xxxx');
    refused(() => verifyNote(parseNote(`${TEXT}\n${misnamed}${misnumbered}`), [peter]), 'no signature of a known key');
  });

  it('that is malformed is refused with a reason', () => {
    const malformed: [string, string][] = [
      [TEXT, 'blank line'],
      [`${TEXT}\n`, 'ends with a newline'],
      [`${TEXT}\n${PETER_LINE.slice(0, -1)}`, 'ends with a newline'],
      [`\x01${TEXT}\n${PETER_LINE}`, 'control character'],
      [`${TEXT}\r\n${PETER_LINE}`, 'control character'],
      [`\ud800${TEXT}\n${PETER_LINE}`, 'UTF-8'],
      [`${TEXT}\n${PETER_LINE.replace('Peter', 'Peter ')}`, 'has the form'],
      [`${TEXT}\n${PETER_LINE.replace('Peter', 'Peter\u2003')}`, 'has the form'],
      [`${TEXT}\n${PETER_LINE.replace('Peter', 'Peter+')}`, 'has the form'],
      [`${TEXT}\n${PETER_LINE}Unexpected line.\n`, 'has the form'],
      [`${TEXT}\n${PETER_LINE.replace('—', '-')}`, 'has the form'],
      [`${TEXT}\n${PETER_LINE.replace('=', '')}`, 'has the form'],
      [`${TEXT}\n${PETER_LINE.replace('AM=', 'AN=')}`, 'has the form'],
      [`${TEXT}\n${PETER_LINE.replace('=', '= ')}`, 'has the form'],
      [`${TEXT}\n— PeterNeumann \n`, 'has the form'],
      [`${TEXT}\n— PeterNeumann x08gow==\n`, 'has the form'],
      [`${TEXT}\n${PETER_LINE.repeat(65)}`, 'at most 64 signatures'],
      [`${'é'.repeat(32_768)}\n\n${PETER_LINE}`, 'at most 65536 bytes'],
      ['', 'blank line'],
    ];
    for (const [note, reason] of malformed) refused(() => parseNote(note), reason);
    assert.equal(parseNote(`${TEXT}\n${PETER_LINE.repeat(64)}`).signatures.length, 64);
    refused(() => parseSignatures(''), 'ends with a newline');
    refused(() => parseSignatures(`${PETER_LINE}\n`), 'has the form');
  });

  it('isn’t made of a text that can’t be one', () => {
    const signer = noteSigner('a', PETER_KEY);
    refused(() => signNote('no newline', [signer]), 'ends with one newline|blank line');
    refused(() => signNote('tab\t\n', [signer]), 'control character');
    refused(() => signNote(TEXT, []), 'ends with');
    refused(() => noteSigner('a b', PETER_KEY), 'has the form name');
    refused(() => noteSigner('a', generateKeyPairSync('x25519').privateKey), 'Ed25519');
  });

  it('never makes the parsers throw anything else', () => {
    const near = fc
      .tuple(fc.nat(), fc.constantFrom('\n', ' ', '—', '+', '=', 'A', '\x7f', '\u0085', ''), fc.nat(3))
      .map(([at, put, cut]) => {
        const note = `${TEXT}\n${PETER_LINE}${ENOCH_LINE}`;
        const i = at % note.length;
        return note.slice(0, i) + put + note.slice(i + cut);
      });
    for (const parse of [parseNote, parseCheckpoint, parseProof, parseVkey, parseSignatures]) {
      fc.assert(
        fc.property(fc.oneof(near, fc.string({ unit: 'binary' })), (text) => {
          try {
            parse(text);
          } catch (error) {
            assert.ok(error instanceof MerkleError);
          }
        }),
      );
    }
  });
});

describe('a verifier key', () => {
  it('is refused with any part of it missing or altered', () => {
    for (let from = 0; from <= PETER.length; from++) {
      for (let to = from; to <= PETER.length; to++) {
        if (from === 0 && to === PETER.length) continue;
        refused(() => noteVerifier(PETER.slice(from, to)), /./);
      }
    }
    for (let i = 0; i < PETER.length; i++) {
      const next = String.fromCharCode(PETER.charCodeAt(i) + 1);
      refused(() => noteVerifier(PETER.slice(0, i) + next + PETER.slice(i + 1)), /./);
    }
    // The last two are from Go's tests, too: a key that is too long, and an unknown algorithm.
    refused(() => noteVerifier('PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY=='), /./);
    refused(() => noteVerifier('PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'), 'not an Ed25519');
    refused(() => noteVerifier(`${PETER}\n`), 'has the form');
    refused(() => noteVerifier(PETER.replace('c74f20a3', 'C74F20A3')), 'has the form');
  });

  it('is written as it was read', () => {
    for (const vkey of [PETER, ENOCH]) {
      const { name, algorithm, publicKey } = parseVkey(vkey);
      assert.equal(formatVkey(name, algorithm, publicKey), vkey);
    }
  });
});

const ORIGIN = 'gatehouse/acme/lisbon/edge-1';
const log = noteSigner(ORIGIN, PETER_KEY);
const witnessKey = generateKeyPairSync('ed25519').privateKey;
const witness = createCosigner('hub.example/witness', witnessKey);
const leaves = leavesOf(10);
const read = readFrom(leaves);
const BODY = formatCheckpoint({ origin: ORIGIN, size: 10, root: rootAt(10, read) });
const NOW = 1_795_305_600;
const COSIGNED = signNote(BODY, [log]) + witness.cosign(BODY, NOW);

describe('a checkpoint', () => {
  it('is read as the specification has it', () => {
    const { text, signatures } = parseNote(
      'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n— witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n',
    );
    const { origin, size, root } = parseCheckpoint(text);
    assert.equal(origin, 'example.com/behind-the-sofa');
    assert.equal(size, 20_852_163);
    assert.equal(formatCheckpoint({ origin, size, root }), text);
    assert.equal(cosignatureTime(signatures[1]!.signature), 1_679_315_147);
  });

  it('opens with the key of its log', () => {
    const opened = openCheckpoint(COSIGNED, [noteVerifier(log.vkey)]);
    assert.deepEqual([opened.origin, opened.size, opened.body], [ORIGIN, 10, BODY]);
    assert.equal(opened.signatures.length, 1);
    refused(() => openCheckpoint(COSIGNED.replace('\n10\n', '\n11\n'), [noteVerifier(log.vkey)]), 'does not fit');
  });

  it('may have extension lines', () => {
    assert.equal(parseCheckpoint(`${BODY}more\n`).size, 10);
  });

  it('that is malformed is refused with a reason', () => {
    const [origin, size, root] = BODY.split('\n') as [string, string, string];
    const malformed: [string, string][] = [
      ['', 'ends with a newline'],
      [BODY.slice(0, -1), 'ends with a newline'],
      [`${origin}\n${size}\n`, 'three lines'],
      [`\n${size}\n${root}\n`, 'no empty line'],
      [`${BODY}\nmore\n`, 'no empty line'],
      [`${origin}\n010\n${root}\n`, 'the size of a checkpoint'],
      [`${origin}\n-1\n${root}\n`, 'the size of a checkpoint'],
      [`${origin}\n1e3\n${root}\n`, 'the size of a checkpoint'],
      [`${origin}\n9007199254740992\n${root}\n`, 'the size of a checkpoint'],
      [`${origin}\n${size} \n${root}\n`, 'the size of a checkpoint'],
      [`${origin}\n${size}\n${root.slice(4)}\n`, 'the root of a checkpoint'],
      [`${origin}\n${size}\n${root} \n`, 'the root of a checkpoint'],
      [`${origin}\n${size}\n${root.replaceAll('=', '')}\n`, 'the root of a checkpoint'],
    ];
    for (const [body, reason] of malformed) refused(() => parseCheckpoint(body), reason);
  });
});

describe('a cosignature', () => {
  const known = [cosignatureVerifier(witness.vkey)];

  it('is the witness’s over body and time', () => {
    const [signature] = openCheckpoint(COSIGNED, known).signatures;
    assert.equal(signature?.name, 'hub.example/witness');
    assert.equal(cosignatureTime(signature.signature), NOW);
  });

  it('with another time, body or key is refused', () => {
    const line = (seconds: number, body = BODY) => `${BODY}\n${witness.cosign(body, seconds)}`;
    refused(() => openCheckpoint(line(0), known), 'does not fit');
    refused(() => openCheckpoint(line(NOW, `${BODY}more\n`), known), 'does not fit');
    const [later] = parseSignatures(witness.cosign(BODY, NOW));
    later!.signature[7]! ^= 1;
    assert.ok(!known[0]!.verify(BODY, later!.signature));
    for (const length of [0, 8, 71, 73]) assert.ok(!known[0]!.verify(BODY, new Uint8Array(length).fill(1)));
    const other = createCosigner('hub.example/witness', generateKeyPairSync('ed25519').privateKey);
    refused(() => openCheckpoint(`${BODY}\n${other.cosign(BODY, NOW)}`, known), 'no signature of a known key');
  });

  it('is never taken for a signature of the log, nor the other way round', () => {
    const signer = noteSigner('hub.example/witness', witnessKey);
    refused(() => openCheckpoint(signNote(BODY, [signer]), known), 'no signature of a known key');
    refused(() => noteVerifier(witness.vkey), 'not one that signs notes');
    refused(() => cosignatureVerifier(log.vkey), 'not one of a witness');
  });
});

describe('a proof of one record', () => {
  const text = formatProof({ index: 7, hashes: inclusionProof(7, 10, read), checkpoint: COSIGNED });
  const keys = [noteVerifier(log.vkey), cosignatureVerifier(witness.vkey)];

  it('shows that a leaf is in the log', () => {
    const proof = parseProof(text);
    assert.equal(formatProof(proof), text);
    assert.equal(verifyProof(proof, leaves[7]!, keys).signatures.length, 2);
    assert.ok(text.startsWith('c2sp.org/tlog-proof@v1\nindex 7\n'));
  });

  it('of a tree of one leaf has no hash', () => {
    const body = formatCheckpoint({ origin: ORIGIN, size: 1, root: leaves[0]! });
    const proof = parseProof(formatProof({ index: 0, hashes: [], checkpoint: signNote(body, [log]) }));
    assert.deepEqual(proof.hashes, []);
    verifyProof(proof, leaves[0]!, keys);
  });

  it('may have extra data', () => {
    const extra = Buffer.from('a hint');
    const proof = parseProof(formatProof({ ...parseProof(text), extra }));
    assert.deepEqual(proof.extra, extra);
    verifyProof(proof, leaves[7]!, keys);
    refused(() => parseProof(text.replace('index', 'extra !!\nindex')), 'extra data');
  });

  it('of something else is refused', () => {
    const proof = parseProof(text);
    refused(() => verifyProof(proof, leaves[6]!, keys), 'leaf 7 of gatehouse/acme/lisbon/edge-1');
    refused(() => verifyProof({ ...proof, index: 6 }, leaves[7]!, keys), 'leaf 6');
    refused(
      () => verifyProof({ ...proof, hashes: proof.hashes.with(1, leafHash(leaves[0]!)) }, leaves[7]!, keys),
      'leaf 7',
    );
    refused(() => verifyProof(proof, leaves[7]!, [noteVerifier(ENOCH)]), 'no signature of a known key');
  });

  it('that is malformed is refused with a reason', () => {
    const [hash] = inclusionProof(7, 10, read).map((bytes) => Buffer.from(bytes).toString('base64'));
    const malformed: [string, string][] = [
      ['', 'blank line'],
      [text.replace('v1', 'v2'), 'begins with'],
      [text.replace('index 7\n', ''), 'index'],
      [text.replace('index 7', 'index 07'), 'the index of a proof'],
      [text.replace('index 7', 'index  7'), 'the index of a proof'],
      [text.replace(`${hash}\n`, `${hash} \n`), 'a line of a proof'],
      [text.replace(`${hash}\n`, `${hash?.slice(4)}\n`), 'a line of a proof'],
      [text.replace(`${hash}\n`, `${hash}\n`.repeat(MAX_PROOF_HASHES)), 'at most 63 hashes'],
      [text.replace('index 7\n', `index 7\n${'\0'.repeat(200_000)}`), 'at most 196608 bytes'],
    ];
    for (const [proof, reason] of malformed) refused(() => parseProof(proof), reason);
  });
});
