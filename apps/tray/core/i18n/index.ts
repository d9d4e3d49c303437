import { LOCALES, type Locale, type Settings } from '../types.ts';
import { defineCatalog } from './catalog.ts';
import { de } from './de.ts';
import { en } from './en.ts';
import { es } from './es.ts';
import { fr } from './fr.ts';
import { tr } from './tr.ts';

const core = defineCatalog(en, { de, fr, tr, es });

export type MessageKey = keyof typeof en;
export type Translate = ReturnType<typeof core.translator>;
export const catalogs = core.catalogs;

const made = new Map<Locale, Translate>();

/** The texts of `core` in one language. */
export function translator(locale: Locale): Translate {
  const known = made.get(locale);
  if (known) return known;
  const translate = core.translator(locale);
  made.set(locale, translate);
  return translate;
}

/** The language to use: the setting's, else the system's (a BCP 47 tag, or `de_DE.UTF-8`), else English. */
export function pickLocale(setting: Settings['language'], systemLocale: string): Locale {
  if (setting !== 'system') return setting;
  const language = systemLocale
    .slice(0, 64)
    .split(/[-_.@]/, 1)[0]
    ?.toLowerCase();
  return LOCALES.find((locale) => locale === language) ?? 'en';
}
