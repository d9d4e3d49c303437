import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { ATTRIBUTE, AttributeWriter, CODE, decryptSalted, parsePacket, Secret, VENDOR } from '../codec/index.ts';
import { account, device, voucher } from '../directory/testing.ts';
import { authenticatorResponse, challengeHash, hashNtHash, mppeKeysV2, ntHash, ntResponse } from '../mschap/index.ts';
import type { Answer } from '../types.ts';
import { extract } from './extract.ts';
import { readFields, textOf } from './fields.ts';
import { AUTH_CHALLENGE, CALLING, chap, mschap, mschapv2, PEER_CHALLENGE, pap, reply } from './shapes.ts';
import { AUTHENTICATOR, createRig, nas, type Rig, request } from './testing.ts';

const { secret } = nas();
const MAC = '02:00:00:11:22:33';
const METHODS = { pap: (n: string, p: string) => pap(n, p, secret), chap, mschap, mschapv2 };

const ask = async (rig: Rig, writer: AttributeWriter): Promise<Answer | undefined> =>
  rig.handle(request(writer.add(ATTRIBUTE.callingStationId, CALLING).done()));
const code = async (rig: Rig, writer: AttributeWriter): Promise<number | undefined> => (await ask(rig, writer))?.code;
const reason = (rig: Rig): string | undefined => rig.state.recorded.at(-1)?.reason;
async function withBob(): Promise<Rig> {
  const rig = await createRig();
  rig.accounts.set('1', account('1', 'bob', { networkPassword: 'hello123' }));
  await rig.load();
  return rig;
}

describe('a network password', () => {
  it('serves every method, by user name and email in any case', async () => {
    const rig = await withBob();
    rig.accounts.set('2', account('2', 'Ann', { names: ['ann', 'ann@example.com'], networkPassword: 'pässwörd' }));
    await rig.emit('identity.user.created', { userId: '2' });
    await rig.directory.settled();
    for (const [method, make] of Object.entries(METHODS)) {
      assert.equal(await code(rig, make('bob', 'hello123')), CODE.accessAccept, method);
      assert.equal(rig.state.recorded.at(-1)?.facts.method, method);
      assert.equal(await code(rig, make('BOB', 'hello123')), CODE.accessAccept, method);
      assert.equal(await code(rig, make('bob', 'hello124')), CODE.accessReject, method);
      assert.equal(reason(rig), 'wrong password');
      assert.equal(await code(rig, make('ANN@example.com', 'pässwörd')), CODE.accessAccept, method);
      assert.equal(rig.state.recorded.at(-1)?.facts.username, 'Ann');
      assert.equal(await code(rig, make('nobody', 'hello123')), CODE.accessReject, method);
      assert.equal(reason(rig), 'unknown user');
    }
    assert.equal(await code(rig, chap('bob', 'hello123', Buffer.from('another challenge'))), CODE.accessAccept);
    assert.equal(rig.state.verified, 0, 'without argon2');
  });

  it('is answered at once, without a promise', async () => {
    const rig = await withBob();
    for (const make of Object.values(METHODS)) {
      for (const password of ['hello123', 'wrong']) {
        assert.ok(!(rig.handle(request(make('bob', password).done())) instanceof Promise));
      }
    }
  });

  it('is missing: CHAP and MS-CHAP say so, PAP asks for the account password', async () => {
    const rig = await createRig();
    rig.accounts.set('1', account('1', 'bob', { hasPassword: true }));
    rig.state.passwords.set('1', 'secret');
    await rig.load();
    for (const make of [chap, mschap, mschapv2]) {
      assert.equal(await code(rig, make('bob', 'secret')), CODE.accessReject);
      assert.equal(reason(rig), 'this user has no network password');
    }
    assert.equal(await code(rig, pap('bob', 'secret', secret)), CODE.accessAccept);
    assert.equal(await code(rig, pap('bob', 'wrong', secret)), CODE.accessReject);
    assert.deepEqual(rig.innerMethods('bob'), ['gtc']);
    assert.deepEqual(rig.innerMethods('nobody'), ['mschapv2', 'gtc']);
  });

  it("gives MS-CHAPv2 what the peer checks, and the tunnel's keys", async () => {
    const rig = await withBob();
    const packet = reply(await ask(rig, mschapv2('CORP\\bob', 'hello123', 'bob')));
    assert.equal(packet.code, CODE.accessReject, 'a domain that is nobody is part of the name');
    const ok = reply(await ask(rig, mschapv2('bob', 'hello123')));
    const response = ntResponse(AUTH_CHALLENGE, PEER_CHALLENGE, 'bob', ntHash('hello123'));
    const hashHash = hashNtHash(ntHash('hello123'));
    const want = authenticatorResponse(hashHash, response, challengeHash(PEER_CHALLENGE, AUTH_CHALLENGE, 'bob'));
    assert.equal(Buffer.from(ok.vendor(VENDOR.microsoft, 26)!).toString('latin1'), `\x05S=${want}`);
    const keys = mppeKeysV2(hashHash, response);
    const decrypt = (type: number) =>
      Buffer.from(decryptSalted(ok.vendor(VENDOR.microsoft, type)!, AUTHENTICATOR, secret)!);
    assert.deepEqual(decrypt(16), Buffer.from(keys.send));
    assert.deepEqual(decrypt(17), Buffer.from(keys.recv));
  });

  it('tells MS-CHAP of a failure in its own words', async () => {
    const rig = await withBob();
    const error = (answer: Answer | undefined) =>
      Buffer.from(reply(answer).vendor(VENDOR.microsoft, 2) ?? []).toString('latin1');
    assert.match(
      error(await ask(rig, mschapv2('bob', 'x'))),
      /^\x05E=691 R=0 C=[0-9A-F]{32} V=3 M=Authentication failed$/,
    );
    assert.match(error(await ask(rig, mschap('bob', 'x'))), /^\x05E=691 R=0 C=[0-9A-F]{16} V=2$/);
    assert.equal((await ask(rig, pap('bob', 'x', secret)))?.attributes.length, 0);
  });
});

