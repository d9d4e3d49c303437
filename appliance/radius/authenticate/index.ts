export {
  type Accepted,
  type Admission,
  type Again,
  type Authorize,
  type AuthorizeOptions,
  createAuthorize,
  type Standing,
} from './authorize.ts';
export {
  createDispatch,
  createRoute,
  type DispatchOptions,
  methodGuess,
  type Resolve,
  type RouteOptions,
} from './dispatch.ts';
export { readFields } from './fields.ts';
export { createLocal, type LocalOptions } from './local.ts';
export type { Usage, UsageOf } from './quota.ts';
export { createInnerMethods, createRecognize, type RecognizeOptions } from './recognize.ts';
