/** Any notation of a MAC address (`020000112233`, `02-00-…`, `0200.0011.2233`) → `02:00:00:11:22:33`; else undefined. */
export function canonicalMac(text: string): string | undefined {
  const trimmed = text.trim();
  const plain =
    /^[0-9a-f]{12}$/i.test(trimmed) ||
    /^[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}$/i.test(trimmed) ||
    /^[0-9a-f]{4}([.-])[0-9a-f]{4}\1[0-9a-f]{4}$/i.test(trimmed);
  if (!plain) return undefined;
  return (
    trimmed
      .toLowerCase()
      .replace(/[^0-9a-f]/g, '')
      .match(/../g) as string[]
  ).join(':');
}

/** The second-lowest bit of the first byte (IEEE 802, section 8.2): made up by the device, often anew for each network. */
export const isLocalMac = (mac: string): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 2) === 2;

/** The lowest bit: no device's own address. */
export const isGroupMac = (mac: string): boolean => (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1;
