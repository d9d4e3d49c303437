import type { Report } from './ipc/table.ts';

/** Whose names are not for others. */
export interface Who {
  /** The home folder. */
  home: string;
  user: string;
  /** The machine's host name, with or without its domain. */
  host: string;
}

type Kind = 'key' | 'token' | 'login' | 'email' | 'address' | 'home folder' | 'host name' | 'user name';
/** What stands in the report, and of which kinds the same value gets the same number. */
const MARK: Record<Kind, string> = {
  key: 'key',
  token: 'token',
  login: 'login',
  email: 'email',
  address: 'address',
  'home folder': 'home',
  'host name': 'host',
  'user name': 'user',
};
const NUMBERED: ReadonlySet<Kind> = new Set(['key', 'address', 'email']);
const PLACEHOLDER = /\[(?:(?:key|address|email)-\d{1,6}|token|login|home|host|user)\]/g;

/** Longest text that is read, in UTF-16 units; of a longer one the end, which is the newest. */
const MAX_TEXT = 1024 * 1024;

interface Rule {
  kind: Kind;
  pattern: RegExp;
  /** Of each match what to hide; '' leaves it. Without it: all. */
  secret?: (match: RegExpExecArray) => string;
}

const group = (match: RegExpExecArray): string => match[1] ?? '';
const H = '[0-9A-Fa-f]{1,4}';
const V4 = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)(?:\\.(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)){3}';
/** RFC 4291, section 2.2, the longest forms first. */
const V6 = [
  `(?:${H}:){6}(?:${V4}|${H}:${H})`,
  ...[6, 5, 4, 3, 2, 1, 0].flatMap((before) => {
    const head = before === 0 ? '' : `${H}(?::${H}){${before - 1}}`;
    const after = 6 - before;
    const tails = after >= 2 ? [`(?:${H}:){0,${after - 2}}${V4}`] : [];
    return [...tails, `(?:${H}(?::${H}){0,${after}})?`].map((tail) => `${head}::${tail}`);
  }),
  `${H}(?::${H}){6}::`,
].join('|');

const isHarmless = (address: string): boolean =>
  /^127\./.test(address) || address === '0.0.0.0' || address === '::1' || address === '::';

