import { ConfigError } from './error.ts';
import type { Given } from './index.ts';

/** Where devices reach the appliance: http or https, a host, perhaps a port and a path. Throws ConfigError. */
export function publicUrl({ value, where }: Given): string {
  const url = /^https?:\/\/[^/\s\\]/i.test(value) ? URL.parse(value) : null;
  if (url?.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    // A password may be in it.
    const shown = value.includes('@') ? 'a URL with a login' : JSON.stringify(value);
    throw new ConfigError(
      `${where} is ${shown}, not where devices reach this appliance. For example https://gate.example.org or ` +
        'https://192.0.2.1:8443.',
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
