export { type MppeKeys, mppeKeysV2 } from './mppe.ts';
export {
  authenticatorResponse,
  challengeHash,
  challengeResponse,
  errorText,
  expandNtHash,
  hashNtHash,
  ntHash,
  ntResponse,
  ntResponseV1,
} from './mschap.ts';
