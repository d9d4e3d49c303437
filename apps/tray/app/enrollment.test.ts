import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AgentStatus } from '@gatehouse/protocol';
import { IpcError } from '@gatehouse/protocol/socket';
import { CONNECTED, ENROLLED, FRESH } from '../test/electron/fake-daemon.ts';
import { MAX_OFFERS, OFFER_LIFETIME } from './enrollment.ts';
import { Problem } from './problem.ts';
import { stage } from './testing.ts';

const up = (status: AgentStatus) => ({ kind: 'up', status }) as const;
const TOKEN = 'ghe_0123456789abcdefSECRET';
const LINK = `gatehouse://enroll?url=https%3A%2F%2Fgate.example.org&token=${TOKEN}`;

describe('invitations', () => {
  test('one that is being used stays to be seen, and can’t be used twice', async () => {
    const { controller, link, answers, asked, events } = stage();
    link(up(FRESH));
    await controller.handlers.ready(null);
    controller.open(LINK);
    const confirm = { id: 1, accept: true, allowPlain: false };
    const used = Promise.withResolvers<unknown>();
    answers(() => used.promise);
    const joined = controller.handlers.confirmEnroll(confirm);
    await assert.rejects(controller.handlers.confirmEnroll(confirm), /isn’t possible/);
    await assert.rejects(controller.handlers.confirmEnroll({ ...confirm, accept: false }), /isn’t possible/);
    const { enroll, prediction, failure } = controller.snapshot();
    assert.deepEqual([enroll?.joining, prediction?.of, failure], [true, 'enroll', null]);
    used.reject(new Problem('no-daemon'));
    await assert.rejects(joined, /service doesn’t answer/);
    assert.deepEqual(
      [controller.snapshot().enroll?.joining, controller.snapshot().failure?.action],
      [undefined, 'enroll'],
    );
    assert.ok(!JSON.stringify(events).includes('"home"'), 'who failed to join stays where the invitation is');
    answers(async () => ({}));
    await controller.handlers.confirmEnroll(confirm);
    assert.deepEqual([controller.snapshot().enroll, controller.snapshot().failure], [null, null]);
    assert.deepEqual(events.at(-1), { type: 'page', page: 'home' });
    assert.equal(asked.filter((line) => line.startsWith('enroll')).length, 2);
  });

  test('a pin goes to the daemon as it is, and the window is told that there is one', async () => {
    const { controller, link, answers, events } = stage();
    link(up(FRESH));
    await controller.handlers.ready(null);
    const pin = `sha256:${'A'.repeat(43)}`;
    controller.open(`${LINK}&pin=${pin}`);
    assert.equal(controller.snapshot().enroll?.pinned, true);
    const heard: unknown[] = [];
    answers(async (method, params) => {
      if (method === 'enroll') heard.push(params);
      throw new IpcError('certificate', 'not the one');
    });
    await assert.rejects(
      controller.handlers.confirmEnroll({ id: 1, accept: true, allowPlain: false }),
      /not the one that the invitation names, or isn’t valid\. Somebody may be in between/,
    );
    assert.deepEqual(heard, [{ url: 'https://gate.example.org', token: TOKEN, pin }]);
    assert.equal(controller.snapshot().enroll?.pinned, true, 'it may be tried again');
    assert.ok(!JSON.stringify(events).includes(pin));
  });

  test('the token goes to the daemon and nowhere else', async () => {
    const { controller, link, asked, answers, events, trays, log } = stage();
    link(up(FRESH));
    await controller.handlers.ready(null);
    controller.open(LINK);
    assert.deepEqual(controller.snapshot().enroll, {
      id: 1,
      url: 'https://gate.example.org',
      host: 'gate.example.org',
      plain: false,
      from: 'link',
      adds: false,
      behind: 0,
    });
    answers(async (_method, params) => {
      throw new IpcError('controller-error', `the controller said: ${JSON.stringify(params)}`);
    });
    const confirm = { id: 1, accept: true, allowPlain: false };
    await assert.rejects(controller.handlers.confirmEnroll(confirm), ({ message }: Error) => !message.includes(TOKEN));
    assert.deepEqual(asked, ['window', `enroll ${JSON.stringify({ url: 'https://gate.example.org', token: TOKEN })}`]);
    const report = await controller.handlers.report(null);
    for (const said of [controller.snapshot(), events, trays, log.lines(), report]) {
      assert.ok(!JSON.stringify(said).includes(TOKEN));
    }
    // The controller may have used it up.
    assert.equal(controller.snapshot().enroll, null);
    await assert.rejects(controller.handlers.confirmEnroll(confirm), /invitation is gone/);
  });

  test('an invitation that couldn’t be used may be tried again, within its ten minutes', async () => {
    const { controller, link, answers, clock } = stage();
    link(up(ENROLLED));
    await controller.handlers.offer({ text: LINK, from: 'qr' });
    assert.equal(controller.snapshot().enroll?.adds, true);
    answers(async () => {
      throw new IpcError('controller-unreachable', 'no');
    });
    const confirm = { id: 1, accept: true, allowPlain: false };
    await assert.rejects(controller.handlers.confirmEnroll(confirm), /doesn’t answer/);
    assert.equal(controller.snapshot().enroll?.from, 'qr');
    answers(async (method, params) => {
      assert.deepEqual([method, params], ['enroll', { url: 'https://gate.example.org', token: TOKEN, add: true }]);
      return {};
    });
    clock.go(OFFER_LIFETIME - 1000);
    await controller.handlers.confirmEnroll(confirm);
    assert.equal(controller.snapshot().prediction?.of, 'enroll');
    await controller.handlers.offer({ text: LINK, from: 'paste' });
    clock.go(OFFER_LIFETIME);
    assert.equal(controller.snapshot().enroll, null);
  });

  test('only what the user has seen is confirmed', async () => {
    const { controller, link, asked } = stage();
    link(up(FRESH));
    await controller.handlers.offerToken({ url: 'http://other.example.org:8080', token: TOKEN });
    const answer = (id: number, accept: boolean, allowPlain = false) =>
      controller.handlers.confirmEnroll({ id, accept, allowPlain });
    await assert.rejects(answer(2, true, true), /Another invitation/);
    await assert.rejects(answer(2, false), /Another invitation/);
    await assert.rejects(answer(1, true), /isn’t encrypted/);
    assert.deepEqual(asked, []);
    await answer(1, true, true);
    assert.match(asked.join(), /"allowHttp":true/);
    await controller.handlers.offer({ text: LINK, from: 'paste' });
    await assert.rejects(answer(1, true), /Another invitation/);
    await answer(2, false);
    assert.equal(controller.snapshot().enroll, null);
  });

  test('a second link to the same host waits, and the word on the first is not for it', async () => {
    const { controller, link, asked, clock } = stage();
    link(up(FRESH));
    const shown = () => {
      const { enroll } = controller.snapshot();
      return enroll && [enroll.id, enroll.url, enroll.behind];
    };
    const word = (id: number, accept: boolean) => controller.handlers.confirmEnroll({ id, accept, allowPlain: false });
    controller.open(LINK);
    clock.go(60_000);
    controller.open(LINK.replace('gate.example.org', 'gate.example.org%2Fother').replace('SECRET', 'OTHERS'));
    assert.deepEqual(shown(), [1, 'https://gate.example.org', 1]);
    // Opened twice, it is one; and what can't be read changes nothing.
    controller.open(LINK);
    controller.open('gatehouse://other');
    assert.deepEqual(shown(), [1, 'https://gate.example.org', 1]);
    await word(1, false);
    assert.deepEqual(shown(), [2, 'https://gate.example.org/other', 0]);
    await assert.rejects(word(1, true), /Another invitation/);
    assert.equal(asked.filter((line) => line.startsWith('enroll')).length, 0);
    await word(2, true);
    assert.deepEqual(
      asked.filter((line) => line.startsWith('enroll')),
      [`enroll ${JSON.stringify({ url: 'https://gate.example.org/other', token: TOKEN.replace('SECRET', 'OTHERS') })}`],
    );
    assert.equal(shown(), null);
  });

  test('the one behind is shown when the time of the first has passed; there are never too many', async () => {
    const { controller, link, clock } = stage();
    link(up(FRESH));
    const offer = (at: number) => controller.open(LINK.replace('SECRET', `SECRET${at}`));
    offer(0);
    clock.go(60_000);
    for (let at = 1; at < MAX_OFFERS; at += 1) offer(at);
    assert.equal(controller.snapshot().failure, null);
    offer(MAX_OFFERS);
    assert.match(controller.snapshot().failure?.message ?? '', /Several invitations/);
    const { enroll } = controller.snapshot();
    assert.deepEqual([enroll?.id, enroll?.behind], [1, MAX_OFFERS - 1]);
    clock.go(OFFER_LIFETIME - 60_000);
    assert.deepEqual([controller.snapshot().enroll?.id, controller.snapshot().enroll?.behind], [2, MAX_OFFERS - 2]);
    clock.go(60_000);
    assert.equal(controller.snapshot().enroll, null);
  });

  test('one whose answer came too late goes once the daemon has the network', async () => {
    const { controller, link, answers, events } = stage();
    link(up(FRESH));
    await controller.handlers.ready(null);
    controller.open(LINK);
    answers(async () => {
      throw new Problem('slow-daemon');
    });
    const confirm = { id: 1, accept: true, allowPlain: false };
    await assert.rejects(controller.handlers.confirmEnroll(confirm), /too long/);
    assert.deepEqual([controller.snapshot().enroll?.id, controller.snapshot().failure?.action], [1, 'enroll']);
    const [profile] = CONNECTED.profiles;
    assert.ok(profile);
    // Another network, and one that is signed out: not what it led to.
    link(up({ ...FRESH, profiles: [{ ...profile, url: 'https://other.example.org' }] }));
    link(up({ ...FRESH, profiles: [{ ...profile, revoked: true }] }));
    assert.equal(controller.snapshot().enroll?.id, 1);
    link(up({ ...CONNECTED, state: 'connecting' }));
    assert.deepEqual([controller.snapshot().enroll, controller.snapshot().failure], [null, null]);
    assert.ok(events.some((event) => event.type === 'page' && event.page === 'home'));
    const last = events.findLast((event) => event.type === 'model');
    assert.equal(last?.type === 'model' && last.model.enroll, null);
  });

  test('one that nobody has said yes to doesn’t go because its network is there', async () => {
    const { controller, link } = stage();
    link(up(FRESH));
    controller.open(LINK);
    link(up(CONNECTED));
    assert.equal(controller.snapshot().enroll?.id, 1);
  });

  test('a daemon that joins and hangs up before it answers has joined', async () => {
    const { controller, link, answers } = stage();
    link(up(FRESH));
    controller.open(LINK);
    const used = Promise.withResolvers<unknown>();
    answers(() => used.promise);
    const joined = controller.handlers.confirmEnroll({ id: 1, accept: true, allowPlain: false });
    link(up({ ...CONNECTED, state: 'connecting' }));
    assert.equal(controller.snapshot().enroll, null);
    used.reject(new Problem('no-daemon'));
    await joined;
    assert.equal(controller.snapshot().failure, null);
  });

  test('while one is being used another waits, and is shown after it', async () => {
    const { controller, link, answers, clock } = stage();
    link(up(FRESH));
    controller.open(LINK);
    const used = Promise.withResolvers<unknown>();
    answers(() => used.promise);
    const joined = controller.handlers.confirmEnroll({ id: 1, accept: true, allowPlain: false });
    controller.open(LINK.replace('SECRET', 'OTHERS'));
    assert.deepEqual([controller.snapshot().enroll?.id, controller.snapshot().enroll?.joining], [1, true]);
    // What is under way ends by its answer, not by its time.
    clock.go(OFFER_LIFETIME - 1000);
    assert.equal(controller.snapshot().enroll?.id, 1);
    used.resolve({});
    await joined;
    assert.deepEqual([controller.snapshot().enroll?.id, controller.snapshot().enroll?.joining], [2, undefined]);
  });

  test('what is no invitation is told: to the window that asked, or in it', async () => {
    const { controller, asked } = stage();
    await assert.rejects(controller.handlers.offer({ text: `hello ${TOKEN}x y`, from: 'paste' }), /no invitation/);
    controller.open(`gatehouse://other?token=${TOKEN}`);
    assert.equal(controller.snapshot().failure?.action, 'enroll');
    assert.deepEqual(asked, ['window']);
  });

  test('a daemon that can’t be reached costs nobody their invitation', async () => {
    const { controller } = stage();
    controller.open(LINK);
    const confirm = { id: 1, accept: true, allowPlain: false };
    await assert.rejects(controller.handlers.confirmEnroll(confirm), /service doesn’t answer/);
    assert.equal(controller.snapshot().enroll?.host, 'gate.example.org');
  });
});
