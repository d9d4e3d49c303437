export type { Again, Standing } from './again.ts';
export {
  type Accepted,
  type Admission,
  type Authorize,
  type AuthorizeOptions,
  createAuthorize,
} from './authorize.ts';
export {
  createDispatch,
  createRoute,
  type DispatchOptions,
  type Resolve,
  type RouteOptions,
} from './dispatch.ts';
export { displayName } from './facts.ts';
export { methodGuess, readFields } from './fields.ts';
export { createLocal, type LocalOptions } from './local.ts';
export type { Usage, UsageOf } from './quota.ts';
export { createInnerMethods, createRecognize, type RecognizeOptions } from './recognize.ts';
export { withoutNul } from './stations.ts';
export { least } from './terms.ts';
