import { registerHooks } from 'node:module';

/** Loaded by `node --import`: `electron` is the stand-in, for import and require. */
const url = new URL('./stand-in.ts', import.meta.url).href;
registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'electron' ? { url, format: 'module-typescript', shortCircuit: true } : next(specifier, context),
});
