import { type Event, type Fields, put, putBytes } from './fields.ts';
import { ipOf, macOf } from './values.ts';

/** What the appliance's events begin with. */
const EVENTS: readonly [prefix: string, event: Event][] = [
  ['radius.', 'auth'],
  ['session.', 'auth'],
  ['identity.login', 'auth'],
  ['identity.logout', 'auth'],
  ['overlay.portal.', 'auth'],
  ['access.', 'config'],
  ['policy.', 'threat'],
  ['posture.', 'threat'],
];

const ACTIONS: Readonly<Record<string, string>> = {
  accept: 'success',
  reject: 'fail',
  failed: 'fail',
  login: 'success',
  logout: 'logout',
  created: 'add',
  updated: 'change',
  deleted: 'delete',
  authenticated: 'success',
  disconnected: 'logout',
  admitted: 'success',
  ended: 'logout',
  up: 'up',
  down: 'down',
};

/** Acct-Status-Type: a start and an interim record say that the address is the client's, a stop that it no longer is. */
const STATUS: Readonly<Record<string, string>> = { start: 'assign', 'interim-update': 'assign', stop: 'release' };

/**
 * Fields of one of the appliance's own records, which are JSON objects with `event` and any of `user`, `mac`, `ip`,
 * `framed_ip`, `nas`, `ssid`, `session_id`, …; what is none has no fields. Never throws.
 */
export function internalFields(raw: Uint8Array): Fields {
  const fields: Fields = { vendor: 'Gatehouse', product: 'Gatehouse' };
  let record: unknown;
  try {
    record = JSON.parse(Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString());
  } catch {
    return fields;
  }
  if (typeof record !== 'object' || record === null) return fields;
  const { event, at, actor, ...rest } = record as Record<string, unknown>;
  const text = (...names: string[]): string | undefined => {
    for (const name of names) if (typeof rest[name] === 'string' && rest[name] !== '') return rest[name];
    return undefined;
  };
  const address = (value: string | undefined): string | undefined => (value === undefined ? undefined : ipOf(value));
  const name = typeof event === 'string' ? event : '';
  put(fields, 'app', name);
  fields.event = EVENTS.find(([prefix]) => name.startsWith(prefix))?.[1] ?? (name.includes('.') ? 'config' : 'system');
  const status = STATUS[text('status')?.toLowerCase() ?? ''];
  put(fields, 'action', name === 'radius.accounting' ? status : ACTIONS[name.slice(name.lastIndexOf('.') + 1)]);
  put(fields, 'device_time', typeof at === 'string' ? at : undefined);
  put(fields, 'host', text('nas', 'nas_id'));
  put(fields, 'user', text('user', 'username') ?? ofActor(actor, 'username'));
  put(fields, 'mac', macOf(text('mac') ?? ''));
  put(fields, 'ip', address(text('framed_ip', 'ip', 'framed_ipv6', 'ipv6')));
  put(fields, 'ssid', text('ssid'));
  put(fields, 'session', text('session_id', 'sessionId'));
  put(fields, 'rule', text('policy'));
  put(fields, 'msg', text('reason', 'msg'));
  put(fields, 'srcip', address(ofActor(actor, 'address') ?? text('nas_address', 'address')));
  // RADIUS counts from the NAS' side: its input is what the client sent.
  putBytes(fields, count(rest.bytes_out), count(rest.bytes_in));
  return fields;
}

function ofActor(actor: unknown, name: string): string | undefined {
  const value = typeof actor === 'object' && actor !== null ? (actor as Record<string, unknown>)[name] : undefined;
  return typeof value === 'string' && value !== '' ? value : undefined;
}

const count = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
