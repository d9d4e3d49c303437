import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { FLAG, KIND, TRANSPORT } from '../record/types.ts';
import { MAX_PAGE_BYTES } from '../schema.ts';
import { type Fixture, START_US, startLogApi } from '../testing-api.ts';

/** The path and query of the page that comes next. */
const nextOf = (headers: Record<string, unknown>): string | undefined =>
  /^<(.+)>; rel="next"$/.exec(String(headers.link ?? ''))?.[1];

describe('looking records up', () => {
  let l: Fixture;
  before(async () => {
    l = await startLogApi();
  });
  after(() => l?.close());
  beforeEach(() => {
    const { backend } = l;
    backend.records = [];
    backend.queries.length = 0;
    backend.audit.length = 0;
    backend.partial = undefined;
    backend.recordFails = false;
  });

  test('a record in full, the newest first', async () => {
    l.backend.add({
      fields: { device_time: '2026-03-01T13:00:00', user: 'alice', bytes: 12 },
      receiveUs: START_US + 7,
      flags: FLAG.truncated | FLAG.authenticated,
    });
    l.backend.add({ kind: KIND.keyRotation, source: 0, peer: '', transport: TRANSPORT.internal, raw: '{}' });
    l.backend.add({ erased: true, raw: '', source: 9 });
    const { status, body } = await l.call('GET', '');
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(
      body.map(({ index }: { index: number }) => index),
      [2, 1, 0],
    );
    assert.deepEqual(body[2], {
      index: 0,
      received_at: '2026-03-01T12:00:00.000007Z',
      device_time: '2026-03-01T13:00:00',
      source: { id: 1, name: '192.0.2.1', address: '192.0.2.1' },
      site_id: 'default',
      kind: 'log',
      transport: 'udp',
      peer: '192.0.2.1:514',
      parser: 'fortigate',
      fields: { device_time: '2026-03-01T13:00:00', user: 'alice', bytes: 12 },
      flags: { truncated: true, clock_unsynchronised: false, authenticated: true },
      raw: 'line 0',
      erased: false,
    });
    assert.deepEqual(
      [body[1].kind, body[1].transport, body[1].peer, body[1].source.name],
      ['key_rotation', 'internal', null, 'gatehouse'],
    );
    assert.deepEqual(
      [body[0].erased, 'raw' in body[0], body[0].source],
      [true, false, { id: 9, name: '9', address: '' }],
    );
  });

  test('pages by the Link header, each record once', async () => {
    for (let i = 0; i < 25; i++) l.backend.add();
    const seen: number[] = [];
    for (let page: string | undefined = '/v1/logs?limit=10&q=line'; page !== undefined; ) {
      const { status, body, headers } = await l.call('GET', page);
      assert.equal(status, 200);
      seen.push(...body.map(({ index }: { index: number }) => index));
      page = nextOf(headers);
    }
    assert.deepEqual(
      seen,
      Array.from({ length: 25 }, (_, i) => 24 - i),
    );
    assert.equal(l.backend.queries.length, 3);
  });

  test('a page of long messages is cut, and the next one goes on', async () => {
    const raw = 'x'.repeat(65_535);
    const fit = Math.floor(MAX_PAGE_BYTES / raw.length);
    for (let i = 0; i < fit + 5; i++) l.backend.add({ raw });
    const first = await l.call('GET', '?limit=1000');
    assert.equal(first.body.length, fit);
    const second = await l.call('GET', nextOf(first.headers)!);
    assert.equal(second.body.length, 5);
    assert.equal(nextOf(second.headers), undefined);
  });

  test('filters reach the search in its own terms', async () => {
    const { status } = await l.call(
      'GET',
      '?source=fortigate&source=2&from=2026-03-01T12:00:00.000001Z&to=2026-03-01T14:00:00%2B01:00&q=deny&site=default' +
        '&user=alice&ip=2001:DB8:0::1&mac=0200.0011.2233&limit=5',
    );
    assert.equal(status, 200);
    assert.deepEqual(l.backend.queries, [
      {
        fromUs: START_US + 1,
        toUs: START_US + 3600e6,
        q: 'deny',
        user: 'alice',
        ip: '2001:db8::1',
        mac: '02:00:00:11:22:33',
        source: [2],
        parsers: ['fortigate'],
        among: [0, 1, 2, 3],
        limit: 5,
      },
    ]);
  });

  test('sources by id, address, name; parsers, vendors; several with commas; none of a site', async () => {
    const asked = async (query: string) => {
      l.backend.queries.length = 0;
      const { status, body } = await l.call('GET', query);
      assert.equal(status, 200, JSON.stringify(body));
      const { source, parsers, among } = l.backend.queries[0] ?? {};
      return JSON.parse(JSON.stringify({ source, parsers, among }));
    };
    assert.deepEqual(await asked('?source=1'), { source: [1] });
    assert.deepEqual(await asked('?source=2001:db8::3'), { source: [3] });
    assert.deepEqual(await asked('?source=0'), { source: [0] });
    assert.deepEqual(await asked('?source=mikrotik,192.0.2.1'), { source: [1], parsers: ['mikrotik'] });
    assert.deepEqual(await asked('?source=paloalto&site=default'), { parsers: ['paloalto'], among: [0, 1, 2, 3] });
    assert.deepEqual(await asked('?source=cisco'), { parsers: ['cisco-asa', 'cisco-ios'] });
    assert.deepEqual(await asked('?source=FORTINET'), { parsers: ['fortigate'] });
    await l.call('PUT', '/sources/2', { parser: 'fortigate' });
    assert.deepEqual(await asked('?source=FORTINET'), { source: [2], parsers: ['fortigate'] });
    await l.call('PUT', '/sources/2', { parser: 'auto' });
    assert.deepEqual(await asked(''), {});
    // A site where nothing is: no records, and no need to look.
    assert.deepEqual(await asked('?site=rome'), {});
    assert.equal(l.backend.queries.length, 0);
  });

  test('source=fortigate is what FortiGates sent, whatever else came from there', async () => {
    l.backend.add();
    l.backend.add({ parser: 'json' });
    l.backend.add({ source: 2, parser: 'fortigate' });
    l.backend.list[1]!.parser = 'json';
    const { body } = await l.call('GET', '?source=fortigate');
    l.backend.list[1]!.parser = 'fortigate';
    assert.deepEqual(
      body.map(({ index }: { index: number }) => index),
      [2, 0],
    );
  });

  test('what is no good is refused with what to do', async () => {
    for (const [query, told] of [
      ['?form=2026-03-01T00:00:00Z', /must NOT have additional/],
      ['?from=yesterday', /^from must be a time with its zone/],
      ['?to=2026-02-30T00:00:00Z', /^to must be a time/],
      ['?from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', /^from is later than to/],
      ['?ip=10.0.0.0/8', /^ip must be one address.*q=address:/],
      ['?ip=fe80::1%25eth0', /^ip must be one address/],
      ['?mac=02:00', /^mac must be a MAC address/],
      ['?mac=02-00:00-00:00-00', /^mac must be a MAC address/],
      ['?source=nobody', /"nobody"; GET \/v1\/logs\/sources/],
      ['?source=', /^source is no id/],
      [`?source=${Array(65).fill('1').join(',')}`, /more than 64/],
      ['?site=paris', /^site is no site/],
      ['?q=a(b', /^q: there are no brackets/],
      [`?q=${'a'.repeat(1001)}`, /^q must/],
      ['?limit=0', /^limit must/],
      ['?limit=1001', /^limit must/],
      ['?user=', /^user must/],
      [`?user=${'u'.repeat(254)}`, /^user must/],
      ['?cursor=abc', /^cursor is not/],
      [`?cursor=${Buffer.from('["","x"]').toString('base64url')}`, /^cursor is not/],
    ] as const) {
      const { status, body, headers } = await l.call('GET', query);
      assert.equal(status, 422, query);
      assert.match(String(headers['content-type']), /problem\+json/);
      assert.match(body.detail, told, query);
    }
    assert.equal((await l.call('GET', '?q=a(b')).body.position, 1);
    assert.equal(l.backend.queries.length, 0);
    assert.equal(l.backend.audit.length, 0);
  });

  test('partial results are flagged', async () => {
    l.backend.partial = 'a segment is being read – again';
    assert.equal((await l.call('GET', '')).headers['gatehouse-partial'], 'a segment is being read ? again');
  });

  test('who searched is recorded, and without that there is no answer', async () => {
    l.backend.add();
    await l.call('GET', '?user=alice&from=2026-03-01T00:00:00Z');
    await l.call('GET', '?source=1');
    assert.deepEqual(l.backend.audit, [
      {
        event: 'logs.searched',
        actor: { kind: 'user', id: 'u-admin', address: '127.0.0.1' },
        query: { user: 'alice' },
        from: '2026-03-01T00:00:00Z',
        to: null,
        count: 0,
      },
      {
        event: 'logs.searched',
        actor: { kind: 'user', id: 'u-admin', address: '127.0.0.1' },
        query: { source: '1' },
        from: null,
        to: null,
        count: 1,
      },
    ]);
    l.backend.recordFails = true;
    for (const route of ['', '/0', '/whois?ip=10.0.0.9']) assert.equal((await l.call('GET', route)).status, 503, route);
  });

  test('whois says when it may be incomplete', async () => {
    l.backend.partial = 'the newest 7 records are still being indexed: ask again in a while';
    for (const ip of ['10.0.0.9', '10.0.0.8']) {
      const { headers } = await l.call('GET', `/whois?ip=${ip}`);
      assert.equal(headers['gatehouse-partial'], l.backend.partial);
    }
    l.backend.partial = undefined;
    assert.equal((await l.call('GET', '/whois?ip=10.0.0.9')).headers['gatehouse-partial'], undefined);
  });

  test('whois', async () => {
    const { status, body } = await l.call('GET', '/whois?ip=10.0.0.9&at=2026-03-01T12:00:00Z&port=443');
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body, {
      ip: '10.0.0.9',
      at: '2026-03-01T12:00:00.000000Z',
      port: 443,
      answers: [
        {
          via: 'dhcp',
          confidence: 'certain',
          conflict: false,
          user: null,
          mac: '02:00:00:00:00:09',
          hostname: null,
          nas: null,
          ssid: null,
          ip: null,
          nat: null,
          from: '2026-03-01T11:59:59.999999Z',
          to: null,
          records: [3, 4],
        },
        {
          via: 'nat',
          confidence: 'likely',
          conflict: true,
          user: 'bob',
          mac: null,
          hostname: null,
          nas: null,
          ssid: null,
          ip: '10.1.0.1',
          nat: {
            ip: '10.0.0.9',
            port: 443,
            inner: '10.1.0.1',
            inner_port: null,
            at: '2026-03-01T12:00:00.000000Z',
            via: null,
          },
          from: null,
          to: null,
          records: [5],
        },
      ],
    });
    assert.equal(l.backend.audit[0]?.event, 'logs.whois');
    assert.deepEqual((await l.call('GET', '/whois?ip=::ffff:10.0.0.8')).body.ip, '10.0.0.8');
    for (const query of [
      '',
      '?ip=10.0.0.1&when=x',
      '?ip=x',
      '?ip=10.0.0.1&at=x',
      '?ip=10.0.0.1&at=9999-12-31T23:59:59Z',
      '?ip=10.0.0.1&at=0001-01-01T00:00:00Z',
      '?ip=10.0.0.1&port=0',
      '?ip=10.0.0.1&port=65536',
    ]) {
      assert.equal((await l.call('GET', `/whois${query}`)).status, 422, query);
    }
  });

  test('one record with its proof; none before it is sealed; no salt once it is erased', async () => {
    for (let i = 0; i < 10; i++) l.backend.add();
    const { status, body } = await l.call('GET', '/8');
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual([body.index, body.raw, body.sealed, body.leaf, body.salt], [8, 'line 8', true, 'AQID', 'BA==']);
    assert.match(body.proof, /^c2sp\.org\/tlog-proof@v1\n/);
    assert.deepEqual(l.backend.audit[0]?.query, { index: 8 });
    const fresh = await l.call('GET', '/9');
    assert.deepEqual([fresh.body.sealed, fresh.body.proof], [false, null]);
    l.backend.records[8]!.erased = true;
    const erased = await l.call('GET', '/8');
    assert.deepEqual([erased.body.salt, 'raw' in erased.body], [null, false]);
    assert.equal((await l.call('GET', '/10')).status, 404);
    for (const index of ['-1', 'x', '1.5', '9007199254740992']) {
      assert.equal((await l.call('GET', `/${index}`)).status, 422, index);
    }
  });

  test('the checkpoint is for whoever is signed in, all else for administrators', async () => {
    const { status, body, headers } = await l.call('GET', '/checkpoint', undefined, 'user');
    assert.deepEqual([status, body], [200, 'gatehouse/t/s/e\n1\nAAAA\n']);
    assert.match(String(headers['content-type']), /^text\/plain/);
    const { note } = l.backend;
    l.backend.note = undefined;
    assert.equal((await l.call('GET', '/checkpoint')).status, 503);
    l.backend.note = note;

    assert.equal((await l.call('GET', '/checkpoint', undefined, '')).status, 401);
    const routes = new Map<string, string[]>();
    for (const [url, methods] of Object.entries(l.app.swagger().paths ?? {})) {
      routes.set(url, Object.keys(methods ?? {}));
    }
    assert.ok(routes.size >= 16, [...routes.keys()].join(' '));
    for (const [url, methods] of routes) {
      if (url === '/v1/logs/checkpoint' || !url.startsWith('/v1/')) continue;
      for (const method of methods) {
        const asked = [method.toUpperCase() as 'GET', url.replace(/\{\w+\}/g, '1'), undefined] as const;
        assert.equal((await l.call(...asked, 'user')).status, 403, `${method} ${url}`);
        assert.equal((await l.call(...asked, '')).status, 401, `${method} ${url}`);
      }
    }
    assert.equal(l.backend.audit.length, 0);
  });

  test('status', async () => {
    const { status, body } = await l.call('GET', '/status');
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(body, {
      state: 'sealing',
      reason: null,
      size: 9,
      root: Buffer.alloc(32).toString('base64'),
      last_sealed_at: '2026-03-01T12:00:00.000000Z',
      lag_seconds: 0.5,
      origin: 'gatehouse/t/s/e',
      log_key: 'vkey',
      genesis: 'genesis',
      epoch: 0,
      drops: [{ source: { id: 1, name: '192.0.2.1', address: '192.0.2.1' }, count: 4 }],
      truncated: 2,
      rates: { messages: 1.5, bytes: 300 },
      witnesses: [
        { name: 'w', url: 'https://w.example', last_size: 8, last_at: '2026-03-01T12:00:00.000000Z', error: null },
      ],
      timestamp: null,
      refused_connections: [],
      disk_bytes: 100,
      segments: 1,
    });
    assert.equal(l.backend.audit.length, 0, 'how the log is says nothing of its records');
  });
});
