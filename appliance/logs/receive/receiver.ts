import { lookup } from 'node:dns/promises';
import { isIP, type Socket } from 'node:net';
import { loadCalls } from '../../ffi/index.ts';
import type { Clock } from '../clock.ts';
import { Connections, type Say } from './connections.ts';
import { createDrops } from './drops.ts';
import type { ReceiverLimits } from './limits.ts';
import {
  type CheckSender,
  type DropReason,
  type FromSeal,
  OTHERS,
  type ReceiverStats,
  type SyslogTls,
  type ToSeal,
} from './messages.ts';
import { addTo, Queue } from './queue.ts';
import { listenTcp, type TcpListener } from './tcp.ts';
import { createTls } from './tls.ts';
import { receiveUdp, type UdpReceiver } from './udp.ts';

/** Ports of which both must be free, when any will do. */
const PORT_TRIES = 20;
const MAX_SAID = 1024;

export interface Listen {
  host: string;
  port: number;
}

export interface ReceiveOptions {
  /** UDP and TCP; port 0 is any that is free for both. */
  listen: Listen;
  /** Syslog over TLS; undefined is off. */
  tls: (Listen & SyslogTls) | undefined;
  /** `auto`: datagrams in batches where the system can. */
  batched: 'auto' | 'off';
  limits: ReceiverLimits;
}

export type Log = (level: 'info' | 'warn' | 'error', details: object, message: string) => void;

interface Surroundings {
  clock: Clock;
  monotonic: () => number;
  log: Log;
  check: CheckSender;
  post(message: ToSeal, transfer: ArrayBuffer[]): void;
}

const ADVICE: Record<string, string> = {
  EADDRINUSE: 'another program has this address: stop it, or set another one',
  EACCES: 'this needs privileges: set a port from 1024 on, or let the appliance run with CAP_NET_BIND_SERVICE',
  EADDRNOTAVAIL: 'this machine has no such address: set one that it has',
  ENOTFOUND: 'there is no address of this name: set one in numbers',
};

