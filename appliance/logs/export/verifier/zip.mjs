/** A file in a ZIP. @typedef {{ name: string, method: number, packed: number, size: number, offset: number }} Entry */

const END = 0x06054b50;
const END_64 = 0x06064b50;
const LOCATOR_64 = 0x07064b50;
const ENTRY = 0x02014b50;
const LOCAL = 0x04034b50;

/** @param {Blob} blob @param {number} from @param {number} to */
const view = async (blob, from, to) => new DataView(await blob.slice(from, to).arrayBuffer());

/** The files of a ZIP (APPNOTE 6.3, with ZIP64), read where they lie. @param {Blob} blob @returns {Promise<import('./proofs.mjs').Folder>} */
export async function openZip(blob) {
  const start = Math.max(0, blob.size - 65_600);
  const tail = await view(blob, start, blob.size);
  let at = tail.byteLength - 22;
  while (at >= 0 && tail.getUint32(at, true) !== END) at--;
  if (at < 0) throw new Error('this is not a ZIP file, or it is cut short');
  let [count, length, offset] = [
    tail.getUint16(at + 10, true),
    tail.getUint32(at + 12, true),
    tail.getUint32(at + 16, true),
  ];
  if (at >= 20 && tail.getUint32(at - 20, true) === LOCATOR_64) {
    const place = Number(tail.getBigUint64(at - 12, true));
    const end = await view(blob, place, place + 56);
    if (end.getUint32(0, true) !== END_64) throw new Error('the list of files in the ZIP is damaged');
    [count, length, offset] = [32, 40, 48].map((field) => Number(end.getBigUint64(field, true)));
  }
  const list = await view(blob, offset, offset + length);
  /** @type {Map<string, Entry>} */
  const entries = new Map();
  for (let i = 0, p = 0; i < count; i++) {
    if (p + 46 > list.byteLength || list.getUint32(p, true) !== ENTRY)
      throw new Error('the list of files in the ZIP is damaged');
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) => list.getUint16(p + field, true));
    const name = new TextDecoder().decode(new Uint8Array(list.buffer, p + 46, nameLength));
    const sizes = [list.getUint32(p + 24, true), list.getUint32(p + 20, true), list.getUint32(p + 42, true)];
    for (let x = p + 46 + nameLength; x < p + 46 + nameLength + extraLength; x += 4 + list.getUint16(x + 2, true)) {
      if (list.getUint16(x, true) !== 1) continue;
      let field = x + 4;
      for (const [n, size] of sizes.entries()) {
        if (size !== 0xffffffff) continue;
        sizes[n] = Number(list.getBigUint64(field, true));
        field += 8;
      }
    }
    const [size, packed, place] = sizes;
    // Others would unpack the other one.
    if (entries.has(name)) throw new Error(`there are two files ${JSON.stringify(name)} in the ZIP`);
    if (!name.endsWith('/'))
      entries.set(name, { name, method: list.getUint16(p + 10, true), packed, size, offset: place });
    p += 46 + nameLength + extraLength + commentLength;
  }
  return {
    names: [...entries.keys()].sort(),
    stream: (name) => unpack(blob, /** @type {Entry} */ (entries.get(name))),
  };
}

/** @param {Blob} blob @param {Entry} entry */
async function* unpack(blob, { method, packed, offset }) {
  const head = await view(blob, offset, offset + 30);
  if (head.getUint32(0, true) !== LOCAL) throw new Error('the ZIP is damaged');
  const start = offset + 30 + head.getUint16(26, true) + head.getUint16(28, true);
  const data = blob.slice(start, start + packed).stream();
  if (method !== 0 && method !== 8) throw new Error('the ZIP is packed in a way that isn’t known here');
  yield* chunks(method === 8 ? data.pipeThrough(new DecompressionStream('deflate-raw')) : data);
}

/** Not every browser lets one walk over a stream. @param {ReadableStream<Uint8Array>} stream */
export async function* chunks(stream) {
  const reader = stream.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}
