import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { Counter, type Registry } from 'prom-client';
import type { Logger } from '../../store/index.ts';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkReply,
  encodeRequest,
  type Packet,
  parsePacket,
  type Secret,
} from '../codec/index.ts';
import { type ErrorCause, errorCause } from './causes.ts';

/** How long an answer is waited for after each time that a request is sent: it is sent four times. */
export const WAITS_MS: readonly number[] = [1000, 2000, 3000, 3000];
/** By RadSec it is sent once, and waited for as long. */
const STREAM_WAIT_MS = 9000;
/** Requests to one NAS that are under way at once, */
export const MAX_AT_ONCE = 64;
/** and with those that a person waits for. Identifiers allow 256. */
export const MAX_AT_ONCE_ALL = 128;
/** Requests to one NAS that wait for their turn. */
export const MAX_QUEUED = 200_000;

/** Where a NAS takes CoA and Disconnect. */
export interface CoaTarget {
  address: string;
  port: number;
  secret: Secret;
  /** Id of a NAS whose requests go by its own RadSec connection (RFC 6614, section 2.5; RFC 8559), not by UDP. */
  radsec?: string | undefined;
}

export type CoaOutcome =
  | { result: 'ack' }
  | { result: 'nak'; cause: ErrorCause | null }
  /** No answer; or the NAS didn't answer others and this one wasn't sent any more. */
  | { result: 'timeout' }
  /** It couldn't be sent at all. */
  | { result: 'failed'; reason: string };

export type CoaKind = 'disconnect' | 'coa';

export interface CoaRequest {
  kind: CoaKind;
  target: CoaTarget;
  /** Encoded: what names the session, and for `coa` what is to change. */
  attributes: Uint8Array;
  /** One of many: given up where the NAS has stopped to answer. */
  bulk?: boolean | undefined;
}

