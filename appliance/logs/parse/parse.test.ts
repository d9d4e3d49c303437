import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { MAX_VALUE, parse, parseOwn, parsers } from './index.ts';

const SAMPLES = join(import.meta.dirname, 'samples');
/** 2026-11-22T11:30:00Z. */
const RECEIVED_US = 1_795_347_000_000_000;

const linesOf = (path: string): string[] =>
  readFileSync(join(SAMPLES, path), 'latin1')
    .split('\n')
    .filter((line) => line !== '');
const files = globSync('*/*.log', { cwd: SAMPLES }).sort();
const all = files.flatMap(linesOf);
const read = (text: string, hint?: string) => parse(Buffer.from(text, 'latin1'), hint, RECEIVED_US);
const fieldsOf = (text: string) => read(text).fields;

describe('lines of devices', () => {
  for (const path of files) {
    it(path, () => {
      const expected = linesOf(path.replace(/\.log$/, '.fields'));
      const lines = linesOf(path);
      assert.equal(expected.length, lines.length);
      for (const [place, line] of lines.entries()) {
        const { parser, fields } = read(line);
        assert.deepEqual({ parser, ...fields }, JSON.parse(expected[place]!), line);
      }
    });
  }

  it('are read alike with a byte order mark before them', () => {
    for (const line of all) {
      const utf8 = Buffer.from(line, 'latin1').toString('utf8');
      if (utf8.includes('\u{fffd}')) continue;
      const [plain, marked] = [utf8, `\u{feff}${utf8}`].map((text) => parse(Buffer.from(text), undefined, RECEIVED_US));
      assert.deepEqual(marked, plain, line);
    }
  });

  it('are read alike with the hint that they give', () => {
    for (const line of all) {
      const { parser, fields } = read(line);
      assert.deepEqual(read(line, parser), { parser, fields }, line);
    }
  });

  it('are read alike with a hint that is wrong, unless two know the line', () => {
    for (const line of all) {
      const { parser } = read(line);
      for (const { name } of parsers) {
        const hinted = read(line, name).parser;
        assert.ok(hinted === parser || hinted === name, `${name}: ${line}`);
      }
    }
    assert.equal(read('<14>hello', 'nobody').parser, 'generic');
  });
});

describe('headers of syslog', () => {
  it('without anything are told as none', () => {
    assert.deepEqual(read('just words'), { parser: 'none', fields: {} });
    assert.deepEqual(parse(new Uint8Array()), { parser: 'none', fields: {} });
  });

  it('have a severity and a facility up to 191', () => {
    assert.deepEqual(fieldsOf('<191>x'), { severity: 7, facility: 23, msg: 'x' });
    assert.deepEqual(fieldsOf('<192>x'), {});
    assert.deepEqual(fieldsOf('<>x'), {});
    assert.deepEqual(fieldsOf('<1x>x'), {});
  });

  it('take the year nearest to the receipt', () => {
    const time = (text: string, at: string) =>
      parse(Buffer.from(text), undefined, Date.parse(at) * 1000).fields.device_time;
    assert.equal(time('<14>Dec 31 23:59:59 h a: m', '2027-01-01T00:00:05Z'), '2026-12-31T23:59:59');
    assert.equal(time('<14>Jan  1 00:00:01 h a: m', '2026-12-31T23:59:58Z'), '2027-01-01T00:00:01');
    assert.equal(time('<14>Feb 29 12:00:00 h a: m', '2028-03-01T00:00:00Z'), '2028-02-29T12:00:00');
    assert.equal(time('<14>Feb 29 12:00:00 h a: m', '2026-03-01T00:00:00Z'), undefined);
  });

  it('have no device time without a year and without the receipt', () => {
    assert.deepEqual(parse(Buffer.from('<14>Nov 22 10:00:00 h a[1]: m')).fields, {
      severity: 6,
      facility: 1,
      host: 'h',
      app: 'a',
      msg: 'm',
    });
  });

  it('keep a leap second and at most microseconds', () => {
    assert.equal(
      fieldsOf('<14>1 2016-12-31T23:59:60.123456789Z h - - - - m').device_time,
      '2016-12-31T23:59:60.123456Z',
    );
    assert.equal(fieldsOf('<14>1 2016-12-31T23:59:61Z h - - - - m').device_time, undefined);
    assert.equal(fieldsOf('<14>1 2016-02-30T23:59:00Z h - - - - m').device_time, undefined);
  });

  it('of RFC 5424 have structured data with escapes', () => {
    const { fields } = read(
      '<14>1 - h app 1 ID [x@1 user="a\\"b\\]\\\\" srcip="192.0.2.1"][y] \u00ef\u00bb\u00bfhello',
    );
    assert.deepEqual(fields, { ...fields, user: 'a"b]\\', srcip: '192.0.2.1', msg: 'hello' });
    const broken = fieldsOf('<14>1 - h app - - [x user="never closed');
    assert.equal(broken.msg, '[x user="never closed');
    assert.equal(fieldsOf('<14>1 -').severity, 6);
  });
});

