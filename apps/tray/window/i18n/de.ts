import type { Like } from '../../core/i18n/catalog.ts';
import { en } from './en.ts';
export const de: Like<typeof en> = en;
