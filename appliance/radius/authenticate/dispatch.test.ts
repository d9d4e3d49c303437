import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Facts } from '../../access/index.ts';
import { ATTRIBUTE, AttributeWriter, CODE, decryptSalted, VENDOR } from '../codec/index.ts';
import { account, device, voucher } from '../directory/testing.ts';
import type { EapResult } from '../eap/index.ts';
import { MAX_DECISION_BYTES } from '../render/render.ts';
import type { Answer, Subject } from '../types.ts';
import { Admitted, MAX_REMEMBERED } from './again.ts';
import { CALLING, pap, reply } from './shapes.ts';
import { AUTHENTICATOR, createRig, decision, nas, type Rig, request } from './testing.ts';

const { secret } = nas();

async function withBob(): Promise<Rig> {
  const rig = await createRig();
  rig.accounts.set('1', account('1', 'bob', { networkPassword: 'hello123', groups: ['staff'] }));
  await rig.load();
  return rig;
}
const ask = async (rig: Rig, req = request(pap('bob', 'hello123', secret).done())) => reply(await rig.handle(req));

describe('where a request goes', () => {
  it('is what its realm says: proxied whole, EAP too; the realm is told', async () => {
    const rig = await withBob();
    const proxied: Answer = { code: CODE.accessAccept, attributes: new Uint8Array(0) };
    rig.state.proxy = async () => proxied;
    const of = nas({ source: { kind: 'proxy', upstreamIds: ['u'] } });
    assert.equal(await rig.handle(request(pap('bob', 'hello123', secret).done(), of)), proxied);
    const eap = new AttributeWriter().add(ATTRIBUTE.userName, 'bob').add(ATTRIBUTE.eapMessage, new Uint8Array(9));
    assert.equal(await rig.handle(request(eap.done(), of)), proxied);
    await ask(rig, request(pap('bob@corp', 'hello123', secret).done()));
    assert.equal(rig.state.recorded.at(-1)?.facts.realm, 'corp');
    assert.equal(rig.state.admitted.at(-1)?.username, 'bob@corp');
    const inner = await rig.route({
      login: 'bob@corp',
      credentials: { kind: 'pap', password: Buffer.from('hello123') },
      request: undefined,
    });
    assert.ok(inner.outcome === 'accept' && inner.realm === 'corp');
    rig.state.proxy = async () => ({ code: CODE.accessReject, attributes: new Uint8Array(0) });
    await rig.handle(request(pap('bob@corp', 'hello123', secret).done(), of));
    const { facts, reason } = rig.state.recorded.at(-1)!;
    assert.deepEqual([facts.username, facts.realm, reason], ['bob', 'corp', 'rejected by the upstream server']);
    const tunnelled = await rig.route({
      login: 'x',
      credentials: { kind: 'pap', password: Buffer.from('x') },
      request: request(pap('bob', 'hello123', secret).done(), of),
    });
    assert.equal(tunnelled.outcome, 'reject');
  });

  it('refuses a request without a name', async () => {
    const rig = await withBob();
    assert.equal((await ask(rig, request(new Uint8Array(0)))).code, CODE.accessReject);
    assert.equal(rig.state.recorded.at(-1)?.reason, 'no User-Name');
  });
});

