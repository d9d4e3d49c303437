/** All machines that a lab may have, each a network namespace. */
export const MACHINES = ['wan', 'hub', 'hub2', 'alice', 'router', 'bob', 'lan', 'lan2'] as const;
export type Machine = (typeof MACHINES)[number];

/** The machines that may carry an agent. */
export type AgentName = 'hub' | 'hub2' | 'alice' | 'bob';

/** The way out of the internet, which leads nowhere. RFC 5737's TEST-NET-2 plays the internet, inside the namespaces only. */
export const GATEWAY = '198.51.100.254';

/** A machine on a network of its own, behind another one. */
export interface Behind {
  machine: Machine;
  gateway: Machine;
  /** The gateway's address there; the prefix is 24 bits. */
  inside: string;
  /** The machine's own. */
  addresses: readonly string[];
}

/** Which machines there are, and how they are joined. */
export interface Plan {
  /** On the internet, by their addresses there. */
  internet: Partial<Record<Machine, string>>;
  behind: readonly Behind[];
  /** A home router among the gateways: it masquerades, and lets nobody in. */
  router?: Machine;
  /** Hubs first. */
  agents: readonly AgentName[];
}

/** One hub; alice on the internet, bob at home behind a router. */
export const HOME = {
  internet: { hub: '198.51.100.1', alice: '198.51.100.20', router: '198.51.100.30' },
  behind: [{ machine: 'bob', gateway: 'router', inside: '192.168.50.1', addresses: ['192.168.50.2'] }],
  router: 'router',
  agents: ['hub', 'alice', 'bob'],
} as const satisfies Plan;

/** Two sites, each with a hub and a network behind it; both laptops on the internet. */
export const SITES = {
  internet: { hub: '198.51.100.1', hub2: '198.51.100.2', alice: '198.51.100.20', bob: '198.51.100.40' },
  behind: [
    { machine: 'lan', gateway: 'hub', inside: '192.168.7.1', addresses: ['192.168.7.10', '192.168.7.11'] },
    { machine: 'lan2', gateway: 'hub2', inside: '192.168.8.1', addresses: ['192.168.8.10'] },
  ],
  agents: ['hub', 'hub2', 'alice', 'bob'],
} as const satisfies Plan;

export const machinesOf = (plan: Plan): Machine[] => [
  'wan',
  ...(Object.keys(plan.internet) as Machine[]),
  ...plan.behind.map(({ machine }) => machine),
];
