import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { type AgentStatus, IpcErrorCode } from '@gatehouse/protocol';
import { IpcError } from '@gatehouse/protocol/socket';
import { CONNECTED, ENROLLED } from '../test/electron/fake-daemon.ts';
import { FAILURE_LIFETIME } from './controller.ts';
import { Problem } from './problem.ts';
import { stage } from './testing.ts';

const up = (status: AgentStatus) => ({ kind: 'up', status }) as const;
const LINK = 'gatehouse://enroll?url=https%3A%2F%2Fgate.example.org&token=ghe_0123456789abcdef';
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('what people see', () => {
  test('is pushed when it changes, and only then', async () => {
    const { controller, trays, events, clock, link } = stage();
    link(up(ENROLLED));
    await controller.handlers.ready(null);
    const [shown, sent] = [trays.length, events.length];
    link(up(ENROLLED));
    clock.go(60_000);
    assert.deepEqual([trays.length, events.length], [shown, sent]);
    link(up(CONNECTED));
    assert.deepEqual([trays.length, events.length], [shown + 1, sent + 1]);
    controller.windowGone();
    link(up(ENROLLED));
    assert.equal(events.length, sent + 1);
  });

  test('a click is shown before the daemon has answered, and taken back when it refuses', async () => {
    const { controller, link, answers, asked } = stage();
    link(up(ENROLLED));
    const kind = async () => (await controller.handlers.ready(null)).view.kind;
    const { promise, reject } = Promise.withResolvers<unknown>();
    answers(() => promise);
    const done = controller.handlers.act({ id: 'connect' });
    assert.equal(await kind(), 'connecting');
    assert.deepEqual(asked, ['up {}']);
    reject(new IpcError('no-wireguard', 'modprobe: not found'));
    await assert.rejects(done, { message: 'This computer has no WireGuard. Install Gatehouse again.' });
    assert.equal(await kind(), 'disconnected');
    assert.equal(controller.snapshot().failure?.action, 'connect');
    answers(async () => ({}));
    await controller.handlers.act({ id: 'connect' });
    assert.equal(controller.snapshot().failure, null);
    assert.equal(await kind(), 'connecting');
  });

  test('a prediction ends by itself', async () => {
    const { controller, link, clock } = stage();
    link(up(ENROLLED));
    await controller.act({ id: 'connect' });
    clock.go(20_000);
    assert.equal((await controller.handlers.ready(null)).view.kind, 'disconnected');
  });

  test('what isn’t possible now is refused, and the daemon isn’t asked', async () => {
    const { controller, link, asked } = stage();
    link(up(ENROLLED));
    await assert.rejects(controller.handlers.act({ id: 'disconnect' }), {
      message: 'That isn’t possible at the moment.',
    });
    await assert.rejects(controller.handlers.act({ id: 'use-profile', profile: 'p1' }));
    await assert.rejects(controller.handlers.act({ id: 'start-daemon' }));
    assert.deepEqual(asked, []);
    assert.equal(controller.snapshot().failure, null);
    controller.click({ id: 'disconnect' });
    await settle();
    assert.deepEqual(asked, ['window']);
  });
});

