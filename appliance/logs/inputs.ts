import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { unprocessable } from '../http/index.ts';
import { type Filter, QueryFault } from './backend.ts';
import type { FilterQuery } from './schema.ts';
import type { Service } from './service.ts';
import { parseMicroseconds, TIME_PROBLEM } from './times.ts';

/** A time of a request in microseconds. 422 where it is none. */
export function timeOf(name: string, text: string): number {
  const at = parseMicroseconds(text);
  if (at === undefined) throw unprocessable(`${name} ${TIME_PROBLEM}`);
  return at;
}

/** `from` and `to` of a request. 422 where they are none, or the wrong way round. */
export function periodOf(from: string | undefined, to: string | undefined): { fromUs?: number; toUs?: number } {
  const fromUs = from === undefined ? undefined : timeOf('from', from);
  const toUs = to === undefined ? undefined : timeOf('to', to);
  if (fromUs !== undefined && toUs !== undefined && fromUs > toUs) {
    throw unprocessable('from is later than to: swap them');
  }
  return { ...(fromUs !== undefined && { fromUs }), ...(toUs !== undefined && { toUs }) };
}

/** An address in its shortest form (RFC 5952), an IPv4-mapped one as IPv4. 422 where it is none. */
export function ipOf(text: string): string {
  const given = text.trim();
  if (isIP(given) === 0 || given.includes('%')) {
    throw unprocessable(
      'ip must be one address, such as 192.0.2.1 or 2001:db8::1; for a network use q=address:192.0.2.0/24',
    );
  }
  const parsed = ipaddr.process(given);
  return parsed.kind() === 'ipv6' ? (parsed as ipaddr.IPv6).toRFC5952String() : parsed.toString();
}

const MAC =
  /^(?:[0-9a-f]{12}|[0-9a-f]{2}([:-])(?:[0-9a-f]{2}\1){4}[0-9a-f]{2}|[0-9a-f]{4}([.-])[0-9a-f]{4}\2[0-9a-f]{4})$/i;

/** A MAC address in any notation as `02:00:00:11:22:33`. 422 where it is none. */
export function macOf(text: string): string {
  const given = text.trim();
  if (!MAC.test(given)) throw unprocessable('mac must be a MAC address: write it as 02:00:00:11:22:33');
  const digits = given.toLowerCase().replace(/[^0-9a-f]/g, '');
  return digits.replace(/..(?!$)/g, '$&:');
}

const faultOf = (fault: QueryFault) =>
  unprocessable(`q: ${fault.message}`, fault.position === undefined ? {} : { position: fault.position });

/** A request's filter for the search. 422 for what can't be used, with what to do. */
export function filterOf({ sources, backend }: Service, query: FilterQuery): Filter {
  const { q, user, ip, mac } = query;
  const fault = q === undefined ? undefined : backend.queryFault(q);
  if (fault) throw faultOf(fault);
  return {
    ...periodOf(query.from, query.to),
    ...sources.select(query.source, query.site),
    ...(q !== undefined && q.trim() !== '' && { q }),
    ...(user !== undefined && { user }),
    ...(ip !== undefined && { ip: ipOf(ip) }),
    ...(mac !== undefined && { mac: macOf(mac) }),
  };
}

/** Whether nothing can match: a site that has no sources. */
export const isNothing = ({ among }: Filter): boolean => among?.length === 0;

/** What the search refuses as 422. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof QueryFault) throw faultOf(error);
    throw error;
  }
}
