import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { MessageChannel, Worker } from 'node:worker_threads';
import { openKeyFile } from '../../store/index.ts';
import { openArchive } from '../archive/archive.ts';
import type { FromSeal } from '../receive/messages.ts';
import { KIND } from '../record/types.ts';
import type { FromSealer, ToSealer, ToSearch } from './messages.ts';
import { lines, makePlace, messagesOf, ORIGIN, received } from './testing.ts';

const place = makePlace();
after(() => place.remove());

describe('the sealing thread', () => {
  it('seals what the receiver sends, answers, and ends when it is told to', async () => {
    const [receiver, search] = [new MessageChannel(), new MessageChannel()];
    const data = { dataDir: place.data, folder: place.folder, origin: ORIGIN };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { ...data, receiver: receiver.port1, search: search.port1 },
      transferList: [receiver.port1, search.port1],
    });
    const [credits, found, told]: [FromSeal[], ToSearch[], FromSealer[]] = [[], [], []];
    receiver.port2.on('message', (message: FromSeal) => credits.push(message));
    search.port2.on('message', (message: ToSearch) => found.push(message));
    worker.on('message', (message: FromSealer) => told.push(message));
    const say = (message: ToSealer): void => worker.postMessage(message);
    const ended = once(worker, 'exit');
    for (let i = 0; i < 25; i++) {
      const batch = received(lines(100, 100 * i));
      const views = Object.values(batch).filter((value) => ArrayBuffer.isView(value));
      const buffers = new Set(views.map((view) => view.buffer as ArrayBuffer));
      receiver.port2.postMessage({ type: 'batch', batch }, [...buffers]);
    }
    say({ type: 'append', id: 1, kind: KIND.audit, class: 1, records: ['{}'] });
    say({ type: 'stop' });
    await ended;
    for (const port of [receiver.port2, search.port2]) port.close();
    assert.ok(told.some((message) => message.type === 'ready' && message.created));
    assert.ok(told.some((message) => message.type === 'appended' && message.id === 1 && !message.error));
    const archive = openArchive({ folder: place.folder, secrets: openKeyFile(place.data) });
    assert.deepEqual(messagesOf(archive, KIND.log), lines(2500));
    archive.close();
    const sum = credits.reduce((bytes, message) => bytes + (message.type === 'credit' ? message.bytes : 0), 0);
    assert.equal(sum, lines(2500).join('').length);
    const blocks = found.flatMap((message) => (message.type === 'blocks' ? message.frames : []));
    assert.ok(blocks.reduce((count, [, block]) => count + block!.count, 0) > 2500);
  });

  it('says what is wrong where the log cannot be opened, and answers so', async () => {
    const other = makePlace();
    mkdirSync(other.folder);
    writeFileSync(path.join(other.folder, 'catalog.db'), Buffer.alloc(8192, 'no database '));
    const [receiver, search] = [new MessageChannel(), new MessageChannel()];
    const data = { dataDir: other.data, folder: other.folder, origin: ORIGIN };
    const worker = new Worker(new URL('./worker.ts', import.meta.url), {
      workerData: { ...data, receiver: receiver.port1, search: search.port1 },
      transferList: [receiver.port1, search.port1],
    });
    const told: FromSealer[] = [];
    worker.on('message', (message: FromSealer) => told.push(message));
    const ended = once(worker, 'exit');
    worker.postMessage({ type: 'append', id: 1, kind: KIND.audit, class: 1, records: ['{}'] });
    worker.postMessage({ type: 'stop' });
    await ended;
    for (const port of [receiver.port2, search.port2]) port.close();
    other.remove();
    const state = told.find((message) => message.type === 'state');
    assert.match(state?.reason ?? '', /catalog\.db cannot be opened: file is not a database/);
    assert.equal(state?.state, 'damaged');
    assert.ok(told.some((message) => message.type === 'appended' && message.error));
  });
});
