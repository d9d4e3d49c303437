import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { loadDictionary } from '../dictionary/index.ts';
import {
  cleanMessage,
  MAX_ANSWER_ATTRIBUTES,
  MAX_ATTRIBUTE_VALUE,
  MAX_ENCODED_BYTES,
  readAnswer,
  type Said,
  secondsUntil,
} from './answer.ts';
import { AcceptCache } from './cache.ts';
import { FORGET_AFTER_MS, FREE_FAILURES, MAX_WAIT_MS, Throttle } from './throttle.ts';
import { formatTime, parseTime } from './times.ts';

const dictionary = loadDictionary();
const NOW = Date.UTC(2017, 0, 9, 12);
const read = (status: number, body: unknown): Said =>
  readAnswer(status, Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)), NOW, dictionary);
const accepted = (body: unknown, status = 200) => {
  const said = read(status, body);
  assert.equal(said.kind, 'accept', JSON.stringify(said));
  return said as Said & { kind: 'accept' };
};

/** The answers of the connector's document, as they stand there. */
const DOCUMENT =
  '{"return_url":"https://www.google.com","valid_until":"2017/01/10 01:59:59 +0000","valid_from":"2017/01/09 02:03:52 ' +
  '+0000","nt_key":"abcd12345","membership_id":"`123456","membership":{"name":"John Sample","id":"12345678"},' +
  '"id":"123456789abcdef","attributes":[{"name":"Tunnel-Private-Group-Id","value":"101","op":":="},' +
  '{"name":"Acct-Interim-Interval","value":"300","op":":="}]}';

