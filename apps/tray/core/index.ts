/**
 * What people see, as pure functions of one `Snapshot`: nothing here knows the time, the system or Electron.
 */
export { allowed } from './allowed.ts';
export { type Catalog, type Catalogs, checkParity, defineCatalog, type Like } from './i18n/catalog.ts';
export { type MessageKey, pickLocale, type Translate, translator } from './i18n/index.ts';
export type { Report } from './ipc/table.ts';
export { type NoticeMemory, noNotices, noticesOf } from './notices.ts';
export { type Offer, type OfferProblem, parseOffer } from './offer.ts';
export { predict, predictEnroll } from './predict.ts';
export { redact } from './redact.ts';
export { settlePrediction } from './settle.ts';
export { trayOf } from './tray.ts';
export * from './types.ts';
export { viewOf, windowModel } from './view.ts';
