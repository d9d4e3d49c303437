import type { Like } from './catalog.ts';
import { en } from './en.ts';

export const es: Like<typeof en> = en;