describe("a backend's answer", () => {
  test('the one of the document', () => {
    const said = accepted(DOCUMENT);
    assert.deepEqual(said.attributes, [
      { name: 'Tunnel-Private-Group-Id', value: '101', op: ':=' },
      { name: 'Acct-Interim-Interval', value: '300', op: ':=' },
      { name: 'WISPr-Redirection-URL', value: 'https://www.google.com', op: '=' },
    ]);
    assert.equal(said.validUntil, Date.UTC(2017, 0, 10, 1, 59, 59));
    assert.equal(secondsUntil(said.validUntil, NOW), 13 * 3600 + 59 * 60 + 59);
    assert.equal(said.ntKey, undefined, 'abcd12345 is no key of 16 bytes');
    assert.deepEqual(said.notes, []);
    assert.deepEqual(read(422, '{"errors":["Email/login or password incorrect."]}'), {
      kind: 'reject',
      reason: 'the backend answered 422',
      message: 'Email/login or password incorrect.',
    });
  });

  test('by status: 2xx accepts, 4xx rejects, the rest decides nothing', () => {
    for (const status of [200, 201, 202, 299]) assert.equal(read(status, {}).kind, 'accept');
    assert.equal(read(204, '').kind, 'accept');
    for (const status of [400, 401, 403, 404, 422, 429, 499]) {
      for (const body of ['{}', '', 'no json', '[]', '{"errors":7}', '{"errors":[7,null]}']) {
        const said = read(status, body);
        assert.deepEqual([said.kind, said.kind === 'reject' && said.message], ['reject', undefined]);
      }
    }
    for (const status of [100, 199, 300, 301, 302, 304, 399, 500, 502, 503, 504, 599, 0, -1, Number.NaN]) {
      assert.equal(read(status, DOCUMENT).kind, 'unusable', String(status));
    }
  });

  test('a 2xx that is no JSON object decides nothing', () => {
    for (const body of ['', ' ', '<html>', '[]', 'null', '7', '"x"', '{"a":', '{}x']) {
      assert.equal(read(200, body).kind, 'unusable', body);
    }
  });

  test('valid_from and valid_until', () => {
    const around = (from: unknown, until: unknown) => read(200, { valid_from: from, valid_until: until });
    assert.equal(around('2017/01/09 12:00:00 +0000', null).kind, 'accept', 'from its very second on');
    const early = around('2017/01/09 12:00:01 +0000', '');
    assert.deepEqual(
      [early.kind, early.kind === 'reject' && early.message],
      ['reject', 'Your access has not begun yet'],
    );
    const late = around(undefined, '2017/01/09 12:00:00 +0000');
    assert.deepEqual([late.kind, late.kind === 'reject' && late.message], ['reject', 'Your access has ended']);
    assert.equal(accepted({ valid_until: '2017/01/09 14:00:01 +0200' }).validUntil, NOW + 1000, 'with a zone');
    assert.equal(accepted({ valid_until: '2017-01-09T12:00:01Z' }).validUntil, NOW + 1000, 'RFC 3339 too');
    for (const bad of ['tomorrow', '2017/02/30 00:00:00 +0000', '2017/01/10', 7, {}, 'x'.repeat(100_000)]) {
      assert.equal(around(bad, undefined).kind, 'unusable', String(bad).slice(0, 20));
      assert.equal(around(undefined, bad).kind, 'unusable');
    }
  });

  test('attributes: ops, values, what is left out', () => {
    const said = accepted({
      attributes: [
        { name: 'Filter-Id', value: 'a' },
        { name: 'Filter-Id', value: 'b', op: '+=' },
        { name: 'Session-Timeout', value: 60, op: '=' },
        { name: 'Tunnel-Type:1', value: 'VLAN', op: ':=' },
        { name: 'Tunnel-Password:1', value: 'secret', op: ':=' },
        { name: 'No-Such-Attribute', value: '1', op: ':=' },
        { name: 'Filter-Id', value: 'c', op: '-=' },
        { name: 'Filter-Id', value: null },
        { name: 'Session-Timeout', value: 'soon' },
        { name: 7, value: '1' },
        null,
        'Filter-Id',
        {},
      ],
      unknown: [{ deep: true }],
    });
    assert.deepEqual(said.attributes, [
      { name: 'Filter-Id', value: 'a', op: ':=' },
      { name: 'Filter-Id', value: 'b', op: '+=' },
      { name: 'Session-Timeout', value: '60', op: '=' },
      { name: 'Tunnel-Type:1', value: 'VLAN', op: ':=' },
      { name: 'Tunnel-Password:1', value: 'secret', op: ':=' },
    ]);
    assert.equal(said.notes.length, 8);
    assert.match(said.notes[0] ?? '', /^No-Such-Attribute is not in the dictionary/);
  });

  test('a backend sets nothing that carries the protocol', () => {
    const names = [
      'Message-Authenticator',
      'EAP-Message',
      'State',
      'Proxy-State',
      'User-Password',
      'MS-CHAP2-Success',
      'MS-MPPE-Send-Key',
      'MS-MPPE-Recv-Key',
      'MS-CHAP-Error',
      'Attr-80',
      'Attr-26.311.16',
    ];
    const said = accepted({ attributes: names.map((name) => ({ name, value: '0x00' })) });
    assert.deepEqual(said.attributes, []);
    for (const note of said.notes) assert.match(note, /for the server alone|not in the dictionary/);
  });

  test('bounds', () => {
    const one = { name: 'Filter-Id', value: 'x', op: '+=' };
    const many = (count: number) => read(200, { attributes: Array.from({ length: count }, () => one) });
    assert.equal(many(MAX_ANSWER_ATTRIBUTES).kind, 'accept');
    assert.equal(many(MAX_ANSWER_ATTRIBUTES + 1).kind, 'unusable');
    const long = (length: number) => read(200, { attributes: [{ ...one, value: 'x'.repeat(length) }] });
    assert.equal(long(MAX_ATTRIBUTE_VALUE).kind, 'accept', 'too long for the packet, and left out');
    assert.equal(long(MAX_ATTRIBUTE_VALUE + 1).kind, 'unusable');
    assert.equal(read(200, { attributes: {} }).kind, 'unusable');
  });

  test('what a packet has no room for is no answer, so that another backend is asked', () => {
    const full = Array.from({ length: MAX_ENCODED_BYTES / 250 }, () => ({
      name: 'Filter-Id',
      value: 'x'.repeat(248),
      op: '+=',
    }));
    assert.equal(accepted({ attributes: full }).attributes.length, full.length);
    const unusable = {
      kind: 'unusable',
      reason: `the attributes of its answer take more than ${MAX_ENCODED_BYTES} bytes`,
    };
    const one = { name: 'Class', value: 'x', op: '+=' };
    assert.deepEqual(read(200, { attributes: [...full, one] }), unusable);
    assert.deepEqual(read(200, { attributes: full, return_url: 'http://x.org' }), unusable);
    const keys = Array.from({ length: 15 }, () => ({ name: 'Tunnel-Password', value: 'x'.repeat(230), op: '+=' }));
    assert.deepEqual(read(200, { attributes: keys }), unusable, 'encrypted ones too');
  });

  test('a value that cannot be encrypted is left out', () => {
    const said = accepted({ attributes: [{ name: 'Tunnel-Password', value: 'x'.repeat(1000) }] });
    assert.deepEqual([said.attributes.length, said.notes.length], [0, 1]);
  });

  test('return_url', () => {
    const urlOf = (url: unknown) => accepted({ return_url: url });
    assert.equal(urlOf('http://x.org/a?b').attributes.length, 1);
    for (const bad of [
      'javascript:alert(1)',
      'x.org',
      'http://x.org/\r\nA: b',
      'http://',
      `http://x.org/${'x'.repeat(300)}`,
    ]) {
      const said = urlOf(bad);
      assert.deepEqual([said.attributes.length, said.notes.length], [0, 1], bad);
    }
    for (const none of ['', null, 7, undefined]) assert.deepEqual(urlOf(none).notes, []);
  });

  test('nt_key', () => {
    const key = '44EBBA8D5312B8D611474411F56989AE';
    for (const text of [key, key.toLowerCase(), `NT_KEY: ${key}\n`]) {
      assert.equal(Buffer.from(accepted({ nt_key: text }).ntKey ?? []).toString('hex'), key.toLowerCase());
    }
    for (const bad of ['', key.slice(1), `${key}00`, 'x'.repeat(32), 7, null]) {
      assert.equal(accepted({ nt_key: bad }).ntKey, undefined);
    }
  });

  test('messages fit into one Reply-Message and hold no control characters', () => {
    assert.equal(cleanMessage('a\r\nb\u0000\u0007c\u2028d'), 'a b c d');
    assert.equal(Buffer.byteLength(cleanMessage('é'.repeat(1000))), 252);
    const said = read(400, { errors: ['first.', 7, 'second.'] });
    assert.equal(said.kind === 'reject' && said.message, 'first. second.');
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (text) => {
        const clean = cleanMessage(text);
        assert.ok(Buffer.byteLength(clean) <= 253 && !/\p{Cc}/u.test(clean) && clean.isWellFormed());
      }),
    );
  });

  test('whatever it is: no throw, no accept but with 2xx, no reject but with 4xx or by time', () => {
    const time = fc.oneof(
      fc.string(),
      fc.date().map((date) => (Number.isNaN(date.getTime()) ? '' : formatTime(date.getTime()))),
    );
    const attribute = fc.record(
      {
        name: fc.oneof(
          fc.constantFrom('Filter-Id', 'Tunnel-Type:1', 'Attr-26.9.1', 'Framed-IP-Address'),
          fc.string(),
          fc.anything(),
        ),
        value: fc.oneof(fc.string({ unit: 'binary' }), fc.anything()),
        op: fc.oneof(fc.constantFrom('=', ':=', '+='), fc.anything()),
      },
      { requiredKeys: [] },
    );
    const body = fc.oneof(
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
      fc.anything().map((value) => Buffer.from(JSON.stringify(value) ?? '')),
      fc
        .record(
          {
            attributes: fc.oneof(fc.array(attribute, { maxLength: 70 }), fc.anything()),
            valid_from: fc.oneof(time, fc.anything()),
            valid_until: fc.oneof(time, fc.anything()),
            nt_key: fc.oneof(fc.stringMatching(/^[0-9a-f]{30,34}$/), fc.anything()),
            return_url: fc.oneof(fc.webUrl(), fc.anything()),
            errors: fc.oneof(fc.array(fc.string()), fc.anything()),
          },
          { requiredKeys: [] },
        )
        .map((value) => Buffer.from(JSON.stringify(value) ?? '')),
    );
    fc.assert(
      fc.property(fc.oneof(fc.integer({ min: 100, max: 599 }), fc.constantFrom(200, 422)), body, (status, bytes) => {
        const said = readAnswer(status, bytes, NOW, dictionary);
        if (said.kind === 'accept') assert.ok(status >= 200 && status <= 299);
        if (said.kind === 'reject') assert.ok(status < 300 || (status >= 400 && status <= 499));
        if (said.kind === 'accept') assert.ok(said.attributes.length <= MAX_ANSWER_ATTRIBUTES + 1);
      }),
      { numRuns: 1000 },
    );
  });
});

