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

/** The names of a network's DNS mappings, whole: `<name>.<route name>.<domain suffix of the route, else the network>`. */
export function recordsOf({
  policy,
  domainSuffix,
}: NetworkSnapshot): { name: string; fqdn: string; address: string }[] {
  return policy.mappings.flatMap(({ routeId, name, address }) => {
    const route = policy.routes.get(routeId);
    if (!route) return [];
    return { name, fqdn: `${name}.${dnsLabel(route.name)}.${route.domainSuffix || domainSuffix}`, address };
  });
}
