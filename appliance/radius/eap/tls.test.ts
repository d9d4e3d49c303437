import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import tls from 'node:tls';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EAP_LIMITS } from './limits.ts';
import { Sessions } from './sessions.ts';
import { type Channel, TlsEngine } from './tls.ts';
import type { EapCredentials, OuterMethod, Session } from './types.ts';

const credentials = makeCredentials();

function makeCredentials(): EapCredentials {
  const folder = mkdtempSync(path.join(tmpdir(), 'eap-tls-'));
  const [key, chain] = [path.join(folder, 'key.pem'), path.join(folder, 'chain.pem')];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=radius.test'];
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', chain], { stdio: 'pipe' });
  const made = { key: readFileSync(key, 'utf8'), chain: readFileSync(chain, 'utf8'), authorities: '' };
  rmSync(folder, { recursive: true });
  return made;
}

const makeEngine = (shown: Partial<EapCredentials> = {}): TlsEngine =>
  new TlsEngine({ ...credentials, ...shown }, new Sessions(100, 60, Date.now), { ...EAP_LIMITS, inner: 1000 });

class Pipe extends Duplex {
  private sent: Buffer[] = [];
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent.push(chunk);
    done();
  }
  drain(): Buffer {
    return Buffer.concat(this.sent.splice(0));
  }
}

/**
 * A client and a channel that talk until both are silent. A hello of Node's has a session id, which it can't be made to
 * leave out as EAP peers do: so `tickets` takes the server that these would meet.
 */
async function handshake(
  engine: TlsEngine,
  options: tls.ConnectionOptions,
  { outer = 'ttls' as OuterMethod, tickets = false } = {},
): Promise<{ channel: Channel; client: tls.TLSSocket; session: Buffer | undefined }> {
  const pipe = new Pipe();
  let session: Buffer | undefined;
  const client = tls.connect({ rejectUnauthorized: false, ...options, socket: pipe as never });
  client.on('session', (given) => {
    session = given;
  });
  client.on('error', () => {});
  for (let count = 0; count < 4; count++) await turn();
  const hello = pipe.drain();
  const channel = engine.open(outer, tickets ? withoutSessionId(hello) : hello);
  for (let flight = hello; flight.length > 0; flight = pipe.drain()) {
    await channel.feed(flight);
    pipe.push(channel.take());
    for (let count = 0; count < 4; count++) await turn();
  }
  return { channel, client, session };
}

/** The same hello as a peer without a session id would say it. */
function withoutSessionId(hello: Buffer): Buffer {
  const at = 5 + 4 + 2 + 32;
  const cut = hello[at]!;
  const short = Buffer.concat([hello.subarray(0, at), Buffer.of(0), hello.subarray(at + 1 + cut)]);
  short.writeUInt16BE(short.length - 5, 3);
  short.writeUIntBE(short.length - 9, 6, 3);
  return short;
}

const admitted = (outer: OuterMethod): Session =>
  ({ outer, login: 'bob', at: Date.now(), chain: [], verdict: { outcome: 'accept' } }) as unknown as Session;

for (const tickets of [false, true]) {
  const how = tickets ? 'tickets' : 'session ids';
  const tls13 = { minVersion: 'TLSv1.3' } as const;

  test(`by ${how}: only what was kept is resumed as somebody's`, async () => {
    const engine = makeEngine();
    const first = await handshake(engine, tls13, { tickets });
    assert.ok(first.channel.secure && first.session !== undefined);
    // Nobody has said that this one got in.
    const stolen = await handshake(engine, { ...tls13, session: first.session }, { tickets });
    assert.equal(stolen.channel.session, undefined);
    assert.equal(stolen.channel.resumed, tickets);
    first.channel.keep(admitted('ttls'));
    const again = await handshake(engine, { ...tls13, session: first.session }, { tickets });
    assert.equal(again.channel.session?.login, 'bob');
    const otherMethod = await handshake(engine, { ...tls13, session: first.session }, { tickets, outer: 'peap' });
    assert.equal(otherMethod.channel.session, undefined);
    again.channel.forget();
    const forgotten = await handshake(engine, { ...tls13, session: first.session }, { tickets });
    assert.equal(forgotten.channel.session, undefined);
    for (const { channel, client } of [first, stolen, again, otherMethod, forgotten]) {
      channel.close();
      client.destroy();
    }
  });
}

test('versions are those that are set', async () => {
  const old = await handshake(makeEngine({ tunnels: { min: 'TLSv1.2', max: 'TLSv1.2' } }), {});
  assert.equal(old.client.getProtocol(), 'TLSv1.2');
  const only = await handshake(makeEngine({ tunnels: { min: 'TLSv1.3', max: 'TLSv1.3' } }), { maxVersion: 'TLSv1.2' });
  assert.equal(only.channel.secure, false);
  assert.match(String(only.channel.failure), /protocol/);
});

test('key material is the peer’s', async () => {
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    const { channel, client } = await handshake(makeEngine(), { maxVersion });
    const theirs = client.exportKeyingMaterial(128, 'ttls keying material', undefined as never);
    assert.deepEqual(channel.exportKey(128, 'ttls keying material'), theirs);
    const context = Buffer.of(21);
    assert.deepEqual(
      channel.exportKey(128, 'EXPORTER_EAP_TLS_Key_Material', context),
      client.exportKeyingMaterial(128, 'EXPORTER_EAP_TLS_Key_Material', context),
    );
  }
});

test('handshakes that are broken off leave nothing behind', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const engine = makeEngine();
  let collected = 0;
  const registry = new FinalizationRegistry(() => collected++);
  const pipe = new Pipe();
  const client = tls.connect({ socket: pipe as never, rejectUnauthorized: false });
  client.on('error', () => {});
  for (let count = 0; count < 4; count++) await turn();
  const hello = pipe.drain();
  for (let count = 0; count < 300; count++) {
    const channel = engine.open('peap', hello);
    registry.register(channel, count);
    await channel.feed(hello);
    assert.ok(channel.hasOutput, `${count} ${hello.length} ${channel.failure}`);
    channel.close();
  }
  client.destroy();
  for (let count = 0; count < 20 && collected < 290; count++) {
    collect();
    await turn();
  }
  assert.ok(collected >= 290, `${collected} of 300`);
});