describe('values', () => {
  it('that are no addresses, MACs or ports are left out', () => {
    const wrong =
      'date=2026-11-22 time=25:00:00 srcip=1.2.3.256 dstip=::g srcport=65536 dstport=x srcmac=aa:bb proto=6';
    assert.deepEqual(fieldsOf(wrong), {
      proto: 'tcp',
      vendor: 'Fortinet',
      product: 'FortiGate',
      event: 'system',
    });
  });

  it('of IPv6 are written as RFC 5952 does', () => {
    const ip = (text: string) => fieldsOf(`date=2026-11-22 srcip=${text}`).srcip;
    assert.equal(ip('2001:0DB8:0:0:1:0:0:1'), '2001:db8::1:0:0:1');
    assert.equal(ip('2001:db8:0:1:1:1:1:1'), '2001:db8:0:1:1:1:1:1');
    assert.equal(ip('::ffff:192.0.2.1'), '192.0.2.1');
    assert.equal(ip('::'), '::');
    assert.equal(ip('fe80::1%eth0'), 'fe80::1');
  });

  it('are cut at their limit', () => {
    const { user, msg } = fieldsOf(`date=2026-11-22 user="${'u'.repeat(2000)}" msg=${'m'.repeat(2000)}`);
    assert.deepEqual([user?.length, msg?.length], [MAX_VALUE, MAX_VALUE]);
  });

  it('are UTF-8, else latin1', () => {
    assert.equal(parse(Buffer.from('<14>date=2026-11-22 user="Jürgen"')).fields.user, 'Jürgen');
    assert.equal(fieldsOf('<14>date=2026-11-22 user="J\u00fcrgen"').user, 'Jürgen');
  });
});

describe('whatever comes', () => {
  const sound = (raw: Uint8Array) => {
    const before = Buffer.from(raw);
    for (const hint of [undefined, ...parsers.map(({ name }) => name)]) {
      const { fields } = parse(raw, hint, RECEIVED_US);
      for (const [key, value] of Object.entries(fields)) {
        assert.ok(value !== undefined && value !== '', key);
        if (typeof value === 'string') assert.ok(value.length <= MAX_VALUE, key);
        else assert.ok(Number.isSafeInteger(value) && value >= 0, key);
      }
    }
    assert.ok(before.equals(raw));
  };

  it('bytes are read without an error', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), sound), { numRuns: 300 });
  });

  it('lines that were changed, cut or repeated too', () => {
    const line = fc.constantFrom(...all);
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 8 });
    fc.assert(
      fc.property(line, line, changes, fc.nat(), (one, other, places, cut) => {
        const raw = Buffer.from(one.slice(0, cut % (one.length + 1)) + other.slice(cut % (other.length + 1)), 'latin1');
        if (raw.length > 0) for (const [place, byte] of places) raw[place % raw.length] = byte;
        sound(raw);
      }),
      { numRuns: 500 },
    );
  });
});

