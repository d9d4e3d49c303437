import { isIndexed } from './names.ts';
import type { Query, Term } from './query.ts';
import { tokenOfIpv4, tokensOf } from './tokens.ts';

/**
 * The words that a group of records must have for a clause: for each alternative a list, any of which will do;
 * undefined where nothing is known.
 */
export function hashesOf(query: Query): Int32Array[][] {
  const clauses: Int32Array[][] = [];
  for (const terms of query) {
    const lists = terms.map(termHashes);
    if (lists.every((list) => list.length > 0)) clauses.push(lists);
  }
  // The longer a list, the rarer what it stands for.
  return clauses.sort((a, b) => b[0]!.length - a[0]!.length);
}

const NOTHING = new Int32Array(0);

function termHashes(term: Term): Int32Array {
  if (term.not) return NOTHING;
  switch (term.type) {
    case 'word':
      return tokensOf(term.text, { cutEnd: term.start });
    case 'phrase':
      return tokensOf(term.text, { cutStart: true, cutEnd: true });
    case 'text':
      return isIndexed(term.name) ? tokensOf(term.text, { cutEnd: term.start }) : NOTHING;
    case 'ip': {
      const { v4, bits } = term.net;
      if (v4 !== undefined) return bits === 32 ? tokenOfIpv4(v4) : NOTHING;
      return bits === 128 ? tokensOf(canonical(term.net.v6!)) : NOTHING;
    }
    case 'number':
      return isIndexed(term.name) && term.least === term.most ? tokensOf(String(term.least)) : NOTHING;
    case 'set':
      return NOTHING;
  }
}

/** An IPv6 address as fields have it: URL writes it as RFC 5952 does. */
const canonical = (groups: readonly number[]): string =>
  new URL(`http://[${groups.map((group) => group.toString(16)).join(':')}]`).hostname.slice(1, -1);
