import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { type Offer, parseOffer, translator } from './index.ts';
import { LOCALES } from './types.ts';

const TOKEN = `ghe_${'0123456789abcdef'.repeat(4)}`;
const link = (url: string, token = TOKEN): string =>
  `gatehouse://enroll?${new URLSearchParams({ url, token }).toString()}`;
const PIN = `sha256:${'Ab_-'.repeat(10)}abc`;
const GATE = 'https://gate.example.org';

describe('invitations that are read', () => {
  const good: Offer = { url: GATE, token: TOKEN, host: 'gate.example.org', plain: false };
  const table: [string, string, Partial<Offer>?][] = [
    ['a link', link(GATE)],
    ['a link as people write it', `gatehouse://enroll?url=${GATE}&token=${TOKEN}`],
    ['a link with a slash', `gatehouse://enroll/?url=${GATE}&token=${TOKEN}`],
    ['white space around', `\n  ${link(GATE)} \t`],
    ['the scheme in capitals', link(GATE).replace('gatehouse:', 'GATEHOUSE:')],
    ['a token in the fragment', `${GATE}/#token=${TOKEN}`],
    ['address and token', `${GATE} ${TOKEN}`],
    ['on two lines', `${GATE}\r\n${TOKEN}\n`],
    ['without a scheme', `gate.example.org ${TOKEN}`],
    ['slashes at the end', link(`${GATE}//`)],
    ['a path', link(`${GATE}/site/a/`), { url: `${GATE}/site/a` }],
    ['its own port', link(`${GATE}:443`)],
    ['another port', link(`${GATE}:8443`), { url: `${GATE}:8443`, host: 'gate.example.org:8443' }],
    ['capitals', link('HTTPS://Gate.Example.ORG')],
    ['plain HTTP', link('http://gate.example.org'), { url: 'http://gate.example.org', plain: true }],
    ['plain HTTP here', link('http://localhost:8080'), { url: 'http://localhost:8080', host: 'localhost:8080' }],
    ['plain HTTP to 127', link('http://127.9.9.9'), { url: 'http://127.9.9.9', host: '127.9.9.9' }],
    ['plain HTTP to ::1', link('http://[::1]:80'), { url: 'http://[::1]', host: '[::1]' }],
    [
      'a name like 127',
      link('http://127.0.0.1.evil.example'),
      { url: 'http://127.0.0.1.evil.example', host: '127.0.0.1.evil.example', plain: true },
    ],
    ['an address in disguise', link('http://0x0a.1'), { url: 'http://10.0.0.1', host: '10.0.0.1', plain: true }],
    [
      'a look-alike is in punycode',
      link('https://gаte.example.org'),
      { url: 'https://xn--gte-6cd.example.org', host: 'xn--gte-6cd.example.org' },
    ],
    ['a pin', `${link(GATE)}&pin=${PIN}`, { pin: PIN }],
    ['a pin in the fragment', `${GATE}/#token=${TOKEN}&pin=${PIN}`, { pin: PIN }],
    ['a token that ends in =', link(GATE, 'abcdefgh=='), { token: 'abcdefgh==' }],
  ];
  for (const [name, text, differs] of table) {
    test(name, () => assert.deepEqual(parseOffer(text), { ...good, ...differs }));
  }
});