describe('a failure', () => {
  const failed = async (status: AgentStatus = ENROLLED) => {
    const set = stage();
    set.link(up(status));
    set.answers(async () => {
      throw new IpcError('no-wireguard', 'modprobe: not found');
    });
    await assert.rejects(set.controller.act({ id: status === CONNECTED ? 'disconnect' : 'connect' }));
    return { ...set, message: () => set.controller.snapshot().failure?.message };
  };

  test('is worded in the language of the moment', async () => {
    const { controller, message } = await failed();
    assert.match(message() ?? '', /has no WireGuard/);
    await controller.handlers.settings({ language: 'de' });
    assert.match(message() ?? '', /fehlt WireGuard/);
    controller.open('gatehouse://enroll?url=javascript:alert(1)&token=abcdefghijklmnop');
    assert.match(message() ?? '', /Adresse/);
    await controller.handlers.settings({ language: 'fr' });
    assert.match(message() ?? '', /adresse/);
  });

  test('is told by its code; where that says too little, the daemon’s words are beside it', async () => {
    const { controller, link, answers } = stage();
    link(up(ENROLLED));
    await controller.handlers.settings({ language: 'de' });
    const said = async (code: IpcErrorCode, message: string) => {
      answers(async () => {
        throw new IpcError(code, message);
      });
      await assert.rejects(controller.handlers.peers(null));
      return controller.handlers.peers(null).catch((error: Error) => error.message);
    };
    for (const code of IpcErrorCode.enum) {
      const text = String(await said(code, 'What the daemon\nsays\u202e.'));
      assert.match(text, /^(?:Der|Die|Das|Dem|Dieser|Diese|Auf|Im) /, code);
      assert.equal(
        /daemon says\.$/.test(text),
        ['bad-request', 'already-enrolled', 'controller-error', 'internal'].includes(code),
        text,
      );
    }
    assert.equal(await said('internal', ''), 'Im Dienst ist ein Fehler aufgetreten.');
    assert.ok(String(await said('internal', 'x'.repeat(10_000))).length < 500);
  });

  test('ends with its time', async () => {
    const { clock, message } = await failed();
    clock.go(FAILURE_LIFETIME - 4000);
    assert.notEqual(message(), undefined);
    clock.go(8000);
    assert.equal(message(), undefined);
  });

  test('ends when the daemon says that it is connected, and not by its own prediction taken back', async () => {
    const { link, message } = await failed();
    link(up({ ...ENROLLED, state: 'connecting', target: 'up' }));
    assert.notEqual(message(), undefined);
    link(up(CONNECTED));
    assert.equal(message(), undefined);
    const other = await failed(CONNECTED);
    other.link(up({ ...CONNECTED, rx: 1 }));
    assert.notEqual(other.message(), undefined);
    // It took longer than the app waited.
    other.link(up(ENROLLED));
    assert.equal(other.message(), undefined);
  });

  test('for want of a daemon ends when it answers', async () => {
    const { controller, link, answers } = stage();
    const message = () => controller.snapshot().failure?.message;
    link(up(ENROLLED));
    for (const key of ['no-daemon', 'slow-daemon'] as const) {
      answers(async () => {
        throw new Problem(key);
      });
      await assert.rejects(controller.act({ id: 'connect' }));
      link({ kind: 'down', starting: false });
      assert.notEqual(message(), undefined);
      link(up(ENROLLED));
      assert.equal(message() === undefined, key === 'no-daemon');
    }
  });

  test('ends with an invitation that can be read', async () => {
    const { controller } = stage();
    controller.open('gatehouse://other');
    assert.equal(controller.snapshot().failure?.action, 'enroll');
    await controller.handlers.offer({ text: LINK, from: 'paste' });
    assert.equal(controller.snapshot().failure, null);
  });
});

describe('the daemon', () => {
  test('connects at launch, once, where the user wants it', async () => {
    const { controller, link, asked } = stage();
    controller.parts.settings.change({ connectAtLaunch: true });
    link({ kind: 'down', starting: false });
    link(up(ENROLLED));
    await settle();
    link({ kind: 'down', starting: false });
    link(up(ENROLLED));
    await settle();
    assert.deepEqual(asked, ['up {}']);
  });

  test('is started, is expected for a while, and is down again when it doesn’t come', async () => {
    const { controller, link, asked, clock } = stage();
    link({ kind: 'down', starting: false });
    await controller.handlers.act({ id: 'start-daemon' });
    assert.deepEqual(asked, ['start', 'hurry']);
    link({ kind: 'down', starting: false });
    assert.equal((await controller.handlers.ready(null)).view.kind, 'daemon-starting');
    clock.go(20_000);
    assert.equal((await controller.handlers.ready(null)).view.kind, 'daemon-down');
  });

  test('that isn’t started says why', async () => {
    const startDaemon = async () => {
      throw new Problem('start-missing', { program: '/usr/bin/pkexec' });
    };
    const { controller, link, asked } = stage({ startDaemon });
    link({ kind: 'down', starting: false });
    controller.click({ id: 'start-daemon' });
    await settle();
    assert.match(controller.snapshot().failure?.message ?? '', /pkexec is missing/);
    assert.deepEqual(asked, ['window']);
    assert.equal((await controller.handlers.ready(null)).view.kind, 'daemon-down');
  });

  test('nothing is told of what sleep does', () => {
    const tell = (asleep: boolean) => {
      const { controller, link, clock, notices } = stage();
      link(up(CONNECTED));
      clock.go(60_000);
      if (asleep) controller.suspend();
      link(up({ ...CONNECTED, standing: { admitted: false, reason: 'no', missing: [], reported: null } }));
      clock.go(30_000);
      link(up(CONNECTED));
      if (asleep) controller.resume();
      clock.go(60_000);
      return notices.length;
    };
    assert.equal(tell(true), 0);
    assert.notEqual(tell(false), 0);
  });

  test('a sign-out in sleep is told once, when the network had its time to come back', () => {
    const { controller, link, clock, notices } = stage();
    const keys = () => notices.map(({ key }) => key);
    const [profile] = CONNECTED.profiles;
    assert.ok(profile);
    link(up(CONNECTED));
    clock.go(60_000);
    controller.suspend();
    clock.go(8 * 3_600_000);
    controller.resume();
    clock.go(10_000);
    link(up({ ...CONNECTED, state: 'error', profiles: [{ ...profile, revoked: true }] }));
    clock.go(9_000);
    assert.deepEqual(keys(), []);
    clock.go(1_000);
    assert.deepEqual(keys(), ['signed-out:p1']);
    clock.go(3_600_000);
    // Asleep anew while it had just woken: it waits from the second time on.
    link(up(CONNECTED));
    clock.go(60_000);
    controller.suspend();
    controller.resume();
    clock.go(15_000);
    controller.suspend();
    link(up({ ...CONNECTED, state: 'error', profiles: [{ ...profile, revoked: true }] }));
    clock.go(60_000);
    controller.resume();
    clock.go(15_000);
    assert.equal(keys().length, 1);
    clock.go(10_000);
    assert.deepEqual(keys(), ['signed-out:p1', 'signed-out:p1']);
  });
});

