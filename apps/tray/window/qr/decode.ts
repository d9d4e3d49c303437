import decode from 'qr/decode.js';
import { imageSize, MAX_BYTES, MAX_PIXELS } from './size.ts';

/** Longest sides at which a code is looked for: a photo's noise vanishes when it shrinks, a small code's modules too. */
const SIDES = [1600, 800, 400];

export type Problem = 'none' | 'type' | 'big';

/** The text of the QR code in a picture, or why there is none. */
export async function decodeQr(picture: Blob): Promise<{ text: string } | { problem: Problem }> {
  if (picture.size > MAX_BYTES) return { problem: 'big' };
  const size = imageSize(new Uint8Array(await picture.arrayBuffer()));
  if (!size || size.width === 0 || size.height === 0) return { problem: 'type' };
  if (size.width * size.height > MAX_PIXELS) return { problem: 'big' };
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(picture);
  } catch {
    return { problem: 'type' };
  }
  try {
    const longest = Math.max(bitmap.width, bitmap.height);
    const sides = new Set(SIDES.map((side) => Math.min(side, longest)));
    for (const side of sides) {
      const text = read(scaled(bitmap, side / longest));
      if (text !== '') return { text };
    }
    return { problem: 'none' };
  } finally {
    bitmap.close();
  }
}

/** The code's text; empty where none is found. */
function read(image: ImageData): string {
  try {
    return decode(image, { timeLimit: 1_000 });
  } catch {
    return '';
  }
}

function scaled(bitmap: ImageBitmap, scale: number): ImageData {
  const width = Math.max(1, Math.round(bitmap.width * scale));
  const height = Math.max(1, Math.round(bitmap.height * scale));
  const context = new OffscreenCanvas(width, height).getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('no canvas');
  // A code on a transparent ground is black on white.
  context.fillStyle = '#fff';
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  return context.getImageData(0, 0, width, height);
}
