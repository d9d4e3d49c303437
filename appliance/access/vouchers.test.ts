import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BACKENDS } from '../identity/testing.ts';
import { type Fixture, useAccess } from './testing.ts';
import { ALPHABET } from './vouchers.ts';

for (const backend of BACKENDS) {
  describe(`vouchers on ${backend.name}`, backend.needs(), () => {
    let a: Fixture;
    useAccess(backend, (started) => {
      a = started;
    });

    test('vouchers: a batch with codes, the clock starts at the first use', async () => {
      const made = await a.call('POST', '/guests/vouchers', {
        count: 10,
        duration: '4h',
        bandwidth: '50mbps',
        quota: '5GB',
      });
      assert.equal(made.status, 201, JSON.stringify(made.body));
      assert.equal(made.body.vouchers.length, 10);
      const [voucher] = made.body.vouchers;
      assert.match(voucher.code, new RegExp(`^[${ALPHABET}]{5}-[${ALPHABET}]{5}$`));
      assert.deepEqual(
        { ...voucher, id: '', batch_id: '', code: '', created_at: '' },
        {
          id: '',
          batch_id: '',
          code: '',
          groups: [],
          duration: 14_400,
          bandwidth: { up: 50_000_000, down: 50_000_000 },
          quota: 5_000_000_000,
          valid_until: null,
          first_used_at: null,
          status: 'unused',
          created_at: '',
        },
      );
      const { body: listed } = await a.call('GET', `/guests/vouchers?batch_id=${made.body.batch_id}`);
      assert.deepEqual(
        new Set(listed.map((one: { code: string }) => one.code)),
        new Set(made.body.vouchers.map((one: { code: string }) => one.code)),
      );
      const [record] = await a.access.vouchers([voucher.id]);
      assert.deepEqual(
        [record?.code, record?.validUntil, record?.duration],
        [voucher.code.replace('-', ''), null, 14_400],
      );
      const start = a.clock.ms;
      await a.access.useVoucher(voucher.id);
      a.clock.ms += 60_000;
      await a.access.useVoucher(voucher.id);
      const [used] = await a.access.vouchers([voucher.id]);
      assert.deepEqual([used?.firstUsedAt, used?.validUntil], [start, start + 14_400_000]);
      assert.equal((await a.heard('access.voucher.updated')).length, 1);
      a.clock.ms = start + 14_400_000;
      const status = async () =>
        (await a.call('GET', `/guests/vouchers?batch_id=${made.body.batch_id}`)).body.find(
          ({ id }: { id: string }) => id === voucher.id,
        ).status;
      assert.equal(await status(), 'expired');
      a.clock.ms = start;
      assert.equal(await status(), 'active');
      assert.equal((await a.call('DELETE', `/guests/vouchers/${voucher.id}`)).status, 204);
      assert.equal((await a.call('DELETE', `/guests/vouchers/${voucher.id}`)).status, 404);
      await a.access.useVoucher(voucher.id);
    });

    test('vouchers: the end of a batch bounds what began late; what is no term is refused', async () => {
      const until = new Date(a.clock.ms + 3600_000).toISOString();
      const { body } = await a.call('POST', '/guests/vouchers', {
        count: 1,
        duration: '4h',
        valid_until: until,
        bandwidth: { down: '1mbps' },
      });
      await a.access.useVoucher(body.vouchers[0].id);
      const [used] = await a.access.vouchers([body.vouchers[0].id]);
      assert.deepEqual(
        [used?.validUntil, used?.bandwidth],
        [a.clock.ms + 3600_000, { up: undefined, down: 1_000_000 }],
      );
      for (const wrong of [
        { count: 0, duration: '4h' },
        { count: 1001, duration: '4h' },
        { count: 1 },
        { count: 1, duration: 'long' },
        { count: 1, duration: '4h', bandwidth: '50' },
        { count: 1, duration: '4h', quota: 'x' },
        { count: 1, valid_until: 'tomorrow' },
        { count: 1, valid_until: '2020-01-01T00:00:00Z' },
      ]) {
        assert.equal((await a.call('POST', '/guests/vouchers', wrong)).status, 422, JSON.stringify(wrong));
      }
      const many = await a.call('POST', '/guests/vouchers', { count: 1000, duration: '1h' });
      assert.equal(new Set(many.body.vouchers.map((one: { code: string }) => one.code)).size, 1000);
      const codes = new Set<string>();
      let url: string | undefined = `/v1/guests/vouchers?batch_id=${many.body.batch_id}&limit=300`;
      while (url !== undefined) {
        const page: { body: { code: string }[]; headers: Record<string, unknown> } = await a.call('GET', url);
        for (const { code } of page.body) codes.add(code);
        url = /<([^>]+)>; rel="next"/.exec(String(page.headers.link ?? ''))?.[1];
      }
      assert.equal(codes.size, 1000);
    });
  });
}
