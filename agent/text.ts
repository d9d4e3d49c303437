// Control characters, line ends, marks that change the direction of what follows, and what shows as nothing. The joiners
// U+200C and U+200D stay: Persian and emoji are written with them.
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/gu;
/** Of a name, in UTF-16 units: as long as a domain name. */
const MAX_NAME = 253;

/** Other people's text on one line of a terminal: at most `max` UTF-16 units, `?` for each character that doesn't fit one. */
export function clean(text: string, max = Number.POSITIVE_INFINITY): string {
  const cut = text.length <= max ? text : `${text.slice(0, max - 1)}…`;
  return cut.replace(UNFIT, '?');
}

/** What a controller calls a peer or a network, as people are shown it. */
export const cleanName = (name: string): string => clean(name, MAX_NAME);
