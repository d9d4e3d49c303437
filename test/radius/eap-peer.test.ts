import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, afterEach, test } from 'node:test';
import type { ConnectionOptions } from 'node:tls';
import fc from 'fast-check';
import type { Eap } from '../../appliance/radius/eap/index.ts';
import type { Attempt } from '../../appliance/radius/types.ts';
import { requires } from '../requires.ts';
import { type EapBedOptions, makeEap } from './eap-bed.ts';
import { type Certificates, makeCertificates } from './eap-certs.ts';
import {
  accessRequest,
  avp,
  converse,
  gtc,
  pap,
  respond,
  Supplicant,
  type SupplicantOptions,
} from './eap-supplicant.ts';

const needs = requires('openssl');
const certs: Certificates = needs.skip === false ? makeCertificates() : (undefined as never);
after(() => certs && rmSync(certs.folder, { recursive: true }));

let eap: Eap | undefined;
let attempts: Attempt[] = [];
afterEach(async () => {
  await eap?.close();
  eap = undefined;
});

function start(options: Partial<EapBedOptions> = {}): Eap {
  attempts = [];
  const users = new Map([['bob', 'hello123']]);
  eap = makeEap({ credentials: certs.credentials, users, ...options }, { attempts, known: [] });
  return eap;
}

type Version = 'TLSv1.2' | 'TLSv1.3';
const VERSIONS: readonly Version[] = ['TLSv1.2', 'TLSv1.3'];

function peer(
  options: Partial<SupplicantOptions> & { version?: Version; session?: Buffer | undefined } = {},
): Supplicant {
  const { version = 'TLSv1.2', session, ...rest } = options;
  const client: ConnectionOptions = {
    ca: certs.read('ca.pem'),
    minVersion: version,
    maxVersion: version,
    // Node takes a session back only where it doesn't verify.
    rejectUnauthorized: session === undefined,
    ...(session && { session }),
    ...options.tls,
  };
  return new Supplicant({
    method: 'ttls',
    identity: 'anonymous',
    inside: pap('bob', 'hello123'),
    ...rest,
    tls: client,
  });
}

const reasonOf = (end: { kind: string }): string => ('reason' in end ? String(end.reason) : end.kind);

for (const version of VERSIONS) {
  test(`no certificate under ${version}: an alert, then a failure`, needs, async () => {
    const supplicant = peer({ method: 'tls', version });
    const { end } = await converse(supplicant, { eap: start() });
    assert.deepEqual([end.kind, reasonOf(end)], ['reject', 'client certificate: NO_CERTIFICATE']);
    assert.match(String(supplicant.error?.code), /HANDSHAKE_FAILURE|CERTIFICATE_REQUIRED/);
  });

  test(
    `${version}: a session of somebody who failed inside is not resumed, one of somebody who got in is`,
    needs,
    async () => {
      const link = { eap: start() };
      const failed = peer({ version, inside: pap('bob', 'wrong') });
      assert.equal((await converse(failed, link)).end.kind, 'reject');
      // Under 1.3 whoever fails gets no ticket at all: the refusal comes first.
      assert.equal(failed.session === undefined, version === 'TLSv1.3');
      const first = peer({ version, session: failed.session });
      const { end } = await converse(first, link);
      assert.equal(end.kind === 'accept' && end.resumed, false);
      assert.equal(first.resumed, false);
      const second = peer({ version, session: first.session, inside: () => undefined });
      const { end: again, rounds } = await converse(second, link);
      assert.equal(again.kind === 'accept' && again.resumed, true);
      assert.ok(second.resumed);
      assert.ok(rounds <= 6, `${rounds} rounds`);
      assert.equal(attempts.length, 2);
      // Of TTLS, not of PEAP.
      const other = peer({ version, method: 'peap', session: first.session, inside: gtc('bob', 'hello123') });
      assert.equal((await converse(other, link)).end.kind, 'accept');
      assert.equal(other.resumed, false);
      // With new certificates, of nobody.
      link.eap.refresh();
      const later = peer({ version, session: first.session });
      const { end: fresh } = await converse(later, link);
      assert.equal(fresh.kind === 'accept' && fresh.resumed, false);
      assert.equal(later.resumed, false);
    },
  );

  test(`${version}: a session of PEAP that was broken off is not resumed`, needs, async () => {
    const link = { eap: start() };
    const broken = peer({ version, method: 'peap', inside: (heard) => (heard ? Buffer.of(3, 99) : undefined) });
    assert.equal((await converse(broken, link)).end.kind, 'reject');
    const session = broken.session;
    const next = peer({ version, method: 'peap', session, inside: gtc('bob', 'wrong') });
    assert.equal(reasonOf((await converse(next, link)).end), 'wrong password');
    assert.equal(next.resumed, false);
  });
}

