import type { Overrides } from '../run.ts';

/** What tests of the daemon have in the place of the machine's own. */
export const fakeParts: Overrides = {
  tickEvery: 50,
  fingerprint: () => 'eth0 192.0.2.2/24',
  posture: {
    collect: async () => ({
      collected: Date.now(),
      macs: ['02:00:00:11:22:33'],
      facts: { disk_encryption: true, os_name: 'test' },
      sources: { disk_encryption: 'lsblk', os_name: 'os-release' },
    }),
  },
};
