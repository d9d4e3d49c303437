// Control characters, and those that change direction or show as nothing: what a name must not bring into a menu.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Variation_Selector}]|\p{Default_Ignorable_Code_Point}/gu;
const LONGEST_RAW = 4096;

/** Untrusted text on one line, without what can't be seen, of at most `max` characters; empty when nothing is left. */
export function clean(text: string, max = 48): string {
  const line = text
    .slice(0, LONGEST_RAW)
    .replace(/[\s\p{Cc}\p{Z}]+/gu, ' ')
    .replace(UNSEEN, '')
    .replace(/ {2,}/g, ' ')
    .trim();
  const characters = [...line];
  return characters.length <= max
    ? line
    : `${characters
        .slice(0, max - 1)
        .join('')
        .trimEnd()}…`;
}

/** A label of a menu that shows `text` as it is: everywhere Electron takes a single `&` for a mnemonic's mark. */
export const menuLabel = (text: string): string => text.replaceAll('&', '&&');

/** Ends a sentence that came from outside. */
export const sentence = (text: string): string => (/[.!?…]$/.test(text) ? text : `${text}.`);

/** At most `max` UTF-16 units, no character cut in half. */
export function cutUnits(text: string, max: number): string {
  if (text.length <= max) return text;
  let cut = '';
  for (const character of text) {
    if (cut.length + character.length > max - 1) break;
    cut += character;
  }
  return `${cut.trimEnd()}…`;
}
