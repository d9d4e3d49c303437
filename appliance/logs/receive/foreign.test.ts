import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { promisify } from 'node:util';
import { requires } from '../../../test/requires.ts';
import { FLAG, TRANSPORT } from '../record/types.ts';
import { testReceiver, until } from './testing.ts';

const run = promisify(execFile);
const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-syslog-'));
const file = (name: string): string => path.join(folder, name);
const pem = (name: string): string => readFileSync(file(name), 'utf8');
after(() => rmSync(folder, { recursive: true }));

/** An authority, and certificates of it. */
async function certify(ca: string, names: readonly string[]): Promise<void> {
  const openssl = (...args: string[]) => run('openssl', args, { cwd: folder });
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'];
  await openssl('req', '-x509', ...ec, '-keyout', `${ca}.key`, '-out', `${ca}.pem`, '-subj', `/CN=${ca}`);
  for (const name of names) {
    const san = ['-addext', `subjectAltName=DNS:${name}`, '-addext', 'basicConstraints=CA:FALSE'];
    const signed = ['-CA', `${ca}.pem`, '-CAkey', `${ca}.key`];
    await openssl(
      'req',
      '-x509',
      ...ec,
      ...signed,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.pem`,
      '-subj',
      `/CN=${name}`,
      ...san,
    );
  }
}

describe('logger of util-linux', requires('logger'), () => {
  for (const [what, args, transport] of [
    ['UDP, RFC 5424', ['-d', '--rfc5424'], TRANSPORT.udp],
    ['UDP, RFC 3164', ['-d', '--rfc3164'], TRANSPORT.udp],
    ['TCP', ['-T', '--rfc5424'], TRANSPORT.tcp],
    ['TCP, counted', ['-T', '--octet-count', '--rfc5424'], TRANSPORT.tcp],
    ['TCP, counted, RFC 3164', ['-T', '--octet-count', '--rfc3164'], TRANSPORT.tcp],
  ] as const) {
    test(what, async () => {
      const t = await testReceiver();
      await run('logger', [
        '-n',
        '127.0.0.1',
        '-P',
        String(t.port),
        ...args,
        '-p',
        'local4.notice',
        '-t',
        'gate',
        'hello there',
      ]);
      await until('it is there', () => t.kept.length === 1);
      const [{ text, transport: by }] = t.kept as [(typeof t.kept)[0]];
      assert.match(
        text,
        args.includes('--rfc5424' as never) ? /^<165>1 .* gate .*hello there$/ : /^<165>[A-Z].* gate: hello there$/,
      );
      assert.equal(by, transport);
      await t.stop();
    });
  }
});

/** rsyslogd in the foreground, that sends the lines of a file on by an action of its configuration. */
async function rsyslog(action: string, count: number): Promise<{ stop(): Promise<void> }> {
  const input = file('input');
  writeFileSync(input, Array.from({ length: count }, (_, i) => `message ${i}\n`).join(''));
  rmSync(file('spool'), { recursive: true, force: true });
  const config = file('rsyslog.conf');
  writeFileSync(
    config,
    `global(workDirectory="${folder}" defaultNetstreamDriverCAFile="${file('one.pem')}"
  defaultNetstreamDriverCertFile="${file('sender.pem')}" defaultNetstreamDriverKeyFile="${file('sender.key')}")
module(load="imfile")
template(name="line" type="string" string="<13>%msg%")
input(type="imfile" file="${input}" tag="t" startmsg.regex="^message" readTimeout="1")
action(type="omfwd" target="127.0.0.1" template="line" ${action})
`,
  );
  const child = spawn('rsyslogd', ['-n', '-f', config, '-i', file('rsyslog.pid')], { stdio: 'ignore' });
  return {
    async stop() {
      child.kill('SIGTERM');
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      for (const name of ['input', 'rsyslog.pid']) if (existsSync(file(name))) rmSync(file(name));
      await run('find', [folder, '-name', 'imfile-state*', '-delete']);
    },
  };
}

describe('rsyslogd', requires('rsyslogd', 'openssl'), () => {
  const COUNT = 500;
  const expected = Array.from({ length: COUNT }, (_, i) => `<13>message ${i}`);
  before(async () => {
    await certify('one', ['receiver', 'sender']);
    await certify('two', ['stranger']);
  });

  for (const [what, action, transport] of [
    ['UDP', 'protocol="udp"', TRANSPORT.udp],
    ['TCP, lines', 'protocol="tcp"', TRANSPORT.tcp],
    ['TCP, counted', 'protocol="tcp" TCP_Framing="octet-counted"', TRANSPORT.tcp],
    ['TCP, NUL between', 'protocol="tcp" TCP_FrameDelimiter="0"', TRANSPORT.tcp],
  ] as const) {
    test(what, async () => {
      const t = await testReceiver();
      const sender = await rsyslog(`port="${t.port}" ${action}`, COUNT);
      try {
        await until('all are there', () => t.kept.length >= COUNT);
        assert.deepEqual(t.texts(), expected);
        assert.ok(t.kept.every((kept) => kept.transport === transport && kept.flags === 0));
      } finally {
        await sender.stop();
        await t.stop();
      }
    });
  }

  test('TLS with a client certificate', async () => {
    const credentials = { cert: pem('receiver.pem'), key: pem('receiver.key'), ca: pem('one.pem') };
    const t = await testReceiver({ tls: { host: '127.0.0.1', port: 0, ...credentials } });
    const driver =
      'StreamDriver="gtls" StreamDriverMode="1" StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="receiver"';
    const sender = await rsyslog(`port="${t.tlsPort}" protocol="tcp" TCP_Framing="octet-counted" ${driver}`, COUNT);
    try {
      await until('all are there', () => t.kept.length >= COUNT);
      assert.deepEqual(t.texts(), expected);
      assert.ok(t.kept.every(({ transport, flags }) => transport === TRANSPORT.tls && flags === FLAG.authenticated));
    } finally {
      await sender.stop();
      await t.stop();
    }
  });

  const attempt = (port: number, options: { cert?: string; key?: string; ca: string }) =>
    new Promise<string>((resolve) => {
      const socket = connectTls({ port, host: '127.0.0.1', checkServerIdentity: () => undefined, ...options });
      let authority = '';
      socket.on('secureConnect', () => {
        authority = String(socket.getPeerCertificate().issuer.CN);
        socket.end('10 <1>by tls!');
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(authority));
      socket.resume();
    });

  test('without a certificate of the authority nothing is taken; credentials are replaced while it runs', async () => {
    const receiver = { cert: pem('receiver.pem'), key: pem('receiver.key') };
    const t = await testReceiver({
      tls: { host: '127.0.0.1', port: 0, ...receiver, ca: pem('one.pem') },
      limits: { logMs: 0 },
    });
    const [stranger, sender] = ['stranger', 'sender'].map((name) => ({
      cert: pem(`${name}.pem`),
      key: pem(`${name}.key`),
    }));
    await attempt(t.tlsPort, { ca: pem('one.pem') });
    await attempt(t.tlsPort, { ...stranger, ca: pem('one.pem') });
    await until('both are refused', async () => (await t.receiver.stats()).refused.handshakes === 2);
    assert.equal(await attempt(t.tlsPort, { ...sender, ca: pem('one.pem') }), 'one');
    await until('the third is taken', () => t.kept.length === 1);
    assert.deepEqual([t.kept[0]!.text, t.kept[0]!.flags], ['<1>by tls!', FLAG.authenticated]);

    await assert.rejects(t.receiver.setTls({ cert: 'none', key: 'none' }));
    await t.receiver.setTls({ ...stranger!, ca: pem('two.pem') });
    await attempt(t.tlsPort, { ...sender, ca: pem('two.pem') });
    await until('the old authority does not count', async () => (await t.receiver.stats()).refused.handshakes === 3);
    await t.receiver.setTls(receiver);
    await attempt(t.tlsPort, { ca: pem('one.pem') });
    await until('nobody is asked', () => t.kept.length === 2);
    assert.equal(t.kept[1]!.flags, 0);
    assert.ok(t.lines.some(({ message }) => message.includes('over TLS was refused')));
    await t.stop();
  });

  test('who is connected is looked at again, and cut off where the certificate does not count any more', async () => {
    const credentials = { cert: pem('receiver.pem'), key: pem('receiver.key'), ca: pem('one.pem') };
    const asked: string[] = [];
    let problem: string | undefined;
    const t = await testReceiver({
      tls: { host: '127.0.0.1', port: 0, ...credentials },
      limits: { logMs: 0 },
      async checkSender(chain) {
        asked.push(...chain.map((der) => new X509Certificate(der).subject));
        return problem;
      },
    });
    const connected = async () => {
      const socket = connectTls({
        port: t.tlsPort,
        host: '127.0.0.1',
        ca: pem('one.pem'),
        checkServerIdentity: () => undefined,
        cert: pem('sender.pem'),
        key: pem('sender.key'),
      });
      socket.on('error', () => undefined);
      socket.resume();
      socket.write('8 <1>taken'); // before anybody has answered whether it counts
      return socket;
    };
    const first = await connected();
    const isGone = new Promise((resolve) => first.once('close', resolve));
    await until('it is taken', () => t.kept.length === 1);
    assert.deepEqual(asked, ['CN=sender', 'CN=one'], 'the whole chain');

    t.receiver.recheck();
    await until('it was asked again', () => asked.length === 4);
    assert.equal((await t.receiver.stats()).connections.tls, 1, 'and it counts still');
    problem = 'the certificate is revoked';
    t.receiver.recheck();
    await isGone;
    assert.ok(t.lines.some(({ details }) => (details as { why?: string }).why === problem));

    const second = await connected();
    await new Promise((resolve) => second.once('close', resolve));
    assert.equal((await t.receiver.stats()).refused.handshakes, 1);
    assert.equal(t.kept.length, 1, 'nothing was taken of it');
    await t.stop();
  });

  test('who cannot be checked is refused, and the appliance goes on', async () => {
    const credentials = { cert: pem('receiver.pem'), key: pem('receiver.key'), ca: pem('one.pem') };
    const t = await testReceiver({
      tls: { host: '127.0.0.1', port: 0, ...credentials },
      limits: { logMs: 0 },
      checkSender: () => Promise.reject(new Error('the log is closed')),
    });
    const options = { port: t.tlsPort, host: '127.0.0.1', ca: pem('one.pem'), checkServerIdentity: () => undefined };
    const socket = connectTls({ ...options, cert: pem('sender.pem'), key: pem('sender.key') });
    socket.on('error', () => undefined);
    const isGone = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await isGone;
    const whys = t.lines.map(({ details }) => (details as { why?: string }).why);
    assert.ok(whys.includes('its certificate could not be checked: the log is closed'), JSON.stringify(whys));
    await t.stop();
  });

  test('credentials that are replaced have the certificates of those that are there looked at', async () => {
    const credentials = { cert: pem('receiver.pem'), key: pem('receiver.key'), ca: pem('one.pem') };
    let problem: string | undefined;
    const t = await testReceiver({
      tls: { host: '127.0.0.1', port: 0, ...credentials },
      checkSender: async () => problem,
    });
    const options = { port: t.tlsPort, host: '127.0.0.1', ca: pem('one.pem'), checkServerIdentity: () => undefined };
    const socket = connectTls({ ...options, cert: pem('sender.pem'), key: pem('sender.key') });
    socket.on('error', () => undefined);
    const isGone = new Promise((resolve) => socket.once('close', resolve));
    socket.resume();
    await until('it is there', async () => (await t.receiver.stats()).connections.tls === 1);
    problem = 'its authority does not count any more';
    await t.receiver.setTls({ ...credentials, ca: pem('two.pem') });
    await isGone;
    await t.stop();
  });

  test('a handshake that does not come to its end, and what is none', async () => {
    const credentials = { cert: pem('receiver.pem'), key: pem('receiver.key') };
    const t = await testReceiver({ tls: { host: '127.0.0.1', port: 0, ...credentials }, limits: { handshakeMs: 100 } });
    const half = connect(t.tlsPort, '127.0.0.1');
    const plain = connect(t.tlsPort, '127.0.0.1');
    for (const socket of [half, plain]) socket.on('error', () => undefined);
    half.write(Buffer.from([22, 3, 1, 2, 0, 1, 0]));
    plain.write('<1>without tls\n');
    await Promise.all([once(half, 'close'), once(plain, 'close')]);
    assert.equal((await t.receiver.stats()).refused.handshakes, 2);
    assert.equal(t.kept.length, 0);
    await t.stop();
  });
});
