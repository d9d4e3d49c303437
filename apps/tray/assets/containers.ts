/** A picture in PNG, and its width and height in pixels. */
export interface Picture {
  size: number;
  png: Buffer;
}

/** An .ico of PNGs (Windows Vista and later read them at any size). At most 256 pixels each. */
export function ico(pictures: readonly Picture[]): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt16LE(1, 2);
  header.writeUInt16LE(pictures.length, 4);
  let offset = header.length + 16 * pictures.length;
  const entries = pictures.map(({ size, png }) => {
    const entry = Buffer.alloc(16);
    // One byte each, in which 0 is 256.
    entry.writeUInt8(size % 256, 0);
    entry.writeUInt8(size % 256, 1);
    entry.writeUInt16LE(1, 4);
    entry.writeUInt16LE(32, 6);
    entry.writeUInt32LE(png.length, 8);
    entry.writeUInt32LE(offset, 12);
    offset += png.length;
    return entry;
  });
  return Buffer.concat([header, ...entries, ...pictures.map(({ png }) => png)]);
}

/** Kinds of entries that hold PNG, by what they are for; `@2x` ones have twice the pixels. */
const ICNS_KINDS: readonly [kind: string, pixels: number][] = [
  ['ic07', 128],
  ['ic08', 256],
  ['ic09', 512],
  ['ic10', 1024],
  ['ic11', 32],
  ['ic12', 64],
  ['ic13', 256],
  ['ic14', 512],
];

/** An .icns of PNGs, from one picture for each size that the format knows. Throws where one is missing. */
export function icns(pictures: readonly Picture[]): Buffer {
  const entries = ICNS_KINDS.map(([kind, pixels]) => {
    const picture = pictures.find(({ size }) => size === pixels);
    if (!picture) throw new Error(`an .icns needs a picture of ${pixels} pixels`);
    const head = Buffer.alloc(8);
    head.write(kind, 'latin1');
    head.writeUInt32BE(8 + picture.png.length, 4);
    return Buffer.concat([head, picture.png]);
  });
  const body = Buffer.concat(entries);
  const head = Buffer.alloc(8);
  head.write('icns', 'latin1');
  head.writeUInt32BE(8 + body.length, 4);
  return Buffer.concat([head, body]);
}
