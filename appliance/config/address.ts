import { isIPv4, isIPv6 } from 'node:net';

/** Where to listen. IPv6 hosts are without brackets; port 0 is any free port. */
export interface Address {
  host: string;
  port: number;
}

const HOST_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;
const DOTTED_DIGITS = /^[\d.]+$/;

/** `host:port`, with IPv6 in brackets → Address; undefined when it is anything else. */
export function parseAddress(text: string): Address | undefined {
  const [, v6, name, digits = ''] = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text) ?? [];
  const port = Number(digits);
  if (digits === '' || port > 65535) return undefined;
  if (v6 !== undefined) return isIPv6(v6) ? { host: v6, port } : undefined;
  const host = name ?? '';
  const valid = DOTTED_DIGITS.test(host) ? isIPv4(host) : HOST_NAME.test(host);
  return valid ? { host, port } : undefined;
}

export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