test('times: there and back', () => {
  assert.equal(formatTime(Date.UTC(2017, 0, 10, 1, 59, 59)), '2017/01/10 01:59:59 +0000');
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Date.UTC(9999, 0) / 1000 }), (seconds) => {
      assert.equal(parseTime(formatTime(seconds * 1000)), seconds * 1000);
    }),
  );
});

test('the cache: bounded, keyed anew in each process, and never longer than an accept is valid', () => {
  const cache = new AcceptCache(2);
  const accept = { attributes: [], validUntil: undefined, ntHash: undefined };
  const [a, b, c] = ['a', 'b', 'c'].map((login) => cache.keyOf(login, 'secret')) as [string, string, string];
  assert.notEqual(a, new AcceptCache().keyOf('a', 'secret'));
  assert.notEqual(cache.keyOf('a', 'b'), cache.keyOf('ab', ''));
  cache.set(a, accept, 10, 0);
  assert.ok(cache.get(a, 9_999));
  assert.equal(cache.get(a, 10_000), undefined);
  cache.set(a, { ...accept, validUntil: 500 }, 10, 0);
  assert.ok(cache.get(a, 499));
  assert.equal(cache.get(a, 500), undefined);
  for (const key of [a, b, c]) cache.set(key, accept, 10, 0);
  assert.deepEqual([cache.size, cache.get(a, 1)], [2, undefined]);
});

test('the throttle: five free, then 1, 2, 4 … 30 s; forgotten after a quarter of an hour', () => {
  const throttle = new Throttle();
  let now = 0;
  for (let i = 0; i < FREE_FAILURES; i++) {
    assert.equal(throttle.wait('x', now), 0);
    throttle.failed('x', now);
  }
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) {
    waits.push(throttle.wait('x', now));
    now += waits.at(-1) ?? 0;
    throttle.failed('x', now);
  }
  assert.deepEqual(waits, [1000, 2000, 4000, 8000, 16_000, MAX_WAIT_MS, MAX_WAIT_MS]);
  assert.equal(throttle.wait('y', now), 0);
  assert.equal(throttle.wait('x', now + FORGET_AFTER_MS), 0);
  throttle.succeeded('x');
  assert.equal(throttle.wait('x', now), 0);
});
