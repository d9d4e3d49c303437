/** `*` stands for any number of characters in a pattern, `?` for one; upper and lower case are the same. */
export type Matcher = (text: string) => boolean;

/**
 * A pattern as a function of lower-case text. Takes at most length of pattern × length of text steps, whatever the
 * pattern: no regular expression is made of what somebody wrote.
 */
export function globMatcher(pattern: string): Matcher {
  const glob = pattern.toLowerCase();
  if (!/[*?]/.test(glob)) return (text) => text === glob;
  if (glob === '*') return () => true;
  return (text) => matches(glob, text);
}

/** After a mismatch only the last `*` takes one more character: earlier ones have no better place. */
function matches(glob: string, text: string): boolean {
  let g = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    if (glob[g] === '*') {
      star = g++;
      mark = t;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === text[t])) {
      g++;
      t++;
    } else if (star >= 0) {
      g = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}
