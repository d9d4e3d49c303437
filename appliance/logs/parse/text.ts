import { isAscii, isUtf8 } from 'node:buffer';
import { MAX_VALUE } from './fields.ts';

const { latin1Slice, utf8Slice } = Buffer.prototype;

/** A line's text: UTF-8, else latin1. What is at its end and can't be seen is left out, and a byte order mark. */
export function decode(raw: Uint8Array): string {
  const end = visible(raw);
  if (isAscii(raw) || !isUtf8(raw)) return latin1Slice.call(raw, 0, end);
  const hasMark = raw[0] === 0xef && raw[1] === 0xbb && raw[2] === 0xbf;
  return utf8Slice.call(raw, hasMark ? 3 : 0, end);
}

function visible(raw: Uint8Array): number {
  let end = raw.length;
  while (end > 0 && raw[end - 1]! <= 32) end--;
  return end;
}

/** One byte a character of `text`: `raw` itself where it is that already; what isn't ASCII needn't be right. */
export function bytesOf(text: string, raw?: Uint8Array): Uint8Array {
  if (raw && visible(raw) === text.length) return raw;
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = Math.min(text.charCodeAt(i), 255);
  return bytes;
}

/** Where the text goes on behind `mark`, or -1. */
export function after(text: string, mark: string, at = 0): number {
  const found = text.indexOf(mark, at);
  return found < 0 ? -1 : found + mark.length;
}

/** What is between `at` and the next `stop` (or the end), at most `MAX_VALUE` characters; empty for a negative `at`. */
export function until(text: string, stop: string, at: number): string {
  if (at < 0) return '';
  const end = text.indexOf(stop, at);
  return text.slice(at, Math.min(end < 0 ? text.length : end, at + MAX_VALUE));
}

/** The word at `at`: up to a blank; without commas, semicolons, points and colons at its end. */
export function word(text: string, at: number): string {
  if (at < 0) return '';
  let end = Math.min(text.length, at + MAX_VALUE);
  for (let i = at; i < end; i++) if (text.charCodeAt(i) <= 32) end = i;
  while (end > at && isStop(text.charCodeAt(end - 1))) end--;
  return text.slice(at, end);
}

const isStop = (c: number): boolean => c === 44 || c === 59 || c === 46 || c === 58;

/** The word behind `mark`, empty when there is none. */
export const wordAfter = (text: string, mark: string, at = 0): string => word(text, after(text, mark, at));

/** What is between `open` and `close`; empty when `open` isn't there. */
export const between = (text: string, open: string, close: string, at = 0): string =>
  until(text, close, after(text, open, at));

/** The words of text from `at`, at most `limit`; the last one may be followed by more. */
export function wordsOf(text: string, at: number, limit: number): string[] {
  const words: string[] = [];
  let from = at;
  while (words.length < limit && from < text.length) {
    let to = text.indexOf(' ', from);
    if (to < 0) to = text.length;
    if (to > from) words.push(text.slice(from, Math.min(to, from + MAX_VALUE)));
    from = to + 1;
  }
  return words;
}

/**
 * `key=value` pairs, in order, from `at`. Values end at a blank, or are quoted with `"` in which `\"` is a quote; a word
 * without `=` is told as a key with an empty value. Linear in the length of the text.
 */
export function pairs(text: string, at: number, each: (key: string, value: string) => void): void {
  const { length } = text;
  let i = at;
  while (i < length) {
    while (i < length && text.charCodeAt(i) <= 32) i++;
    const from = i;
    let c = 0;
    while (i < length) {
      c = text.charCodeAt(i);
      if (c === 61 || c <= 32) break;
      i++;
    }
    if (i === from && i >= length) return;
    const key = text.slice(from, Math.min(i, from + MAX_VALUE));
    if (i >= length || c !== 61) {
      each(key, '');
      continue;
    }
    i++;
    if (text.charCodeAt(i) === 34) {
      const end = quoteEnd(text, i + 1);
      each(key, text.slice(i + 1, Math.min(end, i + 1 + MAX_VALUE)));
      i = end + 1;
    } else {
      const start = i;
      while (i < length && text.charCodeAt(i) > 32) i++;
      each(key, text.slice(start, Math.min(i, start + MAX_VALUE)));
    }
  }
}

/** Where a quoted text that begins at `at` ends: at a `"` before which there is no single `\`; else the end of the text. */
export function quoteEnd(text: string, at: number): number {
  let end = text.indexOf('"', at);
  while (end > at && text.charCodeAt(end - 1) === 92 && isEscaped(text, at, end)) end = text.indexOf('"', end + 1);
  return end < 0 ? text.length : end;
}

/** Runs of backslashes end at a quote, so all of them together are looked at once. */
function isEscaped(text: string, from: number, at: number): boolean {
  let slashes = 0;
  for (let i = at - 1; i >= from && text.charCodeAt(i) === 92; i--) slashes++;
  return slashes % 2 === 1;
}

/** The fields of a line of comma separated values, where a `"` opens a quoted one and `""` in it is a quote. */
export function commas(text: string, at: number, limit: number): string[] {
  const values: string[] = [];
  let i = at;
  while (values.length < limit) {
    if (text.charCodeAt(i) === 34) {
      let end = text.indexOf('"', i + 1);
      let doubled = false;
      while (end >= 0 && text.charCodeAt(end + 1) === 34) {
        doubled = true;
        end = text.indexOf('"', end + 2);
      }
      if (end < 0) end = text.length;
      const value = text.slice(i + 1, Math.min(end, i + 1 + MAX_VALUE));
      values.push(doubled ? value.replaceAll('""', '"') : value);
      i = text.indexOf(',', end);
    } else {
      const end = text.indexOf(',', i);
      values.push(text.slice(i, Math.min(end < 0 ? text.length : end, i + MAX_VALUE)));
      i = end;
    }
    if (i < 0) break;
    i++;
  }
  return values;
}
