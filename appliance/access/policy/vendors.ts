import { readFileSync } from 'node:fs';

/** The IEEE's registry of MAC prefixes as policies ask it. */
export interface Vendors {
  /** Beginnings of addresses (`02:00:00`, `02:00:00:1`) of the organisations whose name has `name` at the beginning of a word; any case. */
  prefixes(name: string): readonly string[];
}

/** Made-up addresses of devices that hide theirs. */
export const RANDOM_VENDOR = 'random';

/** `00000c` → organisation, as the npm package `oui-data` has it: name, then lines of an address. */
export function createVendors(registry: Readonly<Record<string, string>>): Vendors {
  const byName = new Map<string, string[]>();
  for (const [oui, text] of Object.entries(registry)) {
    const [name = ''] = text.split('\n', 1);
    const key = ` ${name.toLowerCase()}`;
    // Blocks of 24, 28 and 36 bits: the smaller ones end in half a byte.
    const prefix = oui.toLowerCase().replace(/(..)(?=.)/g, '$1:');
    const list = byName.get(key);
    if (list) list.push(prefix);
    else byName.set(key, [prefix]);
  }
  return {
    prefixes(name) {
      const wanted = ` ${name.trim().toLowerCase()}`;
      const found: string[] = [];
      for (const [key, prefixes] of byName) if (key.includes(wanted)) found.push(...prefixes);
      return found;
    },
  };
}

let shared: Vendors | undefined;

/** The registry that comes with the appliance. Read at the first policy that names a vendor: it is 6 MB of text. */
export function loadVendors(): Vendors {
  if (!shared) {
    let registry: Record<string, string> = {};
    try {
      registry = JSON.parse(readFileSync(new URL(import.meta.resolve('oui-data')), 'utf8'));
    } catch {
      // Without the registry every name is unknown, and the message says to write prefixes.
    }
    shared = createVendors(registry);
  }
  return shared;
}
