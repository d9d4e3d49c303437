import { readFileSync, statSync } from 'node:fs';
import { inspect } from 'node:util';
import Type from 'typebox';
import { Errors } from 'typebox/value';
import { type Document, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { ConfigError } from './error.ts';
import { nearest } from './nearest.ts';

const MAX_FILE_BYTES = 1024 * 1024;

export const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

const strict = { additionalProperties: false };

const Text = Type.Optional(Type.String());
const Texts = Type.Optional(Type.Array(Type.String()));

/** What gatehouse.yaml may hold. */
const FileSettings = Type.Object(
  {
    listen: Type.Optional(Type.String()),
    tls: Type.Optional(
      Type.Object(
        { listen: Type.Optional(Type.String()), cert: Type.Optional(Type.String()), key: Type.Optional(Type.String()) },
        strict,
      ),
    ),
    public_url: Text,
    database: Type.Optional(Type.String()),
    auth: Type.Optional(
      Type.Object(
        {
          issuer: Text,
          client_id: Text,
          client_secret: Text,
          client_secret_file: Text,
          scopes: Texts,
          groups_claim: Text,
          admin_group: Text,
          user_group: Text,
          redirect_uris: Texts,
        },
        strict,
      ),
    ),
    radius: Type.Optional(
      Type.Object(
        {
          auth: Text,
          acct: Text,
          radsec: Text,
          dictionary: Text,
          reject_delay_ms: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000 })),
          eap_workers: Type.Optional(Type.Integer({ minimum: 1, maximum: 16 })),
          batched: Type.Optional(Type.Boolean()),
          tls_max_tunnel: Type.Optional(Type.Enum(['1.2', '1.3'])),
        },
        strict,
      ),
    ),
    logs: Type.Optional(
      Type.Object(
        {
          syslog: Text,
          syslog_tls: Text,
          syslog_tls_clients: Type.Optional(Type.Enum(['required', 'any'])),
          tenant: Text,
          edge: Text,
          witnesses: Type.Optional(Type.Array(Type.Object({ url: Type.String(), key: Type.String() }, strict))),
          witness_for: Texts,
          tsa: Text,
          tsa_ca: Text,
        },
        strict,
      ),
    ),
    log: Type.Optional(Type.Object({ level: Type.Optional(Type.Enum([...LOG_LEVELS])) }, strict)),
  },
  strict,
);
export type FileSettings = Type.Static<typeof FileSettings>;

export interface ConfigFile {
  settings: FileSettings;
  /** How a message names a setting of the file: `/etc/gatehouse.yaml:3: tls.listen`. */
  where(...keys: string[]): string;
}

/** Reads gatehouse.yaml. A file that is not there is empty, unless it was asked for by name (`required`). */
export function readConfigFile(file: string, required: boolean): ConfigFile {
  let text = '';
  try {
    if (statSync(file).size > MAX_FILE_BYTES) throw new Error(`it is larger than ${MAX_FILE_BYTES} bytes`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if (required || (error as NodeJS.ErrnoException).code !== 'ENOENT') {
      const hint = required ? ' Set GATEHOUSE_CONFIG to a file that exists, or unset it.' : '';
      throw new ConfigError(`The settings file ${file} cannot be read: ${(error as Error).message}.${hint}`);
    }
  }
  return parseConfig(text, file);
}

/** The text of a settings file, checked; `file` is for messages. Throws ConfigError with the faults and their lines. */
export function parseConfig(text: string, file: string): ConfigFile {
  const lines = new LineCounter();
  const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, logLevel: 'error' });
  const at = (offset: number | undefined): string => `${file}:${offset === undefined ? 1 : lines.linePos(offset).line}`;
  if (doc.errors.length > 0) {
    throw new ConfigError(doc.errors.map((error) => `${at(error.pos[0])}: ${error.message}`).join('\n'));
  }
  let value: unknown;
  try {
    value = doc.toJS() ?? {};
  } catch (error) {
    throw new ConfigError(`${at(0)}: ${(error as Error).message}`); // an alias without its anchor, or too many
  }
  const where = (...keys: string[]) => `${at(offsetOf(doc, keys))}: ${keys.join('.')}`;
  const faults = faultsOf(value, where);
  if (faults.length > 0) throw new ConfigError(faults.join('\n'));
  return { settings: value as FileSettings, where };
}

