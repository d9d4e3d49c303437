import type { Facts } from '../types.ts';
import { type DocumentChecks, parsePolicy } from './document.ts';
import { PolicySet } from './engine.ts';
import type { Fault, StoredPolicy } from './model.ts';
import type { PostureFacts } from './subject.ts';
import { createVendors } from './vendors.ts';

/** A few lines of the IEEE's registry. */
export const VENDORS = createVendors({
  '0017F2': 'Apple, Inc.\n1 Infinite Loop\nCupertino CA 95014\nUnited States',
  '3C0754': 'Apple, Inc.\n1 Infinite Loop',
  '00000C': 'Cisco Systems, Inc\n170 WEST TASMAN DRIVE',
  A1B2C3: 'Pineapple Works Ltd',
  '1006480': 'Flex Industries',
  '70B3D5A01': 'Tiny Sensors GmbH',
});

export const CHECKS: DocumentChecks = {
  attributeFault: (name, value) =>
    name.startsWith('Bad') ? `there is no attribute ${name}` : value === 'bad' ? 'not a value' : undefined,
  decisionFault: ({ role }) => (role === 'huge' ? 'too many bytes' : undefined),
  vendors: () => VENDORS,
};

/** A request by RADIUS that conditions can be tried on. Sunday, 2026-03-01, 12:00 UTC. */
export const facts = (more: Partial<Facts> = {}): Facts => ({
  door: 'radius',
  username: 'alice',
  groups: [],
  method: 'pap',
  at: Date.UTC(2026, 2, 1, 12),
  ...more,
});

export const NAS: NonNullable<Facts['nas']> = {
  id: 'nas-1',
  name: 'AP-1',
  type: 'generic',
  groups: ['floor-2'],
  siteId: 'default',
  address: '192.0.2.1',
};

/** The faults of a document; none where it is right. */
export function faultsOf(text: string): Fault[] {
  const result = parsePolicy(text, CHECKS);
  return 'faults' in result ? result.faults : [];
}

/** Documents as one set, numbered from 0; each must be right. */
export function policySet(
  texts: readonly string[],
  options: { zone?: string; posture?: PostureFacts | undefined } = {},
): PolicySet {
  const stored = texts.map((text, index): StoredPolicy => {
    const result = parsePolicy(text, CHECKS);
    if ('faults' in result) throw new Error(JSON.stringify(result.faults));
    return { id: String(index), version: 1, document: result.policy };
  });
  return new PolicySet(
    stored,
    { zoneOf: () => options.zone ?? 'UTC', postureOf: () => options.posture },
    () => VENDORS,
  );
}
