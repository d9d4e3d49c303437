import type { Found, WhoisAnswer as Known } from '../backend.ts';
import { QueryFault } from '../backend.ts';
import { ipOf } from '../parse/values.ts';
import { KIND } from '../record/types.ts';
import { netOf } from './address.ts';
import type { Engine } from './engine.ts';
import type { Condition, Query, Term } from './query.ts';
import { attachments, leases, type Span, sessions } from './spans.ts';

const SECOND = 1e6;
const DAY = 86_400 * SECOND;
/** How far back and ahead of the moment records are looked for. */
const SESSIONS_DAYS = 31;
const LEASES_DAYS = 8;
const LOGINS_DAYS = 1;
/** A translation is told of when its connection ends, which takes a while; without a port only near ones say something. */
const NAT_US = 3600 * SECOND;
const NAT_WITHOUT_PORT_US = 300 * SECOND;
const MAX_DEPTH = 3;
const MAX_INNER = 16;
const PAST = 200;
const AHEAD = 100;
/** ms that one of its queries may take. */
const WITHIN_MS = 800;

export interface WhoisAnswer extends Known {
  via: 'radius' | 'dhcp' | 'nat' | 'vpn';
  nas?: string;
  ssid?: string;
  /** `certain`: records around the moment say it. `likely`: nothing says that it had ended. */
  confidence: 'certain' | 'likely';
  /** Another answer names somebody else for the same moment. */
  conflict?: true;
  /** How the address was translated, and how it is known who was behind. */
  nat?: { ip: string; port?: number; inner: string; innerPort?: number; atUs: number; via?: string };
}

export interface Whois {
  answers: WhoisAnswer[];
  /** Why records may be missing that would say more. */
  partial?: string;
}

/**
 * Who had `ip` at `atUs` (microseconds since 1970, by the time of receipt: what devices say of the time isn't trusted)?
 * Joins accounting of RADIUS, DHCP leases (the user by the MAC's RADIUS session), translations, VPN and logins.
 */
export async function whois(
  engine: Engine,
  { ip, atUs, port }: { ip: string; atUs: number; port?: number },
): Promise<Whois> {
  // As the fields have it.
  const address = ipOf(ip);
  if (address === undefined) throw new QueryFault(`${ip} is no address: write 192.0.2.1 or 2001:db8::1`);
  let partial: string | undefined;
  const watched: Searched = {
    async query(wanted) {
      const result = await engine.query(wanted);
      partial ??= result.partial;
      return result;
    },
  };
  const answers = await ask(watched, { ip: address, atUs, port }, 0);
  markConflicts(answers);
  answers.sort((a, b) => Number(a.confidence === 'likely') - Number(b.confidence === 'likely'));
  return { answers, ...(partial !== undefined && { partial }) };
}

type Searched = Pick<Engine, 'query'>;

interface Question {
  ip: string;
  atUs: number;
  port: number | undefined;
}

async function ask(engine: Searched, question: Question, depth: number): Promise<WhoisAnswer[]> {
  const { ip, atUs } = question;
  const here = term({ type: 'ip', name: 'address', text: ip, net: netOf(ip)! });
  const access = term({ type: 'set', name: 'kind', values: [KIND.access] });
  const answers: WhoisAnswer[] = [];

  const accounting = await around(
    engine,
    [[access], [here, term({ type: 'word', text: ip, start: false })]],
    atUs,
    SESSIONS_DAYS * DAY,
  );
  for (const span of sessions(accounting, atUs, { ip })) answers.push(answerOf('radius', span, ip));

  const dhcp = await around(engine, [[text('event', 'dhcp')], [here]], atUs, LEASES_DAYS * DAY);
  for (const lease of leases(dhcp, atUs, ip)) {
    const found = lease.mac === undefined ? [] : await usersOf(engine, lease.mac, atUs, access);
    if (found.length === 0) answers.push(answerOf('dhcp', lease, ip));
    for (const { user, nas, ssid, records, certain } of found) {
      const joined = { ...lease, user, nas, ssid, records: [...lease.records, ...records] };
      answers.push(answerOf('dhcp', { ...joined, certain: lease.certain && certain }, ip));
    }
  }

  const logins = await around(
    engine,
    [[text('event', 'vpn'), text('event', 'auth')], [here], [{ ...access, not: true }]],
    atUs,
    LOGINS_DAYS * DAY,
  );
  for (const span of attachments(logins, atUs, ip)) answers.push(answerOf('vpn', span, ip));

  if (depth < MAX_DEPTH) answers.push(...(await behind(engine, question, depth)));
  return answers;
}

