import type { FastifyRequest } from 'fastify';
import type { Actor, DomainEvent, EventData, EventType } from '../events/index.ts';
import { callerOf } from '../http/index.ts';
import type { Logger, OutboxEvent, SecretBox, Store } from '../store/index.ts';
import type { Gate } from './gate.ts';
import type { Argon2Cost } from './password.ts';
import type { Throttle } from './throttle.ts';

/** What the parts of identity work with. */
export interface Service {
  store: Store;
  log: Logger;
  /** Seals network passwords. */
  secrets: SecretBox;
  /** Milliseconds since 1970. */
  now(): number;
  /** Of these network ids, those that don't exist. Never called inside a transaction. */
  networksExist(ids: readonly string[]): Promise<string[]>;
  throttle: Throttle;
  /** Every password hash, made or checked, goes through one of these, which take turns. */
  gate: Gate;
  networkGate: Gate;
  cost: Argon2Cost;
}

/** A time as it is stored: RFC 3339, UTC, milliseconds. */
export const timestamp = (ms: number): string => new Date(ms).toISOString();

/** An event to emit, checked against the catalogue. */
export const event = <T extends EventType>(type: T, data: EventData[T], actor: Actor): OutboxEvent =>
  ({ type, data: { ...data, actor } }) as DomainEvent;

/** The signed-in caller as the actor of an event. */
export const actorOf = (request: FastifyRequest): Actor => ({
  kind: 'user',
  id: callerOf(request).id,
  address: request.ip,
});
