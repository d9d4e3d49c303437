import type { Decision, NamedAttribute } from '../types.ts';
import { decisionOf } from './engine.ts';
import { readMatch } from './match.ts';
import {
  DEFAULT_PRIORITY,
  type Decide,
  type Fault,
  MAX_ACL_LINES,
  MAX_ATTRIBUTES,
  MAX_NAME,
  MAX_PRIORITY,
  type PolicyDocument,
} from './model.ts';
import { type At, Reader } from './reader.ts';
import { parseDuration, parseRate, parseSize } from './units.ts';
import type { Vendors } from './vendors.ts';

/** What a document is checked against beside its own schema. */
export interface DocumentChecks {
  /** What is wrong with a reply attribute; undefined where nothing is. */
  attributeFault(name: string, value: string): string | undefined;
  /** Why a NAS can't be told of a decision; undefined where each can. */
  decisionFault(decision: Decision): string | undefined;
  vendors(): Vendors;
}

export type Parsed = { policy: PolicyDocument } | { faults: Fault[] };

const ACTIONS = ['allow', 'deny', 'quarantine', 'portal'] as const;
const OPERATORS = ['=', ':=', '+='] as const;

/** A policy document (YAML 1.2), checked whole: either the policy, or everything that is wrong with it. */
export function parsePolicy(text: string, checks: DocumentChecks): Parsed {
  const reader = new Reader(text);
  const root = reader.root();
  if (!root) return { faults: reader.faults };
  const policy: PolicyDocument = {
    name: '',
    description: '',
    priority: DEFAULT_PRIORITY,
    enabled: true,
    match: {},
    decide: { action: 'deny', attributes: [], overlay_groups: [] },
  };
  reader.map(
    root,
    {
      name: (at) => {
        policy.name = reader.text(at, MAX_NAME)?.trim() ?? '';
      },
      description: (at) => {
        policy.description = reader.text(at, 1000) ?? '';
      },
      priority: (at) => {
        policy.priority = reader.integer(at, 0, MAX_PRIORITY) ?? DEFAULT_PRIORITY;
      },
      enabled: (at) => {
        policy.enabled = reader.boolean(at) ?? true;
      },
      match: (at) => {
        policy.match = readMatch(reader, at, checks);
      },
      decide: (at) => {
        const before = reader.faults.length;
        policy.decide = readDecide(reader, at, checks);
        if (reader.faults.length === before) checkDecision(reader, at, policy, checks);
      },
    },
    ['name', 'decide'],
    'write `name: …`, `match: …` and `decide: …`',
  );
  return reader.faults.length > 0 ? { faults: reader.faults } : { policy };
}

function readDecide(reader: Reader, root: At, checks: DocumentChecks): Decide {
  const decide: Decide = { action: 'deny', attributes: [], overlay_groups: [] };
  const set = <K extends keyof Decide>(key: K, value: Decide[K] | undefined): void => {
    if (value !== undefined) decide[key] = value as Decide[K];
  };
  const duration = (key: 'session_timeout' | 'idle_timeout') => (at: At) =>
    set(key, reader.quantity(at, parseDuration));
  const keys: Record<keyof Decide, (at: At) => void> = {
    action: (at) => set('action', reader.oneOf(at, ACTIONS)),
    vlan: (at) => set('vlan', readVlan(reader, at)),
    role: (at) => set('role', reader.text(at, 247)),
    acl: (at) => {
      if (reader.isList(at))
        set(
          'acl',
          reader.list(at, (line) => reader.text(line, 247), MAX_ACL_LINES),
        );
      else set('acl', reader.text(at, 247));
    },
    bandwidth: (at) => set('bandwidth', readBandwidth(reader, at)),
    session_timeout: duration('session_timeout'),
    idle_timeout: duration('idle_timeout'),
    simultaneous_use: (at) => set('simultaneous_use', reader.integer(at, 1, 1000)),
    daily_quota: (at) => set('daily_quota', readQuota(reader, at)),
    portal_url: (at) => set('portal_url', readUrl(reader, at)),
    message: (at) => set('message', readMessage(reader, at)),
    attributes: (at) => set('attributes', readAttributes(reader, at, checks)),
    overlay_groups: (at) =>
      set(
        'overlay_groups',
        reader.list(at, (item) => reader.text(item, MAX_NAME), 64),
      ),
  };
  reader.map(root, keys, ['action']);
  return decide;
}

