// A newcomer's way into an appliance with a certificate of its own: the link alone, taken as the command line and the tray
// app take it, by the agent's own enrollment.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { pino } from 'pino';
import { readInvitation } from '../../agent/cli/invitation.ts';
import { enroll, type Identity, request } from '../../agent/controller/index.ts';
import { startAppliance } from '../../appliance/appliance.ts';
import { loadConfig } from '../../appliance/config/index.ts';
import { type Offer, parseOffer } from '../../apps/tray/core/index.ts';
import { createClient, startTestAppliance } from '../harness.ts';
import { makeNetwork, makePeer } from './support.ts';

const timeout = { connect: 10_000, request: 20_000 };

describe('an appliance with its own TLS', () => {
  test('is joined by its invitation alone, and known again after its certificate was made anew', async (t) => {
    const env = { GATEHOUSE_TLS_LISTEN: '127.0.0.1:0' };
    const first = await startTestAppliance(t, env);
    const network = await makeNetwork(first.admin);
    await makePeer(first.admin, network.id, { is_jump: true, endpoint: '192.0.2.1' });
    const peer = await makePeer(first.admin, network.id);
    await first.close();

    // The port is the system's choice, and devices have to be told: so the appliance starts twice.
    const probe = await startAppliance({ ...first.config }, pino({ level: 'silent' }));
    const tlsUrl = probe.tls?.url.replace('127.0.0.1', 'localhost') ?? '';
    const printed = probe.tls?.pin;
    await probe.close();
    const { port } = new URL(tlsUrl);
    const start = (name: string) =>
      startAppliance(
        loadConfig({
          GATEHOUSE_DATA: first.dataDir,
          GATEHOUSE_LISTEN: '127.0.0.1:0',
          GATEHOUSE_RADIUS_AUTH: '127.0.0.1:0',
          GATEHOUSE_RADIUS_ACCT: '127.0.0.1:0',
          GATEHOUSE_SYSLOG: '127.0.0.1:0',
          GATEHOUSE_TLS_LISTEN: `127.0.0.1:${port}`,
          GATEHOUSE_PUBLIC_URL: `https://${name}:${port}`,
        }),
        pino({ level: 'silent' }),
      );
    const appliance = await start('localhost');
    t.after(() => appliance.close());
    const asAdmin = createClient(appliance.url, first.admin.authorization);
    const { body } = await asAdmin.get(`/api/v1/networks/${network.id}/peers/${peer.id}/invitation`);
    assert.deepEqual([body.url, body.pin], [tlsUrl, printed]);
    const invitation = readInvitation(body.link);
    const offer = parseOffer(body.link) as Offer;
    assert.deepEqual({ url: offer.url, token: offer.token, pin: offer.pin }, invitation);

    const kept: Identity[] = [];
    const { url, token = '', pin } = invitation;
    const identity = await enroll(
      { url, token, pin, allowHttp: false },
      {
        readPending: async () => null,
        writePending: async () => undefined,
        commit: async (one) => void kept.push(one),
      },
    );
    assert.deepEqual([kept, identity.peerId], [[identity], peer.id]);
    assert.equal(identity.ca, readFileSync(path.join(first.dataDir, 'tls/ca.pem'), 'utf8'));
    const fingerprint = appliance.tls?.fingerprint;
    await appliance.close();

    const renewed = await start('gate.example.org');
    t.after(() => renewed.close());
    assert.notEqual(renewed.tls?.fingerprint, fingerprint, 'for another name');
    const { credential: bearer, ca } = identity;
    const asked = `${tlsUrl}/api/v1/agent/standing`;
    const answer = await request(asked, { method: 'GET', ca, bearer, timeout, limit: 65536 });
    assert.equal(answer.statusCode, 200);
  });
});
