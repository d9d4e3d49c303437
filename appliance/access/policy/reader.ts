import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  type YAMLError,
} from 'yaml';
import { nearest } from '../../config/index.ts';
import { type Fault, MAX_DOCUMENT_BYTES, MAX_FAULTS, MAX_LIST } from './model.ts';

/** Values looked at in one document, those behind aliases each time that they are named. */
const MAX_VALUES = 10_000;
/** Levels of nesting: the parser is recursive. */
const MAX_DEPTH = 200;

type Path = readonly (string | number)[];
/** A value of the document and where it stands. */
export interface At {
  node: Node | null;
  path: Path;
  /** Offset of the key or of the value itself. */
  offset: number;
}
type Read = (at: At) => void;

/** Reads values out of a YAML document and collects what is wrong with them, each with its place. */
export class Reader {
  readonly faults: Fault[] = [];
  readonly #lines: LineCounter;
  readonly #doc: Document.Parsed | undefined;
  #values = 0;

  constructor(text: string) {
    this.#lines = new LineCounter();
    if (Buffer.byteLength(text) > MAX_DOCUMENT_BYTES) {
      this.fault({ path: [], offset: 0 }, `the document is larger than ${MAX_DOCUMENT_BYTES / 1024} KiB`);
    } else if (text.includes('\0')) {
      this.fault({ path: [], offset: 0 }, 'the document has a null character in it');
    } else if (depth(text) > MAX_DEPTH) {
      this.fault({ path: [], offset: 0 }, `the document is nested deeper than ${MAX_DEPTH} levels`);
    } else {
      this.#doc = this.#parse(text);
    }
  }