describe('EAP', () => {
  const message = Uint8Array.of(2, 9, 0, 6, 13, 0);
  const eapRequest = () =>
    request(new AttributeWriter().add(ATTRIBUTE.userName, 'anonymous').add(ATTRIBUTE.eapMessage, message).done());
  const msk = Uint8Array.from({ length: 64 }, (_, index) => index);
  const success = Uint8Array.of(3, 9, 0, 4);
  const accepted = (rig: Rig, username = 'bob'): EapResult => ({
    kind: 'accept',
    eap: success,
    login: 'bob',
    outerIdentity: 'anonymous',
    method: 'peap-mschapv2',
    verdict: { outcome: 'accept', subject: { ...rig.directory.user('bob')!.subject, username } },
    certificate: undefined,
    msk,
    resumed: false,
  });

  it('is challenged with a state, in as many attributes as it needs', async () => {
    const rig = await withBob();
    const eap = new Uint8Array(600).fill(7);
    rig.state.eap = async () => ({ kind: 'challenge', eap, state: Uint8Array.of(1, 2) });
    const packet = await ask(rig, eapRequest());
    assert.equal(packet.code, CODE.accessChallenge);
    assert.deepEqual(Buffer.from(packet.joined(ATTRIBUTE.eapMessage)!), Buffer.from(eap));
    assert.deepEqual([...packet.first(ATTRIBUTE.state)!], [1, 2]);
  });

  it('is accepted with its message, the keys, the real name, and what was decided', async () => {
    const rig = await withBob();
    rig.state.decide = () => decision({ vlan: 5 });
    rig.state.eap = async () => accepted(rig);
    const packet = await ask(rig, eapRequest());
    assert.equal(packet.code, CODE.accessAccept);
    const key = (type: number) =>
      Buffer.from(decryptSalted(packet.vendor(VENDOR.microsoft, type)!, AUTHENTICATOR, secret)!);
    assert.deepEqual(key(17), Buffer.from(msk.subarray(0, 32)), 'MS-MPPE-Recv-Key');
    assert.deepEqual(key(16), Buffer.from(msk.subarray(32)), 'MS-MPPE-Send-Key');
    assert.equal(packet.text(ATTRIBUTE.userName), 'bob');
    assert.equal(packet.text(ATTRIBUTE.tunnelPrivateGroupId), '5');
    assert.deepEqual([...packet.first(ATTRIBUTE.eapMessage)!], [...success]);
    assert.equal(rig.state.recorded.at(-1)?.facts.method, 'peap-mschapv2');
  });

  it('has room for all that a policy may say', async () => {
    const rig = await withBob();
    const attributes = Array.from({ length: MAX_DECISION_BYTES / 250 }, () => ({
      name: 'Filter-Id',
      value: 'x'.repeat(248),
      op: '+=' as const,
    }));
    rig.state.decide = () => decision({ attributes });
    rig.state.eap = async () => accepted(rig, 'b'.repeat(253));
    const packet = await ask(rig, eapRequest());
    assert.equal(packet.code, CODE.accessAccept);
    assert.equal(packet.all(ATTRIBUTE.filterId).length, attributes.length);
  });

  it('that a policy refuses ends in EAP-Failure, without a message that nobody could show', async () => {
    const rig = await withBob();
    rig.state.decide = () => decision({ action: 'deny', message: 'no' });
    rig.state.eap = async () => accepted(rig);
    const packet = await ask(rig, eapRequest());
    assert.equal(packet.code, CODE.accessReject);
    assert.deepEqual([...packet.first(ATTRIBUTE.eapMessage)!], [4, 9, 0, 4]);
    assert.equal(packet.has(ATTRIBUTE.replyMessage), false);
    assert.equal(packet.vendor(VENDOR.microsoft, 17), undefined);
  });

  it('that fails is in the journal with its method; none is no answer', async () => {
    const rig = await withBob();
    rig.state.eap = async () => ({ kind: 'reject', eap: Uint8Array.of(4, 9, 0, 4), reason: 'wrong password' });
    assert.equal((await ask(rig, eapRequest())).code, CODE.accessReject);
    const { facts, reason } = rig.state.recorded.at(-1)!;
    assert.deepEqual([facts.method, facts.username, reason], ['eap-tls', 'anonymous', 'wrong password']);
    rig.state.eap = async () => ({ kind: 'none', reason: 'busy' });
    assert.equal(await rig.handle(eapRequest()), undefined);
  });

  it('is logged with no more of its method than shows', async () => {
    const rig = await withBob();
    rig.state.eap = async () => ({ kind: 'reject', eap: Uint8Array.of(4, 9, 0, 4), reason: 'no method' });
    const name = () => new AttributeWriter().add(ATTRIBUTE.userName, 'bob');
    for (const type of [1, 3, 13, 21, 25]) {
      await ask(
        rig,
        request(
          name()
            .add(ATTRIBUTE.eapMessage, Uint8Array.of(2, 9, 0, 6, type, 0))
            .done(),
        ),
      );
    }
    await ask(rig, request(name().done()));
    await ask(rig, request(pap('bob', 'wrong', secret).done()));
    rig.state.decide = () => decision({ action: 'deny' });
    rig.state.eap = async () => accepted(rig);
    await ask(rig, eapRequest());
    assert.deepEqual(
      rig.state.logged.map((details) => (details as { method?: string }).method),
      ['eap', 'eap', 'eap-tls', 'ttls', 'peap', 'none', 'pap', 'peap-mschapv2'],
    );
  });

  it("recognizes who needn't show a password, for as long as they may come in", async () => {
    const rig = await withBob();
    const known = (more: object) =>
      rig.recognize({
        login: 'bob@corp',
        method: 'eap-tls',
        certificate: undefined,
        request: eapRequest(),
        earlier: undefined,
        ...more,
      });
    const fresh = known({});
    assert.ok(fresh.outcome === 'accept' && fresh.subject.id === '1' && fresh.realm === 'corp');
    assert.equal(known({ login: 'eve' }).outcome, 'reject');
    const made = Date.now();
    const earlier = { outcome: 'accept' as const, subject: fresh.subject, sessionTimeout: 5 };
    const resumed = known({ earlier, at: made });
    assert.ok(resumed.outcome === 'accept' && resumed.sessionTimeout === 5);
    rig.accounts.set('1', account('1', 'bob', { networkPassword: 'changed' }));
    await rig.emit('identity.user.updated', { userId: '1', changed: [] });
    await rig.directory.settled();
    assert.equal(known({ earlier, at: made }).outcome, 'reject', 'the password has changed');
    assert.equal(known({ earlier, at: Date.now() + 1 }).outcome, 'accept');
    rig.accounts.delete('1');
    await rig.emit('identity.user.deleted', { userId: '1', username: 'bob' });
    await rig.directory.settled();
    assert.equal(known({ earlier, at: Date.now() + 1 }).outcome, 'reject');
  });
});

