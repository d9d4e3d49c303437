import type { Like } from './catalog.ts';
import { en } from './en.ts';

export const tr: Like<typeof en> = en;
