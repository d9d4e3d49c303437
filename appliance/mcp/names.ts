/** What a tool's name is made from: a route as `/networks/:networkId/peers`, without its API's prefix. */
export interface Named {
  method: string;
  path: string;
  /** The answer is an array, or a page of one. */
  list: boolean;
  /** The answer is 201: something came into being. */
  creates: boolean;
}

/** The longest name that every known client takes. */
const MAX_NAME = 64;
/** Words that end in s and are one thing. */
const SINGULAR = /(ss|us|is|^dns)$/;
/** Nouns at the end of a POST that aren't a collection: what is done to them. Other such words are verbs (`resolve`). */
const NOUN_VERBS: Record<string, string> = { password: 'change' };

const isPlural = (word: string): boolean => word.endsWith('s') && !SINGULAR.test(word);

/** `policies` → `policy`, `addresses` → `address`, `dns` → `dns`. */
export function singular(word: string): string {
  if (!isPlural(word)) return word;
  if (word.endsWith('ies')) return `${word.slice(0, -3)}y`;
  return /(sses|xes|ches|shes)$/.test(word) ? word.slice(0, -2) : word.slice(0, -1);
}

const isParam = (segment: string | undefined): boolean => segment?.startsWith(':') === true;

/**
 * The words of a path. Peers, groups and the like lie in a network by their nature, so `network` isn't said for them;
 * `/users/me` is `my`.
 */
function wordsOf(path: string): { words: string[]; endsInParam: boolean } {
  let segments = path.split('/').filter((segment) => segment !== '');
  const [first, second, third] = segments;
  if (first === 'networks' && isParam(second) && third !== undefined && isPlural(third)) segments = segments.slice(2);
  if (first === 'users' && second === 'me') segments = ['my', ...segments.slice(2)];
  return {
    words: segments.filter((segment) => !isParam(segment)).map((segment) => segment.replaceAll(/[^A-Za-z0-9]+/g, '_')),
    endsInParam: isParam(segments.at(-1)),
  };
}

/**
 * The name of a route's tool: `list_networks`, `create_peer`, `get_peer_config`, `add_peer_to_group`,
 * `resolve_security_incident`. `attachable` says whether a path takes POST too: its DELETE detaches, and deletes nothing.
 */
export function toolName({ method, path, list, creates }: Named, attachable = false): string {
  const { words, endsInParam } = wordsOf(path);
  const last = words.at(-1) ?? 'api';
  const owners = words.slice(0, -1).map(singular);
  const item = [...owners, singular(last)];
  const whole = [...owners, last];
  const owner = owners.at(-1);

  const parts = ((): string[] => {
    if (path === '/users/me') return [method === 'GET' ? 'get' : 'update', 'me'];
    if (method === 'GET')
      return list ? ['list', ...(endsInParam ? item : whole)] : ['get', ...(endsInParam ? item : whole)];
    if (endsInParam && owner !== undefined && (method === 'POST' || attachable)) {
      const [verb, to] = method === 'POST' ? ['add', 'to'] : ['remove', 'from'];
      if (method === 'POST' || method === 'DELETE') return [verb, singular(last), to, ...owners];
    }
    if (method === 'POST') {
      if (isPlural(last) || creates || last === 'dns') return ['create', ...item];
      return NOUN_VERBS[last] ? [NOUN_VERBS[last], ...item] : [last, ...owners];
    }
    const verb = { PUT: 'update', DELETE: 'delete' }[method] ?? method.toLowerCase();
    return [verb, ...(endsInParam ? item : whole)];
  })();
  return parts.join('_').slice(0, MAX_NAME);
}

/** A name that no other tool has, from method and whole path; for where two routes would share one. */
export const longName = ({ method, path }: Pick<Named, 'method' | 'path'>): string =>
  `${method.toLowerCase()}${path}`
    .replaceAll(/[^A-Za-z0-9]+/g, '_')
    .replace(/_$/, '')
    .slice(0, MAX_NAME);
