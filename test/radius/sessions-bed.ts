import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after } from 'node:test';
import { pino } from 'pino';
import { createHttp, problemErrors } from '../../appliance/http/index.ts';
import { packetOf, SECRET, type TestRecord, testNas } from '../../appliance/radius/accounting/testing.ts';
import { ATTRIBUTE, AttributeWriter, CODE, encodeRequest, parsePacket } from '../../appliance/radius/codec/index.ts';
import type { Redecide, SessionsOptions, SessionView } from '../../appliance/radius/sessions/index.ts';
import type { StoredEvent } from '../../appliance/store/index.ts';
import { startBed } from './accounting-bed.ts';
import { startNas } from './nas.ts';

const root = mkdtempSync(path.join(tmpdir(), 'gatehouse-sessions-'));
after(() => rmSync(root, { recursive: true, force: true }));
let folders = 0;
export const NOW = Date.UTC(2026, 0, 15, 12);

export const overlayView = (id: string, more: Partial<SessionView> = {}): SessionView => ({
  id,
  type: 'overlay',
  site_id: 'default',
  status: 'active',
  user: 'alice',
  user_id: 'u-1',
  mac: null,
  ip: '10.1.0.5',
  ipv6: null,
  nas: null,
  nas_port: null,
  ssid: null,
  called_station: null,
  started_at: new Date(NOW + 15_000).toISOString(),
  updated_at: new Date(NOW + 16_000).toISOString(),
  ended_at: null,
  duration: 1,
  bytes_in: 0,
  bytes_out: 0,
  packets_in: 0,
  packets_out: 0,
  terminate_cause: null,
  policy: null,
  method: 'overlay',
  acct_session_id: null,
  ...more,
});

/** Accounting, its routes under an administrator's name, a NAS stand-in and decisions as a test says them. */
export async function startSessions(t: { after(fn: () => unknown): void }, more: Partial<SessionsOptions> = {}) {
  const nas = await startNas(SECRET);
  const clock = { now: NOW };
  const decision: { redecide: Redecide; asked: string[] } = { redecide: () => undefined, asked: [] };
  const overlay: SessionView[] = [];
  const dataDir = path.join(root, String(++folders));
  const client = testNas({ coa: { port: nas.port, secret: SECRET } });
  const bed = await startBed({
    dataDir,
    nas: [client],
    now: () => clock.now,
    sessions: {
      redecide: (session) => {
        decision.asked.push(session.acctSessionId);
        return decision.redecide(session);
      },
      overlaySessions: async () => overlay,
      overlaySession: async (id) => overlay.find((session) => session.id === id),
      ...more,
    },
  });
  const events: StoredEvent[] = [];
  bed.store.onEvent(async (event) => void events.push(event));
  const { app, close } = await createHttp({
    apis: [{ prefix: '/v1', errors: problemErrors, routes: [bed.sessions.routes] }],
    authenticate: async ({ headers }) =>
      headers.authorization
        ? {
            id: 'a',
            username: 'admin',
            role: headers.authorization as 'administrator',
            authorizedNetworks: [],
            via: 'token',
          }
        : null,
    log: pino({ level: 'silent' }),
    subprotocols: [],
    sessionCookie: 'session',
    version: 'test',
  });
  t.after(async () => {
    await close();
    await bed.stop();
    await nas.close();
  });
  const call = async (method: 'GET' | 'DELETE' | 'POST', url: string, role = 'administrator') => {
    const answer = await app.inject({ method, url: `/v1${url}`, headers: { authorization: role } });
    return {
      status: answer.statusCode,
      link: answer.headers.link,
      type: answer.headers['content-type'],
      body: answer.body === '' ? undefined : answer.json(),
    };
  };
  return {
    nas,
    bed,
    clock,
    decision,
    overlay,
    call,
    client,
    /** Hands a record in, received when it happened. */
    account: (record: TestRecord) =>
      bed.accounting.handle({
        packet: packetOf(record),
        nas: client,
        address: '127.0.0.1',
        at: NOW + (record.at ?? 0) * 1000,
      }),
    /** Tells of an accepted request. */
    accept(
      record: TestRecord,
      accepted: Partial<Parameters<typeof bed.sessions.onAuthenticated>[1]> = {},
      sessionId?: string,
    ) {
      const writer = new AttributeWriter().add(ATTRIBUTE.nasIdentifier, record.nasIdentifier ?? 'ap-1');
      writer.add(ATTRIBUTE.callingStationId, record.mac ?? '02-00-00-11-22-33');
      if (sessionId !== undefined) writer.add(ATTRIBUTE.acctSessionId, sessionId);
      const packet = parsePacket(encodeRequest(CODE.accessRequest, 1, SECRET, writer.done()));
      assert.ok(typeof packet !== 'string');
      bed.sessions.onAuthenticated(
        { packet, nas: client, address: '127.0.0.1', authPort: 1812, at: clock.now },
        {
          username: 'alice',
          userId: 'u-1',
          method: 'pap',
          policy: 'staff',
          attributes: Uint8Array.of(27, 6, 0, 0, 0, 60),
          ...accepted,
        },
      );
    },
    async heard(type: string): Promise<Record<string, unknown>[]> {
      await bed.sessions.flush();
      await bed.store.drained();
      return events.filter((event) => event.type === type).map(({ data }) => data);
    },
  };
}
/** Attributes of a decision. */
export const fresh = (seconds: number): Uint8Array =>
  new AttributeWriter().add(ATTRIBUTE.sessionTimeout, seconds).done();
export const pause = (ms = 30) => new Promise((resolve) => setTimeout(resolve, ms));
