import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { createBus, event, type Heard, SYSTEM } from '../../events/index.ts';
import { CLASSES, KIND } from '../record/types.ts';
import { createFeed, type Entry } from './feed.ts';

const NAS = { id: 'n-1', name: 'ap-1', siteId: 'default', address: '192.0.2.7' };
const FACTS = { door: 'radius', username: 'alice', method: 'pap', nas: NAS, mac: '02:00:00:11:22:33' };

function fixture() {
  const appended: [number, string, Entry[]][] = [];
  const feed = createFeed(async (kind, retentionClass, entries) => {
    appended.push([kind, CLASSES[retentionClass]!, JSON.parse(JSON.stringify(entries))]);
  });
  return { appended, feed };
}

describe('the feed of the log', () => {
  it('takes domain events with their id, time and actor; who was let in is of class access', async () => {
    const { appended, feed } = fixture();
    const bus = createBus();
    feed.listen(bus);
    const heard = (id: number, domain: object) => bus.deliver({ id, at: '2026-03-01T12:00:00Z', ...domain } as Heard);
    await heard(1, event('identity.login', { userId: 'u-1' }, { kind: 'user', id: 'u-1', address: '192.0.2.9' }));
    await heard(
      2,
      event('posture.failed', { deviceId: 'd', mac: 'm', userId: null, policyId: 'p', failed: [] }, SYSTEM),
    );
    assert.deepEqual(appended, [
      [
        KIND.audit,
        'audit',
        [
          {
            event: 'identity.login',
            id: 1,
            at: '2026-03-01T12:00:00Z',
            userId: 'u-1',
            actor: { kind: 'user', id: 'u-1', address: '192.0.2.9' },
          },
        ],
      ],
      [KIND.access, 'access', [{ ...appended[1]![2][0], event: 'posture.failed' }]],
    ]);
  });

  it('keeps an event in the outbox until it is written', async () => {
    const feed = createFeed(() => Promise.reject(new Error('the disk is full')));
    const bus = createBus();
    feed.listen(bus);
    const login = event('identity.login', { userId: 'u-1' }, SYSTEM);
    await assert.rejects(bus.deliver({ id: 1, at: '', ...login }), /the disk is full/);
  });

  it('takes decisions of RADIUS, a burst at once, without what says nothing', async () => {
    const { appended, feed } = fixture();
    feed.ended({ facts: FACTS, outcome: 'accept', decision: { action: 'allow', policy: { name: 'staff' }, vlan: 20 } });
    feed.ended({ facts: { ...FACTS, username: 'mallory' }, outcome: 'reject', reason: 'wrong password' });
    await setImmediate();
    const common = {
      door: 'radius',
      mac: '02:00:00:11:22:33',
      method: 'pap',
      nas: 'ap-1',
      nas_id: 'n-1',
      nas_address: '192.0.2.7',
      site: 'default',
    };
    assert.deepEqual(appended, [
      [
        KIND.access,
        'access',
        [
          { event: 'radius.accept', user: 'alice', ...common, policy: 'staff', action: 'allow', vlan: 20 },
          { event: 'radius.reject', user: 'mallory', ...common, reason: 'wrong password' },
        ],
      ],
    ]);
  });

  it('takes accounting records, and is done when they are written', async () => {
    const { appended, feed } = fixture();
    const record = {
      kind: 'interim',
      username: 'alice',
      mac: null,
      ip: '10.0.0.5',
      ipv6: null,
      nasId: 'n-1',
      nasName: 'ap-1',
    };
    const rest = {
      siteId: 's',
      sessionId: '1',
      ssid: null,
      nasPort: null,
      calledStation: null,
      seconds: 60,
      cause: null,
    };
    await feed.accounted([{ ...record, ...rest, at: 0, bytesIn: 1, bytesOut: 2 }]);
    assert.deepEqual(appended[0]![2], [
      {
        event: 'radius.accounting',
        status: 'Interim-Update',
        at: '1970-01-01T00:00:00.000Z',
        user: 'alice',
        framed_ip: '10.0.0.5',
        session_id: '1',
        nas: 'ap-1',
        nas_id: 'n-1',
        site: 's',
        seconds: 60,
        bytes_in: 1,
        bytes_out: 2,
      },
    ]);
  });
});
