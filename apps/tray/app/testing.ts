import { DEFAULT_SETTINGS, type Link, type Notice, type Tray, type Update } from '../core/index.ts';
import type { WindowEvent } from '../core/ipc/table.ts';
import type { Clock } from './clock.ts';
import { Controller, type ControllerParts } from './controller.ts';
import type { Daemon, Method } from './link.ts';
import { createLog } from './log.ts';
import { openSettings } from './settings.ts';

/** A clock that goes when it is told to. */
export function handClock(start = Date.parse('2026-01-01T12:00:00Z')): Clock & { go(ms: number): void } {
  let now = start;
  let timers: { at: number; then: () => void }[] = [];
  return {
    now: () => now,
    after: (ms, then) => {
      const timer = { at: now + ms, then };
      timers.push(timer);
      return () => {
        timers = timers.filter((each) => each !== timer);
      };
    },
    go: (ms) => {
      const end = now + ms;
      for (;;) {
        const [next] = timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
        if (!next) break;
        timers = timers.filter((each) => each !== next);
        now = Math.max(now, next.at);
        next.then();
      }
      now = end;
    },
  };
}

/** A controller whose daemon, desktop and clock are the test's. */
export function stage(more: Partial<ControllerParts> = {}) {
  const clock = handClock();
  const trays: Tray[] = [];
  const events: WindowEvent[] = [];
  const notices: Notice[] = [];
  /** What the desktop and the daemon were asked, in order. */
  const asked: string[] = [];
  const note = (what: string) => async (): Promise<never> => asked.push(what) as never;
  let onLink: (link: Link) => void = () => undefined;
  let answer: (method: Method, params: unknown) => Promise<unknown> = async () => ({});
  const update: Update = { kind: 'none', checked: null };
  const log = createLog(clock.now, () => undefined);
  const drawer = { store: { ...DEFAULT_SETTINGS } };
  const daemon: Daemon = {
    hurry: () => void asked.push('hurry'),
    stop: () => void asked.push('stop'),
    call: (async (method: Method, params: unknown) => {
      asked.push(`${method} ${JSON.stringify(params)}`);
      return answer(method, params);
    }) as Daemon['call'],
  };
  const controller = new Controller({
    platform: 'linux',
    appVersion: '1.2.3',
    systemLocale: 'en-GB',
    system: 'Linux 6.1',
    who: { home: '/home/alice', user: 'alice', host: 'wonderland' },
    clock,
    log,
    settings: openSettings('', () => drawer, log),
    desktop: {
      showTray: (tray) => void trays.push(tray),
      showWindow: () => void asked.push('window'),
      send: (event) => void events.push(event),
      notify: (notice) => void notices.push(notice),
      openExternal: async (url) => void asked.push(`open ${url}`),
      copy: async (text) => void asked.push(`copy ${text}`),
      clipboardImage: async () => null,
      chooseFile: async () => null,
      setTheme: (theme) => void asked.push(`theme ${theme}`),
      setLaunchAtLogin: (on) => void asked.push(`login ${on}`),
      quit: () => void asked.push('quit'),
    },
    updater: { check: note('check'), install: note('install'), state: () => update },
    connect: (on) => {
      onLink = on.onLink;
      return daemon;
    },
    startDaemon: note('start'),
    ...more,
  });
  controller.start();
  asked.length = 0;
  return {
    controller,
    clock,
    trays,
    events,
    notices,
    asked,
    log,
    drawer,
    link: (link: Link) => onLink(link),
    answers: (next: typeof answer) => {
      answer = next;
    },
  };
}
