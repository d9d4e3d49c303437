import { IpcError } from '@gatehouse/protocol/socket';
import { type Locale, type OfferProblem, translator } from '../core/index.ts';
import { type AppKey, appText } from './i18n.ts';
import { Problem } from './problem.ts';

/** An Error whose message is for people already, in their language. */
export class Told extends Error {
  override name = 'Told';
}

/** Codes of the daemon that the app has its own words for; of the others the daemon's are shown. */
const OWN_WORDS: readonly string[] = [
  'token-invalid',
  'controller-unreachable',
  'certificate',
  'no-privileges',
  'no-wireguard',
] satisfies AppKey[];

/** What people are told of an error; one that nobody thought of is logged whole. */
export function wordsOf(locale: Locale, error: unknown, log: (message: string) => void): string {
  if (error instanceof Told) return error.message;
  if (error instanceof Problem) return appText(locale, error.key, error.params);
  if (error instanceof IpcError) {
    return OWN_WORDS.includes(error.code) ? appText(locale, error.code as AppKey) : error.message;
  }
  log(`unexpected: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return appText(locale, 'went-wrong');
}

export const offerWords = (locale: Locale, { problem }: OfferProblem): string => translator(locale)(problem);
