import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ATTRIBUTE, type AttributeWriter, CODE, decryptSalted, type Packet, VENDOR } from '../codec/index.ts';
import { account, device, quiet, voucher } from '../directory/testing.ts';
import type { Answer, Subject, Verdict } from '../types.ts';
import { readFields } from './fields.ts';
import { CALLING, mschapv2, pap, reply } from './shapes.ts';
import { ssidOf, stationOf } from './stations.ts';
import { ALLOW, AUTHENTICATOR, createRig, decision, nas, type Rig, request } from './testing.ts';

const { secret } = nas();
async function withBob(): Promise<Rig> {
  const rig = await createRig();
  rig.accounts.set('1', account('1', 'bob', { networkPassword: 'hello123', groups: ['staff'] }));
  await rig.load();
  return rig;
}
const bob = (more: (writer: AttributeWriter) => AttributeWriter = (w) => w, of = nas()) =>
  request(more(pap('bob', 'hello123', secret)).done(), of);
const ask = async (rig: Rig, req = bob()): Promise<Packet> => reply(await rig.handle(req));
const named = (rig: Rig, packet: Packet): string[] =>
  rig.dictionary.decode(packet).map(({ name, value }) => `${name}=${value}`);

describe('the facts of a request', () => {
  it('are what the NAS says and the directory knows', async () => {
    const rig = await withBob();
    rig.devices.set('d', device('d', '02:00:00:11:22:33', { groups: ['laptops', 'staff'], name: 'laptop' }));
    await rig.emit('access.device.created', { deviceId: 'd', mac: '' });
    await rig.directory.settled();
    const req = bob((w) =>
      w.add(ATTRIBUTE.calledStationId, 'AA-BB-CC-DD-EE-FF:Office: 5').add(ATTRIBUTE.callingStationId, CALLING),
    );
    await ask(rig, req);
    assert.deepEqual(rig.state.recorded.at(-1), {
      facts: {
        door: 'radius',
        username: 'bob',
        realm: undefined,
        userId: '1',
        groups: ['staff', 'laptops'],
        method: 'pap',
        certificate: undefined,
        nas: { id: 'nas', name: 'ap', type: 'generic', groups: [], siteId: 'default', address: '127.0.0.1' },
        ssid: 'Office: 5',
        calledStation: 'AA-BB-CC-DD-EE-FF:Office: 5',
        callingStation: CALLING,
        mac: '02:00:00:11:22:33',
        device: { id: 'd', name: 'laptop', groups: ['laptops', 'staff'] },
        voucher: undefined,
        at: req.at,
      },
      outcome: 'accept',
      decision: ALLOW,
    });
  });

  it('have the SSID from Called-Station-Id in any notation, or from a vendor', async () => {
    for (const text of ['AA-BB-CC-DD-EE-FF:x', 'aa:bb:cc:dd:ee:ff:x', 'aabbccddeeff:x', 'aabb.ccdd.eeff:x']) {
      assert.equal(ssidOf(text), 'x', text);
    }
    for (const text of ['AA-BB-CC-DD-EE-FF', 'AA-BB-CC-DD-EE-FF:', 'x:y', '0123456789012:x']) {
      assert.equal(ssidOf(text), undefined, text);
    }
    for (const text of ['', 'x'.repeat(200), 'AA-BB-CC-DD-EE-FF:ü', '02-00-00-11-22-33', '02-00-00-11-22-33']) {
      const { mac, ssid } = stationOf(Buffer.from(text));
      assert.deepEqual([stationOf(Buffer.from(text)).text, ssid], [text, ssidOf(text)]);
      assert.equal(mac, text.startsWith('02') ? '02:00:00:11:22:33' : undefined);
    }
    const rig = await withBob();
    const vendors = [
      [VENDOR.aruba, 5, 'x'],
      [VENDOR.ruckus, 3, 'x'],
      [VENDOR.fortinet, 7, 'x'],
      [VENDOR.cisco, 1, 'ssid=x'],
    ] as const;
    for (const [vendor, type, value] of vendors) {
      await ask(
        rig,
        bob((w) => w.vendor(vendor, type, value)),
      );
      assert.equal(rig.state.recorded.at(-1)?.facts.ssid, 'x');
    }
  });

  it('have no U+0000, which PostgreSQL refuses, whoever says it', async () => {
    const rig = await withBob();
    const packet = pap('b\0b@corp', 'x', secret)
      .add(ATTRIBUTE.calledStationId, 'a\0b')
      .add(ATTRIBUTE.callingStationId, '\0');
    await ask(rig, request(packet.vendor(VENDOR.aruba, 5, '\0net').done()));
    const { facts } = rig.state.recorded.at(-1)!;
    assert.deepEqual(
      [facts.username, facts.calledStation, facts.callingStation, facts.ssid],
      ['b\ufffdb', 'a\ufffdb', '\ufffd', '\ufffdnet'],
    );
    // Inside of a tunnel names are read elsewhere.
    const subject = rig.directory.user('bob')!.subject;
    rig.authorize.accept(
      bob(),
      { fields: readFields(bob().packet), login: 'bob', realm: undefined, method: 'pap' },
      { outcome: 'accept', subject: { ...subject, username: 'b\0b' }, realm: 'c\0' },
    );
    const { username, realm } = rig.state.recorded.at(-1)!.facts;
    assert.deepEqual(
      [username, realm, rig.state.admitted.at(-1)?.username],
      ['b\ufffdb', 'c\ufffd', 'b\ufffdb@c\ufffd'],
    );
  });

  it('of a flood of rejects are all in the journal, and a few in the log', async (t) => {
    const rig = await withBob();
    const lines = t.mock.method(quiet, 'info', () => undefined);
    for (let n = 0; n < 1000; n++) await rig.handle(request(pap('eve', 'x', secret).done()));
    assert.equal(rig.state.recorded.length, 1000);
    assert.ok(lines.mock.callCount() < 500, `${lines.mock.callCount()} lines`);
  });

  it('are there for who is refused too, with the name as it was typed', async () => {
    const rig = await withBob();
    await ask(rig, request(pap('Eve@corp', 'x', secret).done()));
    const ended = rig.state.recorded.at(-1);
    assert.equal(ended?.outcome, 'reject');
    assert.equal(ended?.decision, undefined);
    assert.deepEqual([ended?.facts.username, ended?.facts.realm], ['Eve', 'corp']);
  });
});

