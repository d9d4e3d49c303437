export type { Request } from './http.ts';
export { fileMemory } from './memory.ts';
export { packageKind } from './packages.ts';
export { RELEASE_FEED, RELEASE_KEYS } from './release-key.ts';
export { createUpdater, type Updater } from './updater.ts';
