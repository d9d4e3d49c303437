import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it } from 'node:test';
import { createCosigner } from '../merkle/cosignature.ts';
import { post } from '../post.ts';
import { addCheckpoint, createWitnesses, WitnessError } from './client.ts';
import { logOf } from './testing.ts';

const log = logOf('gatehouse/acme/lisbon/edge-1');
const key = generateKeyPairSync('ed25519').privateKey;
const { vkey, cosign } = createCosigner('hub.example/witness', key);
const { note } = log.at(5);
const line = cosign(log.body(5), 1000);

/** Asks a witness that answers so. */
async function ask<T>(listener: RequestListener, run: (url: string) => Promise<T>): Promise<T> {
  const server = createServer((request, response) => {
    request.resume().on('end', () => listener(request, response));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    return await run(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const answered = (status: number, body: string, type = 'text/plain') =>
  ask(
    (_request, response) => response.writeHead(status, { 'content-type': type, location: '/' }).end(body),
    (url) => addCheckpoint({ url, vkey, note, old: 0, proof: [], http: post }),
  );

describe('what a witness answers', () => {
  it('is a cosignature, among others that one doesn’t know', async () => {
    const other = createCosigner('other.example/witness', generateKeyPairSync('ed25519').privateKey);
    const body = other.cosign(log.body(5), 2000) + line;
    assert.deepEqual(await answered(200, body), { line, seconds: 1000 });
  });

  it('or the size that it knows', async () => {
    assert.deepEqual(await answered(409, '12\n', 'text/x.tlog.size'), { size: 12 });
    assert.deepEqual(await answered(409, '12\n', 'Text/X.tlog.size; charset=utf-8'), { size: 12 });
  });

  it('or an error that says what it was', async () => {
    const wrong: [Promise<unknown>, RegExp][] = [
      [answered(200, ''), /newline/],
      [answered(200, 'hello\n'), /signature line/],
      [answered(200, `${line}\n`), /signature line/],
      [answered(200, cosign(log.body(6), 1000)), /does not fit/],
      [answered(200, cosign(log.body(5), 0)), /does not fit/],
      [answered(200, createCosigner('hub.example/witness', log.key).cosign(log.body(5), 1)), /no signature of a known/],
      [answered(200, line.repeat(1000)), /larger than 16384 bytes/],
      [answered(409, '12\n'), /409 12$/],
      [answered(409, '12', 'text/x.tlog.size'), /409 12$/],
      [answered(409, '012\n', 'text/x.tlog.size'), /the size that it knows/],
      [answered(409, '99999999999999999999\n', 'text/x.tlog.size'), /the size that it knows/],
      [answered(302, ''), /answer is 302$/],
      [answered(404, 'this witness does not know the log\n'), /404 this witness does not know the log$/],
      [answered(500, `\x1b[31m${'x'.repeat(5000)}`), /500 \[31mx{100,200}$/],
    ];
    for (const [answer, message] of wrong) {
      await assert.rejects(answer, (error) => {
        assert.ok(error instanceof WitnessError && !error.inconsistent);
        assert.match(error.message, /^the witness hub\.example\/witness has not cosigned: /);
        assert.match(error.message, message);
        return true;
      });
    }
    await assert.rejects(answered(422, 'no\n'), { name: 'WitnessError', inconsistent: true });
    await assert.rejects(
      ask(
        (_request, response) => response.destroy(),
        (url) => addCheckpoint({ url, vkey, note, old: 0, proof: [], http: post }),
      ),
      /has not cosigned: /,
    );
  });

  it('never keeps the other witnesses from theirs', async () => {
    const stubborn = createCosigner('stubborn.example/witness', key);
    const results = await ask(
      (request, response) => {
        if (request.url === '/good/add-checkpoint') return response.end(line);
        // Another size each time.
        return response.writeHead(409, { 'content-type': 'text/x.tlog.size' }).end('3\n');
      },
      (url) =>
        createWitnesses(
          [
            { url: `${url}/good`, vkey },
            { url: 'http://127.0.0.1:1', vkey },
            { url: `${url}/stubborn`, vkey: stubborn.vkey },
          ],
          post,
        ).round(log.at(5)),
    );
    const told = results.map((result) => ('line' in result ? result.line : 'error' in result && result.error.message));
    assert.equal(told[0], line);
    assert.match(String(told[1]), /hub\.example\/witness has not cosigned: .*ECONNREFUSED/);
    assert.match(String(told[2]), /stubborn\.example\/witness has not cosigned: it says another size each time/);
  });

  it('isn’t asked of a key that is no witness’s', () => {
    assert.throws(() => createWitnesses([{ url: 'http://127.0.0.1', vkey: log.vkey }], post), /not one of a witness/);
  });
});
