import path from 'node:path';
import { type Address, parseAddress } from './address.ts';
import { type AuthConfig, readAuth } from './auth.ts';
import { ConfigError } from './error.ts';
import { type ConfigFile, type LogLevel, readConfigFile } from './file.ts';
import { type LogsConfig, readLogs } from './logs.ts';
import { nearest } from './nearest.ts';
import { publicUrl } from './public-url.ts';
import { type RadiusConfig, readRadius } from './radius.ts';

export type { Address } from './address.ts';
export type { AuthConfig } from './auth.ts';
export { ConfigError } from './error.ts';
export type { LogLevel } from './file.ts';
export type { LogsConfig, WitnessConfig } from './logs.ts';
export { nearest } from './nearest.ts';
export { readCertificates } from './pem.ts';
export type { RadiusConfig } from './radius.ts';
export type { TlsFiles } from './tls.ts';
export { loadTls } from './tls.ts';

/** The appliance's settings, checked. Paths are absolute. */
export interface Config {
  /** Everything the appliance keeps. */
  dataDir: string;
  /** The settings file, whether it is there or not. */
  configFile: string;
  /** HTTP. */
  listen: Address;
  /** The same over TLS; undefined is off. Without `cert` and `key` the appliance signs its own. */
  tls: { listen: Address; cert: string | undefined; key: string | undefined } | undefined;
  /** Where devices reach the appliance, without a slash at its end; undefined is where an administrator does. */
  publicUrl: string | undefined;
  /** postgres:// URL; undefined is SQLite in the data folder. */
  database: string | undefined;
  /** For the first administrator; undefined is a random one, printed once. */
  adminPassword: string | undefined;
  /** Sign-in by OpenID Connect; undefined is user name and password. */
  auth: AuthConfig | undefined;
  log: { level: LogLevel };
  radius: RadiusConfig;
  logs: LogsConfig;
}

const SETTINGS = [
  'GATEHOUSE_DATA',
  'GATEHOUSE_LISTEN',
  'GATEHOUSE_TLS_LISTEN',
  'GATEHOUSE_PUBLIC_URL',
  'GATEHOUSE_ADMIN_PASSWORD',
  'GATEHOUSE_DATABASE',
  'GATEHOUSE_CONFIG',
  'GATEHOUSE_AUTH_ISSUER',
  'GATEHOUSE_AUTH_CLIENT_ID',
  'GATEHOUSE_AUTH_CLIENT_SECRET',
  'GATEHOUSE_RADIUS_AUTH',
  'GATEHOUSE_RADIUS_ACCT',
  'GATEHOUSE_RADIUS_RADSEC',
  'GATEHOUSE_SYSLOG',
  'GATEHOUSE_SYSLOG_TLS',
] as const;
type Setting = (typeof SETTINGS)[number];

/** Known, but read by others: the agent and its CLI. */
const OTHERS: readonly string[] = ['GATEHOUSE_TOKEN'];

const LISTEN_EXAMPLE = '127.0.0.1:8080 or [::1]:8080';
const TLS_EXAMPLE = '0.0.0.0:443 or [::]:443, or off';

