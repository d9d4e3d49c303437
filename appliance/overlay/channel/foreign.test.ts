import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPEN_POLICY } from '../policy/model.ts';
import { network } from '../testing.ts';
import { foreignMessage } from './foreign.ts';

const route = (id: string, domainSuffix: string) => ({
  id,
  name: id,
  destinationCidr: '192.168.1.0/24',
  jumpPeerId: 'hub',
  domainSuffix,
});
const net = network([{ id: 'hub', isHub: true, name: 'Hub One' }, { id: 'a' }], {
  policy: {
    ...OPEN_POLICY,
    routes: new Map([
      ['lan', route('lan', '')],
      ['far', route('far', 'elsewhere.example')],
    ]),
    mappings: [
      { routeId: 'lan', name: 'nas', address: '192.168.1.10' },
      { routeId: 'lan', name: '*', address: '192.168.1.11' },
      { routeId: 'far', name: 'nas', address: '192.168.1.12' },
    ],
  },
});

test('a foreign hub is told the names of peers and of mappings below the domain of the network', () => {
  assert.deepEqual(foreignMessage(net, net.peers.get('hub')!, null).dns, {
    ip: '10.77.0.1',
    domain: 'internal',
    peers: [
      { name: 'hub-one', ip: '10.77.0.1' },
      { name: 'a', ip: '10.77.0.2' },
      { name: 'nas.lan', ip: '192.168.1.10' },
    ],
    upstream_servers: [],
  });
  assert.deepEqual(foreignMessage(net, net.peers.get('a')!, null).dns.peers, []);
});