describe('a TLS session that is resumed', () => {
  const subject = (kind: Subject['kind'], id: string): Subject => ({
    kind,
    id,
    username: id,
    userId: undefined,
    groups: [],
    device: undefined,
    voucher: undefined,
  });
  const resume = (rig: Rig, earlier: Subject, at: number) =>
    rig.recognize({
      login: earlier.username,
      method: 'peap-mschapv2',
      certificate: undefined,
      request: request(new Uint8Array(0)),
      earlier: { outcome: 'accept', subject: earlier },
      at,
    }).outcome;

  it("of a device, a voucher or another source's user is asked about too", async () => {
    const rig = await createRig();
    rig.devices.set('d', device('d', '02:00:00:11:22:33', { networkPassword: 'x' }));
    rig.vouchers.set('v', voucher('v', 'ABCD', { duration: 60, firstUsedAt: rig.state.now }));
    assert.equal(resume(rig, subject('device', 'd'), 1), 'none', 'before the directory is loaded');
    await rig.load();
    assert.equal(resume(rig, subject('device', 'd'), 1), 'accept');
    assert.equal(resume(rig, subject('device', 'gone'), 1), 'reject');
    assert.equal(resume(rig, subject('voucher', 'v'), 1), 'accept');
    assert.equal(resume(rig, subject('voucher', 'gone'), 1), 'reject');
    assert.equal(resume(rig, subject('external', 'c'), 1), 'reject', 'the realm is local');
    rig.state.source = { kind: 'rest', connectorIds: ['c'] };
    assert.equal(resume(rig, subject('external', 'c'), 1), 'accept');
    rig.state.source = { kind: 'local' };
    const made = Date.now();
    rig.state.now += 60_000;
    rig.devices.set('d', device('d', '02:00:00:11:22:33', { networkPassword: 'y' }));
    await rig.emit('access.device.updated', { deviceId: 'd', mac: '', changed: [] });
    await rig.directory.settled();
    assert.equal(resume(rig, subject('device', 'd'), made), 'reject', 'its password has changed');
    assert.equal(resume(rig, subject('voucher', 'v'), made), 'reject', 'its time is over');
  });
});

