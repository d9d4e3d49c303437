import assert from 'node:assert/strict';
import type { Lab } from '../lab.ts';
import { getent, lookup } from '../lookup.ts';
import { until } from '../run.ts';

/** Waits until alice's resolver says this of a name. */
export async function resolves(
  lab: Lab,
  name: string,
  wanted: string,
  type: 'A' | 'AAAA' | 'PTR' = 'A',
): Promise<void> {
  await until(`${name} ${type} to be ${wanted}`, async () => {
    const found = await lookup(lab, 'alice', name, type);
    if (found === wanted) return true;
    throw new Error(found);
  });
}

/** Peers by name through the hub's DNS, as two foreign resolvers ask: c-ares and the C library. */
export async function peersHaveNames(lab: Lab): Promise<void> {
  const { domain_suffix: suffix } = lab.network;
  const [v4, v6] = [lab.overlayAddress('bob'), lab.overlayAddress('bob', 6)];
  await resolves(lab, `bob.${suffix}`, v4);
  await resolves(lab, `bob.${suffix}`, v6, 'AAAA');
  await resolves(lab, `${v4.split('.').reverse().join('.')}.in-addr.arpa`, `bob.${suffix}`, 'PTR');
  await resolves(lab, `hub.${suffix}`, lab.overlayAddress('hub'));
  await resolves(lab, `nobody.${suffix}`, 'ENOTFOUND');
  assert.equal(await getent(lab, 'alice', `bob.${suffix}`), v4);
  assert.equal(await getent(lab, 'alice', 'bob'), v4, 'the search domain makes it whole');
  assert.equal(await getent(lab, 'alice', `nobody.${suffix}`), undefined);

  await lab.api.call('PUT', lab.peerPath('bob'), { name: "Bob's Laptop" });
  await resolves(lab, `bob-s-laptop.${suffix}`, v4);
  await resolves(lab, `bob.${suffix}`, 'ENOTFOUND');
  await lab.api.call('PUT', lab.peerPath('bob'), { name: 'bob' });
  await resolves(lab, `bob.${suffix}`, v4);
}