/**
 * The settings from the environment and gatehouse.yaml; the environment wins, and an empty variable counts as unset.
 * `argv` are the program's arguments: there are none to give. Throws ConfigError.
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>, argv: readonly string[] = []): Config {
  if (argv[0] !== undefined) {
    throw new ConfigError(
      `The argument ${JSON.stringify(argv[0])} is not known: settings are variables, such as GATEHOUSE_LISTEN.`,
    );
  }
  refuseUnknown(env);
  const get = (name: Setting): string | undefined => env[name] || undefined;
  const dataDir = path.resolve(get('GATEHOUSE_DATA') ?? 'data');
  const named = get('GATEHOUSE_CONFIG');
  const configFile = named === undefined ? path.join(dataDir, 'gatehouse.yaml') : path.resolve(named);
  const file = readConfigFile(configFile, named !== undefined);
  /** A setting and how messages name it: from the environment, else from the file. */
  const setting = (name: Setting, value: string | undefined, ...keys: string[]): Given | undefined => {
    const fromEnv = get(name);
    if (fromEnv !== undefined) return { value: fromEnv, where: name };
    return value === undefined ? undefined : { value, where: file.where(...keys) };
  };
  const { settings } = file;
  const listen = setting('GATEHOUSE_LISTEN', settings.listen, 'listen');
  const tlsListen = setting('GATEHOUSE_TLS_LISTEN', settings.tls?.listen, 'tls', 'listen');
  const reached = setting('GATEHOUSE_PUBLIC_URL', settings.public_url, 'public_url');
  const database = setting('GATEHOUSE_DATABASE', settings.database, 'database');
  const auth = readAuth(
    {
      issuer: setting('GATEHOUSE_AUTH_ISSUER', settings.auth?.issuer, 'auth', 'issuer'),
      clientId: setting('GATEHOUSE_AUTH_CLIENT_ID', settings.auth?.client_id, 'auth', 'client_id'),
      clientSecret: setting('GATEHOUSE_AUTH_CLIENT_SECRET', settings.auth?.client_secret, 'auth', 'client_secret'),
    },
    file,
    path.dirname(configFile),
  );
  return {
    dataDir,
    configFile,
    listen: address(listen ?? { value: '127.0.0.1:8080', where: 'GATEHOUSE_LISTEN' }, LISTEN_EXAMPLE),
    tls: tls(tlsListen, file, path.dirname(configFile)),
    publicUrl: reached && publicUrl(reached),
    database: database && databaseUrl(database),
    adminPassword: get('GATEHOUSE_ADMIN_PASSWORD'),
    auth,
    log: { level: settings.log?.level ?? 'info' },
    radius: readRadius(
      {
        auth: setting('GATEHOUSE_RADIUS_AUTH', settings.radius?.auth, 'radius', 'auth'),
        acct: setting('GATEHOUSE_RADIUS_ACCT', settings.radius?.acct, 'radius', 'acct'),
        radsec: setting('GATEHOUSE_RADIUS_RADSEC', settings.radius?.radsec, 'radius', 'radsec'),
      },
      file,
      path.dirname(configFile),
      address,
    ),
    logs: readLogs(
      {
        syslog: setting('GATEHOUSE_SYSLOG', settings.logs?.syslog, 'logs', 'syslog'),
        syslogTls: setting('GATEHOUSE_SYSLOG_TLS', settings.logs?.syslog_tls, 'logs', 'syslog_tls'),
      },
      file,
      address,
      path.dirname(configFile),
    ),
  };
}

/** A setting, and how messages name it. */
export interface Given {
  value: string;
  where: string;
}

function refuseUnknown(env: Readonly<Record<string, string | undefined>>): void {
  const known = [...SETTINGS, ...OTHERS];
  for (const name of Object.keys(env)) {
    if (!name.startsWith('GATEHOUSE_') || name.startsWith('GATEHOUSE_AGENT_') || known.includes(name)) continue;
    const short = (text: string) => text.slice('GATEHOUSE_'.length);
    const guess = nearest(short(name), known.map(short));
    throw new ConfigError(
      `${name} is not a setting. ${guess ? `Did you mean GATEHOUSE_${guess}? ` : ''}Known are ${SETTINGS.join(', ')}.`,
    );
  }
}

function address({ value, where }: Given, example: string): Address {
  const parsed = parseAddress(value);
  if (!parsed) {
    throw new ConfigError(
      `${where} is ${JSON.stringify(value)}, not host:port with a port from 0 (any) to 65535. For example ${example}.`,
    );
  }
  return parsed;
}

function tls(listen: Given | undefined, file: ConfigFile, folder: string): Config['tls'] {
  const { cert, key } = file.settings.tls ?? {};
  if ((cert === undefined) !== (key === undefined)) {
    const [there, missing] = cert === undefined ? ['key', 'cert'] : ['cert', 'key'];
    throw new ConfigError(
      `${file.where('tls', there)} is set and tls.${missing} is not: give both PEM files, or neither.`,
    );
  }
  if (!listen || listen.value === 'off') return undefined;
  const absolute = (name: string | undefined) => (name === undefined ? undefined : path.resolve(folder, name));
  return { listen: address(listen, TLS_EXAMPLE), cert: absolute(cert), key: absolute(key) };
}

function databaseUrl({ value, where }: Given): string {
  const example = 'For example postgres://gatehouse:password@localhost:5432/gatehouse.';
  // A URL may hold a password, so the message shows its scheme only.
  const scheme = JSON.stringify(/^[a-z][a-z0-9+.-]{0,20}:\/\//i.exec(value)?.[0] ?? '…');
  if (!/^postgres(ql)?:\/\//.test(value)) {
    throw new ConfigError(
      `${where} is ${scheme}, not a postgres:// URL (unset, it is SQLite in the data folder). ${example}`,
    );
  }
  try {
    const { username, password, pathname } = new URL(value);
    for (const part of [username, password, pathname]) decodeURIComponent(part);
    if (pathname.length > 1) return value;
  } catch {
    // said below
  }
  throw new ConfigError(`${where} is a ${scheme} URL that cannot be read or names no database. ${example}`);
}