describe('an account password', () => {
  it('costs argon2 once; busy is no answer; one check for many requests', async () => {
    const rig = await createRig();
    rig.accounts.set('1', account('1', 'bob', { hasPassword: true }));
    rig.state.passwords.set('1', 'secret');
    await rig.load();
    rig.state.busy = true;
    assert.equal(await ask(rig, pap('bob', 'secret', secret)), undefined);
    rig.state.busy = false;
    rig.state.verified = 0;
    const codes = await Promise.all(Array.from({ length: 10 }, () => code(rig, pap('bob', 'secret', secret))));
    assert.deepEqual(new Set(codes), new Set([CODE.accessAccept]));
    assert.equal(rig.state.verified, 1);
    assert.ok(!(rig.handle(request(pap('bob', 'secret', secret).done())) instanceof Promise), 'then at once');
  });

  it('is not asked for where the network password is right', async () => {
    const rig = await createRig();
    rig.accounts.set('1', account('1', 'bob', { hasPassword: true, networkPassword: 'net' }));
    rig.state.passwords.set('1', 'secret');
    await rig.load();
    assert.equal(await code(rig, pap('bob', 'net', secret)), CODE.accessAccept);
    assert.equal(rig.state.verified, 0);
    assert.equal(await code(rig, pap('bob', 'secret', secret)), CODE.accessAccept);
    assert.equal(rig.state.verified, 1);
  });
});

