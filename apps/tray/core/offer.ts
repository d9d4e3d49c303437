import type { MessageKey } from './i18n/index.ts';

/** An invitation as it was read. Only the app's main process keeps the token. */
export interface Offer {
  /** Origin and path of the controller, without a slash at its end. */
  url: string;
  token: string;
  /** `sha256:…` of the certificate by which the controller is known, where the invitation names it. */
  pin?: string;
  /** Host, and port where it isn't the scheme's. Names beyond ASCII are in punycode, so that none looks like another. */
  host: string;
  /** Plain HTTP beyond this machine. */
  plain: boolean;
}
/** Why it couldn't be read; nothing of the text is repeated. */
export interface OfferProblem {
  problem: MessageKey & `offer.${string}`;
}

const MAX_TEXT = 8192;
const MAX_URL = 2048;
const MAX_HOST = 300;
/** RFC 6750, section 2.1 (`b64token`), as long as the agent takes. */
const TOKEN = /^[A-Za-z0-9._~+/-]{8,512}={0,2}$/;
const MAX_TOKEN = 512;
/** SHA-256 in base64url, as the agent takes it. */
const PIN = /^sha256:[A-Za-z0-9_-]{43}$/;

const no = (problem: OfferProblem['problem']): OfferProblem => ({ problem });

/**
 * Reads an invitation: `gatehouse://enroll?url=…&token=…` (and `&pin=…`, where a certificate is to be known by it), `https://gate.example.org/#token=…` (a fragment isn't sent to
 * any server), or a controller's address and a token with white space between.
 */
export function parseOffer(text: string): Offer | OfferProblem {
  if (text.length > MAX_TEXT) return no('offer.too-long');
  const parts = text.trim().split(/\s+/);
  const [first = '', second] = parts;
  if (first === '') return no('offer.empty');
  if (parts.length > 2) return no('offer.not-an-offer');
  if (second !== undefined) return offer(/^[a-z][a-z0-9+.-]*:\/\//i.test(first) ? first : `https://${first}`, second);
  if (/^gatehouse:/i.test(first)) return fromLink(first);
  const hash = first.indexOf('#');
  if (hash < 0) return no(/^https?:\/\//i.test(first) ? 'offer.no-token' : 'offer.not-an-offer');
  const fragment = new URLSearchParams(first.slice(hash + 1));
  const tokens = fragment.getAll('token');
  if (tokens.length !== 1) return no('offer.no-token');
  return offer(first.slice(0, hash), tokens[0] as string, fragment.getAll('pin'));
}

function fromLink(text: string): Offer | OfferProblem {
  if (!URL.canParse(text)) return no('offer.not-an-offer');
  const link = new URL(text);
  const { searchParams: query } = link;
  const strange = [...query.keys()].some((key) => !['url', 'token', 'pin'].includes(key));
  const place = link.host === 'enroll' && /^\/?$/.test(link.pathname) && !link.username && !link.password && !link.hash;
  if (!place || strange) return no('offer.not-an-offer');
  const [urls, tokens] = [query.getAll('url'), query.getAll('token')];
  if (urls.length !== 1 || tokens.length > 1) return no('offer.not-an-offer');
  if (!tokens[0]) return no('offer.no-token');
  return offer(urls[0] as string, tokens[0], query.getAll('pin'));
}

function offer(address: string, token: string, pins: readonly string[] = []): Offer | OfferProblem {
  // The URL parser drops control characters and turns backslashes: what is confirmed has to be what was written.
  if (address.length > MAX_URL || /[\s\p{Cc}\p{Cf}\\]/u.test(address)) return no('offer.bad-url');
  if (!/^https?:\/\/[^/]/i.test(address) || !URL.canParse(address)) return no('offer.bad-url');
  const url = new URL(address);
  if (url.username || url.password || /^https?:\/\/[^/?#]*@/i.test(address)) return no('offer.login-in-url');
  if (url.search || url.hash || url.host === '' || url.host.length > MAX_HOST) return no('offer.bad-url');
  if (token.length > MAX_TOKEN || !TOKEN.test(token)) return no('offer.bad-token');
  const [pin] = pins;
  // A pin is for a certificate, and plain HTTP has none.
  if (pins.length > 1 || (pin !== undefined && (!PIN.test(pin) || url.protocol !== 'https:')))
    return no('offer.bad-pin');
  return {
    url: `${url.origin}${url.pathname.replace(/\/+$/, '')}`,
    token,
    ...(pin !== undefined && { pin }),
    host: url.host,
    plain: url.protocol === 'http:' && !isLoopback(url.hostname),
  };
}

/** As the agent has it; the URL parser has made four numbers of every way to write an IPv4 address. */
const isLoopback = (hostname: string): boolean =>
  hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname);
