import type { Actor, DomainEvent, EventData, EventType, Heard } from './catalogue.ts';

export { type Actor, type DomainEvent, type EventData, type EventType, type Heard, SYSTEM } from './catalogue.ts';

/** An event to emit, checked against the catalogue. */
export const event = <T extends EventType>(type: T, data: EventData[T], actor: Actor): DomainEvent =>
  ({ type, data: { ...data, actor } }) as DomainEvent;

type Listener = (event: Heard) => void | Promise<void>;

/**
 * Hands each committed event to every listener, in order of commit. Delivery is at least once: a listener that throws
 * hears the event again, and after a crash all hear what was left in the outbox, so listeners are idempotent.
 */
export function createBus() {
  const listeners: Listener[] = [];
  return {
    /** Calls `listener` for the named events only. */
    on<T extends EventType>(types: readonly T[], listener: (event: Heard<T>) => void | Promise<void>): void {
      const wanted = new Set<EventType>(types);
      listeners.push((event) => (wanted.has(event.type) ? listener(event as Heard<T>) : undefined));
    },
    /** Calls `listener` for every event. */
    onAny(listener: Listener): void {
      listeners.push(listener);
    },
    /** The store's consumer: rejects when a listener failed, after all others have heard the event. */
    async deliver(event: { id: number; at: string; type: string; data: Record<string, unknown> }): Promise<void> {
      const results = await Promise.allSettled(listeners.map(async (listener) => listener(event as unknown as Heard)));
      const failed = results.find((result) => result.status === 'rejected');
      if (failed) throw failed.reason;
    },
  };
}
export type Bus = ReturnType<typeof createBus>;
