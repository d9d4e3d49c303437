import { setTimeout as sleep } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import type { Received } from '../record/types.ts';
import { type FromSeal, type ReceiverOptions, startReceiver, type ToSeal } from './index.ts';

export interface Kept {
  text: string;
  peer: string;
  transport: number;
  flags: number;
  receiveUs: number;
  monotonicUs: number;
}

/** The messages of a batch. */
export function messagesOf(batch: Received): Kept[] {
  const raw = Buffer.from(batch.raw);
  return Array.from({ length: batch.count }, (_, i) => ({
    text: raw.toString('latin1', i === 0 ? 0 : batch.ends[i - 1]!, batch.ends[i]!),
    peer: batch.peers[batch.peer[i]!]!,
    transport: batch.transport[i]!,
    flags: batch.flags[i]!,
    receiveUs: batch.receiveUs[i]!,
    monotonicUs: batch.monotonicUs[i]!,
  }));
}

/** Waits until something holds; what is being waited for is in the error. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 1500; tries++) {
    if (await holds()) return;
    await sleep(10);
  }
  throw new Error(`waited in vain: ${what}`);
}

/** A receiver on loopback, and a sealing thread that acknowledges what it gets, unless it is told not to. */
export async function testReceiver(options: Partial<ReceiverOptions> = {}) {
  const { port1: seal, port2 } = new MessageChannel();
  const kept: Kept[] = [];
  const batches: Received[] = [];
  const dropped: Extract<ToSeal, { type: 'dropped' }>[] = [];
  const lines: { level: string; details: object; message: string }[] = [];
  const state = { acknowledges: true };
  const tell = (message: FromSeal): void => seal.postMessage(message);
  seal.on('message', (message: ToSeal) => {
    if (message.type === 'dropped') {
      dropped.push(message);
      return;
    }
    batches.push(message.batch);
    kept.push(...messagesOf(message.batch));
    if (state.acknowledges) tell({ type: 'credit', bytes: message.batch.raw.length });
  });
  const say = (level: string) => (details: object, message: string) => void lines.push({ level, details, message });
  try {
    const receiver = await startReceiver({
      listen: { host: '127.0.0.1', port: 0 },
      log: { info: say('info'), warn: say('warn'), error: say('error') },
      onFailed: (error) => void lines.push({ level: 'failed', details: {}, message: error.message }),
      ...options,
      seal: port2,
    });
    return {
      receiver,
      port: Number(receiver.addresses.udp.split(':').at(-1)),
      tlsPort: Number(receiver.addresses.tls?.split(':').at(-1)),
      kept,
      batches,
      dropped,
      lines,
      state,
      tell,
      texts: () => kept.map(({ text }) => text),
      async stop() {
        const stats = await receiver.stop();
        // What was handed on last is in the port still.
        await sleep(20);
        seal.close();
        return stats;
      },
    };
  } catch (error) {
    seal.close();
    throw error;
  }
}
