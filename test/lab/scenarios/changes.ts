import assert from 'node:assert/strict';
import type { Lab } from '../lab.ts';
import { pingOnce } from '../ping.ts';
import { until } from '../run.ts';
import { resolvConf } from '../topology.ts';

const BEHIND = { cidr: '10.99.0.0/24', host: '10.99.0.1' };

/** Which interface alice sends a packet for `address` to. */
async function wayOut(lab: Lab, address: string): Promise<string | undefined> {
  const text = await lab.on('alice', ['ip', '-json', 'route', 'get', address]);
  return (JSON.parse(text) as { dev?: string }[])[0]?.dev;
}

const isAllowed = async (lab: Lab): Promise<boolean> =>
  (await lab.wg('alice')).some((peer) => peer.allowedIps.includes(BEHIND.cidr));

/** A network behind the hub appears and disappears on the laptops. */
export async function allowedIpsArrive(lab: Lab): Promise<void> {
  const tunnel = lab.topology.interfaceName('alice');
  assert.notEqual(await wayOut(lab, BEHIND.host), tunnel);
  await lab.on('hub', ['ip', 'address', 'add', `${BEHIND.host}/32`, 'dev', 'lo']);

  await lab.api.call('PUT', lab.peerPath('hub'), { additional_allowed_ips: [BEHIND.cidr] });
  await until('the route on alice', async () => (await wayOut(lab, BEHIND.host)) === tunnel);
  await until('the allowed IPs in wg', () => isAllowed(lab));
  await until('an echo from behind the hub', () => pingOnce(lab.topology, 'alice', BEHIND.host));
  for (const peer of await lab.wg('hub')) {
    assert.ok(!peer.allowedIps.includes(BEHIND.cidr), "a hub's own networks are not under its spokes");
  }

  await lab.api.call('PUT', lab.peerPath('hub'), { additional_allowed_ips: [] });
  await until('the route to be gone', async () => (await wayOut(lab, BEHIND.host)) !== tunnel);
  await until('the allowed IPs to be gone from wg', async () => !(await isAllowed(lab)));
  assert.equal(await pingOnce(lab.topology, 'alice', BEHIND.host), undefined);
  await lab.tunnelWorks();
}

/** The network's DNS arrives in resolv.conf; it stays set for the scenarios that follow. */
export async function dnsArrives(lab: Lab): Promise<void> {
  const path = `/networks/${lab.network.id}`;
  await lab.api.call('PUT', path, { dns: ['10.77.0.53'], domain_suffix: 'corp.example' });
  await until('the DNS server and the search domain on alice', () => {
    const text = lab.resolvConf('alice');
    if (/^nameserver 10\.77\.0\.53$/m.test(text) && /^search .*\bcorp\.example\b/m.test(text)) return true;
    throw new Error(text);
  });
  await lab.api.call('PUT', path, { dns: ['10.77.0.54'] });
  await until('the second change', () => {
    const text = lab.resolvConf('alice');
    return text.includes('nameserver 10.77.0.54') && !text.includes('10.77.0.53');
  });
  assert.equal(lab.resolvConf('router'), resolvConf('router'), 'a machine without an agent keeps its own');
}
