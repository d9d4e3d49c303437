export {
  type Access,
  type Authenticate,
  actorOf,
  type Caller,
  callerOf,
  checkOrigin,
  type Hold,
  type Role,
} from './caller.ts';
export { type CursorPage, CursorQuery, cursorPage } from './cursor.ts';
export {
  badRequest,
  conflict,
  type ErrorFormat,
  forbidden,
  HttpError,
  notFound,
  plainErrors,
  problemErrors,
  unprocessable,
} from './errors.ts';
export { type Page, PageQuery, page, paged } from './page.ts';
export { type Api, createHttp, type Http, type Routes } from './server.ts';
