import path from 'node:path';
import type { Address } from './address.ts';
import type { ConfigFile } from './file.ts';
import type { Given } from './index.ts';

/** RADIUS: where it listens (undefined is off) and how it works. */
export interface RadiusConfig {
  auth: Address | undefined;
  acct: Address | undefined;
  /** RadSec, RFC 6614. */
  radsec: Address | undefined;
  /** A folder with the site's own dictionary. */
  dictionary: string | undefined;
  /** How long a reject is held back. */
  rejectDelayMs: number;
  /** Threads that EAP runs in; undefined is by the number of cores. */
  eapWorkers: number | undefined;
  /** Whether datagrams are taken and sent in batches where the system can. */
  batched: boolean;
  /** The newest TLS inside PEAP and TTLS. */
  tlsMaxTunnel: '1.2' | '1.3';
}

/** `auth` and `acct` are 127.0.0.1:1812 and :1813 where nobody says otherwise, RadSec is off; `off` is off. */
export function readRadius(
  given: { auth: Given | undefined; acct: Given | undefined; radsec: Given | undefined },
  file: ConfigFile,
  folder: string,
  address: (given: Given, example: string) => Address,
): RadiusConfig {
  const at = (setting: Given | undefined, example: string): Address | undefined =>
    setting === undefined || setting.value === 'off' ? undefined : address(setting, `${example}, or off`);
  const { dictionary, reject_delay_ms, eap_workers, batched, tls_max_tunnel } = file.settings.radius ?? {};
  return {
    auth: at(given.auth ?? { value: '127.0.0.1:1812', where: 'GATEHOUSE_RADIUS_AUTH' }, '0.0.0.0:1812'),
    acct: at(given.acct ?? { value: '127.0.0.1:1813', where: 'GATEHOUSE_RADIUS_ACCT' }, '0.0.0.0:1813'),
    radsec: at(given.radsec, '0.0.0.0:2083'),
    dictionary: dictionary === undefined ? undefined : path.resolve(folder, dictionary),
    rejectDelayMs: reject_delay_ms ?? 1000,
    eapWorkers: eap_workers,
    batched: batched ?? true,
    tlsMaxTunnel: tls_max_tunnel ?? '1.2',
  };
}
