import type { Logger } from '../../store/index.ts';
import { connectRadsec, type RadsecConnection } from '../radsec/client.ts';
import { Channel, type Link, type Sent, type Unsent, type Waiter } from './channel.ts';

/** Connections to one server: 256 requests under way each. */
export const MAX_CONNECTIONS = 4;
/** A connection beside the first is closed after so long without a request. */
const IDLE_MS = 60_000;
/** After a connection broke, the next is tried so much later, twice as long each time. */
const BACK_OFF_MS = 500;
const MAX_BACK_OFF_MS = 60_000;

interface Line {
  channel: Channel;
  connection: RadsecConnection;
  open: boolean;
  used: number;
}

/** The way to a RadSec server: a connection that stays, and more where over 256 requests are under way. */
export function createTlsLink(options: {
  host: string;
  port: number;
  tls: {
    ca?: string | undefined;
    certificate?: string | undefined;
    privateKey?: string | undefined;
    serverName?: string | undefined;
  };
  log: Logger;
  /** Monotonic milliseconds. */
  monotonic: () => number;
}): Link & { connected(): number } {
  const { host, port, log, monotonic } = options;
  const server = `${host}:${port}`;
  const lines: Line[] = [];
  let failures = 0;
  let closed = false;
  let invalid = 0;
  let waiting: NodeJS.Timeout | undefined;

  function drop(line: Line): boolean {
    const at = lines.indexOf(line);
    if (at < 0) return false;
    lines.splice(at, 1);
    invalid += line.channel.invalid;
    line.connection.close();
    line.channel.lost();
    return true;
  }

  function open(): Line {
    const channel = new Channel((bytes) => line.connection.send(bytes), true);
    const line: Line = {
      channel,
      open: false,
      used: monotonic(),
      connection: connectRadsec({
        ...options.tls,
        host,
        port,
        opened() {
          log.info({ server }, 'connected to an upstream RadSec server');
          failures = 0;
          line.open = true;
          channel.opened();
        },
        received: (bytes) => channel.received(bytes),
        closed(reason) {
          if (drop(line)) broke(line.open, reason);
        },
      }),
    };
    lines.push(line);
    return line;
  }

  function broke(wasOpen: boolean, reason: string): void {
    if (closed) return;
    log.warn({ server, reason }, wasOpen ? 'lost an upstream RadSec server' : 'an upstream RadSec server is not there');
    if (lines.length > 0 || waiting) return;
    // Not all at once: half of the time is random.
    const most = Math.min(BACK_OFF_MS * 2 ** failures++, MAX_BACK_OFF_MS);
    waiting = setTimeout(
      () => {
        waiting = undefined;
        open();
      },
      most * (0.5 + Math.random() / 2),
    );
    waiting.unref();
  }

  const sweep = setInterval(() => {
    for (const line of lines.slice(1)) {
      if (line.channel.count === 0 && monotonic() - line.used > IDLE_MS) drop(line);
    }
  }, IDLE_MS);
  sweep.unref();
  open();

  return {
    reliable: true,
    send(encode: (id: number) => Uint8Array, waiter: Waiter): Sent | Unsent {
      if (closed || waiting) return 'down';
      const free = lines.find(({ channel }) => !channel.full);
      // The first connection has to stand before there is a second.
      if (!free && (!lines[0]?.open || lines.length >= MAX_CONNECTIONS)) return 'full';
      const line = free ?? open();
      line.used = monotonic();
      return line.channel.send(encode, waiter);
    },
    invalid: () => lines.reduce((sum, { channel }) => sum + channel.invalid, invalid),
    connected: () => lines.filter(({ open: is }) => is).length,
    reset() {
      const [line] = lines;
      if (line?.open && drop(line)) broke(true, 'it has gone silent');
    },
    close() {
      closed = true;
      clearInterval(sweep);
      clearTimeout(waiting);
      for (const line of [...lines]) drop(line);
    },
  };
}
