import type { Like } from '../../core/i18n/catalog.ts';
import { en } from './en.ts';
export const es: Like<typeof en> = en;
