import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

/** The verifier's parts, each after those that it uses. */
const CORE = [
  'bytes',
  'tree',
  'note',
  'chain',
  'leaf',
  'clock',
  'der',
  'timestamp',
  'table',
  'proofs',
  'records',
  'kept',
  'accesses',
  'contents',
  'core',
  'words',
];

const read = (name: string): string => readFileSync(new URL(`./verifier/${name}`, import.meta.url), 'utf8');

/** One script out of several modules, whose names differ: without what they import from each other and export. */
const join = (names: readonly string[]): string =>
  names
    .map((name) => read(`${name}.mjs`))
    .map((text) => text.replace(/^import [^;]*? from '\.\/[^']+';\n/gms, '').replace(/^export /gm, ''))
    .join('\n');

/** verify.mjs in one file. */
export function verifierScript(): string {
  const head =
    '#!/usr/bin/env node\n// Verifies this export: node verify.mjs. It needs Node 18 or later and nothing else.\n';
  return head + join([...CORE, 'verify']).replace(/^#!.*\n/m, '');
}

/** verify.html: everything in it, and a policy that lets nothing else run nor anything out. */
export function verifierPage(): string {
  const script = `\n${join([...CORE, 'sha256', 'zip', 'page'])}`;
  const style = read('page.css');
  const hash = (text: string): string => `sha256-${createHash('sha256').update(text).digest('base64')}`;
  if (/<\/script|<!--/i.test(script)) throw new Error('the verifier’s script has what ends it in a page');
  return read('page.html')
    .replace('SCRIPT_HASH', () => hash(script))
    .replace('STYLE_HASH', () => hash(style))
    .replace('/* STYLE */', () => style)
    .replace('/* SCRIPT */', () => script);
}