test('a response that comes twice gets the same request twice, and the conversation goes on', needs, async () => {
  const { handle } = start();
  const supplicant = peer({ fragment: 100 });
  let response = respond(7, 1, Buffer.from('anonymous'));
  let state: Uint8Array | undefined;
  for (let rounds = 0; rounds < 60; rounds++) {
    const result = await handle(accessRequest(response, state));
    if (result.kind !== 'challenge') {
      assert.equal(result.kind, 'accept');
      return;
    }
    state = result.state;
    if (rounds > 0) {
      const same = await handle(accessRequest(response, state));
      assert.deepEqual(same.kind === 'challenge' && same.eap, result.eap);
      // So does what belongs to no request at all.
      const other = await handle(accessRequest(respond((result.eap[1]! + 9) & 0xff, 21, Buffer.of(0)), state));
      assert.deepEqual(other.kind === 'challenge' && other.eap, result.eap);
    }
    response = await supplicant.answer(result.eap);
  }
  assert.fail('no end');
});

test('a State is good at its NAS only, and nowhere once it is over', needs, async () => {
  const link = { eap: start() };
  const { handle } = link.eap;
  const supplicant = peer();
  const first = await handle(accessRequest(respond(7, 1, Buffer.from('anonymous')), undefined));
  assert.ok(first.kind === 'challenge');
  const nak = await supplicant.answer(first.eap);
  assert.match(reasonOf(await handle(accessRequest(nak, first.state, { nas: 'another' }))), /no such conversation/);
  assert.equal((await handle(accessRequest(nak, first.state))).kind, 'challenge');
  const forged = first.state.map((byte, index) => (index === 15 ? byte ^ 1 : byte));
  assert.match(reasonOf(await handle(accessRequest(nak, forged))), /no such conversation/);
  assert.match(reasonOf(await handle(accessRequest(nak, undefined))), /without its State/);
  assert.match(reasonOf(await handle(accessRequest(nak, Buffer.alloc(16, 200)))), /isn’t ours/);
});

test('EAP-Start is answered with a request for an identity', needs, async () => {
  const { handle } = start();
  const result = await handle(accessRequest(Buffer.of(0, 0), undefined));
  assert.ok(result.kind === 'challenge');
  assert.deepEqual([...result.eap.subarray(2)], [0, 5, 1]);
  const next = await handle(accessRequest(respond(result.eap[1]!, 1, Buffer.from('bob')), result.state));
  assert.deepEqual(next.kind === 'challenge' && [...next.eap.subarray(4)], [25, 0x20]);
});

test('no more conversations than the limits allow', needs, async () => {
  const { handle } = start({ limits: { conversationsPerNas: 3 } });
  const begin = (nas: string) => handle(accessRequest(respond(1, 1, Buffer.from('x')), undefined, { nas }));
  for (let count = 0; count < 3; count++) assert.equal((await begin('one')).kind, 'challenge');
  assert.equal((await begin('one')).kind, 'none');
  assert.equal((await begin('two')).kind, 'challenge');
});

test('no more rounds, and no more bytes inside, than the limits allow', needs, async () => {
  const link = { eap: start({ limits: { rounds: 6 } }) };
  assert.equal(reasonOf((await converse(peer({ fragment: 20 }), link)).end), 'too many rounds');
  await link.eap.close();
  const { end } = await converse(peer({ inside: () => avp(2, Buffer.alloc(20_000)) }), { eap: start() });
  assert.match(reasonOf(end), /bytes at once/);
});

test('no verdict, then one: the peer that repeats itself gets in', needs, async () => {
  let asked = 0;
  const { handle } = start({
    authenticate: () =>
      ++asked === 1 ? { outcome: 'none', reason: 'away' } : { outcome: 'accept', subject: {} as never },
  });
  const supplicant = peer();
  let response = respond(7, 1, Buffer.from('anonymous'));
  let state: Uint8Array | undefined;
  for (let rounds = 0; rounds < 20; rounds++) {
    const result = await handle(accessRequest(response, state));
    if (result.kind === 'none') {
      const again = await handle(accessRequest(response, state));
      assert.equal(again.kind, 'accept');
      return;
    }
    assert.ok(result.kind === 'challenge');
    state = result.state;
    response = await supplicant.answer(result.eap);
  }
  assert.fail('no end');
});

test('whoever repeats itself while the verdict is awaited gets one answer', needs, async () => {
  let decide = (): void => {};
  let asked = (): void => {};
  const waiting = new Promise<undefined>((resolve) => {
    asked = () => resolve(undefined);
  });
  const { handle } = start({
    authenticate: () =>
      new Promise((resolve) => {
        decide = () => resolve({ outcome: 'accept', subject: {} as never });
        asked();
      }),
  });
  const supplicant = peer();
  let response = respond(7, 1, Buffer.from('anonymous'));
  let state: Uint8Array | undefined;
  for (let rounds = 0; rounds < 5; rounds++) {
    const pending = handle(accessRequest(response, state));
    const result = await Promise.race([pending, waiting]);
    if (result === undefined) {
      assert.deepEqual(await handle(accessRequest(response, state)), {
        kind: 'none',
        reason: 'the answer is being worked out',
      });
      decide();
      assert.equal((await pending).kind, 'accept');
      return;
    }
    assert.ok(result.kind === 'challenge');
    state = result.state;
    response = await supplicant.answer(result.eap);
  }
  assert.fail('nobody was asked');
});