describe('invitations that are not', () => {
  const table: [string, string, string][] = [
    ['nothing', ' \n ', 'offer.empty'],
    ['a book', 'x'.repeat(8193), 'offer.too-long'],
    ['a word', 'hello', 'offer.not-an-offer'],
    ['a sentence', 'please join us', 'offer.not-an-offer'],
    ['another scheme', 'javascript:alert(1)', 'offer.not-an-offer'],
    ['another verb', link(GATE).replace('enroll', 'leave'), 'offer.not-an-offer'],
    ['a path', link(GATE).replace('enroll', 'enroll/x'), 'offer.not-an-offer'],
    ['a port', link(GATE).replace('enroll', 'enroll:1'), 'offer.not-an-offer'],
    ['a login in the link', link(GATE).replace('enroll', 'a@enroll'), 'offer.not-an-offer'],
    ['a fragment', `${link(GATE)}#x`, 'offer.not-an-offer'],
    ['something else asked', `${link(GATE)}&ca=x`, 'offer.not-an-offer'],
    ['two addresses', `${link(GATE)}&url=https://evil.example`, 'offer.not-an-offer'],
    ['two tokens', `${link(GATE)}&token=${TOKEN}`, 'offer.not-an-offer'],
    ['no address', `gatehouse://enroll?token=${TOKEN}`, 'offer.not-an-offer'],
    ['no token', `gatehouse://enroll?url=${GATE}`, 'offer.no-token'],
    ['an address alone', GATE, 'offer.no-token'],
    ['an empty fragment', `${GATE}#`, 'offer.no-token'],
    ['a token in the query', `${GATE}/?token=${TOKEN}`, 'offer.no-token'],
    ['two tokens in the fragment', `${GATE}/#token=${TOKEN}&token=x`, 'offer.no-token'],
    ['a short token', link(GATE, 'abc'), 'offer.bad-token'],
    ['a long token', link(GATE, 'a'.repeat(513)), 'offer.bad-token'],
    ['a token with a space', link(GATE, `${TOKEN} x`), 'offer.bad-token'],
    ['a token with a letter from elsewhere', link(GATE, `${TOKEN}é`), 'offer.bad-token'],
    ['two pins', `${link(GATE)}&pin=${PIN}&pin=${PIN}`, 'offer.bad-pin'],
    ['an empty pin', `${link(GATE)}&pin=`, 'offer.bad-pin'],
    ['a pin cut off', `${link(GATE)}&pin=${PIN.slice(0, -1)}`, 'offer.bad-pin'],
    ['a pin of another kind', `${link(GATE)}&pin=${PIN.replace('256', '1')}`, 'offer.bad-pin'],
    ['a pin with plain HTTP', `${link('http://localhost')}&pin=${PIN}`, 'offer.bad-pin'],
    ['another scheme inside', link('file:///etc/passwd'), 'offer.bad-url'],
    ['one slash', link('https:/gate.example.org'), 'offer.bad-url'],
    ['no host', link('https://'), 'offer.bad-url'],
    ['three slashes', link('https:///gate.example.org'), 'offer.bad-url'],
    ['a backslash', link('https://gate.example.org\\@evil.example'), 'offer.bad-url'],
    ['a line end inside', link('https://gate.exam\nple.org'), 'offer.bad-url'],
    ['a letter that is not seen', link('https://gate\u200b.example.org'), 'offer.bad-url'],
    ['a query', link(`${GATE}?x=1`), 'offer.bad-url'],
    ['a bad port', link(`${GATE}:99999`), 'offer.bad-url'],
    ['a long address', link(`${GATE}/${'a'.repeat(2048)}`), 'offer.bad-url'],
    ['a user', link('https://gate.example.org@evil.example'), 'offer.login-in-url'],
    ['a user and a password', link('https://a:b@gate.example.org'), 'offer.login-in-url'],
    ['an empty user', link('https://@gate.example.org'), 'offer.login-in-url'],
    ['a user without a scheme', `a@gate.example.org ${TOKEN}`, 'offer.login-in-url'],
  ];
  for (const [name, text, problem] of table) {
    test(name, () => {
      assert.deepEqual(parseOffer(text), { problem });
      for (const locale of LOCALES) assert.ok(translator(locale)(problem as 'offer.empty').length > 10);
    });
  }
});

describe('whatever comes', () => {
  test('it never throws, and a problem repeats nothing of the text', () => {
    const piece = fc.oneof(
      fc.constantFrom(
        'gatehouse://enroll?',
        'url=',
        '&token=',
        GATE,
        TOKEN,
        '#token=',
        'https://',
        '@',
        '%',
        '\\',
        ' ',
      ),
      fc.string(),
      fc.webUrl(),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const result = parseOffer(pieces.join(''));
        if ('problem' in result) return assert.deepEqual(Object.keys(result), ['problem']);
        assert.match(result.url, /^https?:\/\/[!-~]+$/);
        assert.match(result.host, /^[!-~]{1,300}$/);
        assert.equal(new URL(result.url).host, result.host);
      }),
      { numRuns: 2000 },
    );
  });
  test('what a link is made of comes out of it', () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: false, withFragments: false }), (url) => {
        const result = parseOffer(link(url));
        assert.ok('url' in result, url);
        assert.equal(result.host, new URL(url).host);
        assert.equal(result.plain, url.startsWith('http:'));
      }),
    );
  });
});
