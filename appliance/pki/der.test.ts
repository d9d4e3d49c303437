import assert from 'node:assert/strict';
import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { requires } from '../../test/requires.ts';
import { readCertificate } from './certificate.ts';
import { readCrl, writeCrl } from './crl.ts';
import {
  DerError,
  integerHex,
  oidOf,
  parts,
  readDer,
  timeOf,
  within,
  write,
  writeInteger,
  writeOid,
  writeTime,
} from './der.ts';
import { issueAuthority, keyIdOf, newKey } from './issue.ts';
import { readOcspResponse, writeOcspRequest } from './ocsp.ts';
import { foreignCa, must } from './testing.ts';

const serial = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((bytes) => Buffer.from(bytes).toString('hex'))
  .map((hex) => hex.replace(/^(00)+(?=..)/, ''));

test('what is written is read', () => {
  fc.assert(
    fc.property(serial, (hex) => {
      assert.equal(integerHex(readDer(writeInteger(hex))), hex);
    }),
  );
  for (const oid of ['1.2.840.113549.1.1.11', '2.5.29.20', '1.3.6.1.4.1.311.20.2.3', '0.9.2342.19200300.100.1.25']) {
    assert.equal(oidOf(readDer(writeOid(oid))), oid);
  }
  for (const time of ['1999-12-31T23:59:59Z', '2049-12-31T23:59:59Z', '2050-01-01T00:00:00Z', '2100-02-28T01:02:03Z']) {
    assert.equal(timeOf(readDer(writeTime(Date.parse(time)))), Date.parse(time));
  }
  for (const length of [0, 127, 128, 255, 256, 65_536]) {
    const der = readDer(write(0x04, new Uint8Array(length)));
    assert.equal(der.end - der.value, length);
  }
});

test('no bytes make the reader throw anything but a DerError, or go on for ever', () => {
  const walk = (bytes: Uint8Array, at: number, end: number, depth: number): number => {
    let count = 0;
    for (const child of within({ bytes, tag: 0x30, start: at, value: at, end })) {
      count++;
      if (depth < 20) count += walk(bytes, child.value, child.end, depth + 1);
    }
    return count;
  };
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      try {
        walk(bytes, 0, bytes.length, 0);
        oidOf(readDer(bytes));
      } catch (error) {
        assert.ok(error instanceof DerError);
      }
    }),
    { numRuns: 2000 },
  );
});

test('a CRL: what is written is read, and any changed byte is noticed', async () => {
  const key = newKey();
  const issuer = readCertificate(new X509Certificate(await issueAuthority(key.privateKey, Date.now())).raw);
  const options = { issuer, key: key.privateKey, keyId: keyIdOf(issuer), number: 7 };
  const thisUpdate = Math.floor(Date.now() / 1000) * 1000;
  const serials = Array.from({ length: 12_000 }, (_, i) => (i + 0x10_0000).toString(16));
  const revoked = serials.map((text) => ({ serial: text, at: thisUpdate, reason: 'superseded' as const }));
  const bytes = await writeCrl({ ...options, thisUpdate, nextUpdate: thisUpdate + 1000, revoked });
  const crl = await readCrl(bytes, [issuer]);
  assert.deepEqual([...crl.revoked], serials);
  assert.equal(crl.thisUpdate, thisUpdate);
  assert.equal(crl.nextUpdate, thisUpdate + 1000);

  const small = await writeCrl({ ...options, thisUpdate, nextUpdate: thisUpdate + 1000, revoked: revoked.slice(0, 2) });
  for (let at = 0; at < small.length; at++) {
    const changed = Buffer.from(small);
    changed[at] = changed[at]! ^ 0x41;
    await assert.rejects(readCrl(changed, [issuer]), `byte ${at}`);
  }
  const none = await readCrl(await writeCrl({ ...options, thisUpdate, nextUpdate: thisUpdate, revoked: [] }), [issuer]);
  assert.equal(none.revoked.size, 0);
});

