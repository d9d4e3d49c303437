import type { DeviceRecord, VoucherRecord } from '../../access/index.ts';
import type { Logger } from '../../store/index.ts';
import type { Account } from './index.ts';

/** Records and a log for tests. */
const silent = () => undefined;
export const quiet = { debug: silent, info: silent, warn: silent, error: silent } as unknown as Logger;

export const account = (id: string, username: string, more: Partial<Account> = {}): Account => ({
  id,
  username,
  names: [username.toLowerCase()],
  groups: [],
  enabled: true,
  hasPassword: false,
  passwordVersion: 1,
  networkPassword: null,
  ...more,
});

export const device = (id: string, mac: string, more: Partial<DeviceRecord> = {}): DeviceRecord => ({
  id,
  mac,
  name: `device ${id}`,
  userId: null,
  peerId: null,
  groups: [],
  mab: true,
  enabled: true,
  networkPassword: null,
  ...more,
});

export const voucher = (id: string, code: string, more: Partial<VoucherRecord> = {}): VoucherRecord => ({
  id,
  batchId: 'batch',
  code,
  groups: [],
  enabled: true,
  validUntil: null,
  duration: null,
  firstUsedAt: null,
  bandwidth: null,
  quotaBytes: null,
  ...more,
});
