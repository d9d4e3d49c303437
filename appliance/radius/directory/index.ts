export { Bounded } from './bounded.ts';
export { Directory, type DirectoryOptions } from './directory.ts';
export {
  type Account,
  type AccountProof,
  type DeviceEntry,
  deviceSubject,
  type Entry,
  NetworkPassword,
  type UserEntry,
  type VoucherEntry,
  voucherCode,
  voucherEnd,
} from './entries.ts';
export { macOf } from './mac.ts';
export { AccountPasswords, type Checked, type ProofOptions } from './proofs.ts';
