import type { WebSocket } from '@fastify/websocket';
import { CLOSE, PING_SECONDS } from '@gatehouse/protocol';
import { type Caller, callerOf, type Hold, HttpError, type Routes } from '../../http/index.ts';
import type { Filter, Found } from '../backend.ts';
import { filterOf } from '../inputs.ts';
import { TailQuery } from '../schema.ts';
import { actorOf, type Service } from '../service.ts';
import { viewer } from '../view.ts';

/** Tails at once: in all, and of one person. */
export const MAX_TAILS = 50;
export const MAX_OF_ONE = 10;
/** Bytes that may wait to be sent on one socket; what comes then is left out and counted. */
const MAX_BUFFERED = 1024 * 1024;
const RECORDS_AT_ONCE = 100;
/** Pings without an answer after which a connection counts as dead. */
const MISSED_PINGS = 3;

declare module 'fastify' {
  interface FastifyRequest {
    /** What a tail follows; set before the upgrade. */
    tail: Filter | null;
  }
}

const notAnUpgrade = (): HttpError =>
  new HttpError(426, 'this is a WebSocket: connect with Upgrade: websocket', { upgrade: 'websocket' });

interface Tail {
  socket: WebSocket;
  userId: string;
  who: () => Promise<Caller | null>;
  unanswered: number;
  dropped: number;
}

/** Those who follow new records. The right is asked for again with every ping and at the events that can end it. */
export function createTails(service: Pick<Service, 'backend' | 'log' | 'sources'>, hold: Hold) {
  const { backend, log, sources } = service;
  const tails = new Set<Tail>();
  let pinging: NodeJS.Timeout | undefined;

  async function check({ socket, who }: Tail): Promise<void> {
    try {
      const caller = await who();
      if (caller?.role !== 'administrator') socket.close(CLOSE.revoked, 'the right to read the logs has ended');
    } catch (error) {
      if (error instanceof HttpError) return socket.close(CLOSE.revoked, 'the right to read the logs has ended');
      // Not knowing is no right.
      log.error({ err: error }, "a tail's right could not be checked");
      socket.close(1011, 'internal error');
    }
  }

  const isFull = ({ socket }: Tail): boolean => socket.bufferedAmount > MAX_BUFFERED;

  function tellDropped(tail: Tail): void {
    if (tail.dropped === 0 || isFull(tail)) return;
    tail.socket.send(JSON.stringify({ dropped: tail.dropped }));
    tail.dropped = 0;
  }

  function tell(tail: Tail, records: readonly Found[], dropped: number): void {
    if (tail.socket.readyState !== tail.socket.OPEN) return;
    tail.dropped += dropped;
    const view = viewer(sources);
    for (let at = 0; at < records.length; at += RECORDS_AT_ONCE) {
      tellDropped(tail);
      const some = records.slice(at, at + RECORDS_AT_ONCE);
      if (isFull(tail)) tail.dropped += some.length;
      else tail.socket.send(JSON.stringify({ records: some.map(view) }));
    }
    tellDropped(tail);
  }

  return {
    hold,
    /** 503 or 429 where there are too many already. */
    admit(userId: string): void {
      if (tails.size >= MAX_TAILS) throw new HttpError(503, `${MAX_TAILS} people follow the logs already: try later`);
      if ([...tails].filter((tail) => tail.userId === userId).length >= MAX_OF_ONE) {
        throw new HttpError(429, `you follow the logs ${MAX_OF_ONE} times already: close one first`);
      }
    },
    serve(socket: WebSocket, filter: Filter, userId: string, who: Tail['who']): void {
      const tail: Tail = { socket, userId, who, unanswered: 0, dropped: 0 };
      tails.add(tail);
      socket.on('pong', () => {
        tail.unanswered = 0;
      });
      const end = backend.subscribe(filter, (records, dropped) => tell(tail, records, dropped));
      socket.on('close', () => {
        tails.delete(tail);
        end();
      });
      // A socket error is followed by its close; without a listener it would end the process.
      socket.on('error', () => socket.terminate());
    },
    /** Checks the rights of one person's tails. */
    async recheck(userId: string): Promise<void> {
      await Promise.all([...tails].filter((tail) => tail.userId === userId).map(check));
    },
    /** What is done every PING_SECONDS. */
    tick(): void {
      for (const tail of tails) {
        if (tail.unanswered >= MISSED_PINGS) {
          tail.socket.terminate();
          continue;
        }
        if (tail.socket.readyState !== tail.socket.OPEN) continue;
        tail.unanswered += 1;
        tail.socket.ping();
        tellDropped(tail);
        void check(tail);
      }
    },
    start(): void {
      pinging = setInterval(() => this.tick(), PING_SECONDS * 1000);
    },
    stop(): void {
      clearInterval(pinging);
      for (const { socket } of tails) socket.terminate();
    },
  };
}
export type Tails = ReturnType<typeof createTails>;

export const tailRoutes =
  (service: Service, tails: Tails): Routes =>
  async (app) => {
    app.decorateRequest('tail', null);
    app.route({
      method: 'GET',
      url: '/logs/tail',
      config: { access: 'administrator' },
      schema: {
        tags: ['logs'],
        summary: 'Follow new records, by WebSocket',
        description:
          'Messages are `{"records": […]}`, the oldest first, in the form of `GET /v1/logs`, and `{"dropped": n}` where ' +
          'records were left out because the connection is too slow. Closed (4401) when the right to read ends.',
        querystring: TailQuery,
      },
      // Before the upgrade, so that a refusal is an HTTP answer with a status.
      preHandler: async (request) => {
        if (request.headers.upgrade?.toLowerCase() !== 'websocket') throw notAnUpgrade();
        const filter = filterOf(service, request.query);
        tails.admit(callerOf(request).id);
        await service.backend.record({ event: 'logs.tailed', actor: actorOf(request), query: { ...request.query } });
        request.tail = filter;
      },
      handler: async () => {
        throw notAnUpgrade();
      },
      wsHandler: (socket, request) => {
        if (request.tail) tails.serve(socket, request.tail, callerOf(request).id, tails.hold(request));
      },
    });
  };
