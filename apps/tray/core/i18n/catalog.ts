import type { Locale } from '../types.ts';

/** A text that depends on a number: forms of CLDR's plural rules, chosen by `{n}`. */
export type Plural = { other: string } & Partial<Record<Intl.LDMLPluralRule, string>>;
export type Message = string | Plural;
export type Catalog = Readonly<Record<string, Message>>;

/** The same keys with the same kind of message, in another language. */
export type Like<C extends Catalog> = { readonly [K in keyof C]: C[K] extends string ? string : Plural };
export type Catalogs<C extends Catalog> = Readonly<Record<Locale, Like<C>>>;

type Names<T extends string> = T extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
/** The placeholders of a message: what `Translate` has to be given. */
export type Placeholders<M> = M extends string ? Names<M> : M extends Plural ? 'n' | Names<M['other']> : never;
type Params<M> = { readonly [P in Placeholders<M>]: P extends 'n' ? number : string };

/** `t('state.connected.title', { network: 'office' })`. */
export type Translate<C extends Catalog> = <K extends keyof C & string>(
  key: K,
  ...params: [Placeholders<C[K]>] extends [never] ? [] : [Params<C[K]>]
) => string;

const PLACEHOLDER = /\{([a-z]+)\}/g;

/** A translator for each language of a catalogue. `en` defines keys and placeholders. */
export function defineCatalog<const C extends Catalog>(
  en: C,
  others: Omit<Catalogs<C>, 'en'>,
): { catalogs: Catalogs<C>; translator(locale: Locale): Translate<C> } {
  const catalogs = { en: en as Like<C>, ...others };
  return {
    catalogs,
    translator(locale) {
      const catalog = catalogs[locale];
      const plurals = new Intl.PluralRules(locale);
      const numbers = new Intl.NumberFormat(locale);
      return (key, ...[params]) => {
        const message: Message = catalog[key];
        const given = (params ?? {}) as Record<string, string | number>;
        const text =
          typeof message === 'string' ? message : (message[plurals.select(Number(given.n))] ?? message.other);
        return text.replace(PLACEHOLDER, (whole, name: string) => {
          const value = given[name];
          return value === undefined ? whole : typeof value === 'number' ? numbers.format(value) : value;
        });
      };
    },
  };
}

const forms = (message: Message): string[] => (typeof message === 'string' ? [message] : Object.values(message));
const placeholders = (text: string): string => [...new Set(text.match(PLACEHOLDER) ?? [])].sort().join(' ');

/**
 * What is wrong with the translations, a sentence each; none is good. Keys and placeholders have to be those of `en`,
 * plural forms those of the language, and no text may read as in English except those under the keys in `alike`.
 */
export function checkParity<C extends Catalog>(catalogs: Catalogs<C>, alike: readonly string[] = []): string[] {
  const problems: string[] = [];
  const en = catalogs.en as Catalog;
  for (const [locale, like] of Object.entries(catalogs)) {
    const catalog = like as Catalog;
    for (const key of Object.keys(catalog)) if (!(key in en)) problems.push(`${locale}: ${key} isn't in English`);
    for (const [key, english] of Object.entries(en)) {
      const message = catalog[key];
      if (message === undefined) {
        problems.push(`${locale}: ${key} is missing`);
        continue;
      }
      problems.push(...messageProblems(locale, key, message, english));
      if (locale !== 'en' && !alike.includes(key)) {
        const same = forms(message).find((text) => /\p{L}{2}/u.test(text) && forms(english).includes(text));
        if (same !== undefined) problems.push(`${locale}: ${key} reads as in English`);
      }
    }
  }
  return problems;
}

function messageProblems(locale: string, key: string, message: Message, english: Message): string[] {
  const problems: string[] = [];
  if (typeof message !== typeof english) return [`${locale}: ${key} is a plural in one language only`];
  const expected = placeholders(typeof english === 'string' ? english : english.other);
  for (const text of forms(message)) {
    if (text.trim() === '' || text !== text.trim()) problems.push(`${locale}: ${key} is empty or has spaces around it`);
    // `one` may say the number in a word.
    const found = placeholders(text);
    const wordy = typeof message !== 'string' && text === message.one;
    if (found !== expected && !(wordy && placeholders(`${text} {n}`) === expected))
      problems.push(`${locale}: ${key} has ${found || 'no placeholder'}, English ${expected || 'none'}`);
  }
  if (typeof message !== 'string') {
    const wanted = new Intl.PluralRules(locale).resolvedOptions().pluralCategories;
    const missing = wanted.filter((form) => message[form] === undefined);
    if (missing.length > 0) problems.push(`${locale}: ${key} lacks the plural ${missing.join(', ')}`);
  }
  return problems;
}