const formatted = ({ host, port }: Listen): string => (host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`);

/** What to tell people who have set an address that can't be used. */
function explained(error: unknown, setting: string, listen: Listen): Error {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const why = ADVICE[code] ?? (error as Error).message;
  return Object.assign(new Error(`${setting} ${formatted(listen)}: ${why}`), { code });
}

/** Receives syslog and hands it on. Rejects, with the setting's name, where it can't listen. */
export async function receive(options: ReceiveOptions, { clock, monotonic, log, check, post }: Surroundings) {
  const { limits } = options;
  const dropped = new Map<DropReason, Map<string, number>>();
  const said = new Map<string, number>();

  const say: Say = (address, message, details = {}) => {
    const [now, key] = [monotonic(), `${address} ${message}`];
    if (now - (said.get(key) ?? Number.NEGATIVE_INFINITY) < limits.logMs) return;
    if (said.size >= MAX_SAID) for (const [old, at] of said) if (now - at >= limits.logMs) said.delete(old);
    if (said.size >= MAX_SAID) return;
    said.set(key, now);
    log('warn', address === '' ? details : { address, ...details }, message);
  };
  const onError = (error: Error): void => say('', 'syslog could not be received', { reason: error.message });

  const queue = new Queue({
    clock,
    limits,
    post(message, transfer) {
      if (message.type === 'dropped') countDropped(message.reason, message.bySource);
      post(message, transfer);
    },
    onWait: (waits) => connections.wait(waits),
  });
  const connections = new Connections({ queue, limits, say, monotonic });

  const REASONS: Record<DropReason, string> = {
    queue: 'syslog over UDP was dropped: more came than can be sealed',
    disk: 'syslog over UDP was dropped: the disk is full',
    kernel: 'syslog over UDP was dropped by the system: its receive buffer ran over',
    oversize: 'syslog messages were too long: their ends are left out',
    connection: 'syslog connections were refused: there are too many',
  };
  function countDropped(reason: DropReason, bySource: [string, number][]): void {
    const counts = dropped.get(reason) ?? new Map<string, number>();
    dropped.set(reason, counts);
    let count = 0;
    for (const [address, more] of bySource) {
      count += more;
      addTo(counts, address, more, limits.dropSources);
    }
    say('', REASONS[reason], { count, sources: bySource.length });
  }

  const loaded = options.batched === 'off' ? 'it is switched off' : await loadCalls();
  const calls = typeof loaded === 'string' ? undefined : loaded;
  if (calls === undefined) {
    log('info', { reason: loaded }, 'syslog datagrams are read one by one: batches by node:ffi are not to be had');
  }

  const addressOf = async (setting: string, listen: Listen): Promise<string> => {
    if (isIP(listen.host) !== 0) return listen.host;
    const found = await lookup(listen.host).catch((error) => Promise.reject(explained(error, setting, listen)));
    return found.address;
  };

  const incoming = (socket: Socket): void => {
    if (connections.admit(socket)) connections.read(socket);
  };

  async function listenBoth(host: string): Promise<{ udp: UdpReceiver; tcp: TcpListener }> {
    for (let tries = 1; ; tries++) {
      const udp = await receiveUdp({ host, port: options.listen.port, calls, queue, onError });
      try {
        return { udp, tcp: await listenTcp(host, udp.port, incoming, onError) };
      } catch (error) {
        await udp.close();
        if (options.listen.port !== 0 || tries === PORT_TRIES) throw error;
      }
    }
  }

  const host = await addressOf('GATEHOUSE_SYSLOG', options.listen);
  const { udp, tcp } = await listenBoth(host).catch((error: unknown) => {
    throw explained(error, 'GATEHOUSE_SYSLOG', options.listen);
  });

  const tls = await (async () => {
    if (!options.tls) return undefined;
    try {
      const entry = createTls({ credentials: options.tls, connections, limits, check, say });
      const tlsHost = await addressOf('GATEHOUSE_SYSLOG_TLS', options.tls);
      const accept = (socket: Socket): void => {
        if (connections.admit(socket)) entry.accept(socket);
      };
      const listener = await listenTcp(tlsHost, options.tls.port, accept, onError);
      return { listener, entry, address: formatted({ host: tlsHost, port: listener.port }) };
    } catch (error) {
      tcp.close();
      await Promise.all([udp.close(), connections.close()]);
      throw explained(error, 'GATEHOUSE_SYSLOG_TLS', options.tls);
    }
  })();

  const kernelDrops = createDrops(host, udp.port);
  const tellDropped = (): void => {
    const more = kernelDrops();
    if (more > 0) queue.drop('kernel', OTHERS, more);
    queue.tellDropped();
  };
  const telling = setInterval(tellDropped, limits.dropsMs);

  return {
    /** `host:port` of each. */
    addresses: {
      udp: formatted({ host, port: udp.port }),
      tcp: formatted({ host, port: tcp.port }),
      tls: tls?.address,
    },
    bufferBytes: udp.bufferBytes,

    /** What the sealing thread says. */
    hear(message: FromSeal): void {
      if (message.type === 'credit') queue.credit(message.bytes);
      else queue.pause(message.type === 'pause');
    },

    setTls(credentials: SyslogTls): void {
      if (!tls) throw new Error('GATEHOUSE_SYSLOG_TLS is not set: syslog over TLS is off');
      tls.entry.replace(credentials);
    },

    /** Looks whether the certificates of those that are connected still hold. */
    recheck(): void {
      tls?.entry.recheck();
    },

    setSynchronised(value: boolean): void {
      queue.synchronised = value;
    },

    stats(): ReceiverStats {
      const drops: ReceiverStats['dropped'] = [];
      for (const [reason, counts] of dropped) {
        for (const [address, count] of counts) drops.push({ reason, address, count });
      }
      return {
        messages: queue.messages,
        bytes: queue.bytes,
        truncated: { ...connections.truncated },
        connections: connections.open,
        refused: { ...connections.refused },
        waiting: queue.waiting,
        dropped: drops,
      };
    },

    /** Takes no more, and hands on what has come. */
    async stop(): Promise<void> {
      tcp.close();
      tls?.listener.close();
      tls?.entry.close();
      clearInterval(telling);
      await connections.close();
      // The system forgets its counter with the socket.
      const more = kernelDrops();
      await udp.close();
      if (more > 0) queue.drop('kernel', OTHERS, more);
      queue.flush();
      queue.tellDropped();
    },
  };
}
