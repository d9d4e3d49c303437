/** The appliance itself. */
export const OWN_SOURCE = 0;
/** Shared by all that there are no numbers left for. */
export const OTHER_SOURCES = 65_535;
/** Senders that get a number of their own. */
export const MAX_SOURCES = 4096;

export const isSource = (id: number): boolean => Number.isInteger(id) && id >= 0 && id <= OTHER_SOURCES;

/** The address of a peer without its port: `192.0.2.1:514`, `[2001:db8::1]:514`, empty. */
export function addressOf(peer: string): string {
  const colon = peer.lastIndexOf(':');
  const address = colon > 0 ? peer.slice(0, colon) : peer;
  return address.startsWith('[') && address.endsWith(']') ? address.slice(1, -1) : address;
}
