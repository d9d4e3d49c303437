import { hex } from './bytes.mjs';
import { verifyExport } from './core.mjs';
import { createSha256, sha256 } from './sha256.mjs';
import { inWords } from './words.mjs';
import { chunks, openZip } from './zip.mjs';

const subtle = globalThis.crypto?.subtle;
const UNABLE = 'This browser cannot check Ed25519 signatures. Take a newer one, or run: node verify.mjs';

/** @type {import('./core.mjs').Crypto} */
const primitives = {
  sha256,
  createSha256,
  digest: async (hash, bytes) => new Uint8Array(await subtle.digest(hash, bytes)),
  async ed25519(key, message, signature) {
    try {
      return await subtle.verify(
        'Ed25519',
        await subtle.importKey('raw', key, 'Ed25519', false, ['verify']),
        signature,
        message,
      );
    } catch {
      throw new Error(UNABLE);
    }
  },
  async verify({ spki, kind, curve, hash, data, signature }) {
    const algorithm = kind === 'RSA' ? { name: 'RSASSA-PKCS1-v1_5', hash } : { name: 'ECDSA', namedCurve: curve, hash };
    const key = await subtle.importKey('spki', spki, algorithm, false, ['verify']);
    return subtle.verify(algorithm, key, kind === 'RSA' ? signature : plainEcdsa(signature, curve), data);
  },
};

/** The two numbers of an ECDSA signature one after the other, as WebCrypto wants them. @param {Uint8Array} der @param {string} curve */
function plainEcdsa(der, curve) {
  const width = { 'P-256': 32, 'P-384': 48, 'P-521': 66 }[curve] ?? 32;
  const plain = new Uint8Array(2 * width);
  let at = der[1] > 128 ? 3 : 2;
  for (const end of [width, 2 * width]) {
    const number = der.subarray(at + 2, at + 2 + der[at + 1]);
    at += 2 + number.length;
    const digits = number[0] === 0 ? number.subarray(1) : number;
    plain.set(digits, end - digits.length);
  }
  return plain;
}

/** @template {HTMLElement} T @param {string} id @returns {T} */
const the = (id) => /** @type {T} */ (document.getElementById(id));

/** @param {{ name: string, file: File }[]} files @returns {import('./proofs.mjs').Folder} */
function folderOf(files) {
  const root =
    files
      .map(({ name }) => name)
      .filter((name) => /(^|\/)manifest\.json$/.test(name))
      // Not that of another export that lies in a folder of this one.
      .sort((a, b) => a.split('/').length - b.split('/').length)[0]
      ?.replace(/manifest\.json$/, '') ?? '';
  const found = new Map(
    files.filter(({ name }) => name.startsWith(root)).map(({ name, file }) => [name.slice(root.length), file]),
  );
  return { names: [...found.keys()].sort(), stream: (name) => chunks(/** @type {File} */ (found.get(name)).stream()) };
}

const noted = (/** @type {string} */ id) =>
  the(id)
    .value.split(/\s+/)
    .filter((word) => word !== '');

/** @param {{ name: string, file: File }[]} files */
async function run(files) {
  if (files.length === 0) return;
  const [status, result] = [the('status'), the('result')];
  result.textContent = '';
  result.className = '';
  status.textContent = 'Verifying …';
  try {
    const folder = files.length === 1 && /\.zip$/i.test(files[0].name) ? await openZip(files[0].file) : folderOf(files);
    const report = await verifyExport(
      folder,
      primitives,
      { keys: noted('keys'), witnesses: noted('witnesses') },
      (done) => {
        status.textContent = `Verifying … ${Math.floor(done * 100)} %`;
      },
    );
    const manifest = createSha256();
    for await (const chunk of folder.names.includes('manifest.json') ? folder.stream('manifest.json') : [])
      manifest.update(chunk);
    result.textContent = [...inWords(report), '', `SHA-256 of manifest.json: ${hex(manifest.digest())}`].join('\n');
    result.className = report.ok ? 'good' : 'bad';
    status.textContent = report.ok ? 'Done: verified.' : 'Done: not verified.';
  } catch (error) {
    result.textContent = `NOT VERIFIED: the export cannot be read: ${/** @type {Error} */ (error).message}`;
    result.className = 'bad';
    status.textContent = 'Stopped.';
  }
  result.focus();
}

/** @param {FileSystemEntry} entry @returns {Promise<{ name: string, file: File }[]>} */
async function filesIn(entry) {
  const name = entry.fullPath.slice(1);
  if (entry.isFile) return [{ name, file: await new Promise((resolve, reject) => entry.file(resolve, reject)) }];
  const reader = entry.createReader();
  const found = [];
  for (;;) {
    const some = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (some.length === 0) return (await Promise.all(found)).flat();
    found.push(...some.map(filesIn));
  }
}

for (const id of ['zip', 'folder']) {
  the(id).addEventListener('change', (event) => {
    const files = [.../** @type {HTMLInputElement} */ (event.target).files];
    void run(files.map((file) => ({ name: file.webkitRelativePath || file.name, file })));
  });
}
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', async (event) => {
  event.preventDefault();
  const entries = [...event.dataTransfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  void run((await Promise.all(entries.map(filesIn))).flat());
});
the('status').textContent = subtle ? 'Nothing leaves this computer.' : UNABLE;
