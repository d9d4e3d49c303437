import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { after, afterEach, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { requires } from '../../../test/requires.ts';
import { post } from '../post.ts';
import { requestTimestamp } from './client.ts';
import { startTsa, type Tsa } from './testing.ts';
import { checkTimestamp, TimestampError } from './token.ts';

const digest = createHash('sha256').update('gatehouse/acme/lisbon/edge-1\n12\n…\n').digest();
const other = createHash('sha256').update('other').digest();

describe('a time-stamp', requires('openssl'), () => {
  let tsa: Tsa;
  let root: string;
  before(async () => {
    tsa = await startTsa();
    await tsa.issue('rsa', 'time', 'middle', ['-newkey', 'rsa:2048', '-nodes']);
    root = String(await tsa.read('root.pem'));
  });
  after(() => tsa.close());
  afterEach(() => {
    tsa.answer = undefined;
  });

  const ask = () => requestTimestamp({ url: tsa.url, digest, http: post });
  const refused = (answer: Promise<unknown>, message: RegExp) =>
    assert.rejects(answer, (error) => {
      assert.ok(error instanceof TimestampError, String((error as Error).stack));
      assert.match(error.message, message);
      return true;
    });
  const opensslVerifies = async (token: Uint8Array, of = digest): Promise<boolean> => {
    await writeFile(tsa.file('token'), token);
    const trust = ['-CAfile', 'root.pem', '-untrusted', 'middle.pem'];
    return tsa.openssl('ts', '-verify', '-digest', of.toString('hex'), '-in', 'token', '-token_in', ...trust).then(
      () => true,
      () => false,
    );
  };
  /** A query of openssl's. */
  const queryOf = async (...args: string[]): Promise<Buffer> => {
    await tsa.openssl('ts', '-query', ...args, '-out', 'own-query');
    return tsa.read('own-query');
  };
  const tokenOf = async (reply: Buffer): Promise<Buffer> => {
    await writeFile(tsa.file('own-reply'), reply);
    await tsa.openssl('ts', '-reply', '-in', 'own-reply', '-token_out', '-out', 'own-token');
    return tsa.read('own-token');
  };

  it('is had from an authority, and openssl takes it', async () => {
    const { token, genTimeUs, signer } = await ask();
    assert.ok(await opensslVerifies(token));
    assert.ok(!(await opensslVerifies(token, other)));
    const checked = await checkTimestamp(token, digest, { trusted: [root] });
    assert.deepEqual([checked.genTimeUs, checked.signer], [genTimeUs, signer]);
    assert.equal(signer, 'O=Times, CN=tsa');
    // To the microsecond, as openssl shows it: `Nov 22 20:26:32.012345 2026 GMT`.
    const { stdout } = await tsa.openssl('ts', '-reply', '-in', 'token', '-token_in', '-text');
    const [, day, second, fraction = '', year] =
      /Time stamp: (\w+ +\d+) ([\d:]+)(?:\.(\d+))? (\d+) GMT/.exec(stdout) ?? [];
    const expected = Date.parse(`${day} ${year} ${second} GMT`) * 1000 + Number(fraction.padEnd(6, '0'));
    assert.equal(genTimeUs, expected);
  });

  it('may be signed by RSA and RSA-PSS, and name its certificate by SHA-1', async () => {
    const query = await queryOf('-digest', digest.toString('hex'), '-sha256', '-cert');
    const sha1 = await writeSha1Config();
    for (const [signer, more] of [
      ['rsa', []],
      ['tsa', sha1],
    ] as const) {
      const token = await tokenOf(await tsa.reply(query, signer, more));
      assert.equal((await checkTimestamp(token, digest, { trusted: [root] })).signer, `O=Times, CN=${signer}`);
    }
    // What `openssl ts` doesn't sign with, `openssl cms` does.
    const tst = await contentOf(await tokenOf(await tsa.reply(query)));
    const pss = ['-keyopt', 'rsa_padding_mode:pss', '-keyopt', 'rsa_pss_saltlen:digest'];
    await checkTimestamp(await signed(tst, 'rsa', pss), digest, { trusted: [root] });
    await checkTimestamp(await signed(tst, 'tsa', ['-md', 'sha384']), digest, { trusted: [root] });
    await refused(checkTimestamp(await signed(tst, 'rsa', ['-md', 'sha1']), digest), /in a way that is not known/);
  });

  async function writeSha1Config(): Promise<string[]> {
    const config = String(await tsa.read('tsa.cnf')).replace(
      'ess_cert_id_chain',
      'ess_cert_id_alg = sha1\ness_cert_id_chain',
    );
    await writeFile(tsa.file('sha1.cnf'), config);
    return ['-config', 'sha1.cnf'];
  }
  const contentOf = async (token: Buffer): Promise<Buffer> => {
    await writeFile(tsa.file('whole'), token);
    await tsa.openssl('cms', '-verify', '-noverify', '-inform', 'DER', '-in', 'whole', '-out', 'content', '-binary');
    return tsa.read('content');
  };
  /** A token made by hand around what it says. */
  const signed = async (
    content: Uint8Array,
    signer: string,
    more: string[] = [],
    type = '1.2.840.113549.1.9.16.1.4',
  ) => {
    await writeFile(tsa.file('content'), content);
    const by = [
      '-signer',
      `${signer}.pem`,
      '-inkey',
      `${signer}.key`,
      '-certfile',
      'middle.pem',
      '-md',
      'sha256',
      ...more,
    ];
    const form = ['-nodetach', '-binary', '-outform', 'DER', '-econtent_type', type];
    await tsa.openssl('cms', '-sign', '-cades', ...form, ...by, '-in', 'content', '-out', 'made');
    return tsa.read('made');
  };

  it('of something else is refused', async () => {
    const { token } = await ask();
    await refused(checkTimestamp(token, other), /of something else/);
    await refused(checkTimestamp(token, digest.subarray(1)), /SHA-256 digest/);
    const query = await queryOf('-digest', other.toString('hex'), '-sha256', '-cert');
    tsa.answer = () => tsa.reply(query);
    await refused(ask(), /of something else/);
    const sha512 = createHash('sha512').update('x').digest('hex');
    const long = await tokenOf(await tsa.reply(await queryOf('-digest', sha512, '-sha512', '-cert')));
    await refused(checkTimestamp(long, digest), /of something else/);
  });

  it('that answers another request is refused', async () => {
    const given = ['-digest', digest.toString('hex'), '-sha256', '-cert'];
    const another = await queryOf(...given);
    tsa.answer = () => tsa.reply(another);
    await refused(ask(), /another request/);
    const without = await queryOf(...given, '-no_nonce');
    tsa.answer = () => tsa.reply(without);
    await refused(ask(), /another request/);
    let first: Buffer | undefined;
    tsa.answer = async (query) => {
      first ??= await tsa.reply(query);
      return first;
    };
    await ask();
    await refused(ask(), /another request/);
  });

  it('that isn’t given says why', async () => {
    tsa.answer = async (query) => {
      await writeFile(tsa.file('strict.cnf'), String(await tsa.read('tsa.cnf')).replace('sha256, ', ''));
      return tsa.reply(query, 'tsa', ['-config', 'strict.cnf']);
    };
    await refused(ask(), /has given none: rejection, “Message digest algorithm is not supported.”/);
  });

  it('in an answer that isn’t one is refused', async () => {
    const good = (await ask()).token;
    const answers: [(typeof tsa)['answer'], RegExp][] = [
      [() => '', /malformed/],
      [() => 'hello', /malformed/],
      [() => good, /malformed/],
      [() => Buffer.from('30053003020100', 'hex'), /has given none: granted$/],
      [() => Buffer.from('3003020100', 'hex'), /malformed/],
      [() => '\x30\x80'.repeat(20_000), /malformed/],
      [async (query) => Buffer.concat([await tsa.reply(query), Buffer.of(0)]), /bytes behind its end/],
      [
        (_query, response) => void response.writeHead(200, { 'content-type': 'text/html' }),
        /answered 200 \(text\/html\)/,
      ],
      [(_query, response) => void response.writeHead(503), /answered 503/],
      [(_query, response) => void response.writeHead(302, { location: tsa.url }), /answered 302/],
      [() => Buffer.alloc(70_000), /larger than 65536 bytes/],
      [(_query, response) => void response.destroy(), /cannot be asked: /],
    ];
    for (const [answer, message] of answers) {
      tsa.answer = answer;
      await refused(ask(), message);
    }
    await refused(
      requestTimestamp({ url: 'http://127.0.0.1:1/', digest, http: post }),
      /cannot be asked: .*ECONNREFUSED/,
    );
  });

  it('without its certificate is refused', async () => {
    const query = await queryOf('-digest', digest.toString('hex'), '-sha256');
    await refused(checkTimestamp(await tokenOf(await tsa.reply(query)), digest), /has not the certificate/);
  });

  it('by an authority that one doesn’t trust is refused', async () => {
    const { token } = await ask();
    await tsa.root('stranger');
    const pem = async (name: string) => String(await tsa.read(`${name}.pem`));
    const trusted = async (...names: string[]) =>
      checkTimestamp(token, digest, { trusted: await Promise.all(names.map(pem)) });
    for (const name of ['root', 'middle', 'tsa']) await trusted('stranger', name);
    await refused(trusted('stranger'), /authority that is not trusted/);
    await refused(trusted(), /authority that is not trusted/);
    // The same name, another key.
    await tsa.openssl(
      'req',
      '-x509',
      '-newkey',
      'ed25519',
      '-nodes',
      '-subj',
      '/CN=root',
      '-keyout',
      'k',
      '-out',
      'twin.pem',
    );
    await refused(trusted('twin'), /authority that is not trusted/);
  });

  it('by a certificate for something else is refused', async () => {
    const content = await contentOf((await ask()).token);
    await checkTimestamp(await signed(content, 'tsa'), digest, { trusted: [root] });
    const config = String(await tsa.read('tsa.cnf'));
    for (const usage of ['critical, timeStamping, codeSigning', 'timeStamping', 'critical, serverAuth']) {
      await writeFile(tsa.file('tsa.cnf'), config.replace('critical, timeStamping', usage));
      await tsa.issue('wrong', 'time', 'middle');
      await refused(checkTimestamp(await signed(content, 'wrong'), digest), /not one for time-stamps/);
    }
    await writeFile(tsa.file('tsa.cnf'), config);
  });

  it('of a time outside its certificate’s is refused', async () => {
    const content = await contentOf((await ask()).token);
    const at = content.indexOf(String(new Date().getUTCFullYear()));
    for (const year of ['1999', '2199']) {
      const moved = Buffer.from(content);
      moved.write(year, at);
      await refused(checkTimestamp(await signed(moved, 'tsa'), digest), /when its certificate was not valid/);
    }
    const broken = Buffer.from(content);
    broken.write('20x6', at);
    await refused(checkTimestamp(await signed(broken, 'tsa'), digest), /malformed|cannot be read/);
  });

  it('is nothing else that the authority has signed', async () => {
    const content = await contentOf((await ask()).token);
    await refused(checkTimestamp(await signed(content, 'tsa', [], '1.2.840.113549.1.7.1'), digest), /not a time-stamp/);
    await refused(checkTimestamp(await signed(Buffer.from('hello'), 'tsa'), digest), /malformed/);
    await refused(checkTimestamp(await signed(Buffer.concat([content, content]), 'tsa'), digest), /malformed/);
    const twice = ['-signer', 'rsa.pem', '-inkey', 'rsa.key'];
    await refused(checkTimestamp(await signed(content, 'tsa', twice), digest), /one signer/);
  });

  it('with any byte altered says the same or is refused', async () => {
    const { token } = await ask();
    const right = await checkTimestamp(token, digest, { trusted: [root] });
    let accepted = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat(token.length - 1), fc.integer({ min: 1, max: 255 }), async (at, by) => {
        const altered = Buffer.from(token);
        altered[at]! ^= by;
        try {
          assert.deepEqual(await checkTimestamp(altered, digest, { trusted: [root] }), right);
          accepted++;
        } catch (error) {
          assert.ok(error instanceof TimestampError, String((error as Error).stack));
        }
      }),
      { numRuns: 300 },
    );
    // There are bytes that nothing signs, such as versions; they are few.
    assert.ok(accepted < 60, `${accepted} of 300 are accepted`);
    for (const length of [0, 1, 100, token.length - 1]) {
      await refused(checkTimestamp(token.subarray(0, length), digest), /malformed|behind its end/);
    }
    await refused(checkTimestamp(Buffer.concat([token, token]), digest), /behind its end/);
    const signature = Buffer.from(token);
    signature[signature.length - 1]! ^= 1;
    await refused(checkTimestamp(signature, digest), /signature of the time-stamp is wrong/);
  });
});
