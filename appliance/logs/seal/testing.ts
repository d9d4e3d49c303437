import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { importFfi } from '../../ffi/index.ts';
import { openKeyFile } from '../../store/index.ts';
import { type Archive, openArchive } from '../archive/archive.ts';
import { openLogKeys } from '../keys/index.ts';
import type { FromSeal } from '../receive/messages.ts';
import { createHasher } from '../record/sha256.ts';
import { blockOf } from '../record/testing.ts';
import type { Received } from '../record/types.ts';
import type { FromSealer, ToSealer, ToSearch } from './messages.ts';
import type { SealerOptions } from './options.ts';
import { Sealer } from './sealer.ts';

export const ORIGIN = 'gatehouse/acme/hq/edge-1';
const hasher = await createHasher(importFfi);

/** A clock that goes when it is told to; µs. */
export class TestClock {
  wall = 1_795_305_600e6;
  monotonic = 1e9;
  receiveUs = (): number => this.wall;
  monotonicUs = (): number => this.monotonic;
  go(seconds: number): void {
    this.wall += seconds * 1e6;
    this.monotonic += seconds * 1e6;
  }
}

/** Messages as the receiver hands them on. */
export function received(messages: readonly string[], peer = '192.0.2.1:514', clock = new TestClock()): Received {
  const { count, transport, flags, peer: peers, ends, raw } = blockOf(messages);
  return {
    ...{ count, transport, flags, peer: peers, peers: [peer], ends, raw },
    receiveUs: new Float64Array(count).fill(clock.wall),
    monotonicUs: new Float64Array(count).fill(clock.monotonic),
  };
}

export const lines = (count: number, from = 0): string[] => Array.from({ length: count }, (_, i) => `line ${from + i}`);

export interface Place {
  /** The data folder; the log is in `logs` of it. */
  data: string;
  folder: string;
  remove(): void;
}

export function makePlace(data = mkdtempSync(path.join(tmpdir(), 'gatehouse-seal-'))): Place {
  return { data, folder: path.join(data, 'logs'), remove: () => rmSync(data, { recursive: true, force: true }) };
}

/** Makes places that are gone when the test file has ended. */
export function usePlaces(): () => Place {
  const places: Place[] = [];
  after(() => {
    for (const one of places) one.remove();
  });
  return () => {
    const made = makePlace();
    places.push(made);
    return made;
  };
}

/** A sealer in a folder, and what it has said. */
export function openSealer({ data, folder }: Place, options: Partial<SealerOptions> = {}) {
  const clock = (options.clock as TestClock | undefined) ?? new TestClock();
  const secrets = openKeyFile(data);
  const [told, receiver, search]: [FromSealer[], FromSeal[], ToSearch[]] = [[], [], []];
  const keys = openLogKeys({ folder, secrets, origin: ORIGIN });
  const sealer = new Sealer({
    folder,
    secrets,
    keys,
    hasher,
    tell: (message) => void told.push(message),
    toReceiver: (message) => void receiver.push(message),
    toSearch: (message) => void search.push(message),
    ...options,
    clock,
  });
  const of = <T extends FromSealer['type']>(type: T) =>
    told.filter((message): message is Extract<FromSealer, { type: T }> => message.type === type);
  return {
    ...{ sealer, clock, told, receiver, search, secrets, of },
    statements: () => keys.statements(),
    send(messages: readonly string[], peer?: string): void {
      sealer.hear({ type: 'batch', batch: received(messages, peer, clock) });
      sealer.pump();
    },
    /** Lets time pass, in steps of a quarter of a second. */
    pass(seconds: number): void {
      for (let left = seconds * 4; left > 0; left--) {
        clock.go(0.25);
        sealer.tick();
      }
    },
    async call(message: ToSealer): Promise<FromSealer | undefined> {
      await sealer.call(message);
      return told.at(-1);
    },
    /** Seals all and ends. */
    stop: () => sealer.call({ type: 'stop' }),
    archive: (): Archive => openArchive({ folder, secrets }),
  };
}
export type TestSealer = ReturnType<typeof openSealer>;

/** What is in the log, message by message. */
export function messagesOf(archive: Archive, kind?: number): string[] {
  const found: [number, string][] = [];
  for (const block of archive.blocks({ from: 0, to: Number.POSITIVE_INFINITY })) {
    for (let i = 0; i < block.count; i++) {
      if (kind !== undefined && block.kind[i] !== kind) continue;
      const raw = block.raw.subarray(i === 0 ? 0 : block.ends[i - 1]!, block.ends[i]!);
      found.push([block.index[i]!, Buffer.from(raw).toString()]);
    }
  }
  return found.sort(([a], [b]) => a - b).map(([, text]) => text);
}
