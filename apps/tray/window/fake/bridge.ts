import type { Bridge, CallHandlers, Page, WindowEvent } from '../../core/ipc/table.ts';
import { parseOffer } from '../../core/offer.ts';
import type { Action, EnrollRequest, Snapshot } from '../../core/types.ts';
import { windowModel } from '../../core/view.ts';
import * as data from './data.ts';
import { type Scene, snapshotOf } from './scenes.ts';

const PAGE_OF: Partial<Record<Action['id'], Page>> = {
  enroll: 'enroll',
  'show-posture': 'posture',
  'show-doctor': 'doctor',
  'show-settings': 'settings',
  'show-logs': 'logs',
  'report-problem': 'report',
};

/** What a test may turn: how calls go, and what was asked. */
export interface Fake extends Bridge {
  /** Calls in their order. */
  asked: { name: string; argument: unknown }[];
  /** Calls that fail, with their message. */
  broken: Partial<Record<keyof CallHandlers, string>>;
  /** Calls that never answer. */
  stuck: Set<string>;
  /** Calls that answer with nothing in it. */
  hollow: boolean;
  clipboard: string | null;
  /** What every device and network is called; null: each by its own name. */
  called: string | null;
  play(scene: Scene, changes?: Partial<Snapshot>): void;
  open(page: Page): void;
  /** What a scene plays. */
  scene(scene: Scene): Snapshot;
}

/** A main process without Electron or agent: real texts from `core`, made-up answers. */
export function fake(scene: Scene, changes: Partial<Snapshot> = {}): Fake {
  let snapshot: Snapshot = { ...snapshotOf(scene), ...changes };
  const listeners = new Set<(event: WindowEvent) => void>();
  const tell = (event: WindowEvent) => {
    for (const listener of listeners) listener(event);
  };
  const set = (change: Partial<Snapshot>) => {
    snapshot = { ...snapshot, ...change };
    tell({ type: 'model', model: renamed(windowModel(snapshot)) });
  };
  const renamed = <T>(answer: T): T => {
    const { called } = bridge;
    if (called === null) return answer;
    const names = ['name', 'networkName', 'peerName', 'hub'];
    return JSON.parse(JSON.stringify(answer), (key, value: unknown) =>
      names.includes(key) && typeof value === 'string' ? called : value,
    ) as T;
  };
  const missing = () => (snapshot.link.kind === 'up' ? (snapshot.link.status.standing?.missing ?? []) : []);

  const behind: EnrollRequest[] = [];
  let last = 100;
  const offer = (text: string, from: 'paste' | 'qr') => {
    const found = parseOffer(text);
    if ('problem' in found) throw new Error('That is no invitation. Ask your administrator for the link.');
    const { url, host, plain, pin } = found;
    const adds = snapshot.link.kind === 'up' && snapshot.link.status.enrolled !== null;
    const shown = snapshot.enroll;
    if (shown?.url === url) return null;
    last += 1;
    const next: EnrollRequest = {
      id: last,
      url,
      host,
      plain,
      ...(pin !== undefined && { pinned: true }),
      from,
      adds,
      behind: 0,
    };
    if (shown) behind.push(next);
    set({ enroll: shown ? { ...shown, behind: behind.length } : next });
    return null;
  };

  const fail = (message: string) =>
    set({
      failure: { action: 'enroll', message },
      enroll: snapshot.enroll && { ...snapshot.enroll, joining: false },
    });

  const handlers: { [N in keyof CallHandlers]: (argument: never) => unknown } = {
    ready: () => windowModel(snapshot),
    act: (action: Action) => {
      const page = PAGE_OF[action.id];
      if (page) tell({ type: 'page', page });
      if (action.id === 'connect' || action.id === 'disconnect')
        set({ prediction: { of: action.id, at: snapshot.now } });
      if (action.id === 'check-update') set({ update: { kind: 'checking' } });
      return null;
    },
    settings: ({ notifications, ...patch }: Partial<Snapshot['settings']>) => {
      const { settings } = snapshot;
      set({ settings: { ...settings, ...patch, notifications: { ...settings.notifications, ...notifications } } });
      return null;
    },
    offer: ({ text, from }: { text: string; from: 'paste' | 'qr' }) => offer(text, from),
    offerToken: ({ url, token }: { url: string; token: string }) => offer(`${url} ${token}`, 'paste'),
    confirmEnroll: ({ accept }: { accept: boolean }) => {
      const next = behind.shift();
      set({
        enroll: next ? { ...next, behind: behind.length } : null,
        ...(accept && { prediction: { of: 'enroll' as const, at: snapshot.now } }),
      });
      tell({ type: 'page', page: 'home' });
      return null;
    },
    traffic: () => data.traffic(snapshot.link.kind === 'up' && snapshot.link.status.state === 'connected'),
    peers: () => (bridge.hollow ? [] : data.peers),
    directory: ({ search }: { search: string }) => ({
      names: bridge.hollow ? [] : data.directory.names.filter(({ name }) => name.includes(search)),
      more: false,
    }),
    sessions: () => (bridge.hollow ? [] : data.sessions),
    posture: () => (bridge.hollow ? { collected: data.ago(1), checks: [] } : data.postureOf(missing())),
    doctor: () =>
      bridge.hollow ? [] : data.doctorOf(snapshot.link.kind === 'up' && snapshot.link.status.state !== 'degraded'),
    logs: () => (bridge.hollow ? [] : data.logs),
    report: () => (bridge.hollow ? { text: '', redacted: {} } : data.report),
    saveReport: () => '/home/ada/gatehouse-report.txt',
    copy: () => null,
    clipboardImage: () => bridge.clipboard,
  };

  const bridge: Fake = {
    asked: [],
    broken: {},
    stuck: new Set(),
    hollow: false,
    clipboard: null,
    called: null,
    async call(name, argument) {
      bridge.asked.push({ name, argument });
      await Promise.resolve();
      if (name === 'confirmEnroll' && snapshot.enroll)
        set({ failure: null, enroll: { ...snapshot.enroll, joining: true } });
      if (bridge.stuck.has(name)) return new Promise(() => {});
      const failure = bridge.broken[name];
      if (failure !== undefined) {
        if (name === 'confirmEnroll') fail(failure);
        throw new Error(failure);
      }
      return renamed(handlers[name](argument as never)) as never;
    },
    onEvent(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    play: (next, more = {}) => set({ ...snapshotOf(next), settings: snapshot.settings, ...more }),
    open: (page) => tell({ type: 'page', page }),
    scene: snapshotOf,
  };
  return bridge;
}
