import { isIP } from 'node:net';

/** Where a peer can be reached from outside. Without a port the peer's listen port holds. */
export interface Endpoint {
  host: string;
  port?: number;
}

export const DEFAULT_PORT = 51820;

const HOST_NAME = /^(?=.{1,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?)(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*\.?$/i;

/** Reads `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address; undefined when it is none of them. */
export function parseEndpoint(text: string): Endpoint | undefined {
  if (isIP(text) !== 0) return text.includes('%') ? undefined : { host: text };
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(text);
  if (!match) return undefined;
  const [, v6, name, portText] = match;
  if (v6 !== undefined && (isIP(v6) !== 6 || v6.includes('%'))) return undefined;
  // All digits and dots, yet no address: a mistyped IPv4 address, not a name.
  if (name !== undefined && isIP(name) === 0 && (!HOST_NAME.test(name) || /^[\d.]+$/.test(name))) return undefined;
  const host = (v6 ?? name) as string;
  if (portText === undefined) return { host };
  const port = Number(portText);
  return port >= 1 && port <= 65535 ? { host, port } : undefined;
}

/** True for `ip:port` (IPv6 in brackets): where WireGuard says that a peer's packets come from. */
export function isSeenEndpoint(text: string): boolean {
  const endpoint = parseEndpoint(text);
  return endpoint?.port !== undefined && isIP(endpoint.host) !== 0;
}

/** `host:port` with the port written once: the endpoint's own, else the peer's listen port, else 51820. */
export function formatEndpoint(text: string, listenPort: number | null): string | undefined {
  const endpoint = parseEndpoint(text);
  if (!endpoint) return undefined;
  const host = endpoint.host.includes(':') ? `[${endpoint.host}]` : endpoint.host;
  return `${host}:${endpoint.port ?? listenPort ?? DEFAULT_PORT}`;
}