test('a verdict that fails, or that no other thread can have, costs its own conversation', needs, async () => {
  let asked = 0;
  const link = {
    eap: start({
      authenticate: () => {
        if (++asked === 1) throw new Error('the directory is broken');
        return { outcome: 'accept', subject: asked === 2 ? ({ id: () => 0 } as never) : ({} as never) };
      },
    }),
  };
  assert.match(reasonOf((await converse(peer(), link)).end), /no answer/);
  assert.match(reasonOf((await converse(peer(), link)).end), /no answer/);
  assert.equal((await converse(peer(), link)).end.kind, 'accept');
});

/** What an attacker on the air, or a broken NAS, may make of a packet. */
const mutation = fc.oneof(
  fc.record({ kind: fc.constant('flip' as const), at: fc.nat(), bits: fc.integer({ min: 1, max: 255 }) }),
  fc.record({ kind: fc.constant('cut' as const), at: fc.nat() }),
  fc.record({
    kind: fc.constant('insert' as const),
    at: fc.nat(),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
  }),
  fc.record({ kind: fc.constant('data' as const), bytes: fc.uint8Array({ maxLength: 60 }) }),
);

function mutate(packet: Buffer, how: typeof mutation extends fc.Arbitrary<infer M> ? M : never): Buffer {
  const copy = Buffer.from(packet);
  switch (how.kind) {
    case 'flip':
      copy[how.at % copy.length]! ^= how.bits;
      return copy;
    case 'cut':
      return copy.subarray(0, Math.max(3, how.at % copy.length));
    case 'insert': {
      const at = 5 + (how.at % Math.max(1, copy.length - 5));
      return respond(copy[1]!, copy[4]!, Buffer.concat([copy.subarray(5, at), how.bytes, copy.subarray(at)]));
    }
    case 'data':
      return respond(copy[1]!, copy[4]!, how.bytes);
  }
}

test('mutated packets at any round: an end, no crash, and the next one gets in', needs, async () => {
  const link = { eap: start({ limits: { rounds: 30 } }) };
  const methods = fc.constantFrom('tls' as const, 'peap' as const, 'ttls' as const);
  const run = fc.asyncProperty(
    methods,
    fc.constantFrom(...VERSIONS),
    fc.integer({ min: 1, max: 9 }),
    mutation,
    async (method, version, at, how) => {
      const inside =
        method === 'peap' ? gtc('bob', 'hello123') : method === 'ttls' ? pap('bob', 'hello123') : undefined;
      const supplicant = peer({ method, version, ...(inside && { inside }) });
      let rounds = 0;
      const { end } = await converse(supplicant, {
        ...link,
        tamper: (response, round) => (++rounds && round === at ? mutate(response, how) : undefined),
      }).catch((error: Error) => {
        // A conversation that can't go on for the lack of its peer's sense has no end of its own.
        assert.match(error.message, /no end/);
        return { end: { kind: 'reject' } };
      });
      assert.match(end.kind, /^(accept|reject|none)$/);
    },
  );
  await fc.assert(run, { numRuns: 150 });
  assert.equal(link.eap.stats().crashes, 0);
  assert.equal((await converse(peer(), link)).end.kind, 'accept');
});

test('whatever is said inside the tunnel: an end, and no crash', needs, async () => {
  const link = { eap: start() };
  const words = fc.array(
    fc.oneof(
      fc.uint8Array({ minLength: 1, maxLength: 80 }),
      fc
        .tuple(fc.constantFrom(1, 2, 3, 6, 26, 33), fc.uint8Array({ maxLength: 60 }))
        .map(([type, data]) => Buffer.of(type, ...data)),
      fc
        .tuple(fc.constantFrom(1, 2, 3, 60, 79), fc.uint8Array({ maxLength: 60 }))
        .map(([code, data]) => avp(code, data)),
    ),
    { minLength: 1, maxLength: 4 },
  );
  const run = fc.asyncProperty(fc.constantFrom('peap' as const, 'ttls' as const), words, async (method, said) => {
    const left = [...said];
    const { end } = await converse(peer({ method, inside: () => left.shift() }), link);
    assert.equal(end.kind, 'reject');
  });
  await fc.assert(run, { numRuns: 150 });
  assert.equal(link.eap.stats().crashes, 0);
  assert.equal((await converse(peer({ method: 'peap', inside: gtc('bob', 'hello123') }), link)).end.kind, 'accept');
});