describe('a change in the directory', () => {
  it('holds at the next request: password, network password, disabled, group, gone', async () => {
    const rig = await createRig();
    const put = async (more: Parameters<typeof account>[2]): Promise<void> => {
      rig.accounts.set('1', account('1', 'bob', more));
      await rig.emit('identity.user.updated', { userId: '1', changed: [] });
      await rig.directory.settled();
    };
    rig.state.passwords.set('1', 'old');
    await rig.load();
    const accepts = async (password: string): Promise<boolean> =>
      (await code(rig, pap('bob', password, secret))) === CODE.accessAccept;

    assert.equal(await accepts('old'), false);
    await put({ hasPassword: true, passwordVersion: 1 });
    assert.equal(await accepts('old'), true);
    rig.state.passwords.set('1', 'new');
    assert.equal(await accepts('old'), true, 'until the event is heard');
    await put({ hasPassword: true, passwordVersion: 2 });
    assert.equal(await accepts('old'), false);
    assert.equal(await accepts('new'), true);
    await put({ hasPassword: true, passwordVersion: 2, networkPassword: 'net' });
    assert.equal(await code(rig, mschapv2('bob', 'net')), CODE.accessAccept);
    await put({ hasPassword: true, passwordVersion: 2, networkPassword: 'net2', groups: ['staff'] });
    assert.equal(await code(rig, mschapv2('bob', 'net')), CODE.accessReject);
    assert.equal(await code(rig, mschapv2('bob', 'net2')), CODE.accessAccept);
    assert.deepEqual(rig.state.recorded.at(-1)?.facts.groups, ['staff']);
    const before = rig.state.verified;
    assert.equal(await accepts('new'), true);
    assert.equal(rig.state.verified, before, 'what was proved stays where the password is the same');
    await put({ hasPassword: true, passwordVersion: 2, networkPassword: 'net2', enabled: false });
    assert.equal(await accepts('net2'), false);
    assert.equal(reason(rig), 'this user is disabled');
    rig.accounts.delete('1');
    await rig.emit('identity.user.deleted', { userId: '1', username: 'bob' });
    await rig.directory.settled();
    assert.equal(await accepts('net2'), false);
    assert.equal(reason(rig), 'unknown user');
  });

  it('is not answered for before everything was read', async () => {
    const rig = await createRig();
    rig.accounts.set('1', account('1', 'bob', { networkPassword: 'x' }));
    assert.equal(await ask(rig, pap('bob', 'x', secret)), undefined);
    assert.equal(rig.state.recorded.length, 0);
  });
});

describe('MAC authentication bypass', () => {
  const shapes: Record<string, (name: string) => AttributeWriter> = {
    'the password is the name': (name) => pap(name, name, secret),
    'Call-Check with another password': (name) => pap(name, 'x', secret).add(ATTRIBUTE.serviceType, 10),
    'Call-Check without a password': (name) =>
      new AttributeWriter().add(ATTRIBUTE.userName, name).add(ATTRIBUTE.serviceType, 10),
    CHAP: (name) => chap(name, name),
  };

  it('takes a device in any notation of its address', async () => {
    const rig = await createRig();
    rig.devices.set('d', device('d', MAC, { groups: ['printers'] }));
    await rig.load();
    for (const name of ['020000112233', '02-00-00-11-22-33', '0200.0011.2233', '02:00:00:11:22:33']) {
      for (const [shape, make] of Object.entries(shapes)) {
        assert.equal(await code(rig, make(name)), CODE.accessAccept, `${name}: ${shape}`);
        const { facts } = rig.state.recorded.at(-1)!;
        assert.deepEqual([facts.method, facts.mac, facts.groups], ['mab', MAC, ['printers']]);
      }
    }
  });

  it('refuses what is unknown, disabled, not meant for it, or not the caller', async () => {
    const rig = await createRig();
    rig.accounts.set('1', account('1', 'bob', { enabled: false }));
    rig.devices.set('1', device('1', '02:00:00:00:00:01'));
    rig.devices.set('2', device('2', '02:00:00:00:00:02', { enabled: false }));
    rig.devices.set('3', device('3', '02:00:00:00:00:03', { mab: false }));
    rig.devices.set('4', device('4', '02:00:00:00:00:04', { userId: '1' }));
    await rig.load();
    const try_ = async (mac: string, calling: string | undefined) => {
      const writer = pap(mac, mac, secret);
      if (calling !== undefined) writer.add(ATTRIBUTE.callingStationId, calling);
      const answer = await rig.handle(request(writer.done()));
      return answer?.code === CODE.accessAccept ? 'in' : reason(rig);
    };
    assert.equal(await try_('020000000001', '02-00-00-00-00-01'), 'in');
    assert.match((await try_('020000000001', '02-00-00-00-00-09')) ?? '', /another/);
    assert.match((await try_('020000000001', undefined)) ?? '', /no Calling-Station-Id/);
    assert.equal(await try_('020000000009', '02-00-00-00-00-09'), 'unknown device');
    assert.equal(await try_('020000000002', '02-00-00-00-00-02'), 'this device is disabled');
    assert.equal(
      await try_('020000000003', '02-00-00-00-00-03'),
      'this device may not connect by its MAC address alone',
    );
    assert.equal(await try_('020000000004', '02-00-00-00-00-04'), "this device's owner is disabled");
  });

  it("gives a device its owner's groups; a device's own password serves every method", async () => {
    const rig = await createRig();
    rig.accounts.set('1', account('1', 'bob', { groups: ['staff'] }));
    rig.devices.set('d', device('d', MAC, { userId: '1', groups: ['phones'], name: 'Lobby', networkPassword: 'pw' }));
    await rig.load();
    assert.equal(await code(rig, pap('020000112233', '020000112233', secret)), CODE.accessAccept);
    assert.deepEqual(rig.state.recorded.at(-1)?.facts.groups, ['staff', 'phones']);
    for (const make of Object.values(METHODS)) {
      assert.equal(await code(rig, make('lobby', 'pw')), CODE.accessAccept);
      assert.equal(await code(rig, make('02-00-00-11-22-33', 'pw')), CODE.accessAccept);
      assert.equal(rig.state.recorded.at(-1)?.facts.userId, '1');
      assert.equal(await code(rig, make('lobby', 'px')), CODE.accessReject);
    }
  });
});

