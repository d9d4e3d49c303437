import type { AppKey } from './i18n.ts';

/** A failure that people can act on: a text of `i18n.ts`, translated where it is shown. */
export class Problem extends Error {
  override name = 'Problem';
  readonly key: AppKey;
  readonly params: Readonly<Record<string, string>>;
  constructor(key: AppKey, params: Readonly<Record<string, string>> = {}, options?: ErrorOptions) {
    super(key, options);
    this.key = key;
    this.params = params;
  }
}
