import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, test } from 'node:test';
import {
  attemptOf,
  type BackendStandIn,
  type Fixture,
  startBackend,
  startConnectors,
} from '../../appliance/radius/connector/testing.ts';
import {
  challengeHash,
  challengeResponse,
  expandNtHash,
  hashNtHash,
  ntHash,
  ntResponse,
} from '../../appliance/radius/mschap/index.ts';
import type { Attempt, Verdict } from '../../appliance/radius/types.ts';
import { requires } from '../requires.ts';
import { type Freeradius, startFreeradius } from './freeradius.ts';

const SECRET = 'testing123-and-more';
/** Package freeradius-rest, seen from where programs are. */
const RLM_REST = '../lib/freeradius/rlm_rest.so';
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const FIELDS = {
  rest: { login: '%{User-Name}', auth_port: '%{Packet-Dst-Port}', password: '%{User-Password}' },
  rest_mschap: {
    login: '%{User-Name}',
    auth_port: '%{Packet-Dst-Port}',
    mschap_challenge: '%{mschap:Challenge}',
    mschap_response: '%{mschap:NT-Response}',
  },
};
/** Somebody else's rlm_rest, told to speak the connector's format. */
const restModules = (url: string): string =>
  Object.entries(FIELDS)
    .map(
      ([name, fields]) => `
  rest ${name} {
    tls {
    }
    connect_uri = "${url}"
    authorize {
      uri = "${url}/connector/authenticate"
      method = 'post'
      body = 'json'
      data = "${JSON.stringify(fields).replaceAll('"', '\\"')}"
      tls = \${..tls}
    }
    pool {
      start = 0
      min = 0
      max = 4
      spare = 1
      uses = 0
      retry_delay = 1
      lifetime = 0
      idle_timeout = 60
    }
  }`,
    )
    .join('');
const restAuthorize = (token: string): string => `
    update control {
      &REST-HTTP-Header := "Authorization: Bearer ${token}"
    }
    if (&MS-CHAP2-Response) {
      rest_mschap
    }
    else {
      rest
    }
    if (ok || updated) {
      update control {
        &Auth-Type := Accept
      }
    }`;

function radclient(port: number, lines: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    const args = ['-x', '-r', '1', '-t', '5', `127.0.0.1:${port}`, 'auth', SECRET];
    const child = execFile('radclient', args, (_error, stdout, stderr) => {
      resolve(/Received (Access-\w+)/.exec(stdout)?.[1] ?? `${stdout}${stderr}`);
    });
    child.stdin?.end(lines.join('\n'));
  });
}

const PASSWORD = 'anna secret';
function authenticate({ login, credentials }: Attempt): Verdict {
  const right =
    login === 'anna' &&
    (credentials.kind === 'pap'
      ? Buffer.from(credentials.password).toString() === PASSWORD
      : credentials.kind === 'mschap' &&
        hex(challengeResponse(credentials.challenge, expandNtHash(ntHash(PASSWORD)))) === hex(credentials.response));
  if (!right) return { outcome: 'reject', reason: 'wrong' };
  const nobody = { userId: undefined, groups: [], device: undefined, voucher: undefined };
  return { outcome: 'accept', subject: { kind: 'user', id: 'anna', username: 'anna', ...nobody } };
}

describe(
  "FreeRADIUS's rlm_rest asks POST /connector/authenticate",
  requires('freeradius', 'radclient', RLM_REST),
  () => {
    let at: Fixture;
    let url: string;
    let token: string;
    let server: Freeradius;
    const [challenge, peer] = [Buffer.alloc(16, 1), Buffer.alloc(16, 2)];
    const v2 = (password: string): string[] => {
      const response = ntResponse(challenge, peer, 'anna', ntHash(password));
      const attribute = Buffer.concat([Buffer.from([1, 0]), peer, Buffer.alloc(8), response]);
      return [
        'User-Name = "anna"',
        `MS-CHAP-Challenge = 0x${hex(challenge)}`,
        `MS-CHAP2-Response = 0x${hex(attribute)}`,
      ];
    };

    before(async () => {
      at = await startConnectors({
        inbound: { authenticate, ntHash: (login) => (login === 'anna' ? ntHash(PASSWORD) : undefined) },
      });
      url = await at.server.listen('127.0.0.1', 0);
      token = (await at.api('POST', '/connector-clients', { name: 'freeradius' })).body.token;
      server = await startFreeradius({
        clients: [{ address: '127.0.0.1', secret: SECRET }],
        modules: restModules(url),
        sections: { authorize: restAuthorize(token) },
        debug: true,
      });
    });
    after(async () => {
      await server?.stop();
      await at?.close();
    });

    test('PAP', async () => {
      const pap = (password: string) => ['User-Name = "anna"', `User-Password = "${password}"`];
      assert.equal(await radclient(server.authPort, pap(PASSWORD)), 'Access-Accept', server.output());
      assert.equal(await radclient(server.authPort, pap('wrong')), 'Access-Reject');
    });

    test('MS-CHAPv2: what FreeRADIUS sends is the 8-byte hash and the 24-byte response', async () => {
      assert.equal(await radclient(server.authPort, v2(PASSWORD)), 'Access-Accept', server.output());
      assert.equal(await radclient(server.authPort, v2('wrong')), 'Access-Reject');
    });

    test('a foreign token lets nobody in', async () => {
      const foreign = await startFreeradius({
        clients: [{ address: '127.0.0.1', secret: SECRET }],
        modules: restModules(url),
        sections: { authorize: restAuthorize(token.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))) },
      });
      try {
        const lines = ['User-Name = "anna"', `User-Password = "${PASSWORD}"`];
        assert.equal(await radclient(foreign.authPort, lines), 'Access-Reject');
      } finally {
        await foreign.stop();
      }
    });

    test('a connector of ours sends the same fields', async () => {
      const backend: BackendStandIn = await startBackend();
      try {
        const id = await at.connector({ url: backend.url });
        backend.answer(200, { nt_key: hex(hashNtHash(ntHash(PASSWORD))) });
        const response = ntResponse(challenge, peer, 'anna', ntHash(PASSWORD));
        const credentials = { kind: 'mschapv2', authChallenge: challenge, peerChallenge: peer, response } as const;
        await at.connectors.authenticate([id], attemptOf('anna', { ...credentials, userName: 'anna', ident: 1 }));
        const ours = JSON.parse(backend.seen[0]?.body ?? '');
        assert.equal(ours.mschap_challenge, hex(challengeHash(peer, challenge, 'anna')));
        assert.match(server.output(), new RegExp(`mschap_challenge\\W+${ours.mschap_challenge}`, 'i'));
        assert.match(server.output(), new RegExp(`mschap_response\\W+${ours.mschap_response}`, 'i'));
      } finally {
        await backend.close();
      }
    });
  },
);
