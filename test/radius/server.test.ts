import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { describe, test } from 'node:test';
import { ATTRIBUTE, AttributeWriter, CODE, decryptPassword } from '../../appliance/radius/codec/index.ts';
import { SECRET, startServer } from '../../appliance/radius/server/testing.ts';
import type { AccessRequest, Answer } from '../../appliance/radius/types.ts';
import { requires } from '../requires.ts';

const text = (code: number, message: string): Answer => ({
  code,
  attributes: new AttributeWriter().add(ATTRIBUTE.replyMessage, message).done(),
});

/** Stands in for the authentication: alice with one password. */
function pap({ packet }: AccessRequest): Answer {
  const hidden = packet.first(ATTRIBUTE.userPassword);
  const password = hidden && decryptPassword(hidden, packet.authenticator, SECRET);
  const right =
    packet.text(ATTRIBUTE.userName) === 'alice' && password && Buffer.from(password).toString() === 'wonder';
  return right ? text(CODE.accessAccept, 'come in') : text(CODE.accessReject, 'stay out');
}

/** Runs radclient with attributes on its input; what it prints. */
function radclient(port: number, command: string, attributes: string, ...flags: string[]): Promise<string> {
  const args = [
    '-x',
    '-t',
    '2',
    '-r',
    '2',
    ...flags,
    `127.0.0.1:${port}`,
    command,
    Buffer.from(SECRET.bytes).toString(),
  ];
  return new Promise((resolve) => {
    const child = execFile('radclient', args, { timeout: 20_000 }, (_error, stdout, stderr) =>
      resolve(stdout + stderr),
    );
    child.stdin?.end(attributes);
  });
}

for (const batched of ['off', 'auto'] as const) {
  describe(`radclient, ${batched === 'off' ? 'one by one' : 'in batches'}`, requires('radclient'), () => {
    test('PAP, status and accounting; signed, and by many at once', async (t) => {
      let accounted = 0;
      const { server, authPort, acctPort } = await startServer({
        batched,
        limits: { rejectDelayMs: 1_000 },
        onAccess: pap,
        onAccounting: async () => {
          accounted++;
          return { code: CODE.accountingResponse, attributes: new Uint8Array(0) };
        },
      });
      t.after(() => server.close());
      const login = (password: string) =>
        `User-Name = alice, User-Password = ${password}, Message-Authenticator = 0x00, Proxy-State = 0x6f6e65\n`;

      const accepted = await radclient(authPort, 'auth', login('wonder'));
      assert.match(accepted, /Received Access-Accept/);
      assert.match(
        accepted,
        /Message-Authenticator = 0x[0-9a-f]{32}\s+Reply-Message = "come in"\s+Proxy-State = 0x6f6e65/,
      );
      const at = performance.now();
      assert.match(await radclient(authPort, 'auth', login('wrong')), /Received Access-Reject/);
      assert.ok(performance.now() - at >= 999, 'a reject waits a second');

      for (const [port, said] of [
        [authPort, /Received Access-Accept/],
        [acctPort, /Received Accounting-Response/],
      ] as const) {
        assert.match(await radclient(port, 'status', 'Message-Authenticator = 0x00\n'), said);
      }
      const start = 'Acct-Status-Type = Start, Acct-Session-Id = "one", User-Name = alice\n';
      assert.match(await radclient(acctPort, 'acct', start), /Received Accounting-Response/);
      assert.equal(accounted, 1);

      const many = await radclient(authPort, 'auth', login('wonder'), '-c', '200', '-p', '50', '-s');
      assert.match(many, /(Total approved auths|Accepted)\s*:\s*200/i);
      assert.equal(server.stats().dropped['message-authenticator-invalid'], 0);
    });
  });
}
