import { defineCatalog } from '../../core/i18n/catalog.ts';
import { de } from './de.ts';
import { en } from './en.ts';
import { es } from './es.ts';
import { fr } from './fr.ts';
import { tr } from './tr.ts';

/** The texts of the window itself; those of the state come ready-made in `model.view`. */
export const windowTexts = defineCatalog(en, { de, fr, tr, es });
export type Text = ReturnType<typeof windowTexts.translator>;
