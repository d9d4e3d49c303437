#!/usr/bin/env node
import { createHash, createPublicKey, verify } from 'node:crypto';
import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { concat, hex, toBase64 } from './bytes.mjs';
import { verifyExport } from './core.mjs';
import { parseCheckpoint, parseNote } from './note.mjs';
import { proofReader } from './proofs.mjs';
import { inWords } from './words.mjs';

const USAGE = `node verify.mjs [folder] [options]

  folder                the unpacked export; without it, where this file lies
  --key <key>           a key noted when the log was set up: the log key, the first epoch key (give both)
  --witness <key>       the key of a witness whose signature has to be there
  --checkpoint <file>   a checkpoint of this log that was noted earlier: the export has to continue it
  --proof <index>       prints the proof of one record in the format c2sp.org/tlog-proof, and ends
  --json                prints the result as JSON

Ends with 0 when all is genuine, with 1 when a defect was found, with 2 when it wasn't called like this.`;

const SPKI_ED25519 = Buffer.from('302a300506032b6570032100', 'hex');

/** @type {import('./core.mjs').Crypto} */
const crypto = {
  sha256: (bytes) => createHash('sha256').update(bytes).digest(),
  createSha256: () => createHash('sha256'),
  digest: async (hash, bytes) => createHash(hash.replace('-', '').toLowerCase()).update(bytes).digest(),
  ed25519(key, message, signature) {
    const publicKey = createPublicKey({ key: Buffer.from(concat(SPKI_ED25519, key)), format: 'der', type: 'spki' });
    return verify(null, message, publicKey, signature);
  },
  async verify({ spki, hash, data, signature }) {
    const publicKey = createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' });
    return verify(hash.replace('-', '').toLowerCase(), data, publicKey, signature);
  },
};

/** @param {string} root @returns {import('./proofs.mjs').Folder} */
function folderAt(root) {
  /** @type {string[]} */
  const names = [];
  const walk = (/** @type {string} */ under) => {
    for (const entry of readdirSync(path.join(root, under), { withFileTypes: true })) {
      const name = under === '' ? entry.name : `${under}/${entry.name}`;
      if (entry.isDirectory()) walk(name);
      else names.push(name);
    }
  };
  walk('');
  return { names: names.sort(), stream: (name) => createReadStream(path.join(root, name), { highWaterMark: 1 << 18 }) };
}

/** @param {string[]} args */
function optionsOf(args) {
  /** @type {{ folder?: string, json: boolean, proof?: number, keys: string[], witnesses: string[], checkpoint?: string }} */
  const options = { json: false, keys: [], witnesses: [] };
  for (let i = 0; i < args.length; i++) {
    const [name, inline] = args[i].startsWith('--') ? args[i].split(/=(.*)/s) : [''];
    const value = () => inline ?? args[++i] ?? stop(`${name} needs a value.`);
    if (name === '--json') options.json = true;
    else if (name === '--key') options.keys.push(value());
    else if (name === '--witness') options.witnesses.push(value());
    else if (name === '--checkpoint') options.checkpoint = readFileSync(value(), 'utf8');
    else if (name === '--proof') {
      const index = value();
      if (!/^\d{1,15}$/.test(index)) stop(`--proof takes the number of a record, not ${index}.`);
      options.proof = Number(index);
    } else if (name !== '' || options.folder !== undefined)
      stop(name === '--help' ? '' : `It isn’t known what “${args[i]}” is.`);
    else options.folder = args[i];
  }
  return options;
}

/** @param {string} message @returns {never} */
function stop(message) {
  console.error(message === '' ? USAGE : `${message}\n\n${USAGE}`);
  process.exit(2);
}

/** @param {import('./proofs.mjs').Folder} folder @param {string} root @param {number} index */
async function printProof(folder, root, index) {
  const checkpoint = readFileSync(path.join(root, 'checkpoint'), 'utf8');
  const size = parseCheckpoint(parseNote(checkpoint)?.body ?? '')?.size ?? 0;
  const found = await proofReader(folder, 'records', size, checkpoint)(index);
  if (!found) stop(`There is no record ${index} in this export.`);
  process.stdout.write(
    `c2sp.org/tlog-proof@v1\nindex ${index}\n${found.map((hash) => `${toBase64(hash)}\n`).join('')}\n${checkpoint}`,
  );
}

async function main() {
  const options = optionsOf(process.argv.slice(2));
  const root = options.folder ?? path.dirname(fileURLToPath(import.meta.url));
  const folder = folderAt(root);
  if (options.proof !== undefined) return printProof(folder, root, options.proof);
  const report = await verifyExport(folder, crypto, options);
  const text = folder.names.includes('manifest.json') ? readFileSync(path.join(root, 'manifest.json')) : '';
  const manifest = createHash('sha256').update(text).digest();
  if (options.json) console.log(JSON.stringify({ ...report, manifest_sha256: hex(manifest) }, undefined, 2));
  else console.log(`${inWords(report).join('\n')}\n\nSHA-256 of manifest.json: ${hex(manifest)}`);
  process.exitCode = report.ok ? 0 : 1;
}

main().catch((error) => {
  console.error(`NOT VERIFIED: the export cannot be read: ${error.message}`);
  process.exitCode = 1;
});