/** Timers, so that tests need not wait. */
export interface Timers {
  set(fn: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}
const realTimers: Timers = {
  set: (fn, ms) => setTimeout(fn, ms),
  clear: (timer) => clearTimeout(timer as NodeJS.Timeout),
};

interface Job extends CoaRequest {
  settle(outcome: CoaOutcome): void;
  bytes: Uint8Array;
  id: number;
  sent: number;
  startedAt: number;
  timer: unknown;
}

interface Destination {
  key: string;
  queue: Job[];
  /** By identifier. */
  running: Map<number, Job>;
  nextId: number;
  /** Counts answers, by which a job sees whether the NAS said anything since it began. */
  answers: number;
}

const REPLIES: Readonly<Record<CoaKind, { code: number; ack: number; nak: number }>> = {
  disconnect: { code: CODE.disconnectRequest, ack: CODE.disconnectAck, nak: CODE.disconnectNak },
  coa: { code: CODE.coaRequest, ack: CODE.coaAck, nak: CODE.coaNak },
};

/**
 * A Dynamic Authorization Client (RFC 5176): CoA- and Disconnect-Requests with Event-Timestamp and Message-Authenticator.
 * A copy is the same packet with the same identifier, so a NAS sees that it is one (section 2.3). One socket for each
 * address family; identifiers are counted by NAS.
 */
export function createCoaClient(options: {
  log: Logger;
  registry?: Registry | undefined;
  /** Milliseconds since 1970. */
  now: () => number;
  timers?: Timers;
  /** Sends by the NAS's RadSec connection; false where it has none. Answers are handed to `receive`. */
  sendRadsec?: (nasId: string, bytes: Uint8Array) => boolean;
}) {
  const { log, now } = options;
  const timers = options.timers ?? realTimers;
  const destinations = new Map<string, Destination>();
  const sockets = new Map<4 | 6, Socket>();
  let closed = false;
  const outcomes = new Counter({
    name: 'gatehouse_radius_coa_total',
    help: 'CoA- and Disconnect-Requests by outcome',
    labelNames: ['kind', 'outcome'],
    registers: options.registry ? [options.registry] : [],
  });
  const dropped = new Counter({
    name: 'gatehouse_radius_coa_dropped_total',
    help: 'Packets at the CoA port that were no answer to a request, or not authentic',
    registers: options.registry ? [options.registry] : [],
  });

  function socketFor(address: string): Socket {
    const family = isIPv6(address) ? 6 : 4;
    let socket = sockets.get(family);
    if (!socket) {
      socket = createSocket({ type: family === 6 ? 'udp6' : 'udp4', ipv6Only: family === 6 });
      socket.on('message', (bytes, from) => receive(bytes, `${from.address}#${from.port}`));
      socket.on('error', (error) => {
        log.warn({ err: error }, 'the socket for CoA failed; the next request opens another');
        sockets.delete(family);
      });
      sockets.set(family, socket);
    }
    return socket;
  }

  function receive(bytes: Uint8Array, from: string): void {
    const destination = destinations.get(from);
    const packet = parsePacket(bytes);
    const job = typeof packet === 'string' ? undefined : destination?.running.get(packet.id);
    if (!destination || !job || typeof packet === 'string') return void dropped.inc();
    const { ack, nak } = REPLIES[job.kind];
    const known = packet.code === ack || packet.code === nak;
    if (!known || !checkReply(packet, job.bytes.subarray(4, 20), job.target.secret)) return void dropped.inc();
    destination.answers++;
    finish(destination, job, packet.code === ack ? { result: 'ack' } : { result: 'nak', cause: causeOf(packet) });
  }

  function finish(destination: Destination, job: Job, outcome: CoaOutcome): void {
    timers.clear(job.timer);
    destination.running.delete(job.id);
    outcomes.inc({ kind: job.kind, outcome: outcome.result });
    job.settle(outcome);
    if (outcome.result === 'timeout' && destination.answers === job.startedAt) {
      const [bulk, rest] = [
        destination.queue.filter((queued) => queued.bulk),
        destination.queue.filter((q) => !q.bulk),
      ];
      destination.queue = rest;
      for (const queued of bulk) {
        outcomes.inc({ kind: queued.kind, outcome: 'timeout' });
        queued.settle({ result: 'timeout' });
      }
    }
    next(destination);
  }

  function next(destination: Destination): void {
    for (let job = destination.queue[0]; job; job = destination.queue[0]) {
      if (destination.running.size >= (job.bulk ? MAX_AT_ONCE : MAX_AT_ONCE_ALL)) break;
      destination.queue.shift();
      begin(destination, job);
    }
    if (destination.running.size === 0 && destination.queue.length === 0) destinations.delete(destination.key);
  }

  function begin(destination: Destination, job: Job): void {
    while (destination.running.has(destination.nextId)) destination.nextId = (destination.nextId + 1) & 255;
    job.id = destination.nextId;
    destination.nextId = (destination.nextId + 1) & 255;
    job.startedAt = destination.answers;
    destination.running.set(job.id, job);
    try {
      const stamp = new AttributeWriter().add(ATTRIBUTE.eventTimestamp, Math.floor(now() / 1000)).done();
      const attributes = Buffer.concat([job.attributes, stamp]);
      job.bytes = encodeRequest(REPLIES[job.kind].code, job.id, job.target.secret, attributes, {
        messageAuthenticator: true,
      });
      if (job.target.radsec === undefined) transmit(destination, job);
      else transmitByStream(destination, job, job.target.radsec);
    } catch (error) {
      log.warn({ err: error, nas: destination.key }, 'a CoA request could not be made');
      // Not at once: a whole queue of them would be that deep a recursion.
      job.timer = timers.set(() => finish(destination, job, { result: 'failed', reason: String(error) }), 0);
    }
  }

  function transmit(destination: Destination, job: Job): void {
    const wait = WAITS_MS[job.sent];
    if (wait === undefined) {
      finish(destination, job, { result: 'timeout' });
      return;
    }
    job.sent++;
    const { address, port } = job.target;
    const failed = (error: unknown) =>
      log.warn({ err: error, nas: destination.key }, 'a CoA request could not be sent');
    try {
      socketFor(address).send(job.bytes, port, address, (error) => error && failed(error));
    } catch (error) {
      failed(error);
    }
    // Even so: no route now may be one a second later; if not, it ends as no answer.
    job.timer = timers.set(() => transmit(destination, job), wait);
  }

  /** What comes by a stream isn't sent twice (RFC 6613, section 2.6.1). */
  function transmitByStream(destination: Destination, job: Job, nasId: string): void {
    const sent = options.sendRadsec?.(nasId, job.bytes) === true;
    const outcome: CoaOutcome = sent
      ? { result: 'timeout' }
      : { result: 'failed', reason: 'the NAS has no RadSec connection open' };
    job.timer = timers.set(() => finish(destination, job, outcome), sent ? STREAM_WAIT_MS : 0);
  }

  return {
    /** Sends a request and waits for what becomes of it. Never rejects. */
    send(request: CoaRequest): Promise<CoaOutcome> {
      if (closed) return Promise.resolve({ result: 'failed', reason: 'the appliance is stopping' });
      const { address, port, radsec } = request.target;
      const key = radsec === undefined ? `${address}#${port}` : `radsec ${radsec}`;
      let destination = destinations.get(key);
      if (!destination) {
        const nextId = Math.floor(Math.random() * 256);
        destination = { key, queue: [], running: new Map(), nextId, answers: 0 };
        destinations.set(key, destination);
      }
      if (destination.queue.length >= MAX_QUEUED) {
        return Promise.resolve({ result: 'failed', reason: 'too many requests wait for this NAS' });
      }
      const place = destination;
      return new Promise((settle) => {
        const job = { ...request, settle, bytes: new Uint8Array(0), id: 0, sent: 0, startedAt: 0, timer: undefined };
        // A person who waits goes before a change for everybody.
        if (request.bulk) place.queue.push(job);
        else place.queue.unshift(job);
        next(place);
      });
    },
    /** Takes an answer that came by RadSec. */
    receiveRadsec: (nasId: string, bytes: Uint8Array): void => receive(bytes, `radsec ${nasId}`),
    /** Gives up what is under way. */
    async close(): Promise<void> {
      closed = true;
      for (const destination of destinations.values()) {
        for (const job of [...destination.queue.splice(0), ...destination.running.values()]) {
          timers.clear(job.timer);
          job.settle({ result: 'failed', reason: 'the appliance is stopping' });
        }
      }
      destinations.clear();
      for (const socket of sockets.values()) socket.close();
      sockets.clear();
    },
  };
}
export type CoaClient = ReturnType<typeof createCoaClient>;

function causeOf(packet: Packet): ErrorCause | null {
  const code = packet.number(ATTRIBUTE.errorCause);
  return code === undefined ? null : errorCause(code);
}
