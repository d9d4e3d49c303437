import os from 'node:os';

/** The machine's addresses beyond loopback and the tunnel's own, as one text to compare; '' when there are none. */
export function networkFingerprint(
  ownInterface: string,
  interfaces: ReturnType<typeof os.networkInterfaces> = os.networkInterfaces(),
): string {
  const seen: string[] = [];
  for (const [name, addresses] of Object.entries(interfaces)) {
    if (name === ownInterface) continue;
    for (const address of addresses ?? []) {
      if (address.internal || address.address.startsWith('fe80:')) continue;
      seen.push(`${name} ${address.cidr ?? address.address}`);
    }
  }
  return seen.sort().join('\n');
}

/** The machine's network as it was last looked at. */
export class NetworkWatch {
  readonly #read: () => string;
  #fingerprint = '';

  constructor(read: () => string) {
    this.#read = read;
  }

  get up(): boolean {
    return this.#fingerprint !== '';
  }

  /** Looks; what it is now, for people, when that is another than before. */
  changed(): string | null {
    const fingerprint = this.#read();
    if (fingerprint === this.#fingerprint) return null;
    this.#fingerprint = fingerprint;
    return fingerprint.replaceAll('\n', ', ') || 'no address';
  }
}