describe('a voucher', () => {
  it('is its code as name and password, or as the password of "voucher", however it is typed', async () => {
    const rig = await createRig();
    rig.vouchers.set('v', voucher('v', 'ABCDEFGH', { duration: 3600 }));
    await rig.load();
    const accepts = async (writer: AttributeWriter) => (await code(rig, writer)) === CODE.accessAccept;
    assert.ok(await accepts(pap('abcd-efgh', 'ABCD efgh', secret)));
    assert.deepEqual(rig.state.used, ['v']);
    assert.ok(await accepts(pap('Voucher', 'abcdefgh', secret)));
    assert.ok(await accepts(chap('abcd-efgh', 'abcd-efgh')));
    assert.ok(await accepts(mschapv2('ABCD-EFGH', 'ABCDEFGH')));
    assert.deepEqual(rig.state.used, ['v'], 'the clock starts once');
    assert.deepEqual(rig.state.recorded.at(-1)?.facts.voucher, { id: 'v', batchId: 'batch' });
    assert.ok(!(await accepts(pap('abcd-efgh', 'ABCDEFGX', secret))));
    assert.ok(!(await accepts(pap('voucher', 'ABCDEFGX', secret))));
    assert.ok(!(await accepts(chap('voucher', 'ABCDEFGH'))));
  });

  it('ends when its time is over, and bounds the session until then', async () => {
    const rig = await createRig();
    const { now } = rig.state;
    rig.vouchers.set('v', voucher('v', 'ABCD', { duration: 3600, validUntil: now + 7200_000 }));
    await rig.load();
    const timeout = async () => reply(await ask(rig, pap('abcd', 'abcd', secret))).number(ATTRIBUTE.sessionTimeout);
    assert.equal(await timeout(), 3600);
    rig.state.now += 600_500;
    assert.equal(await timeout(), 3000);
    rig.state.now = now + 3600_000;
    const late = reply(await ask(rig, pap('abcd', 'abcd', secret)));
    assert.equal(late.code, CODE.accessReject);
    assert.equal(late.text(ATTRIBUTE.replyMessage), 'This voucher has expired.');
  });

  it('is not answered for while its first use cannot be written', async () => {
    const rig = await createRig();
    rig.vouchers.set('v', voucher('v', 'ABCD', { duration: 3600 }));
    await rig.load();
    rig.state.voucherFails = true;
    assert.equal(await ask(rig, pap('abcd', 'abcd', secret)), undefined);
    rig.state.voucherFails = false;
    assert.equal(await code(rig, pap('abcd', 'abcd', secret)), CODE.accessAccept);
  });
});