/** Characters that are looked at while `work` runs: what the methods of strings pass over. */
function counted(work: () => void): number {
  const prototype = String.prototype as unknown as Record<string, (...args: unknown[]) => unknown>;
  let count = 0;
  const names = [
    'indexOf',
    'lastIndexOf',
    'includes',
    'startsWith',
    'charCodeAt',
    'slice',
    'split',
    'replace',
    'replaceAll',
  ];
  const originals = names.map((name) => [name, prototype[name]!] as const);
  for (const [name, original] of originals) {
    prototype[name] = function (this: string, ...args: unknown[]) {
      const result = original.apply(this, args);
      const from = typeof args[1] === 'number' ? Math.max(args[1], 0) : 0;
      if (name === 'charCodeAt' || name === 'startsWith') count += 1;
      else if (name === 'indexOf') count += ((result as number) < 0 ? this.length : (result as number)) - from + 1;
      else if (name === 'lastIndexOf' && typeof args[1] === 'number') count += from - Math.max(result as number, 0) + 1;
      else if (name === 'slice') count += 1;
      else count += this.length;
      return result;
    };
  }
  try {
    work();
  } finally {
    for (const [name, original] of originals) prototype[name] = original;
  }
  return count;
}

describe('lines made to cost much', () => {
  const heads = [
    ...new Map(all.map((line) => [`${read(line).parser} ${line.slice(0, 24)}`, line.slice(0, 120)])).values(),
    '<14>1 - h a p i ',
    '<14>1 - h RT_FLOW p i [junos@2636 ',
    'date=',
    'CEF:0|a|b|c|d|e|1|',
    'LEEF:2.0|a|b|c|d|=|',
    '{"a":',
    'firewall,info ',
    'IN= SRC= DST=',
    '',
  ];
  const tails = [
    ' ',
    '=',
    'a',
    '"',
    '\\"',
    '\\',
    'a=',
    'a="',
    '[',
    ']',
    '(',
    '->',
    '||',
    ',',
    ': ',
    '/',
    ' SRC=1 DST=2 ',
    '""',
    ':',
  ];

  it('cost twice as much when they are twice as long', () => {
    const cost = (head: string, tail: string, length: number): number => {
      const raw = Buffer.from(head + tail.repeat(length / tail.length), 'latin1');
      return counted(() => void parse(raw, undefined, RECEIVED_US));
    };
    for (const head of heads)
      for (const tail of tails) {
        const [half, whole] = [cost(head, tail, 2048), cost(head, tail, 4096)];
        assert.ok(whole <= 2.3 * half + 4096, `${half} → ${whole} for ${head} and ${tail}`);
      }
  });

  it('may be 64 KiB', () => {
    for (const head of heads)
      for (const tail of ['a="', '\\"', '=', ': ']) read(head + tail.repeat(65_535 / tail.length));
  });
});

describe('records of the appliance', () => {
  const fields = (record: unknown) => parseOwn(Buffer.from(JSON.stringify(record))).fields;
  const own = { vendor: 'Gatehouse', product: 'Gatehouse' };

  it('of accounting say whose address it is', () => {
    assert.deepEqual(
      fields({
        event: 'radius.accounting',
        status: 'Interim-Update',
        at: '2026-11-22T10:00:00.000Z',
        user: 'alice',
        mac: '02-00-00-11-22-33',
        framed_ip: '10.0.0.5',
        session_id: '1',
        nas_id: 'n-1',
        bytes_in: 1,
        bytes_out: 2,
      }),
      {
        ...own,
        app: 'radius.accounting',
        event: 'auth',
        action: 'assign',
        device_time: '2026-11-22T10:00:00.000Z',
        host: 'n-1',
        user: 'alice',
        mac: '02:00:00:11:22:33',
        ip: '10.0.0.5',
        session: '1',
        bytes_in: 2,
        bytes_out: 1,
        bytes: 3,
      },
    );
  });

  it('of events say who did it from where', () => {
    const actor = { kind: 'user', id: 'u-1', address: '192.0.2.9' };
    assert.deepEqual(fields({ event: 'access.device.created', mac: '02:00:00:11:22:33', actor }), {
      ...own,
      app: 'access.device.created',
      event: 'config',
      action: 'add',
      mac: '02:00:00:11:22:33',
      srcip: '192.0.2.9',
    });
    assert.equal(fields({ event: 'identity.login.failed', username: 'eve' }).action, 'fail');
  });

  it('that are none have no fields', () => {
    for (const text of ['', 'x', 'null', '[]', '{"event":1,"ip":{"a":1}}'])
      assert.deepEqual(parseOwn(Buffer.from(text)).fields.user, undefined);
  });
});
