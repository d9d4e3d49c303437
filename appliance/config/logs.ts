import { hostname } from 'node:os';
import path from 'node:path';
import type { Address } from './address.ts';
import { ConfigError } from './error.ts';
import type { ConfigFile } from './file.ts';
import type { Given } from './index.ts';
import { readCertificates } from './pem.ts';

/** Another appliance, or any C2SP tlog-witness, that cosigns the log. */
export interface WitnessConfig {
  /** `add-checkpoint` lies below it. */
  url: string;
  /** Its verifier key, `<name>+<id>+<key>`. */
  key: string;
}

/** The sealed log: where syslog comes in (undefined is off), what it is called, who vouches for it. */
export interface LogsConfig {
  /** UDP and TCP on the same port. */
  syslog: Address | undefined;
  /** RFC 5425. */
  syslogTls: Address | undefined;
  /** Whether senders over TLS must show a certificate of an authority that the PKI trusts. */
  syslogTlsClients: 'required' | 'any';
  /** Parts of the log's origin, `gatehouse/<tenant>/<site>/<edge>`. It is fixed once the log has begun. */
  tenant: string;
  edge: string;
  witnesses: readonly WitnessConfig[];
  /** Verifier keys of the logs that this appliance cosigns. */
  witnessFor: readonly string[];
  /** An RFC 3161 time-stamping authority. */
  tsa: string | undefined;
  /** PEM of the authorities that its certificate may be from; none: it isn't checked. */
  tsaCa: readonly string[];
}

/** What a name in a signed note may be made of, and a path: no spaces, no plus. */
const NAME = /^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const VERIFIER_KEY = /^[\x21-\x2a\x2c-\x7e]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/;
const MAX_WITNESSES = 16;
const MAX_LOGS = 1000;

/** Syslog is 127.0.0.1:5514 where nobody says otherwise, TLS is off; `off` is off. Throws ConfigError. */
export function readLogs(
  given: { syslog: Given | undefined; syslogTls: Given | undefined },
  file: ConfigFile,
  address: (given: Given, example: string) => Address,
  folder: string,
): LogsConfig {
  const at = (setting: Given | undefined, example: string): Address | undefined =>
    setting === undefined || setting.value === 'off' ? undefined : address(setting, `${example}, or off`);
  const settings = file.settings.logs ?? {};
  const where = (key: string) => file.where('logs', key);
  const name = (key: 'tenant' | 'edge', otherwise: string): string => {
    const value = settings[key] ?? otherwise;
    if (!NAME.test(value)) {
      throw new ConfigError(
        `${where(key)} is ${JSON.stringify(value)}: write letters, digits, dots and dashes, at most 63.`,
      );
    }
    return value;
  };
  const { witnesses = [], witness_for: witnessFor = [], tsa } = settings;
  if (witnesses.length > MAX_WITNESSES) throw new ConfigError(`${where('witnesses')} has more than ${MAX_WITNESSES}.`);
  if (witnessFor.length > MAX_LOGS) throw new ConfigError(`${where('witness_for')} has more than ${MAX_LOGS}.`);
  for (const { url, key } of witnesses) {
    checkUrl(url, where('witnesses'));
    checkKey(key, where('witnesses'));
  }
  for (const key of witnessFor) checkKey(key, where('witness_for'));
  if (tsa !== undefined) checkUrl(tsa, where('tsa'));
  return {
    syslog: at(given.syslog ?? { value: '127.0.0.1:5514', where: 'GATEHOUSE_SYSLOG' }, '0.0.0.0:5514'),
    syslogTls: at(given.syslogTls, '0.0.0.0:6514'),
    syslogTlsClients: settings.syslog_tls_clients ?? 'required',
    tenant: name('tenant', 'local'),
    edge: name('edge', ownName()),
    witnesses: witnesses.map(({ url, key }) => ({ url: url.replace(/\/+$/, ''), key })),
    witnessFor,
    tsa,
    tsaCa: settings.tsa_ca === undefined ? [] : authorities(settings.tsa_ca, where('tsa_ca'), folder),
  };
}

/** The machine's name, as far as it can be part of an origin. */
const ownName = (): string => {
  const name = hostname()
    .replaceAll(/[^A-Za-z0-9._-]/g, '-')
    .slice(0, 63);
  return NAME.test(name) ? name : 'edge';
};

/** Relative to the folder of the settings. */
function authorities(name: string, where: string, folder: string): string[] {
  try {
    return readCertificates(path.resolve(folder, name));
  } catch (error) {
    throw new ConfigError(`${where} is ${JSON.stringify(name)}: ${(error as Error).message}.`);
  }
}

function checkUrl(text: string, where: string): void {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) {
    throw new ConfigError(`${where} has ${JSON.stringify(text)}: write a URL that begins with https:// or http://.`);
  }
}

function checkKey(text: string, where: string): void {
  if (!VERIFIER_KEY.test(text)) {
    throw new ConfigError(
      `${where} has ${JSON.stringify(text)}: write a verifier key, <name>+<8 hexadecimal digits>+<base64>. ` +
        "`gatehouse-appliance logs status` shows a log's own, GET /witness/key a witness's.",
    );
  }
}
