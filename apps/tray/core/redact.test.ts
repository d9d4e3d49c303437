import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { redact } from './redact.ts';

const WHO = { home: '/home/alice', user: 'alice', host: 'alices-laptop.example.org' };
const KEY = '3Dj/0+YzQZTsLvq9KSdXXlbzP5BqQokDwnyZYX+JGzI=';
const HEX = '984c2e206fe9b183423c81066305a03871b21c2217e476e14e78756ff7459471';
const say = (text: string, who = WHO): string => redact(text, who).text;

test('a run without an end takes no longer than any other text of its length', () => {
  for (const part of ['mac', 'cookie: ', '"token":"a', 'a+', 'eyJ', 'token=', 'aZ0_', 'bearer ', '1.', 'f:']) {
    const length = 128 * 1024;
    assert.ok(redact(part.repeat(length / part.length), WHO).text.length > 0, part);
  }
});

describe('what is hidden', () => {
  const table: [string, string, string | undefined][] = [
    ['WireGuard keys, told apart', `${KEY} ${'A'.repeat(43)}= ${KEY}`, '[key-1] [key-2] [key-1]'],
    ['a key in a setting', `PrivateKey = ${KEY}\n`, 'PrivateKey = [key-1]\n'],
    ['a key as JSON', JSON.stringify({ publicKey: KEY }), '{"publicKey":"[key-1]"}'],
    ['a PEM block', '-----BEGIN PRIVATE KEY-----\nMC4C\n-----END PRIVATE KEY-----!', '[key-1]!'],
    ['an enrollment token', `token: ghe_${HEX}.`, 'token: [token].'],
    ['a device credential', `ghd_${HEX}`, '[token]'],
    [
      'tickets, portal and connector tokens',
      `ghw_${HEX} ghc_${HEX} ghc_${'a-Z_'.repeat(10)}abc`,
      '[token] [token] [token]',
    ],
    ['an API token', `wirety_${HEX}`, '[token]'],
    ['a session', `Authorization: Session ${HEX}`, 'Authorization: Session [token]'],
    ['a bearer', 'authorization: Bearer abc.def-ghi_123', 'authorization: Bearer [token]'],
    ['a cookie', 'cookie: wirety_session=0123456789', 'cookie: [token]'],
    ['several cookies', 'Cookie: a=b; session=defghijkl', 'Cookie: [token]'],
    ['a passphrase of words', '{"password":"correct horse, battery"}', '{"password":"[token]"}'],
    [
      'the address of a hotel’s sign-in page',
      'http://login.example/?clientmac=0a1b2c3d4e5f&x=1',
      'http://login.example/?clientmac=[address-1]&x=1',
    ],
    ['a JWT', 'jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_-123 end', 'jwt [token] end'],
    ['a token after a space', 'enroll --token abc123DEF456 --json', 'enroll --token [token] --json'],
    ['a token in a sentence, quoted', 'the token "abc123DEF456" was refused', 'the token "[token]" was refused'],
    [
      'tokens in lists and objects',
      'tokens: [abc123DEF] {"token":{"value":"abcDEF"}}',
      'tokens: [[token]] {"token":{"value":"[token]"}}',
    ],
    ['a password in a sentence', 'password hunter2 ok', 'password [token] ok'],
    ['a login in a header', 'Authorization: Basic YWI6Yw==', 'Authorization: Basic [token]'],
    ['a key without padding, and in a URL', `${KEY.slice(0, -1)} ${KEY.slice(0, -1)}%3D`, '[key-2] [key-1]'],
    ['a key as base64url', KEY.slice(0, -1).replaceAll('+', '-').replaceAll('/', '_'), '[key-1]'],
    ['a MAC address as Cisco writes it', 'on aabb.ccdd.eeff', 'on [address-1]'],
    ['a password in a line', 'password=hunter22 ok', 'password=[token] ok'],
    ['a secret as JSON', '{"clientSecret":"s3cr3t!"}', '{"clientSecret":"[token]"}'],
    [
      'a link',
      `gatehouse://enroll?url=https://gate.example.org&token=x${HEX}`,
      'gatehouse://enroll?url=https://gate.example.org&token=[token]',
    ],
    [
      'a code in a query',
      'https://idp.example/cb?code=abcdef&state=zyxw',
      'https://idp.example/cb?code=[token]&state=[token]',
    ],
    ['a login in a URL', 'https://bob:pa55@gate.example.org/x', 'https://[login]@gate.example.org/x'],
    [
      'IPv4, with prefix and port',
      '10.10.0.5/32 192.0.2.10:51820 10.10.0.5',
      '[address-1]/32 [address-2]:51820 [address-1]',
    ],
    ['IPv4 as tcpdump writes it', 'IP 10.0.0.1.51820 >', 'IP [address-1].51820 >'],
    ['IPv6', 'fd00::1 2001:db8:0:0:0:0:0:2, [fe80::1]:53', '[address-1] [address-2], [[address-3]]:53'],
    ['IPv6 with a zone, and with IPv4 in it', 'fe80::1%eth0 ::ffff:192.0.2.1', '[address-1]%eth0 [address-2]'],
    ['IPv6 after a colon', 'hub:fd00::7', 'hub:[address-1]'],
    ['reverse names', '5.0.10.10.in-addr.arpa 1.0.0.0.d.f.ip6.arpa', undefined],
    ['MAC addresses', 'aa:bb:cc:dd:ee:ff 00-11-22-33-44-55', '[address-1] [address-2]'],
    ['e-mail', 'to Alice.B+x@mail.example.org!', 'to [email-1]!'],
    ['the home folder', '/home/alice/.config/x /home/alice', '[home]/.config/x [home]'],
    ['others’ home folders', '/home/bob/x /Users/carol/Library "/Users/dan"', '[home]/x [home]/Library "[home]"'],
    ['Windows', 'C:\\Users\\Anna Maria\\AppData c:/Users/bob/x', '[home]\\AppData [home]/x'],
    ['Windows as JSON', '{"p":"C:\\\\Users\\\\bob\\\\x"}', '{"p":"[home]\\\\x"}'],
    ['Windows, at the end', 'in C:\\Users\\bob', 'in [home]'],
    [
      'the host name, whole and short, in any case',
      'Alices-Laptop.example.org alices-laptop ALICES-LAPTOP',
      '[host] [host] [host]',
    ],
    ['the user', 'alice: User=Alice', '[user]: User=[user]'],
  ];
  for (const [name, text, wanted] of table) {
    test(name, () => {
      if (wanted !== undefined) assert.equal(say(text), wanted);
      else assert.doesNotMatch(say(text), /\d\.\d/);
    });
  }
  test('a home folder elsewhere, spelled in any way', () => {
    const who = { home: 'D:\\Profile\\Ärzte', user: 'x', host: 'pc' };
    assert.equal(say('d:/profile/ärzte/a D:\\\\Profile\\\\Ärzte\\\\b', who), '[home]/a [home]\\\\b');
  });
  test('short names only as words', () => {
    const who = { home: '/', user: 'al', host: 'pc' };
    assert.equal(say('al has also a pc, not pcap; AL_x', who), '[user] has also a [host], not pcap; [user]_x');
  });
});

