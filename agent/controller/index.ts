export { Backoff } from './backoff.ts';
export { portalUrl } from './captive.ts';
export { Channel, type Position } from './channel.ts';
export { type EnrollStore, enroll, finishPending, type Identity, type Pending } from './enroll.ts';
export { explain } from './failure.ts';
export { publicKeyOf } from './keys.ts';
export { authorities, checkPem } from './trust.ts';
export { controllerUrl } from './url.ts';