function faultsOf(value: unknown, where: (...keys: string[]) => string): string[] {
  const faults = new Map<string, string>();
  for (const { keyword, instancePath, params } of Errors(FileSettings, value)) {
    const keys = instancePath.split('/').slice(1).map(unescaped);
    if (keyword === 'additionalProperties') {
      for (const extra of (params as { additionalProperties: string[] }).additionalProperties) {
        const guess = nearest(extra, knownKeys(keys));
        const hint = guess ? `did you mean '${guess}'?` : `known here: ${knownKeys(keys).join(', ')}`;
        faults.set(`${instancePath}/${extra}`, `${where(...keys, extra)} is not a setting; ${hint}`);
      }
    } else if (keyword === 'type') {
      const given = keys.reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], value);
      faults.set(instancePath, `${where(...keys)} is ${show(given)}; ${exampleOf(keys)}`.replace(':  is', ': this is'));
    } else if (keyword === 'enum') {
      const known = (params as { allowedValues: string[] }).allowedValues ?? LOG_LEVELS;
      const what = keys.at(-1) === 'level' ? 'a level' : 'one of its values';
      faults.set(instancePath, `${where(...keys)} is not ${what}; one of ${known.join(', ')}`);
    } else if (keyword === 'minimum' || keyword === 'maximum') {
      const { limit } = params as { limit: number };
      faults.set(instancePath, `${where(...keys)} is out of range: its ${keyword} is ${limit}`);
    }
  }
  return [...faults.values()];
}

/** JSON pointer, RFC 6901 section 4. */
const unescaped = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

/** A value may hold itself, by an alias: JSON.stringify would throw. */
const show = (value: unknown): string => inspect(value, { depth: 1, breakLength: Infinity }).slice(0, 100);

function knownKeys(path: readonly string[]): string[] {
  const properties = FileSettings.properties;
  if (path[0] === 'tls') return Object.keys(properties.tls.properties);
  if (path[0] === 'auth') return Object.keys(properties.auth.properties);
  if (path[0] === 'log') return Object.keys(properties.log.properties);
  if (path[0] === 'logs') {
    return Object.keys(
      path[1] === 'witnesses' ? properties.logs.properties.witnesses.items.properties : properties.logs.properties,
    );
  }
  if (path[0] === 'radius') return Object.keys(properties.radius.properties);
  return Object.keys(properties);
}

function exampleOf(path: readonly string[]): string {
  const examples: Record<string, string> = {
    '': 'write settings as `listen: 127.0.0.1:8080`',
    listen: 'write host:port, for example 127.0.0.1:8080',
    tls: 'write its settings below it, for example `tls: { listen: "0.0.0.0:443" }`',
    'tls.listen': 'write host:port, for example 0.0.0.0:443',
    'tls.cert': 'write the path of a PEM file',
    'tls.key': 'write the path of a PEM file',
    database: 'write a URL, for example postgres://gatehouse@localhost/gatehouse',
    auth: 'write its settings below it, for example `auth: { issuer: "https://id.example", client_id: gatehouse }`',
    'auth.scopes': 'write a list, for example [openid, profile, email]',
    'auth.redirect_uris': 'write a list, for example ["https://gatehouse.example/callback"]',
    log: 'write its settings below it, for example `log: { level: info }`',
    radius: 'write its settings below it, for example `radius: { auth: "0.0.0.0:1812" }`',
    'radius.auth': 'write host:port, for example 0.0.0.0:1812',
    'radius.acct': 'write host:port, for example 0.0.0.0:1813',
    'radius.radsec': 'write host:port, for example 0.0.0.0:2083',
    'radius.dictionary': 'write the path of a folder that has a file `dictionary`',
    'radius.reject_delay_ms': 'write a number of milliseconds, for example 1000',
    'radius.eap_workers': 'write a number, for example 2',
    'radius.batched': 'write true or false',
    logs: 'write its settings below it, for example `logs: { syslog: "0.0.0.0:514" }`',
    'logs.syslog': 'write host:port, for example 0.0.0.0:514',
    'logs.syslog_tls': 'write host:port, for example 0.0.0.0:6514',
    'logs.tenant': 'write a name, for example example.com',
    'logs.edge': 'write a name, for example edge-1',
    'logs.witnesses':
      'write a list, for example [{ url: "https://hub.example/witness", key: "hub.example/witness+…" }]',
    'logs.witness_for': 'write a list of the logs\' keys, for example ["gatehouse/local/default/edge-1+…"]',
    'logs.tsa': 'write a URL, for example http://timestamp.example/tsr',
    'logs.tsa_ca': 'write a PEM file, for example tsa-ca.pem',
  };
  return examples[path.join('.')] ?? 'write a text';
}

/** Where a setting's key stands in the text. */
function offsetOf(doc: Document.Parsed, keys: readonly string[]): number | undefined {
  const parent = keys.length > 1 ? doc.getIn(keys.slice(0, -1), true) : doc.contents;
  const items = (parent as { items?: { key?: unknown }[] } | null | undefined)?.items ?? [];
  const key = items.map((item) => item?.key).find((key) => isScalar(key) && String(key.value) === keys.at(-1));
  return ((key as Node | undefined) ?? (parent as Node | undefined))?.range?.[0];
}
