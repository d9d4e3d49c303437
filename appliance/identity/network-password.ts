import { randomInt } from 'node:crypto';

export const MIN_NETWORK_PASSWORD = 8;
export const MAX_NETWORK_PASSWORD = 128;

/** Letters that can't be taken for another when read aloud or written down; no 0, 1, c, k/q, i/j/l, o/0 pairs. */
const CONSONANTS = 'bdfgklmnprstvz';
const VOWELS = 'aeiou';
const DIGITS = '23456789';
const WORDS = 4;

/**
 * A network password that can be read aloud: four words of two syllables and two digits, `gufo-tami-reku-boda-42`.
 * 14 consonants × 5 vowels are 70 syllables, so 8 × log2(70) + 2 × log2(8) = 55 bits. Guessing it offline from a
 * recorded MS-CHAPv2 exchange is then no easier than breaking that method's own 56-bit DES.
 */
export function generateNetworkPassword(): string {
  const pick = (letters: string): string => letters.charAt(randomInt(letters.length));
  const syllable = (): string => pick(CONSONANTS) + pick(VOWELS);
  const words = Array.from({ length: WORDS }, () => syllable() + syllable());
  return [...words, pick(DIGITS) + pick(DIGITS)].join('-');
}

/** Control characters, formats, surrogates, private use, unassigned; line and paragraph separators. */
const UNPRINTABLE = /[\p{C}\p{Zl}\p{Zp}]/u;

/**
 * What is wrong with a network password, else undefined. It is kept in NFC, in which keyboards type (and RFC 8265,
 * section 4.2, compares); so the length is that of the NFC form, in characters.
 */
export function networkPasswordFault(password: string): string | undefined {
  const { length } = [...password.normalize('NFC')];
  if (length < MIN_NETWORK_PASSWORD || length > MAX_NETWORK_PASSWORD) {
    return `must have ${MIN_NETWORK_PASSWORD} to ${MAX_NETWORK_PASSWORD} characters`;
  }
  if (UNPRINTABLE.test(password)) return 'has a character that cannot be printed';
  if (/^\s|\s$/u.test(password)) return 'must not begin or end with a space';
  return undefined;
}