describe('the rest of the window’s calls', () => {
  test('settings take effect and are kept', async () => {
    const { controller, asked, drawer } = stage();
    await controller.handlers.settings({ theme: 'dark', launchAtLogin: false, language: 'de' });
    assert.deepEqual(asked, ['theme dark', 'login false']);
    assert.equal(drawer.store.theme, 'dark');
    assert.equal((await controller.handlers.ready(null)).locale, 'de');
    await assert.rejects(controller.handlers.act({ id: 'connect' }), /nicht möglich/);
  });

  test('the report that is saved is the one that was shown', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-report-'));
    const file = path.join(folder, 'report.txt');
    const { controller, link, answers, log } = stage();
    controller.parts.desktop.chooseFile = async () => file;
    link(up(CONNECTED));
    log('opened /home/alice/x on wonderland');
    answers(async (method) => (method === 'logs' ? ['peer 198.51.100.77 is up'] : []));
    const { text, redacted } = await controller.handlers.report(null);
    answers(async () => ['another line']);
    assert.equal(await controller.handlers.saveReport(null), file);
    assert.equal(readFileSync(file, 'utf8'), text);
    for (const secret of ['198.51.100', 'alice', 'wonderland', '10.80.0.2', 'a'.repeat(43)]) {
      assert.ok(!text.includes(secret), secret);
    }
    assert.match(text, /Gatehouse 1\.2\.3 on linux: Linux 6\.1/);
    assert.ok((redacted.address ?? 0) > 0);
    rmSync(folder, { recursive: true });
    await assert.rejects(controller.handlers.saveReport(null), /could not be saved: ENOENT/);
    controller.parts.desktop.chooseFile = async () => null;
    assert.equal(await controller.handlers.saveReport(null), null);
  });

  test('a report is at most 1 MiB, and has the newest lines', async () => {
    const { controller, answers } = stage();
    answers(async (method) =>
      method === 'logs' ? Array.from({ length: 20_000 }, (_, i) => `ö ${i} ${'x'.repeat(200)}`) : [],
    );
    const { text } = await controller.handlers.report(null);
    assert.ok(Buffer.byteLength(text) <= 1024 * 1024);
    assert.match(text, /ö 19999 /);
    assert.doesNotMatch(text, /ö 0 /);
    assert.match(text, /older lines are left out/);
  });

  test('pages wait for a window that is still loading', async () => {
    const { controller, events, clock, asked } = stage();
    controller.click({ id: 'show-logs' });
    await settle();
    assert.deepEqual([asked, events], [['window'], []]);
    await controller.handlers.ready(null);
    clock.go(1000);
    assert.deepEqual(events, [{ type: 'page', page: 'logs' }]);
    controller.click({ id: 'show-settings' });
    await settle();
    assert.deepEqual(events.at(-1), { type: 'page', page: 'settings' });
  });

  test('an address is copied without its mask; what nobody thought of is told in words', async () => {
    const { controller, link, asked, answers } = stage();
    link(up(CONNECTED));
    await controller.handlers.act({ id: 'copy-address' });
    assert.deepEqual(asked, ['copy 10.80.0.2']);
    answers(async () => {
      throw new TypeError('undefined is not a function');
    });
    await assert.rejects(controller.handlers.peers(null), {
      message: 'That went wrong. The report of a problem shows more.',
    });
  });
});
