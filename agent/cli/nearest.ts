/** A word this long is none that was mistyped. */
const MAX_WORD = 32;

/**
 * How many letters have to be added, left out, changed, or exchanged with the next one to make `a` of `b`
 * (optimal string alignment).
 */
export function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min(row[j - 1]! + 1, last[j]! + 1, last[j - 1]! + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) least = Math.min(least, before[j - 2]! + 1);
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[b.length]!;
}

/** The word that was probably meant: one that begins so, or differs in a third of its letters at most. */
export function nearest(typed: string, words: readonly string[]): string | undefined {
  if (typed === '' || typed.length > MAX_WORD) return undefined;
  const wanted = typed.toLowerCase();
  const begins = words.filter((word) => word.startsWith(wanted));
  if (begins.length === 1) return begins[0];
  const [best] = words
    .map((word) => ({ word, far: distance(wanted, word) }))
    .filter(({ word, far }) => far <= Math.max(1, Math.floor(word.length / 3)))
    .sort((a, b) => a.far - b.far);
  return best?.word;
}