  #parse(text: string): Document.Parsed | undefined {
    let doc: Document.Parsed;
    try {
      doc = parseDocument(text, {
        lineCounter: this.#lines,
        prettyErrors: false,
        logLevel: 'error',
        uniqueKeys: true,
        version: '1.2',
      });
    } catch (error) {
      this.fault({ path: [], offset: 0 }, `the document is not YAML: ${(error as Error).message}`);
      return undefined;
    }
    for (const error of doc.errors) this.fault({ path: [], offset: error.pos[0] }, syntaxMessage(error));
    return doc.errors.length > 0 ? undefined : doc;
  }

  /** The whole document; undefined where it isn't YAML. */
  root(): At | undefined {
    return this.#doc && { node: this.#doc.contents as Node | null, path: [], offset: 0 };
  }

  get full(): boolean {
    return this.faults.length >= MAX_FAULTS;
  }

  fault({ path, offset }: { path: Path; offset: number }, message: string): undefined {
    if (this.full) return;
    const { line, col } = this.#lines.lineStarts.length > 0 ? this.#lines.linePos(offset) : { line: 1, col: 1 };
    this.faults.push({ line: Math.max(line, 1), column: Math.max(col, 1), path: path.join('.'), message });
  }

  /** What stands behind an alias; counts values, as aliases can stand for many. */
  #behind(at: At): Node | null {
    if (++this.#values === MAX_VALUES) this.fault(at, `the document has more than ${MAX_VALUES} values`);
    const { node } = at;
    if (!isAlias(node)) return node;
    return (this.#doc && (node.resolve(this.#doc) as Node | undefined)) ?? null;
  }

  isMap(at: At): boolean {
    return isMap(this.#behind(at));
  }
  isList(at: At): boolean {
    return isSeq(this.#behind(at));
  }

  /** Reads a mapping by its keys. Unknown keys are faults; so are `required` ones that are missing. */
  map(at: At, keys: Readonly<Record<string, Read>>, required: readonly string[] = [], example = ''): void {
    const node = this.#behind(at);
    if (this.#values >= MAX_VALUES) return;
    const where = at.path.length === 0 ? 'the document' : String(at.path.at(-1));
    if (!isMap(node)) {
      const hint = example || `write its settings below it: ${Object.keys(keys).join(', ')}`;
      this.fault(at, `${where} is ${kindOf(node)}; ${hint}`);
      return;
    }
    const seen = new Set<string>();
    for (const { key, value } of node.items) {
      const offset = (key as Node).range?.[0] ?? at.offset;
      const name = isScalar(key) ? String(key.value) : '';
      const inside = { node: value as Node | null, path: [...at.path, name], offset };
      seen.add(name);
      if (Object.hasOwn(keys, name)) {
        if (isNothing(value)) this.fault(inside, `${name} is empty: give it a value, or leave it out`);
        else (keys[name] as Read)(inside);
      } else {
        const guess = nearest(name, Object.keys(keys));
        const hint = guess ? `did you mean '${guess}'?` : `known here: ${Object.keys(keys).join(', ')}`;
        this.fault(inside, `'${name.slice(0, 60)}' is not known here; ${hint}`);
      }
    }
    for (const name of required) if (!seen.has(name)) this.fault(at, `${name} is missing`);
  }

  /** Every key of a mapping whose names are free. */
  entries(at: At, each: (name: string, at: At) => void): void {
    const node = this.#behind(at);
    if (this.#values >= MAX_VALUES) return;
    if (!isMap(node)) {
      this.fault(at, `${at.path.at(-1)} is ${kindOf(node)}; write its values below it`);
      return;
    }
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : '';
      const offset = (key as Node).range?.[0] ?? at.offset;
      each(name, { node: value as Node | null, path: [...at.path, name], offset });
    }
  }

  /** A list, or one value that stands for a list of one. */
  list<T>(at: At, each: (at: At) => T | undefined, max = MAX_LIST): T[] | undefined {
    const node = this.#behind(at);
    if (this.#values >= MAX_VALUES) return undefined;
    if (!isSeq(node)) {
      const one = each(at);
      return one === undefined ? undefined : [one];
    }
    const name = String(at.path.at(-1));
    if (node.items.length === 0) return this.fault(at, `${name} is an empty list, which nothing matches: leave it out`);
    if (node.items.length > max) return this.fault(at, `${name} has more than ${max} values`);
    const values: T[] = [];
    for (const [index, item] of node.items.entries()) {
      const inside = item as Node | null;
      const value = each({ node: inside, path: [...at.path, index], offset: inside?.range?.[0] ?? at.offset });
      if (value !== undefined) values.push(value);
    }
    return values;
  }

  /** A text, as it was written; numbers too, for names may be made of digits. */
  text(at: At, max: number, example = ''): string | undefined {
    const node = this.#behind(at);
    const value = isScalar(node) ? node.value : undefined;
    const name = String(at.path.at(-1));
    if (typeof value !== 'string' && typeof value !== 'number') {
      const hint = typeof value === 'boolean' ? `write it in quotes: "${value}"` : example || 'write a text';
      return this.fault(this.#valueAt(at), `${name} is ${kindOf(node)}; ${hint}`);
    }
    const text = typeof value === 'number' && isScalar(node) ? (node.source ?? String(value)) : String(value);
    if (text.trim() === '') return this.fault(this.#valueAt(at), `${name} is an empty text`);
    if (text.length > max) return this.fault(this.#valueAt(at), `${name} is longer than ${max} characters`);
    if (/[\u0000-\u0008\u000b-\u001f\u007f]/.test(text)) {
      return this.fault(this.#valueAt(at), `${name} has a control character in it`);
    }
    return text;
  }

  boolean(at: At): boolean | undefined {
    const node = this.#behind(at);
    if (isScalar(node) && typeof node.value === 'boolean') return node.value;
    return this.fault(this.#valueAt(at), `${at.path.at(-1)} is ${kindOf(node)}; write true or false`);
  }

  integer(at: At, min: number, max: number): number | undefined {
    const node = this.#behind(at);
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    return this.fault(this.#valueAt(at), `${at.path.at(-1)} must be a whole number from ${min} to ${max}`);
  }

  /** A boolean, a number or a text as it is. */
  scalar(at: At, max: number): boolean | number | string | undefined {
    const node = this.#behind(at);
    const value = isScalar(node) ? node.value : undefined;
    if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) return value;
    return this.text(at, max);
  }

  oneOf<T extends string>(at: At, known: readonly T[]): T | undefined {
    const text = this.text(at, 64, `one of ${known.join(', ')}`);
    if (text === undefined) return undefined;
    const found = known.find((name) => name === text.toLowerCase());
    if (found) return found;
    const guess = nearest(text, known);
    return this.fault(
      this.#valueAt(at),
      `'${text}' is not known; ${guess ? `did you mean '${guess}'?` : `one of ${known.join(', ')}`}`,
    );
  }

  /** A number that `parse` reads from a text with a unit; its answer is the fault where that is a text. */
  quantity(at: At, parse: (value: string) => number | string): number | undefined {
    const value = this.scalar(at, 40);
    if (value === undefined) return undefined;
    // A bare number too: whoever writes `up: 10` doesn't mean ten bits.
    const parsed = parse(String(value));
    if (typeof parsed === 'number') return parsed;
    return this.fault(this.#valueAt(at), `${at.path.at(-1)}: ${parsed}`);
  }

  /** A fault of a value stands at the value, not at its key. */
  #valueAt(at: At): At {
    return { ...at, offset: at.node?.range?.[0] ?? at.offset };
  }
  wrong(at: At, message: string): undefined {
    return this.fault(this.#valueAt(at), message);
  }
}

const isNothing = (value: unknown): boolean => value === null || (isScalar(value) && value.value === null);

function kindOf(node: Node | null): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  if (isScalar(node) && node.value !== null) return `the value ${JSON.stringify(node.value)?.slice(0, 60)}`;
  return 'empty';
}

function syntaxMessage({ code, message }: YAMLError): string {
  if (code === 'DUPLICATE_KEY') return 'this key is there twice: one of the two would be lost';
  if (code === 'MULTIPLE_DOCS') return 'there is a second document: send one policy at a time';
  if (code === 'TAB_AS_INDENT') return 'a tab indents this line: YAML takes spaces only';
  return message;
}

/** A bound on how deep a text nests, by brackets and by dashes before a line's value; cheap, and before any parsing. */
function depth(text: string): number {
  let open = 0;
  let deepest = 0;
  for (const line of text.split('\n')) {
    deepest = Math.max(deepest, /^[\s\-?]*/.exec(line)?.[0].match(/[-?]/g)?.length ?? 0);
    for (const char of line) {
      if (char === '[' || char === '{') open++;
      else if (char === ']' || char === '}') open = Math.max(0, open - 1);
      if (open > deepest) deepest = open;
    }
  }
  return deepest;
}
