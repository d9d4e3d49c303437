import type { Like } from './catalog.ts';
import { en } from './en.ts';

export const de: Like<typeof en> = en;
