import type { NetworkSnapshot } from '../snapshot.ts';

/** A name as the DNS label that it gives: lower case, anything but letters and digits as a hyphen (RFC 1123). */
export const dnsLabel = (name: string): string =>
  name
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[\u0300-\u036f]/g, '')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '')
    .slice(0, 63)
    .replace(/-+$/, '');

const DNS_NAME = /^(?=.{1,253}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** RFC 1035, section 2.3.4: 255 octets on the wire. */
export const MAX_DNS_NAME = 253;

/** A domain name as it is kept: lower case, no dot at its ends; undefined when the text is none. */
export function domainName(text: string): string | undefined {
  const name = text.toLowerCase().replace(/^\.|\.$/g, '');
  return DNS_NAME.test(name) ? name : undefined;
}

/** The whole name of a DNS mapping: `<name>.<route name>.<domain suffix of the route, else of the network>`. */
export const fqdnOf = (label: string, routeName: string, routeSuffix: string, networkSuffix: string): string =>
  `${label}.${dnsLabel(routeName)}.${routeSuffix || networkSuffix}`;

/** The names of a network's DNS mappings, whole. */
export function recordsOf({
  policy,
  domainSuffix,
}: NetworkSnapshot): { name: string; fqdn: string; address: string }[] {
  return policy.mappings.flatMap(({ routeId, name, address }) => {
    const route = policy.routes.get(routeId);
    if (!route) return [];
    const fqdn = fqdnOf(name, route.name, route.domainSuffix, domainSuffix);
    // A longer domain suffix of the network may have made it longer than DNS allows.
    return fqdn.length > MAX_DNS_NAME ? [] : { name, fqdn, address };
  });
}
