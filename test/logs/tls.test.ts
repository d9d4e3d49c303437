import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { connect } from 'node:tls';
import { type Json, useAppliance } from '../api/support.ts';
import { makePerson } from '../radius/support.ts';
import { found, portOf } from './support.ts';

describe('syslog over TLS of the whole appliance', () => {
  const a = useAppliance(async () => ({ GATEHOUSE_SYSLOG_TLS: '127.0.0.1:0' }));
  let ca: string;
  let mine: Json;

  before(async () => {
    ca = (await a.the.anonymous.get('/v1/pki/ca.pem')).body;
    await makePerson(a.the, { username: 'firewall' });
    const issued = await a.the.admin.post('/v1/pki/certificates', { generate: true, username: 'firewall' });
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

  test('takes what comes with a certificate of our CA, and nothing else', async () => {
    await send('<13>1 - - november - - - without a certificate');
    await send('<13>1 - - november - - - with a certificate', mine);
    const [record] = await found(a.the.admin, { q: 'november kind:log' });
    assert.deepEqual(
      [record.transport, record.source.address, record.fields.msg],
      ['tls', '127.0.0.1', 'with a certificate'],
    );
  });
});
