import { type Filter, QueryFault } from '../backend.ts';
import { macOf } from '../parse/values.ts';
import { netOf } from './address.ts';
import { parseQuery, type Query, type Term } from './query.ts';

/** What a filter asks for, as one query; its times are apart. Throws QueryFault. */
export function queryOf({ q, source, parsers, among, user, ip, mac }: Filter): Query {
  const clauses: Term[][] = q === undefined ? [] : parseQuery(q).map((terms) => [...terms]);
  const add = (term: Term): unknown => clauses.push([term]);
  const of = (values: readonly number[]): Term => ({ type: 'set', name: 'source', values, not: false });
  if (parsers !== undefined) {
    const read = parsers.map((text): Term => ({ type: 'text', name: 'parser', text, start: false, not: false }));
    clauses.push([of(source ?? []), ...read]);
  } else if (source !== undefined) add(of(source));
  if (among !== undefined) add(of(among));
  if (user !== undefined) add({ type: 'text', name: 'user', text: user.toLowerCase(), start: false, not: false });
  if (mac !== undefined) {
    const text = macOf(mac);
    if (text === undefined) throw new QueryFault(`${mac} is no MAC address: write 02:00:00:11:22:33`);
    add({ type: 'text', name: 'mac', text, start: false, not: false });
  }
  if (ip !== undefined) {
    const net = netOf(ip);
    if (!net) throw new QueryFault(`${ip} is no address and no net: write 192.0.2.1 or 192.0.2.0/24`);
    add({ type: 'ip', name: 'address', text: ip, net, not: false });
  }
  return clauses;
}
