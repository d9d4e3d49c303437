import type { IpcErrorCode } from '@gatehouse/protocol';
import { IpcError } from '@gatehouse/protocol/socket';
import { type Locale, type OfferProblem, translator } from '../core/index.ts';
import { clean } from '../core/text.ts';
import { appText } from './i18n.ts';
import { Problem } from './problem.ts';

/** An Error whose message is for people already, in their language. */
export class Told extends Error {
  override name = 'Told';
}

/** Codes of the daemon that say too little without its own words, which are English. */
const IN_WORDS: readonly IpcErrorCode[] = ['bad-request', 'already-enrolled', 'controller-error', 'internal'];
const WORDS_LENGTH = 300;

/** What people are told of an error; one that nobody thought of is logged whole. */
export function wordsOf(locale: Locale, error: unknown, log: (message: string) => void): string {
  if (error instanceof Told) return error.message;
  if (error instanceof Problem) return appText(locale, error.key, error.params);
  if (error instanceof IpcError) {
    const text = appText(locale, error.code);
    const words = clean(error.message, WORDS_LENGTH);
    return words !== '' && IN_WORDS.includes(error.code) ? appText(locale, 'in-words', { text, words }) : text;
  }
  log(`unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return appText(locale, 'went-wrong');
}

export const offerWords = (locale: Locale, { problem }: OfferProblem): string => translator(locale)(problem);