describe('a decision', () => {
  it('of no policy costs nothing: an accept without attributes', async () => {
    const rig = await withBob();
    const first = rig.handle(bob()) as Answer;
    const second = rig.handle(bob()) as Answer;
    assert.equal(first.code, CODE.accessAccept);
    assert.equal(first.attributes.length, 0);
    assert.equal(first.attributes, second.attributes, 'the same object');
    assert.equal(rig.state.usageAsked, 0);
    assert.deepEqual(rig.state.admitted.at(-1), {
      username: 'bob',
      userId: '1',
      method: 'pap',
      policy: null,
      attributes: first.attributes,
      dailyQuota: undefined,
      simultaneousUse: undefined,
    });
  });

  it('that denies is a reject with its message, and with MS-CHAP in the words of that', async () => {
    const rig = await withBob();
    rig.state.decide = () => decision({ action: 'deny', message: 'Not on Sundays.' });
    const packet = await ask(rig);
    assert.equal(packet.code, CODE.accessReject);
    assert.equal(packet.text(ATTRIBUTE.replyMessage), 'Not on Sundays.');
    assert.equal(rig.state.recorded.at(-1)?.reason, 'denied by the policy staff');
    assert.ok(rig.state.recorded.at(-1)?.decision, 'so the journal knows that a policy refused');
    assert.equal(rig.state.admitted.length, 0);
    const chapped = await ask(rig, request(mschapv2('bob', 'hello123').done()));
    assert.match(Buffer.from(chapped.vendor(VENDOR.microsoft, 2)!).toString('latin1'), /M=Not on Sundays\.$/);
  });

  it('is told in a long message as far as an attribute holds it', async () => {
    const rig = await withBob();
    rig.state.decide = () => decision({ action: 'deny', message: 'ü'.repeat(200) });
    assert.equal((await ask(rig)).text(ATTRIBUTE.replyMessage), 'ü'.repeat(126));
  });

  it('that cannot be told in full is a reject', async () => {
    const rig = await withBob();
    rig.state.decide = () => decision({ action: 'quarantine', vlan: 'x'.repeat(300) });
    assert.equal((await ask(rig)).code, CODE.accessReject);
    assert.match(rig.state.recorded.at(-1)?.reason ?? '', /can't be told/);
    const acl = Array.from({ length: 18 }, (_, line) => String(line).padEnd(210, 'x'));
    rig.state.decide = () => decision({ acl });
    assert.equal((await ask(rig)).code, CODE.accessAccept);
    const proxied = bob((w) => w.add(ATTRIBUTE.proxyState, new Uint8Array(250)));
    assert.equal((await ask(rig, proxied)).code, CODE.accessReject, 'no room for what a proxy wants back');
    assert.match(rig.state.recorded.at(-1)?.reason ?? '', /4096/);
    rig.state.decide = () => decision({ acl: [...acl, ...acl.map((line) => `y${line}`)] });
    assert.equal((await ask(rig, request(mschapv2('bob', 'hello123').done()))).code, CODE.accessReject);
  });

  it('refuses a device that is disabled, whoever uses it', async () => {
    const rig = await withBob();
    rig.devices.set('d', device('d', '02:00:00:11:22:33', { enabled: false }));
    await rig.emit('access.device.created', { deviceId: 'd', mac: '' });
    await rig.directory.settled();
    const packet = await ask(
      rig,
      bob((w) => w.add(ATTRIBUTE.callingStationId, CALLING)),
    );
    assert.equal(packet.code, CODE.accessReject);
    assert.equal(rig.state.recorded.at(-1)?.reason, 'this device is disabled');
  });
});

describe('limits', () => {
  it('refuse over sessions at once, bytes and seconds; what is left of the time bounds the session', async () => {
    const rig = await withBob();
    const limited = decision({ simultaneousUse: 2, dailyQuota: { bytes: 1000, seconds: 3600 }, sessionTimeout: 1800 });
    rig.state.decide = () => limited;
    const used = async (sessions: number, bytes: number, seconds: number) => {
      rig.state.usage = { sessions, bytes, seconds };
      const packet = await ask(rig);
      return packet.code === CODE.accessAccept
        ? [packet.number(ATTRIBUTE.sessionTimeout), packet.number(ATTRIBUTE.terminationAction)]
        : rig.state.recorded.at(-1)?.reason;
    };
    assert.deepEqual(await used(0, 0, 0), [1800, 1]);
    assert.deepEqual(await used(1, 999, 3000), [600, undefined], 'over when the time is, so nobody is asked again');
    assert.deepEqual(rig.state.admitted.at(-1)?.dailyQuota, { bytes: 1000, seconds: 3600 });
    assert.equal(rig.state.admitted.at(-1)?.simultaneousUse, 2);
    assert.equal(await used(2, 0, 0), '2 sessions at once, where 2 are allowed');
    assert.equal(await used(0, 1000, 0), '1000 bytes are used, where 1000 are allowed');
    assert.equal(await used(0, 0, 3600), '3600 seconds of this day are used, where 3600 are allowed');
    assert.ok(rig.state.recorded.at(-1)?.decision);
  });

  it("of a voucher: its bytes, and its bandwidth where that is less than the policy's", async () => {
    const rig = await createRig();
    rig.vouchers.set('v', voucher('v', 'ABCD', { quotaBytes: 500, bandwidth: { up: 1e6, down: 9e6 }, firstUsedAt: 1 }));
    await rig.load();
    const fast = decision({ bandwidth: { down: 5e6 } });
    rig.state.decide = () => fast;
    const packet = await ask(rig, request(pap('abcd', 'abcd', secret).done()));
    assert.deepEqual(named(rig, packet), ['WISPr-Bandwidth-Max-Up=1000000', 'WISPr-Bandwidth-Max-Down=5000000']);
    const first = rig.state.admitted.at(-1);
    await ask(rig, request(pap('abcd', 'abcd', secret).done()));
    assert.equal(rig.state.admitted.at(-1)?.attributes, first?.attributes, 'the same object');
    assert.equal(first?.dailyQuota?.bytes, 500);
    rig.state.usage = { sessions: 0, bytes: 500, seconds: 0 };
    assert.equal((await ask(rig, request(pap('abcd', 'abcd', secret).done()))).code, CODE.accessReject);
  });
});

describe('an external source', () => {
  const subject: Subject = {
    kind: 'external',
    id: 'c',
    username: 'guest',
    userId: undefined,
    groups: [],
    device: undefined,
    voucher: undefined,
  };
  const answers = async (verdict: Verdict, decided = ALLOW): Promise<{ rig: Rig; packet: Packet | undefined }> => {
    const rig = await withBob();
    rig.state.decide = () => decided;
    rig.state.rest = async () => verdict;
    const of = nas({ source: { kind: 'rest', connectorIds: ['c'] } });
    const answer = await rig.handle(request(pap('guest', 'pw', secret).done(), of));
    return { rig, packet: answer && reply(answer) };
  };

  it('puts attributes over those of the decision by their operators, and bounds the session', async () => {
    const { rig, packet } = await answers(
      {
        outcome: 'accept',
        subject,
        sessionTimeout: 60.9,
        attributes: [
          { name: 'tunnel-private-group-id', value: '101', op: ':=' },
          { name: 'Tunnel-Type', value: 'GRE', op: '=' },
          { name: 'Acct-Interim-Interval', value: '300', op: '=' },
          { name: 'Reply-Message', value: 'a', op: '+=' },
          { name: 'Reply-Message', value: 'b', op: '+=' },
          { name: 'No-Such-Attribute', value: 'b', op: '+=' },
          { name: 'EAP-Message', value: '0x00', op: '+=' },
        ],
      },
      decision({ vlan: 5, sessionTimeout: 3600 }),
    );
    assert.deepEqual(named(rig, packet!), [
      'Tunnel-Type=VLAN',
      'Tunnel-Medium-Type=IEEE-802',
      'Tunnel-Private-Group-Id=101',
      'Acct-Interim-Interval=300',
      'Reply-Message=a',
      'Reply-Message=b',
      'Session-Timeout=60',
    ]);
  });

  it('may write what is encrypted, which is made for each request', async () => {
    const attributes = [{ name: 'Tunnel-Password', value: 'psk', op: ':=' as const }];
    for (const [verdict, decided] of [
      [{ outcome: 'accept' as const, subject, attributes }, ALLOW],
      [{ outcome: 'accept' as const, subject }, decision({ attributes })],
    ] as const) {
      const { packet } = await answers(verdict, decided);
      const value = packet?.first(ATTRIBUTE.tunnelPassword);
      assert.deepEqual(Buffer.from(decryptSalted(value!.subarray(1), AUTHENTICATOR, secret)!).toString(), 'psk');
    }
  });

  it("that gives no answer gets none given; one that fails doesn't reject", async () => {
    assert.equal((await answers({ outcome: 'none', reason: 'x' })).packet, undefined);
    const rig = await withBob();
    rig.state.rest = () => Promise.reject(new Error('x'));
    const of = nas({ source: { kind: 'rest', connectorIds: ['c'] } });
    assert.equal(await rig.handle(request(pap('guest', 'pw', secret).done(), of)), undefined);
  });
});