describe('a session that is decided anew', () => {
  it('gets what a new one would; who is gone or refused has to go', async () => {
    const rig = await withBob();
    rig.devices.set('d', device('d', '02:00:00:11:22:33', { groups: ['laptops'] }));
    rig.vouchers.set('v', voucher('v', 'ABCD', { bandwidth: { up: 1e6 } }));
    await rig.emit('access.device.created', { deviceId: 'd', mac: '' });
    await rig.emit('access.vouchers.created', { batchId: 'b', count: 1 });
    await rig.directory.settled();
    const staff = decision({ vlan: 5, dailyQuota: { bytes: 9 } });
    rig.state.decide = (facts) => (facts.groups.includes('laptops') ? staff : decision({ action: 'deny' }));
    const again = (more: object) =>
      rig.authorize.decideAgain({
        request: { nas: nas(), address: '127.0.0.1', at: rig.state.now },
        username: 'bob',
        userId: '1',
        method: 'pap',
        mac: '02:00:00:11:22:33',
        ...more,
      });
    const kept = again({});
    assert.ok(kept && kept !== 'deny');
    assert.deepEqual(kept.attributes, rig.renderer.render(staff, 'generic').attributes);
    assert.deepEqual([kept.policy, kept.dailyQuota], ['staff', { bytes: 9 }]);
    assert.equal(again({ mac: undefined }), 'deny');
    assert.equal(again({ userId: 'gone' }), 'deny');
    assert.deepEqual(again({ username: 'guest', userId: undefined }), kept, 'by the device, as nobody knows more');
    const realms: unknown[] = [];
    rig.state.decide = (facts) => {
      realms.push([facts.username, facts.realm]);
      return staff;
    };
    again({ username: 'bob@corp' });
    again({ username: 'guest@corp', userId: undefined });
    assert.deepEqual(realms, [
      ['bob', 'corp'],
      ['guest', 'corp'],
    ]);
    rig.state.decide = (facts) => (facts.groups.includes('laptops') ? staff : decision({ action: 'deny' }));
    const mab = { username: '02:00:00:11:22:33', userId: undefined, method: 'mab' };
    const unknown = again({ ...mab, mac: '02:00:00:00:00:09' });
    assert.equal(unknown, undefined, 'another source may have let it in');
    rig.state.decide = () => staff;
    const guest = again({ username: 'ABCD', userId: undefined, mac: undefined });
    assert.ok(guest && guest !== 'deny' && guest.attributes.length > kept.attributes.length, 'with its own bandwidth');
    const printer = again(mab);
    assert.ok(printer && printer !== 'deny');
    const calling = (writer: AttributeWriter) => writer.add(ATTRIBUTE.callingStationId, CALLING);
    await ask(rig, request(calling(pap('020000112233', '020000112233', secret)).done()));
    rig.devices.delete('d');
    await rig.emit('access.device.deleted', { deviceId: 'd', mac: '' });
    await rig.directory.settled();
    assert.equal(again(mab), 'deny', 'a device of ours that is gone');
    const elsewhere = { ...rig.directory.user('bob')!.subject, kind: 'external' as const, userId: undefined };
    rig.state.rest = async () => ({ outcome: 'accept', subject: { ...elsewhere, username: '020000112233' } });
    const of = nas({ source: { kind: 'rest', connectorIds: ['c'] } });
    await ask(rig, request(calling(pap('020000112233', '020000112233', secret)).done(), of));
    assert.notEqual(again({ ...mab, username: '020000112233' }), 'deny', "another source's");
  });

  it('is decided on what it came in with: certificate, SSID, the groups that another source gave', async () => {
    const rig = await withBob();
    const seen: Facts[] = [];
    const terms = decision({ vlan: 5 });
    rig.state.decide = (facts) => {
      seen.push(facts);
      return terms;
    };
    const certificate = { subject: 'CN=bob' } as NonNullable<Facts['certificate']>;
    const eap: EapResult = {
      kind: 'accept',
      eap: Uint8Array.of(3, 1, 0, 4),
      login: 'bob',
      outerIdentity: 'bob',
      method: 'eap-tls',
      verdict: { outcome: 'accept', subject: rig.directory.user('bob')!.subject },
      certificate,
      msk: new Uint8Array(64),
      resumed: false,
    };
    rig.state.eap = async () => eap;
    const standing = (more: object) => ({
      request: { nas: nas(), address: '127.0.0.1', at: rig.state.now },
      username: 'bob',
      userId: '1',
      method: 'eap-tls' as const,
      mac: '02:00:00:11:22:33',
      ...more,
    });
    assert.equal(rig.authorize.decideAgain(standing({})), undefined, 'its certificate is not known any more');
    const station = (writer: AttributeWriter) =>
      writer.add(ATTRIBUTE.callingStationId, CALLING).add(ATTRIBUTE.calledStationId, 'AA-BB-CC-DD-EE-FF:office');
    const came = new AttributeWriter().add(ATTRIBUTE.userName, 'bob').add(ATTRIBUTE.eapMessage, new Uint8Array(9));
    await rig.handle(request(station(came).done()));
    assert.ok(rig.authorize.decideAgain(standing({})));
    const [first, again] = seen;
    assert.deepEqual({ ...again, at: 0 }, { ...first, at: 0 });

    const external: Subject = {
      ...eap.verdict.subject,
      kind: 'external',
      id: 'c',
      userId: undefined,
      groups: ['guests'],
    };
    rig.state.rest = async () => ({ outcome: 'accept', subject: { ...external, username: 'eve' } });
    const of = nas({ source: { kind: 'rest', connectorIds: ['c'] } });
    await rig.handle(request(station(pap('eve@corp', 'x', secret)).done(), of));
    rig.authorize.decideAgain(standing({ username: 'eve@corp', userId: undefined, method: 'pap' }));
    assert.deepEqual(seen.at(-1)?.groups, ['guests']);
    assert.deepEqual([seen.at(-1)?.username, seen.at(-1)?.realm], ['eve', 'corp']);
  });

  it('remembers no more than its limit', () => {
    const admitted = new Admitted();
    for (let n = 0; n < MAX_REMEMBERED + 10; n++) admitted.remember({} as Facts, `${n}`, undefined);
    assert.equal(admitted.size, MAX_REMEMBERED);
  });
});