describe('what stays', () => {
  const kept = [
    'loopback 127.0.0.1:8080 ::1 0.0.0.0 :: localhost',
    '2026-01-02T03:04:05.000Z connected, since 12:34:56',
    'std::string version 1.2.3 MTU 1420',
    'state connecting, cause no-handshake: hub gate does not answer',
    'root: /usr/lib/gatehouse/agent /var/lib/gatehouse-agent /etc/resolv.conf',
    'https://gate.example.com/api/v1/health?verbose=1',
    'session established; basic authentication; token refused; the password was wrong',
  ];
  for (const text of kept) {
    test(text.slice(0, 40), () => assert.deepEqual(redact(text, { ...WHO, user: 'root' }), { text, redacted: {} }));
  }
});

test('counts by kind', () => {
  const { redacted } = redact(`${KEY} 10.0.0.1 10.0.0.1 fd00::1 /home/alice/a alice a@b.org ghe_${HEX}`, WHO);
  assert.deepEqual(redacted, { key: 1, address: 3, 'home folder': 1, 'user name': 1, email: 1, token: 1 });
});

test('a text that is redacted already keeps its numbers, and new ones go on from there', () => {
  assert.equal(say('[address-3] 10.0.0.1 [token]'), '[address-3] [address-4] [token]');
});

