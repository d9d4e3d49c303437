import { crc32 } from 'node:zlib';
import type { Source } from './record.ts';

/** One record in the journal: where it came from, and its packet as it was received. */
export interface Frame extends Source {
  packet: Uint8Array;
}

const HEAD = 8;
/** Time (8), three lengths (1 each), a packet of 20 bytes at least. */
const MIN_BODY = 31;
/** Three texts of 255 bytes and a packet of 4096. */
export const MAX_FRAME = HEAD + 11 + 3 * 255 + 4096;

/**
 * Writes a frame: `u32 length | u32 CRC-32 of the body | body`, big-endian; the body is the time of receipt (float64),
 * NAS id, site id and address (`u8 length | text` each) and the packet. `into` must have room for MAX_FRAME. Answers
 * where it ends.
 */
export function writeFrame(into: Buffer, at: number, source: Source, packet: Uint8Array): number {
  let end = into.writeDoubleBE(source.receivedAt, at + HEAD);
  end = writeText(into, end, source.nasId);
  end = writeText(into, end, source.siteId);
  end = writeText(into, end, source.address);
  into.set(packet, end);
  end += packet.length;
  into.writeUInt32BE(end - at - HEAD, at);
  into.writeUInt32BE(crc32(into.subarray(at + HEAD, end)), at + 4);
  return end;
}

function writeText(into: Buffer, at: number, text: string): number {
  const length = into.write(text, at + 1, 255, 'utf8');
  into[at] = length;
  return at + 1 + length;
}

/** What lay in a segment: `skipped` bytes in the middle, and `torn` at the end, were none of a frame. */
export interface Scan {
  frames: Frame[];
  skipped: number;
  torn: number;
}

/**
 * Reads a segment. A frame that isn't whole or whose sum is wrong is passed over up to the next that is good, so one
 * bad sector costs the records in it alone; what is behind the last good frame is the tail of a crash.
 */
export function scanFrames(bytes: Buffer): Scan {
  const frames: Frame[] = [];
  let [at, end, skipped] = [0, 0, 0];
  let used = bytes.length;
  while (used > 0 && bytes[used - 1] === 0) used--; // a segment is filled with zeros before it is written
  while (at + HEAD + MIN_BODY <= bytes.length && at < used) {
    const length = frameAt(bytes, at);
    const frame = length === 0 ? undefined : readBody(bytes.subarray(at + HEAD, at + length));
    if (frame === undefined) {
      at++;
      continue;
    }
    frames.push(frame);
    skipped += at - end;
    at += length;
    end = at;
  }
  return { frames, skipped, torn: Math.max(0, used - end) };
}

/** Length of the good frame that starts there; 0: none does. */
function frameAt(bytes: Buffer, at: number): number {
  const body = bytes.readUInt32BE(at);
  const end = at + HEAD + body;
  if (body < MIN_BODY || body > MAX_FRAME - HEAD || end > bytes.length) return 0;
  return crc32(bytes.subarray(at + HEAD, end)) === bytes.readUInt32BE(at + 4) ? HEAD + body : 0;
}

function readBody(body: Buffer): Frame | undefined {
  const texts: string[] = [];
  let at = 8;
  for (let i = 0; i < 3; i++) {
    const end = at + 1 + (body[at] ?? 255);
    if (end > body.length) return undefined;
    texts.push(body.toString('utf8', at + 1, end));
    at = end;
  }
  const [nasId = '', siteId = '', address = ''] = texts;
  return { receivedAt: body.readDoubleBE(0), nasId, siteId, address, packet: body.subarray(at) };
}
