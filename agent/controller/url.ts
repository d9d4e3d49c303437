import { isIPv4 } from 'node:net';
import { AgentError } from '../errors.ts';

/** True for hosts that never leave this machine. */
function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
}

/**
 * The controller's base URL without a slash, or its API's `/api/v1`, at its end. Throws AgentError `bad-request` for what isn't one, and
 * `plain-http` for plain HTTP beyond loopback unless `allowHttp`.
 */
export function controllerUrl(text: string, allowHttp: boolean): string {
  const scheme = /^([a-z]+):\/\//i.exec(text)?.[1]?.toLowerCase();
  if (scheme !== 'http' && scheme !== 'https') {
    throw new AgentError('bad-request', `'${text}' is not the URL of a controller: write https://gate.example.org.`);
  }
  if (!URL.canParse(text)) throw new AgentError('bad-request', `'${text}' is not a URL: check how it is written.`);
  const url = new URL(text);
  if (url.username || url.password) {
    throw new AgentError('bad-request', 'The URL holds a user name or password: leave it out, the token is enough.');
  }
  if (url.protocol === 'http:' && !allowHttp && !isLoopback(url.hostname)) {
    throw new AgentError(
      'plain-http',
      `${url.origin} is plain HTTP, so anybody in between could read the token and change the tunnel. ` +
        'Use https://, or --allow-http where the network itself is safe.',
    );
  }
  // Whoever works with the API has its address at hand.
  return `${url.origin}${url.pathname.replace(/\/+$/, '').replace(/\/+api\/v1$/, '')}`;
}