const term = (condition: Condition): Term => ({ ...condition, not: false });
const text = (name: 'event' | 'mac', value: string): Term => term({ type: 'text', name, text: value, start: false });

const usersOf = async (engine: Searched, mac: string, atUs: number, access: Term): Promise<Span[]> =>
  sessions(await around(engine, [[access], [text('mac', mac)]], atUs, SESSIONS_DAYS * DAY), atUs, { mac }).filter(
    ({ user }) => user !== undefined,
  );

/** Records about the moment, the oldest first. */
async function around(
  engine: Searched,
  query: Query,
  atUs: number,
  reach: number,
  limits = [PAST, AHEAD],
): Promise<Found[]> {
  const [limit = PAST, ahead = AHEAD] = limits;
  const past = await engine.query({ query, fromUs: atUs - reach, toUs: atUs, limit, within: WITHIN_MS });
  const later = await engine.query({
    ...{ query, fromUs: atUs + 1, toUs: atUs + reach, limit: ahead, within: WITHIN_MS, oldest: true },
  });
  // By the time of receipt: a clock that was set back has the index go on and the time not.
  return [...past.records, ...later.records].sort((a, b) => a.receiveUs - b.receiveUs || a.index - b.index);
}

/** Who was behind the address, where it is one that others are translated to. */
async function behind(engine: Searched, { ip, atUs, port }: Question, depth: number): Promise<WhoisAnswer[]> {
  const query: Term[][] = [[term({ type: 'ip', name: 'natip', text: ip, net: netOf(ip)! })]];
  if (port !== undefined) query.push([term({ type: 'number', name: 'natport', least: port, most: port })]);
  const reach = port === undefined ? NAT_WITHOUT_PORT_US : NAT_US;
  const records = await around(engine, query, atUs, reach, [AHEAD, AHEAD]);
  records.sort((a, b) => Math.abs(a.receiveUs - atUs) - Math.abs(b.receiveUs - atUs));
  const nearest = new Map<string, Found>();
  for (const record of records) {
    const inner = record.fields.srcip as string | undefined;
    if (inner && inner !== ip && nearest.size < MAX_INNER && !nearest.has(inner)) nearest.set(inner, record);
  }
  const certain = port !== undefined && nearest.size === 1;
  const answers: WhoisAnswer[] = [];
  for (const [inner, { index, receiveUs, fields }] of nearest) {
    const innerPort = fields.srcport as number | undefined;
    const nat = {
      ip,
      ...(port !== undefined && { port }),
      inner,
      ...(innerPort !== undefined && { innerPort }),
      atUs: receiveUs,
    };
    const who = await ask(engine, { ip: inner, atUs, port: innerPort }, depth + 1);
    if (who.length === 0) {
      answers.push({ via: 'nat', ip: inner, records: [index], confidence: certain ? 'certain' : 'likely', nat });
    }
    for (const one of who) {
      answers.push({
        ...one,
        via: 'nat',
        records: [index, ...one.records],
        confidence: certain ? one.confidence : 'likely',
        nat: { ...nat, via: one.via },
      });
    }
  }
  return answers;
}

function answerOf(via: WhoisAnswer['via'], span: Span, ip: string): WhoisAnswer {
  const { user, mac, hostname, nas, ssid, fromUs, toUs, records, certain } = span;
  const known = Object.entries({ user, mac, hostname, nas, ssid, fromUs, toUs }).filter(
    ([, value]) => value !== undefined,
  );
  return {
    via,
    ip,
    ...Object.fromEntries(known),
    records: [...new Set(records)],
    confidence: certain ? 'certain' : 'likely',
  };
}

/** Two that name another user, or another device, can't both be right. Behind a NAT without a port many may be. */
function markConflicts(answers: WhoisAnswer[]): void {
  const differ = (a?: string, b?: string): boolean =>
    a !== undefined && b !== undefined && a.toLowerCase() !== b.toLowerCase();
  for (const one of answers) {
    for (const other of answers) {
      if (one.ip === other.ip && (differ(one.user, other.user) || differ(one.mac, other.mac))) one.conflict = true;
    }
  }
}