test('a CRL that is a part of one is refused', async () => {
  const key = newKey();
  const issuer = readCertificate(new X509Certificate(await issueAuthority(key.privateKey, Date.now())).raw);
  const whole = await writeCrl({
    issuer,
    key: key.privateKey,
    keyId: keyIdOf(issuer),
    number: 1,
    thisUpdate: Date.now(),
    nextUpdate: Date.now(),
    revoked: [],
  });
  const { sign } = await import('node:crypto');
  const [tbs, algorithm] = parts(readDer(whole));
  const fields = parts(tbs!).map(({ bytes, start, end }) => bytes.subarray(start, end));
  const withCritical = (oid: string, value: Uint8Array): Buffer => {
    const extension = write(0x30, writeOid(oid), write(0x01, Uint8Array.of(0xff)), write(0x04, value));
    const made = write(0x30, ...fields.slice(0, -1), write(0xa0, write(0x30, extension)));
    const signature = write(0x03, Uint8Array.of(0), sign('sha256', made, key.privateKey));
    return write(0x30, made, whole.subarray(algorithm!.start, algorithm!.end), signature);
  };
  await assert.rejects(readCrl(withCritical('2.5.29.27', writeInteger('01')), [issuer]), /part of one/);
  const indirect = write(0x30, write(0x84, Uint8Array.of(0xff)));
  await assert.rejects(readCrl(withCritical('2.5.29.28', indirect), [issuer]), /part of one/);
  const users = write(0x30, write(0x81, Uint8Array.of(0xff)));
  assert.equal((await readCrl(withCritical('2.5.29.28', users), [issuer])).revoked.size, 0);
});

describe('with openssl', requires('openssl'), () => {
  test('an OCSP response: no changed byte makes another answer, nor one for somebody else', async () => {
    const ca = await foreignCa('Root');
    try {
      const [alice, bob] = [await ca.issue('alice', '/CN=alice'), await ca.issue('bob', '/CN=bob')];
      await ca.revoke('alice');
      const issuer = readCertificate(new X509Certificate(ca.pem).raw);
      const certificate = readCertificate(new X509Certificate(alice).raw);
      const { body, nonce } = writeOcspRequest(certificate, issuer);
      await writeFile(ca.file('request.der'), body);
      const files = ['-reqin', ca.file('request.der'), '-respout', ca.file('response.der')];
      const signer = ['-rsigner', ca.file('ca.pem'), '-rkey', ca.file('ca.key'), '-CA', ca.file('ca.pem')];
      await must(['ocsp', '-index', ca.file('index.txt'), ...signer, ...files, '-ndays', '1']);
      const bytes = await readFile(ca.file('response.der'));
      const asked = { certificate, issuer, nonce, now: Date.now() };
      assert.equal(readOcspResponse(bytes, asked).status, 'revoked');
      assert.throws(() => readOcspResponse(bytes, { ...asked, nonce: new Uint8Array(32) }), /another request/);
      assert.throws(() => readOcspResponse(bytes, { ...asked, now: Date.now() - 600_000 }), /future/);
      assert.throws(() => readOcspResponse(bytes, { ...asked, now: Date.now() + 90_000_000 }), /too old/);
      const other = readCertificate(new X509Certificate(bob).raw);
      assert.throws(() => readOcspResponse(bytes, { ...asked, certificate: other }), /another certificate/);
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes);
        changed[at] = changed[at]! ^ 0x21;
        try {
          // What lies beside the signed part may change, and the answer is the same.
          assert.equal(readOcspResponse(changed, asked).status, 'revoked', `byte ${at}`);
        } catch (error) {
          assert.notEqual((error as Error).name, 'AssertionError');
        }
      }
    } finally {
      await ca.remove();
    }
  });

  test('an RSA authority, with PKCS#1 and PSS signatures', async () => {
    const ca = await foreignCa('Root');
    try {
      for (const options of [[], ['-sigopt', 'rsa_padding_mode:pss']]) {
        const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
        await writeFile(ca.file('ca.key'), privateKey.export({ format: 'pem', type: 'pkcs8' }));
        const file = ['-key', ca.file('ca.key'), '-out', ca.file('ca.pem')];
        const extension = ['-addext', 'basicConstraints=critical,CA:TRUE'];
        await must(['req', '-x509', '-new', ...file, '-subj', '/CN=RSA', '-days', '9', ...extension, ...options]);
        const issuer = readCertificate(new X509Certificate(await readFile(ca.file('ca.pem'))).raw);
        await must(['ca', '-config', ca.file('ca.cnf'), '-gencrl', '-out', ca.file('crl.pem'), ...options]);
        const crl = await readCrl(await readFile(ca.file('crl.pem')), [issuer]);
        assert.equal(crl.revoked.size, 0);
      }
    } finally {
      await ca.remove();
    }
  });
});
