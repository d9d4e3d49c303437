// Loaded before each test file: property tests draw the same cases in every run of `npm test`, so that a run that
// passed passes again. `test/properties.soak.ts` draws new ones.
import { isMainThread } from 'node:worker_threads';

if (isMainThread) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(process.env.PROPERTY_SEED ?? 1) });
}
