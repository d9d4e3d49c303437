export { type MppeKeys, mppeKeysV1, mppeKeysV2 } from './mppe.ts';
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
