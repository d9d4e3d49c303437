import { clean } from '../text.ts';

/** Two columns each on a terminal: East Asian scripts and emoji. */
const WIDE =
  /[\p{Emoji_Presentation}\p{sc=Han}\p{sc=Hira}\p{sc=Kana}\p{sc=Hang}\u3000-\u303f\uff01-\uff60\uffe0-\uffe6]|\ufe0f/u;
const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });
const GAP = 2;
/** A name that is cut keeps this many columns. */
const MIN_NAME = 12;
/** The last column begins on a line of its own where fewer than this many are left for it, and it needs them. */
const MIN_LAST = 14;
const INDENT = 4;

/** Columns that text takes on a terminal. */
export function columns(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let sum = 0;
  for (const { segment } of graphemes.segment(text)) sum += WIDE.test(segment) ? 2 : 1;
  return sum;
}

/** At most `max` columns of it; `…` says that there is more. */
export function cut(text: string, max: number): string {
  if (columns(text) <= max) return text;
  let kept = '';
  let sum = 1;
  for (const { segment } of graphemes.segment(text)) {
    sum += WIDE.test(segment) ? 2 : 1;
    if (sum > max) break;
    kept += segment;
  }
  return `${kept}…`;
}

/** A space that lines are broken at: not the one between a number and its unit. */
const BREAK = / (?!(?:[KMGT]iB|B|ms|s|min|h|d)(?![\w-]))/;

/** Lines of at most `max` columns, broken at spaces; a longer word stays whole, so that it can be copied. */
export function wrap(text: string, max: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(BREAK)) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (line !== '' && columns(longer) > max) {
      lines.push(line);
      line = word;
    } else line = longer;
  }
  return [...lines, line];
}

const pad = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - columns(text)));

interface Layout {
  /** Columns of the terminal; into a file or a pipe each row is one line. */
  width?: number | undefined;
  /** Columns with names, by number: what doesn't fit is cut. */
  names?: number[];
}

/**
 * Columns as wide as their widest cell, two spaces between. In a width that is too small for them names are cut, and the
 * last column is wrapped, where it has to on lines of its own. Whatever drives a terminal in a cell becomes `?`.
 */
export function table(rows: string[][], { width = Number.POSITIVE_INFINITY, names = [] }: Layout = {}): string {
  const cells = rows.map((row) => row.map((cell) => clean(cell)));
  const last = Math.max(...cells.map((row) => row.length)) - 1;
  const widths = Array.from({ length: last + 1 }, (_, i) =>
    cells.reduce((widest, row) => Math.max(widest, columns(row[i] ?? '')), 0),
  );
  const natural = [...widths];
  const left = () => width - widths.slice(0, last).reduce((sum, each) => sum + each + GAP, 0);
  /** Cuts names until `wanted` columns are left for the last one, or no more can be cut. */
  const make = (wanted: number): void => {
    for (const name of names) {
      const whole = natural[name] ?? 0;
      widths[name] = whole;
      widths[name] = Math.max(Math.min(whole, MIN_NAME), Math.min(whole, whole + left() - wanted));
    }
  };
  const longest = cells.reduce(
    (most, row) => (row[last] ?? '').split(BREAK).reduce((max, word) => Math.max(max, columns(word)), most),
    0,
  );
  const wanted = Math.min(natural[last] ?? 0, Math.max(longest, MIN_LAST));
  make(wanted);
  const own = left() < wanted;
  if (own) make(-GAP);
  const lines = cells.flatMap((row) => {
    const head = row.slice(0, last).map((cell, i) => {
      const max = widths[i] ?? 0;
      return pad(names.includes(i) ? cut(cell, max) : cell, max);
    });
    const [first = '', ...more] = wrap(row[last] ?? '', Math.max(own ? width - INDENT : left(), 1));
    if (own) {
      const below = first === '' ? [] : [first, ...more].map((line) => ' '.repeat(INDENT) + line);
      return [head.join(' '.repeat(GAP)), ...below];
    }
    const indent = ' '.repeat(widths.slice(0, last).reduce((sum, each) => sum + each + GAP, 0));
    return [[...head, first].join(' '.repeat(GAP)), ...more.map((line) => indent + line)];
  });
  return lines.map((line) => `${line.trimEnd()}\n`).join('');
}
