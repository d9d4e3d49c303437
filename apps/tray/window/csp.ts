/**
 * The window's content security policy, sent as a header with each of its files. Scripts and styles come from the
 * app's own folder only; nothing is inline, nothing is fetched, nothing can be framed or posted. `data:` pictures are
 * the ones of the clipboard.
 */
export const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'none'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');
