/** Where the separators are, by the length of the text: none, `001122-334455`, `0011.2233.4455`, `00-11-22-33-44-55`. */
const SEPARATORS = new Map<number, readonly number[]>([
  [12, []],
  [13, [6]],
  [14, [4, 9]],
  [17, [2, 5, 8, 11, 14]],
]);
const PAIRS = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const bytes = new Uint8Array(6);

/** A MAC address in any notation as `02:00:00:11:22:33`; undefined for anything else. */
export function macOf(text: string): string | undefined {
  const separators = SEPARATORS.get(text.length);
  if (!separators) return undefined;
  const separator = separators.length > 0 ? text.charCodeAt(separators[0]!) : 0;
  // - . :
  if (separators.length > 0 && separator !== 0x2d && separator !== 0x2e && separator !== 0x3a) return undefined;
  let digits = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (separators.includes(at)) {
      if (code !== separator) return undefined;
      continue;
    }
    const digit = hexDigit(code);
    if (digit < 0) return undefined;
    bytes[digits >> 1] = digits & 1 ? bytes[digits >> 1]! | digit : digit << 4;
    digits++;
  }
  const [a, b, c, d, e, f] = bytes as unknown as [number, number, number, number, number, number];
  return `${PAIRS[a]}:${PAIRS[b]}:${PAIRS[c]}:${PAIRS[d]}:${PAIRS[e]}:${PAIRS[f]}`;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
