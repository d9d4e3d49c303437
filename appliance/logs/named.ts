import type { Bus } from '../events/index.ts';
import type { Entry } from './feed/feed.ts';

/** People who are known by name without asking again. */
const MAX_KNOWN = 10_000;

/** What people were called when they did it: who is deleted has no name any more. Answers the names of those with these ids. */
export type Usernames = (ids: readonly string[]) => Promise<ReadonlyMap<string, string>>;

/** Puts the user names of who did something, and of whom it was done to, into records that have ids only. */
export function createNamed(usernames: Usernames, bus: Pick<Bus, 'on'>) {
  const known = new Map<string, string>();
  bus.on(['identity.user.updated', 'identity.user.deleted'], ({ data }) => void known.delete(data.userId));

  async function find(ids: readonly string[]): Promise<void> {
    const unknown = ids.filter((id) => !known.has(id));
    if (unknown.length === 0) return;
    // Without a name the record is still better than none.
    const found = await usernames(unknown).catch(() => new Map<string, string>());
    if (known.size + found.size > MAX_KNOWN) known.clear();
    for (const [id, name] of found) known.set(id, name);
  }

  return async <E extends Entry>(entry: E): Promise<E> => {
    const { actor, userId } = entry as {
      actor?: { kind?: unknown; id?: unknown; username?: unknown };
      userId?: unknown;
    };
    const by =
      actor?.kind === 'user' && typeof actor.id === 'string' && actor.username === undefined ? actor.id : undefined;
    const whom = typeof userId === 'string' && !('username' in entry) ? userId : undefined;
    await find([by, whom].filter((id) => id !== undefined));
    const [byName, name] = [known.get(by ?? ''), known.get(whom ?? '')];
    return {
      ...entry,
      ...(name !== undefined && { username: name }),
      ...(byName !== undefined && { actor: { ...actor, username: byName } }),
    };
  };
}
