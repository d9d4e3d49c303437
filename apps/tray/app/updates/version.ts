/** https://semver.org/spec/v2.0.0.html, section 2, 9 and 10. */
const SEMVER =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(?:-((?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*)(?:\.(?:0|[1-9]\d*|\d*[A-Za-z-][\dA-Za-z-]*))*))?(?:\+[\dA-Za-z.-]+)?$/;
const MAX_LENGTH = 64;

interface Version {
  core: readonly number[];
  /** Identifiers of a pre-release; empty: a release. */
  pre: readonly string[];
}

function parse(text: string): Version | null {
  const match = text.length <= MAX_LENGTH ? SEMVER.exec(text) : null;
  return match && { core: match.slice(1, 4).map(Number), pre: match[4]?.split('.') ?? [] };
}

export const isVersion = (text: string): boolean => parse(text) !== null;

/** `1.2.0-beta.1` is one, `1.2.0` isn't. */
export const isPrerelease = (text: string): boolean => (parse(text)?.pre.length ?? 0) > 0;

/** Precedence of two versions (SemVer 2.0.0, section 11): below 0 where `a` is the older. Throws on anything else. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  if (!left || !right) throw new TypeError(`not a version: ${left ? b : a}`);
  for (const [index, number] of left.core.entries()) {
    const difference = number - right.core[index]!;
    if (difference !== 0) return difference;
  }
  if (left.pre.length === 0 || right.pre.length === 0) return right.pre.length - left.pre.length;
  for (const [index, identifier] of left.pre.entries()) {
    const other = right.pre[index];
    if (other === undefined) return 1;
    const difference = compareIdentifiers(identifier, other);
    if (difference !== 0) return difference;
  }
  return left.pre.length - right.pre.length;
}

function compareIdentifiers(a: string, b: string): number {
  const [numberA, numberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  // Numbers come before words. They may be longer than what a double holds.
  if (numberA && numberB && a.length !== b.length) return a.length - b.length;
  if (numberA !== numberB) return numberA ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