describe('whatever comes', () => {
  const hex = (n: number) => fc.string({ unit: fc.constantFrom(...'0123456789abcdef'), minLength: n, maxLength: n });
  const letters = (min: number, max: number) =>
    fc.string({ unit: fc.constantFrom(...'bcdfghjklmnpqrstvwz'), minLength: min, maxLength: max });
  const harmless = /^(127\.|0\.0\.0\.0$|::1?$|(0{1,4}:){7}0{0,3}1?$)/;
  const secret = fc.oneof(
    fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('base64')),
    fc.tuple(fc.constantFrom('ghe_', 'ghd_', 'ghw_', 'ghc_', 'wirety_'), hex(64)).map((parts) => parts.join('')),
    hex(64),
    fc.ipV4().filter((ip) => !harmless.test(ip)),
    fc.ipV6().filter((ip) => !harmless.test(ip)),
    fc.array(hex(2), { minLength: 6, maxLength: 6 }).map((bytes) => bytes.join(':')),
    fc.tuple(letters(3, 8), letters(3, 8)).map(([user, host]) => `${user}@${host}.example`),
  );
  const who = fc.tuple(letters(3, 12), letters(3, 12), fc.constantFrom('/home/', '/Users/', 'C:\\Users\\'));
  const between = fc.oneof(
    fc.constantFrom(
      ' ',
      '\n',
      '"',
      "'",
      ', ',
      '(',
      ')',
      '[',
      ']',
      '=',
      ' = ',
      '\t',
      ';',
      '/',
      '<',
      '>',
      '{"a":"',
      '"}',
    ),
    fc.constantFrom(' peer ', ' at ', ' address: ', ' endpoint=', '[token]', '[address-7]', '\\n'),
  );

  test('nothing planted survives', () => {
    const parts = fc.array(fc.tuple(between, secret), { maxLength: 6 });
    fc.assert(
      fc.property(parts, who, between, (planted, [user, host, base], end) => {
        const home = base + user;
        const text = `${planted.flat().join('')}${end} ${home}${base.includes('\\') ? '\\' : '/'}x on ${host} by ${user}`;
        const { text: report, redacted } = redact(text, { home, user, host });
        for (const [, hidden] of planted) assert.ok(!report.includes(hidden), `${hidden} in ${report}`);
        const bare = report.replace(/\[[a-z]+(-\d+)?\]/g, ' ');
        for (const name of [user, host]) {
          assert.doesNotMatch(bare, new RegExp(`(?<![a-z])${name}(?![a-z])`, 'i'));
        }
        assert.ok(Object.values(redacted).every((n) => n > 0));
      }),
      { numRuns: 600 },
    );
  });
  test('again changes nothing', () => {
    const anything = fc.oneof(
      between,
      secret,
      fc.string(),
      fc.constantFrom('host', 'user', '[ho', 'st]', '-1]', 'address', 'token='),
    );
    fc.assert(
      fc.property(fc.array(anything, { maxLength: 12 }), who, (pieces, [user, host, base]) => {
        const person = { home: base + user, user, host };
        const once = redact(pieces.join(''), person).text;
        assert.deepEqual(redact(once, person), { text: once, redacted: {} });
      }),
      { numRuns: 600 },
    );
  });
  test('a user called as a placeholder is', () => {
    const person = { home: '/home/token', user: 'token', host: 'address' };
    const once = redact('token on address 10.0.0.1', person).text;
    assert.equal(once, '[user] on [host] [address-1]');
    assert.equal(redact(once, person).text, once);
  });
  test('long texts take time in proportion', () => {
    const line = `peer ${KEY} at 192.0.2.1:51820 a:b:c:d ${'x'.repeat(200)} ${'1:'.repeat(60)} ${'a.'.repeat(60)}\n`;
    const { redacted } = redact(line.repeat(500), WHO);
    assert.equal(redacted.key, 500);
    const many = Array.from({ length: 5000 }, (_, i) => `10.0.${i >> 8}.${i & 255}`).join(' ');
    assert.match(say(many), /\[address-5000\]$/);
  });
});

test('a name in pieces, as files of macOS have it, is the same name', () => {
  const who = { home: '/Users/jos\u00e9', user: 'jos\u00e9', host: 'Jos\u00e9s-Mac.local' };
  const pieces = 'jose\u0301 opened /Users/jose\u0301/x on Jose\u0301s-Mac';
  assert.equal(say(pieces, who), '[user] opened [home]/x on [host]');
  assert.equal(
    say(pieces.normalize('NFC'), { ...who, user: who.user.normalize('NFD'), home: who.home.normalize('NFD') }),
    say(pieces, who),
  );
});
