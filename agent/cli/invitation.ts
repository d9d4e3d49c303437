import { UsageError } from './exit.ts';

const fail = (message: string): UsageError => new UsageError(message, 'See: gatehouse help enroll');

/** The pin of a link, which may have one. */
function pinIn(query: URLSearchParams): { pin?: string } {
  const pins = query.getAll('pin');
  if (pins.length > 1) throw fail('that is no invitation of a controller: copy the whole link');
  return pins[0] === undefined ? {} : { pin: pins[0] };
}

/**
 * What `enroll` was given: a controller's URL, or an invitation, which is `gatehouse://enroll?url=…&token=…` or
 * `https://gate.example.org/#token=…`, either with `&pin=…` where a certificate is to be known by it. Throws UsageError, which repeats nothing: a token may be in it. The URL is the
 * daemon's to judge.
 */
export function readInvitation(text: string): { url: string; token?: string; pin?: string } {
  if (/^gatehouse:/i.test(text)) {
    const link = URL.canParse(text) ? new URL(text) : undefined;
    const urls = link?.searchParams.getAll('url') ?? [];
    const tokens = link?.searchParams.getAll('token') ?? [];
    const [url = '', token = ''] = [urls[0], tokens[0]];
    if (link?.host !== 'enroll' || urls.length !== 1 || tokens.length > 1) {
      throw fail('that is no invitation of a controller: copy the whole link');
    }
    if (token === '') throw fail('the link brings no token: copy the whole of it, and put it in quotes');
    return { url, token, ...pinIn(link.searchParams) };
  }
  const hash = text.indexOf('#');
  if (hash < 0) return { url: text };
  const fragment = new URLSearchParams(text.slice(hash + 1));
  const tokens = fragment.getAll('token');
  if (tokens.length !== 1 || !tokens[0])
    throw fail('the link brings no token: copy the whole of it, and put it in quotes');
  return { url: text.slice(0, hash), token: tokens[0], ...pinIn(fragment) };
}
