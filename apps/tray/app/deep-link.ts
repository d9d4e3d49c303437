/** Longer ones aren't ours. */
const MAX_LINK = 8192;

/** The first `gatehouse:` link among a program's arguments. */
export function linkIn(argv: readonly string[]): string | null {
  return argv.find((argument) => /^gatehouse:/i.test(argument) && argument.length <= MAX_LINK) ?? null;
}
