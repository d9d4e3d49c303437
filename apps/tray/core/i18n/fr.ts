import type { Like } from './catalog.ts';
import { en } from './en.ts';

export const fr: Like<typeof en> = en;
