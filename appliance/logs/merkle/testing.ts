import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { leafHash, nodeHash } from './hash.ts';
import type { ReadHash } from './tree.ts';

/** The leaves of the published test vectors of RFC 6962's authors (certificate-transparency, merkle_tree_test). */
export const VECTOR_LEAVES = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
].map((hex) => Buffer.from(hex, 'hex'));

/** Leaf hashes of a made-up log. */
export const leavesOf = (count: number): Buffer[] =>
  Array.from({ length: count }, (_, i) => leafHash(Buffer.from(`leaf ${i}`)));

/** The hashes of the complete subtrees, each from its leaves. */
export function readFrom(leaves: readonly Uint8Array[]): ReadHash {
  const read: ReadHash = (level, index) => {
    if (level === 0) return leaves[index];
    const [left, right] = [read(level - 1, 2 * index), read(level - 1, 2 * index + 1)];
    return left && right && nodeHash(left, right);
  };
  return read;
}

/** What Go is asked; hashes are base64. A note must be signed by all of the keys. */
export type GoQuestion =
  | { kind: 'note'; note: string; vkeys: string[] }
  | { kind: 'inclusion'; proof: string[]; size: number; root: string; index: number; leaf: string }
  | { kind: 'consistency'; proof: string[]; size: number; root: string; old: number; oldRoot: string };

/** Where Debian's golang-golang-x-mod-dev puts golang.org/x/mod. */
const GOPATH = '/usr/share/gocode';

/** The options of a test that asks Go's sumdb/note and sumdb/tlog. Go is no part of what the tests install. */
export function requiresGo(): { skip: string | false } {
  const hasGo = (process.env.PATH ?? '').split(path.delimiter).some((folder) => existsSync(path.join(folder, 'go')));
  const hasPackage = existsSync(path.join(GOPATH, 'src/golang.org/x/mod/sumdb/tlog'));
  return { skip: hasGo && hasPackage ? false : 'needs Go and golang-golang-x-mod-dev' };
}

/** What Go's packages say to each question: empty where it is right. */
export async function askGo(questions: readonly GoQuestion[]): Promise<string[]> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-go-'));
  try {
    const program = path.join(folder, 'conformance');
    const env = { ...process.env, GO111MODULE: 'off', GOPATH, GOFLAGS: '', GOTOOLCHAIN: 'local', CGO_ENABLED: '0' };
    const source = path.join(import.meta.dirname, 'conformance.go');
    await promisify(execFile)('go', ['build', '-o', program, source], { env });
    const child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    child.stdin.end(questions.map((question) => `${JSON.stringify(question)}\n`).join(''));
    const [answers] = await Promise.all([text(child.stdout), once(child, 'close')]);
    return answers
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