describe('what a request shows', () => {
  const refuses = (writer: AttributeWriter, want: RegExp): void => {
    const { packet } = request(writer.done());
    const fields = readFields(packet);
    const got = extract(fields, fields.userName ? textOf(fields.userName) : '', packet, secret);
    assert.ok(typeof got === 'string', 'refused');
    assert.match(got, want);
  };
  const name = () => new AttributeWriter().add(ATTRIBUTE.userName, 'bob');

  it('is refused with a reason where it is nothing, several, or misshapen', () => {
    refuses(name(), /no password/);
    refuses(pap('bob', 'x', secret).add(ATTRIBUTE.chapPassword, new Uint8Array(17)), /more than one kind/);
    refuses(mschap('bob', 'x').vendor(VENDOR.microsoft, 25, new Uint8Array(50)), /more than one kind/);
    refuses(pap('bob', 'x', secret).add(ATTRIBUTE.userPassword, new Uint8Array(16)), /more than once/);
    refuses(name().add(ATTRIBUTE.userPassword, new Uint8Array(15)), /15 bytes/);
    refuses(name().add(ATTRIBUTE.chapPassword, new Uint8Array(16)), /16 bytes/);
    refuses(
      name().add(ATTRIBUTE.chapPassword, new Uint8Array(17)).add(ATTRIBUTE.chapChallenge, new Uint8Array()),
      /empty/,
    );
    refuses(name().vendor(VENDOR.microsoft, 1, new Uint8Array(50)), /MS-CHAP-Challenge is missing/);
    refuses(name().vendor(VENDOR.microsoft, 25, new Uint8Array(49)), /49 bytes/);
    const v2 = name().vendor(VENDOR.microsoft, 25, new Uint8Array(50));
    refuses(v2.vendor(VENDOR.microsoft, 11, new Uint8Array(8)), /8 bytes, not 16/);
    const lm = name().vendor(VENDOR.microsoft, 1, new Uint8Array(50));
    refuses(lm.vendor(VENDOR.microsoft, 11, new Uint8Array(8)), /LM response only/);
  });

  it('never throws, and the answer never does, whatever the packet holds', async () => {
    const rig = await withBob();
    const seeds = [...Object.values(METHODS).map((make) => make('bob', 'hello123').done()), new Uint8Array(0)];
    const mutation = fc.record({
      seed: fc.nat(seeds.length - 1),
      changes: fc.array(fc.tuple(fc.nat(200), fc.nat(255)), { maxLength: 8 }),
      tail: fc.array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 60 })), { maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ seed, changes, tail }) => {
        const tails = tail.map(([type, value]) => Buffer.concat([Uint8Array.of(type, value.length + 2), value]));
        const attributes = Buffer.concat([seeds[seed]!, ...tails]);
        for (const [at, byte] of changes) if (at < attributes.length) attributes[at] = byte;
        const bytes = Buffer.concat([Uint8Array.of(1, 7, 0, 0), AUTHENTICATOR, attributes]);
        bytes.writeUInt16BE(bytes.length, 2);
        const packet = parsePacket(bytes);
        if (typeof packet === 'string') return;
        const answer = await rig.handle({ ...request(new Uint8Array(0)), packet });
        assert.ok(answer === undefined || answer.code !== CODE.accessAccept || rig.state.recorded.length > 0);
      }),
      { numRuns: 2000 },
    );
  });

  it('is noise under another secret, and rejected', async () => {
    const rig = await withBob();
    assert.equal(await code(rig, pap('bob', 'hello123', new Secret('other'))), CODE.accessReject);
  });
});