const RULES: readonly Rule[] = [
  { kind: 'key', pattern: /-----BEGIN [A-Z0-9 ]{1,60}-----[\s\S]*?(?:-----END [A-Z0-9 ]{1,60}-----|$)/g },
  { kind: 'login', pattern: /[a-z][a-z0-9+.-]{1,30}:\/\/([^\s/?#@[\]]{1,500})@/gi, secret: group },
  // Tokens by their prefix, in headers, and as values of what is called so in URLs, JSON and settings.
  { kind: 'token', pattern: /(?:gh[a-z]|wirety)_[A-Za-z0-9_-]{8,}/g },
  { kind: 'token', pattern: /(?:bearer +|(?:basic|session) +(?=\S{20}))([A-Za-z0-9._~+/=-]{8,})/gi, secret: group },
  {
    kind: 'token',
    pattern: /authorization["']?(?:=|: ?)["']?(?:basic|bearer|session) +([A-Za-z0-9._~+/=-]{4,})/gi,
    secret: group,
  },
  // Values in quotes may have spaces, and a header has several.
  {
    kind: 'token',
    pattern: /(?:token|secret|passw(?:or)?d|passphrase|credential)s?["']?(?:=|: ?)"((?!\[token\])[^"\\\r\n]{1,512})"/gi,
    secret: group,
  },
  { kind: 'token', pattern: /cookie["']?: ?["']?([^"'\r\n[\]]{4,4096})/gi, secret: group },
  { kind: 'token', pattern: /(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?/g },
  {
    kind: 'token',
    pattern:
      /(?:token|secret|passw(?:or)?d|passphrase|credential|cookie|session|authorization|api[_-]?key|signature|[?&#](?:code|state|key|sig|auth|t))s?["']?(?:=|%3D|: ?)[["'{]*(?:value["']?: ?["']?)?(?!(?:bearer|basic|session|value)\b)([^\s"'&#<>,;[\](){}]{4,})/gi,
    secret: group,
  },
  // After a space too, as in commands and sentences, where it has a digit: `--token abc123`.
  {
    kind: 'token',
    pattern:
      /(?:tokens?|secret|passw(?:or)?d|passphrase|credential)["']? +["'[({]*(?=[A-Za-z_~+/=-]{0,200}\d)([A-Za-z0-9_~+/=-]{6,512})/gi,
    secret: group,
  },
  { kind: 'token', pattern: /(?<![0-9A-Fa-f])[0-9A-Fa-f]{48,}/g },
  // Each rule for long runs begins where a run begins: tried at each of its characters, a run of a megabyte takes minutes.
  { kind: 'key', pattern: /(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43,}(?:=|%3D)/g },
  // 32 bytes without padding, also in base64url; with letters of both cases and a digit, as words and paths rarely are.
  {
    kind: 'key',
    pattern:
      /(?<![A-Za-z0-9+/_=-])(?=[^\s]{0,42}\d)(?=[^\s]{0,42}[A-Z])(?=[^\s]{0,42}[a-z])[A-Za-z0-9+/_-]{42}[AEIMQUYcgkosw048](?![A-Za-z0-9+/_=-])/g,
  },
  { kind: 'email', pattern: /[\p{L}\p{N}._%+-]{1,64}@[\p{L}\p{N}-]{1,63}(?:\.[\p{L}\p{N}-]{1,63})+/gu },
  // Before it may stand the escape of a line end, as JSON has it.
  { kind: 'address', pattern: new RegExp(`(?<=^|[^A-Za-z0-9]|\\\\[nrt])(?:${V6})(?![A-Za-z0-9])`, 'g') },
  {
    kind: 'address',
    pattern: /(?<![0-9A-Fa-f])[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}/g,
  },
  // As sign-in pages of hotels have it in their addresses.
  { kind: 'address', pattern: /mac[a-z]{0,10}(?:=|%3D)([0-9a-f]{12})(?![0-9a-f])/gi, secret: group },
  { kind: 'address', pattern: /(?<![0-9A-Fa-f.])[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2}(?![0-9A-Fa-f.])/g },
  { kind: 'address', pattern: new RegExp(`(?<!\\d)${V4}(?!\\d)`, 'g') },
  { kind: 'address', pattern: /(?:[0-9a-f]\.){4,32}ip6\.arpa/gi },
  // The user's name in the home folder of any system, also with the doubled backslashes of JSON.
  {
    kind: 'home folder',
    pattern: /[A-Za-z]:(?:\\{1,2}|\/)(?:Users|Documents and Settings)(?:\\{1,2}|\/)[^\\/:*?"<>|\r\n]{1,100}(?=[\\/])/gi,
  },
  {
    kind: 'home folder',
    pattern: /[A-Za-z]:(?:\\{1,2}|\/)(?:Users|Documents and Settings)(?:\\{1,2}|\/)[^\\/:*?"<>|\s,;[\]]{1,100}/gi,
  },
  { kind: 'home folder', pattern: /\/(?:home|Users)\/[^/\s"'`<>|:;,()[\]]{1,100}/g },
];

const escaped = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** Names are found in any case; short ones as words only, for they are parts of many others. */
function named(kind: Kind, name: string): Rule[] {
  if (name.length < 2) return [];
  const whole = name.length < 5;
  const [before, after] = whole ? ['(?<![\\p{L}\\p{N}])', '(?![\\p{L}\\p{N}])'] : ['', ''];
  return [{ kind, pattern: new RegExp(before + escaped(name) + after, 'giu') }];
}

function rulesOf({ home, user, host }: Who): Rule[] {
  const folder = home.trim().replace(/[\\/]+$/, '');
  const spelled = escaped(folder).replace(/\\\\|\//g, '(?:\\\\{1,2}|/)');
  const short = host.trim().split('.', 1)[0] ?? '';
  return [
    ...(folder.length > 2 ? [{ kind: 'home folder', pattern: new RegExp(spelled, 'giu') } satisfies Rule] : []),
    ...RULES,
    ...(/^localhost$/i.test(short) ? [] : [...named('host name', host.trim()), ...named('host name', short)]),
    ...(/^(root|system)$/i.test(user.trim()) ? [] : named('user name', user.trim())),
  ];
}

/**
 * A text for others to read: keys, tokens, logins, addresses, e-mail addresses, and the names of machine, user and home
 * folder are replaced, and counted by kind. The same address has the same number throughout; loopback stays. Redacting
 * what was redacted changes nothing.
 */
export function redact(text: string, who: Who): Report {
  const redacted: Record<string, number> = {};
  const numbers = new Map<string, number>();
  const last = new Map<Kind, number>();
  let highest = 0;
  for (const [mark] of text.matchAll(PLACEHOLDER)) highest = Math.max(highest, Number(/\d+/.exec(mark)?.[0] ?? 0));
  const markOf = (kind: Kind, secret: string): string => {
    redacted[kind] = (redacted[kind] ?? 0) + 1;
    if (!NUMBERED.has(kind)) return `[${MARK[kind]}]`;
    const id = `${kind} ${secret.toLowerCase()}`;
    const number = numbers.get(id) ?? highest + 1 + (last.get(kind) ?? 0);
    if (!numbers.has(id)) last.set(kind, number - highest);
    numbers.set(id, number);
    return `[${MARK[kind]}-${number}]`;
  };
  // Names of files come in pieces on macOS: e and an accent.
  let report = text.slice(-MAX_TEXT).normalize('NFC');
  const rules = rulesOf({
    home: who.home.normalize('NFC'),
    user: who.user.normalize('NFC'),
    host: who.host.normalize('NFC'),
  });
  // What one rule hides may leave what another then takes for a whole word: until nothing changes.
  for (let round = 0; round < 8; round += 1) {
    const before = report;
    for (const rule of rules) report = betweenPlaceholders(report, (part) => applyRule(part, rule, markOf));
    if (report === before) break;
  }
  return { text: report, redacted };
}

function betweenPlaceholders(text: string, change: (part: string) => string): string {
  let result = '';
  let end = 0;
  for (const match of text.matchAll(PLACEHOLDER)) {
    result += change(text.slice(end, match.index)) + match[0];
    end = match.index + match[0].length;
  }
  return result + change(text.slice(end));
}

function applyRule(
  part: string,
  { kind, pattern, secret }: Rule,
  markOf: (kind: Kind, secret: string) => string,
): string {
  if (part === '') return part;
  return part.replace(pattern, (...found: unknown[]) => {
    const whole = found[0] as string;
    const hidden = secret ? secret(found as unknown as RegExpExecArray) : whole;
    if (hidden === '' || (kind === 'address' && isHarmless(hidden))) return whole;
    const at = whole.lastIndexOf(hidden);
    return whole.slice(0, at) + markOf(kind, hidden) + whole.slice(at + hidden.length);
  });
}
