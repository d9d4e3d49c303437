/** Largest picture that is opened, in bytes and in pixels: a small file can hold a huge picture. */
export const MAX_BYTES = 20 * 1024 * 1024;
export const MAX_PIXELS = 40_000_000;

export interface Size {
  width: number;
  height: number;
}

const starts = (bytes: Uint8Array, at: number, text: string): boolean =>
  bytes.length >= at + text.length && [...text].every((letter, index) => bytes[at + index] === letter.charCodeAt(0));

/**
 * Width and height that a PNG, JPEG, GIF or WebP picture says of itself, read before anything is decoded; null when it
 * is none of these or is cut off.
 */
export function imageSize(bytes: Uint8Array): Size | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 30) return null;
  if (starts(bytes, 0, '\x89PNG\r\n\x1a\n') && starts(bytes, 12, 'IHDR'))
    return { width: view.getUint32(16), height: view.getUint32(20) };
  if (starts(bytes, 0, 'GIF8')) return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (starts(bytes, 0, 'RIFF') && starts(bytes, 8, 'WEBP')) return webpSize(bytes, view);
  if (view.getUint16(0) === 0xffd8) return jpegSize(view);
  return null;
}

/** RFC 9649 sections 2.5 to 2.7: lossy, lossless, extended. */
function webpSize(bytes: Uint8Array, view: DataView): Size | null {
  if (starts(bytes, 12, 'VP8 '))
    return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
  if (starts(bytes, 12, 'VP8L')) {
    const bits = view.getUint32(21, true);
    return { width: (bits & 0x3fff) + 1, height: ((bits >>> 14) & 0x3fff) + 1 };
  }
  if (starts(bytes, 12, 'VP8X'))
    return {
      width: (view.getUint32(24, true) & 0xffffff) + 1,
      height: (view.getUint16(27, true) | (view.getUint8(29) << 16)) + 1,
    };
  return null;
}

/** ITU-T T.81 B.2: walks the segments up to the frame header. */
function jpegSize(view: DataView): Size | null {
  for (let at = 2; at + 9 <= view.byteLength; ) {
    if (view.getUint8(at) !== 0xff) return null;
    const marker = view.getUint8(at + 1);
    if (marker === 0xff) {
      at++;
      continue;
    }
    // SOF0 to SOF15 without DHT, JPG and DAC, which lie among them.
    if (marker >= 0xc0 && marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc)
      return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    at += 2 + view.getUint16(at + 2);
  }
  return null;
}
