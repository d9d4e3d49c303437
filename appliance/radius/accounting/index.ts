import path from 'node:path';
import { Counter, Gauge, type Registry } from 'prom-client';
import type { Logger } from '../../store/index.ts';
import { CODE, type Packet, parsePacket } from '../codec/index.ts';
import type { Answer, Nas } from '../types.ts';
import { type JournalFolder, journalFolder } from './files.ts';
import type { Frame } from './frame.ts';
import { createJournal } from './journal.ts';
import { type AccountingRecord, readRecord } from './record.ts';

export { type AccountingRecord, deviceOf, type Told } from './record.ts';

/** An Accounting-Request that was verified. */
export interface AccountingRequest {
  packet: Packet;
  nas: Nas;
  /** Where it came from. */
  address: string;
  /** Milliseconds since 1970. */
  at: number;
}

/** What takes the records in. */
export interface Ledger {
  apply(records: readonly AccountingRecord[], all?: boolean): Promise<void> | undefined;
  hasRoom(record: AccountingRecord): boolean;
  onStored(fn: (count: number) => void): void;
  flush(): Promise<void>;
}

export interface AccountingOptions {
  /** The appliance's data folder, in which the journal has one of its own. */
  dataDir: string;
  sessions: Ledger;
  log: Logger;
  registry?: Registry | undefined;
  /** Milliseconds that only go forward. */
  monotonic: () => number;
  /**
   * Passes a request on that isn't ours alone (RFC 2866, section 1.2), once it is durable here. False: the other side
   * hasn't taken it, so it isn't answered; undefined at once: nothing is to be passed on.
   */
  forward?: (request: AccountingRequest) => Promise<boolean> | undefined;
  /**
   * Hears each record that is durable here; after a crash it hears the last ones again. What it hasn't taken stays in the
   * journal.
   */
  onRecords?: (records: readonly AccountingRecord[]) => Promise<void>;
  /** Where the journal lies, for tests. */
  folder?: JournalFolder;
}

const ACKNOWLEDGED: Answer = { code: CODE.accountingResponse, attributes: new Uint8Array(0) };

interface Waiting {
  record: AccountingRecord;
  request: AccountingRequest;
  settle: (answer: Answer | undefined) => void;
}

/**
 * Accounting (RFC 2866): a request is answered when its record is on the disk, in the journal; the sessions follow in
 * memory at once and in the database soon after, and then its part of the journal goes.
 */
export function createAccounting(options: AccountingOptions) {
  const { log, sessions } = options;
  const registers = options.registry ? [options.registry] : [];
  const answered = new Counter({
    name: 'gatehouse_radius_accounting_total',
    help: 'Accounting records that were answered, by kind',
    labelNames: ['kind'],
    registers,
  });
  const dropped = new Counter({
    name: 'gatehouse_radius_accounting_dropped_total',
    help: 'Accounting requests without an answer, by reason',
    labelNames: ['reason'],
    registers,
  });
  if (options.registry) {
    new Gauge({
      name: 'gatehouse_radius_accounting_journal_bytes',
      help: 'Size of the accounting journal',
      registers,
      collect() {
        this.set(journal.size().bytes);
      },
    });
  }
  const count = { start: 0, interim: 0, stop: 0, on: 0, off: 0 };

  const journal = createJournal<Waiting>({
    folder: options.folder ?? journalFolder(path.join(options.dataDir, 'accounting')),
    log,
    monotonic: options.monotonic,
    durable(items) {
      const records = items.map(({ record }) => record);
      tell(records);
      void sessions.apply(records);
      for (const { record, request, settle } of items) {
        count[record.kind]++;
        answer(request, settle);
      }
      for (const kind of Object.keys(count) as (keyof typeof count)[]) {
        if (count[kind] > 0) answered.inc({ kind }, count[kind]);
        count[kind] = 0;
      }
    },
    failed(items) {
      dropped.inc({ reason: 'disk' }, items.length);
      for (const { settle } of items) settle(undefined);
    },
  });
  let told: Promise<void> = Promise.resolve();
  sessions.onStored((stored) => {
    if (!options.onRecords) journal.release(stored);
    else {
      told.then(
        () => journal.release(stored),
        (error) => log.error({ err: error }, 'accounting records are kept in their journal: the log did not take them'),
      );
    }
  });

  function tell(records: readonly AccountingRecord[]): void {
    if (!options.onRecords || records.length === 0) return;
    const taken = options.onRecords(records);
    told = Promise.all([told, taken]).then(() => undefined);
    // Who waits for it hears of a failure: nothing of the journal is released then.
    told.catch(() => undefined);
  }

  function answer(request: AccountingRequest, settle: Waiting['settle']): void {
    const forwarded = options.forward?.(request);
    if (!forwarded) {
      settle(ACKNOWLEDGED);
      return;
    }
    forwarded.then(
      (taken) => {
        if (!taken) dropped.inc({ reason: 'upstream' });
        settle(taken ? ACKNOWLEDGED : undefined);
      },
      (error) => {
        log.warn({ err: error }, 'an accounting request could not be passed on');
        settle(undefined);
      },
    );
  }

  async function replay(frames: readonly Frame[]): Promise<void> {
    const records: AccountingRecord[] = [];
    for (const frame of frames) {
      const packet = parsePacket(frame.packet);
      const record = typeof packet === 'string' ? undefined : readRecord(packet, frame);
      if (record && record !== 'ignored' && !('invalid' in record)) records.push(record);
    }
    tell(records);
    for (let from = 0; from < records.length; from += 2000) {
      await sessions.apply(records.slice(from, from + 2000), true);
    }
  }

  return {
    /** Replays what an earlier run has left: before the first request. */
    async start(): Promise<void> {
      await journal.recover(replay);
      await sessions.flush();
      await told;
      await journal.recovered();
    },
    /** Undefined: no answer, and the NAS sends it again. */
    handle(request: AccountingRequest): Answer | undefined | Promise<Answer | undefined> {
      const { packet, nas, address } = request;
      const source = { nasId: nas.id, siteId: nas.siteId, address, receivedAt: Math.floor(request.at) };
      const record = readRecord(packet, source);
      if (record === 'ignored') return ACKNOWLEDGED;
      if ('invalid' in record) {
        dropped.inc({ reason: 'invalid' });
        return undefined;
      }
      if (!sessions.hasRoom(record)) {
        dropped.inc({ reason: 'sessions' });
        return undefined;
      }
      return new Promise((settle) => {
        if (journal.append(source, packet.bytes, { record, request, settle })) return;
        dropped.inc({ reason: 'queue' });
        settle(undefined);
      });
    },
    /** Answers what is queued, has the sessions written, and closes. */
    async stop(): Promise<void> {
      await journal.drain();
      await sessions.flush().catch((error) => log.error({ err: error }, 'sessions are left to the accounting journal'));
      await told.catch(() => undefined);
      await journal.close();
    },
  };
}
export type Accounting = ReturnType<typeof createAccounting>;
