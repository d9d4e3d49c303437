/** What was heard instead of the controller; the body isn't read. */
export interface Answer {
  status: number;
  location?: string | undefined;
  contentType?: string | undefined;
}

/** Longest URL of a portal that is kept. */
const MAX_URL = 2048;

/**
 * Where to ask whether somebody stands in between: the controller itself, by plain HTTP, which is what captive portals
 * answer in others' place. A controller by HTTPS is asked at port 80.
 */
export function probeUrl(controller: string): URL {
  const url = new URL(controller);
  if (url.protocol === 'https:') {
    url.protocol = 'http:';
    url.port = '';
  }
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/api/v1/health`;
  return url;
}

/**
 * The page of the captive portal that has answered in the controller's place; null when it was the controller, or nobody
 * can tell. A portal answers with the way to another host, with a web page, or with RFC 6585 section 6. What the portal
 * calls itself is only kept as a plain URL of the Web.
 */
export function judge(asked: URL, { status, location, contentType }: Answer): string | null {
  if (status === 511) return asked.href;
  if (status >= 300 && status < 400 && location !== undefined) {
    if (location.length > MAX_URL || !URL.canParse(location, asked.href)) return asked.href;
    const target = new URL(location, asked.href);
    if (target.hostname === asked.hostname) return null;
    const plain = /^https?:$/.test(target.protocol) && target.username === '' && target.password === '';
    return plain && target.href.length <= MAX_URL ? target.href : asked.href;
  }
  const page = /^(text\/html|application\/xhtml\+xml)\b/i.test(contentType?.trim() ?? '');
  return status === 200 && page ? asked.href : null;
}
