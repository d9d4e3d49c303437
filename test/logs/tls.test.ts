import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { type Json, until, useAppliance } from '../api/support.ts';
import { makePerson } from '../radius/support.ts';
import { requires } from '../requires.ts';
import { found, portOf } from './support.ts';

describe('syslog over TLS of the whole appliance', () => {
  const a = useAppliance(async () => ({ GATEHOUSE_SYSLOG_TLS: '127.0.0.1:0' }));
  let ca: string;
  let mine: Json;

  before(async () => {
    ca = (await a.the.anonymous.get('/v1/pki/ca.pem')).body;
    await makePerson(a.the, { username: 'laptop' });
    const nas = { name: 'firewall.example', address: '0.0.0.0/0', protocol: 'radsec', type: 'generic' };
    assert.equal((await a.the.admin.post('/v1/sites/default/nas', nas)).status, 201);
    const issued = await a.the.admin.post('/v1/pki/certificates', { generate: true, nas: 'firewall.example' });
    assert.equal(issued.status, 201, JSON.stringify(issued.body));
    mine = issued.body;
  });

  /** Sends a message with this certificate, and waits for the end of the connection. */
  async function send(message: string, certificate?: Json): Promise<void> {
    const socket = connect({
      host: '127.0.0.1',
      port: portOf(a.the.logs.syslogTls),
      ca,
      ...(certificate && { key: certificate.private_key, cert: certificate.certificate }),
      checkServerIdentity: () => undefined,
    });
    socket.on('error', () => undefined);
    socket.on('secureConnect', () => socket.end(`${Buffer.byteLength(message)} ${message}`));
    socket.resume();
    // A refusal may be a reset: `once` of node:events would reject by it.
    await new Promise((resolve) => socket.once('close', resolve));
  }

  test('takes what comes with a certificate of our CA for a device, and nothing else', async () => {
    const { body: person } = await a.the.admin.post('/v1/pki/certificates', { generate: true, username: 'laptop' });
    await send('<13>1 - - november - - - without a certificate');
    await send('<13>1 - - november - - - of a person', person);
    await send('<13>1 - - november - - - with a certificate', mine);
    const [record] = await found(a.the.admin, { q: 'november kind:log' });
    assert.deepEqual(
      [record.transport, record.source.address, record.fields.msg],
      ['tls', '127.0.0.1', 'with a certificate'],
    );
    // Whose certificate it was is a record before it.
    const [whose] = await found(a.the.admin, { q: 'app:logs.sender.connected' });
    assert.ok(whose.index < record.index);
    const { serial, subject, address, port } = JSON.parse(whose.raw);
    assert.deepEqual([serial, subject, `${address}:${port}`], [mine.serial, 'CN=firewall.example,OU=NAS', record.peer]);
  });

  /** `openssl s_client` that stays connected; what it is told is sent on as it is. */
  function client(certificate: Json) {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-sender-'));
    const [cert, key] = [path.join(folder, 'cert.pem'), path.join(folder, 'key.pem')];
    writeFileSync(cert, certificate.certificate);
    writeFileSync(key, certificate.private_key);
    const to = `127.0.0.1:${portOf(a.the.logs.syslogTls)}`;
    const child = spawn('openssl', ['s_client', '-connect', to, '-cert', cert, '-key', key, '-quiet', '-nocommands'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    });
    child.stdin.on('error', () => undefined);
    let ended = false;
    const end = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    void end.then(() => {
      ended = true;
      rmSync(folder, { recursive: true });
    });
    return {
      say: (text: string) => child.stdin.write(`<13>1 - - ${text} - - - here\n`),
      end,
      ended: () => ended,
      kill: () => child.kill('SIGKILL'),
    };
  }

  test('what is revoked is cut off, and not taken again; others stay connected', requires('openssl'), async () => {
    const issue = async (): Promise<Json> =>
      (await a.the.admin.post('/v1/pki/certificates', { generate: true, nas: 'firewall.example' })).body;
    const [stolen, other] = [await issue(), await issue()];
    const thief = client(stolen);
    const neighbour = client(other);
    try {
      thief.say('thief-1');
      neighbour.say('neighbour-1');
      await found(a.the.admin, { q: 'thief-1 kind:log' });
      await found(a.the.admin, { q: 'neighbour-1 kind:log' });

      const revoked = await a.the.admin.post(`/v1/pki/certificates/${stolen.id}/revoke`, { reason: 'keyCompromise' });
      assert.equal(revoked.status, 204);
      await until('it is cut off', async () => thief.ended() || undefined);

      const again = client(stolen);
      again.say('thief-2');
      await again.end;
      await send('<13>1 - - thief-3 - - - here', stolen);
      neighbour.say('neighbour-2');
      const [record] = await found(a.the.admin, { q: 'neighbour-2 kind:log' });
      assert.equal(record.flags.authenticated, true);
      assert.equal(neighbour.ended(), false);
      for (const q of ['thief-2', 'thief-3']) await found(a.the.admin, { q: `${q} kind:log` }, 0);
    } finally {
      for (const one of [thief, neighbour]) one.kill();
    }
  });
});