/** Who is denied is told the message only. */
function checkDecision(reader: Reader, at: At, { name, decide }: PolicyDocument, checks: DocumentChecks): void {
  if (decide.action === 'deny') return;
  const fault = checks.decisionFault(decisionOf(decide, { id: '', name, version: 0 }));
  if (fault !== undefined) reader.fault(at, fault);
}

/** IEEE 802.1Q: 1 to 4094; or the name of a VLAN on the NAS (RFC 3580, section 3.31). */
function readVlan(reader: Reader, at: At): number | string | undefined {
  const value = reader.scalar(at, 32);
  if (value === undefined || (typeof value === 'string' && !/^\s*[+-]?\d+\s*$/.test(value))) return value;
  // In quotes too: nobody calls a VLAN by a number that it can't have.
  const id = typeof value === 'boolean' ? Number.NaN : Number(value);
  if (Number.isInteger(id) && id >= 1 && id <= 4094) return id;
  return reader.wrong(at, 'vlan must be a number from 1 to 4094, or a name');
}

/** `{up: 10mbps, down: 50mbps}`, or one rate for both. */
function readBandwidth(reader: Reader, at: At): Decide['bandwidth'] | undefined {
  if (!reader.isMap(at)) {
    const rate = reader.quantity(at, parseRate);
    return rate === undefined ? undefined : { up: rate, down: rate };
  }
  const bandwidth: NonNullable<Decide['bandwidth']> = {};
  const direction = (key: 'up' | 'down') => (inside: At) => {
    const rate = reader.quantity(inside, parseRate);
    if (rate !== undefined) bandwidth[key] = rate;
  };
  reader.map(at, { up: direction('up'), down: direction('down') });
  return bandwidth;
}

function readQuota(reader: Reader, root: At): Decide['daily_quota'] | undefined {
  const quota: NonNullable<Decide['daily_quota']> = {};
  reader.map(
    root,
    {
      data: (at) => {
        const bytes = reader.quantity(at, parseSize);
        if (bytes !== undefined) quota.bytes = bytes;
      },
      time: (at) => {
        const seconds = reader.quantity(at, parseDuration);
        if (seconds !== undefined && seconds > 86_400) reader.wrong(at, 'time: a day has 24h');
        else if (seconds !== undefined) quota.seconds = seconds;
      },
    },
    [],
    'write {data: 10GB, time: 4h}',
  );
  return quota;
}

/** Reply attributes hold 253 bytes (RFC 2865, section 5). */
function readMessage(reader: Reader, at: At): string | undefined {
  const text = reader.text(at, 253);
  if (text !== undefined && Buffer.byteLength(text) > 253) return reader.wrong(at, 'message is longer than 253 bytes');
  return text;
}

function readUrl(reader: Reader, at: At): string | undefined {
  const text = reader.text(at, 247);
  if (text === undefined) return undefined;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && (url.protocol === 'https:' || url.protocol === 'http:') && Buffer.byteLength(text) <= 247) return text;
  return reader.wrong(at, 'portal_url must be an address such as https://portal.example/login');
}

function readAttributes(reader: Reader, root: At, checks: DocumentChecks): NamedAttribute[] | undefined {
  return reader.list(
    root,
    (item) => {
      let name: string | undefined;
      let value: string | undefined;
      let op: NamedAttribute['op'] | undefined = '=';
      reader.map(
        item,
        {
          name: (at) => {
            name = reader.text(at, 128);
          },
          value: (at) => {
            value = reader.text(at, 4000);
          },
          op: (at) => {
            op = reader.oneOf(at, OPERATORS);
          },
        },
        ['name', 'value'],
        'write {name: …, value: …}',
      );
      if (name === undefined || value === undefined || op === undefined) return undefined;
      const fault = checks.attributeFault(name, value);
      return fault === undefined ? { name, value, op } : reader.wrong(item, fault);
    },
    MAX_ATTRIBUTES,
  );
}
