/** A hub that has said nothing for this long is down; its spokes are moved. */
export const HUB_SILENCE_MS = 30_000;

interface Watched {
  /** When the hub was last heard, or when watching it began. */
  heard: number;
  down: boolean;
  /** Since when a hub that is down has been heard again without a gap. */
  backSince: number | null;
}

/**
 * Which hubs are down. Pure bookkeeping; times are monotonic milliseconds. A hub gets a whole period of silence from
 * when it is first watched, so that a controller that starts moves nobody; and it has to be back for as long before it
 * counts again, so that a flapping hub doesn't drag its spokes to and fro.
 */
export function createHubWatch() {
  const watched = new Map<string, Watched>();
  const down = new Set<string>();
  return {
    /** The hubs that are down; always the same set, kept up to date. */
    down: down as ReadonlySet<string>,
    /** Takes in that a hub was heard at `at`. */
    heard(id: string, at: number): void {
      const entry = watched.get(id);
      if (!entry) return;
      if (entry.down && (entry.backSince === null || at - entry.heard > HUB_SILENCE_MS)) entry.backSince = at;
      entry.heard = at;
    },
    /** Sets the hubs to watch and answers which went down and which came back by now. */
    check(hubs: Iterable<string>, now: number): { wentDown: string[]; cameBack: string[] } {
      const current = new Set(hubs);
      for (const id of watched.keys()) {
        if (current.has(id)) continue;
        watched.delete(id);
        down.delete(id);
      }
      const wentDown: string[] = [];
      const cameBack: string[] = [];
      for (const id of current) {
        const entry = watched.get(id);
        if (!entry) {
          watched.set(id, { heard: now, down: false, backSince: null });
          continue;
        }
        const silent = now - entry.heard > HUB_SILENCE_MS;
        if (!entry.down && silent) {
          Object.assign(entry, { down: true, backSince: null });
          down.add(id);
          wentDown.push(id);
        } else if (entry.down && !silent && entry.backSince !== null && now - entry.backSince >= HUB_SILENCE_MS) {
          Object.assign(entry, { down: false, backSince: null });
          down.delete(id);
          cameBack.push(id);
        }
      }
      return { wentDown, cameBack };
    },
  };
}
export type HubWatch = ReturnType<typeof createHubWatch>;
