import {
  type Action,
  type ActionId,
  allowed,
  type Link,
  type Locale,
  type NoticeMemory,
  noNotices,
  noticesOf,
  type Platform,
  type Prediction,
  pickLocale,
  predict,
  type Snapshot,
  type StateKind,
  settlePrediction,
  trayOf,
  viewOf,
  windowModel,
} from '../core/index.ts';
import type { CallHandlers, Page, WindowEvent } from '../core/ipc/table.ts';
import { runAction } from './actions.ts';
import { callHandlers } from './calls.ts';
import type { Clock } from './clock.ts';
import type { Desktop } from './desktop.ts';
import { createEnrollment, type Enrollment } from './enrollment.ts';
import type { Daemon, DaemonOptions } from './link.ts';
import type { Log } from './log.ts';
import { Problem } from './problem.ts';
import type { Who } from './report.ts';
import type { SettingsStore } from './settings.ts';
import type { Updater } from './updates/index.ts';
import { offerWords, Told, wordsOf } from './words.ts';

/** All that the controller works with: nothing of the machine is reached but through these. */
export interface ControllerParts {
  platform: Platform;
  appVersion: string;
  systemLocale: string;
  /** A line for the problem report. */
  system: string;
  who: Who;
  clock: Clock;
  log: Log;
  settings: SettingsStore;
  desktop: Desktop;
  updater: Updater;
  /** `openDaemon` with socket and clock. */
  connect(on: Pick<DaemonOptions, 'onLink'>): Daemon;
  /** Starts the daemon by the system's means; rejects with a Problem. */
  startDaemon(): Promise<void>;
}

/** How often what depends on time alone is looked at, ms. */
const TICK = 2_000;
/** When updates are looked for: a while after the start, when the network is up, and then again and again, ms. */
const FIRST_UPDATE = 60_000;
const NEXT_UPDATE = 6 * 3_600_000;
/** How long a daemon that was started may take until it answers, ms. */
const START_PATIENCE = 15_000;
/** After a resume the network comes back in steps; nothing is told before, ms. */
const QUIET_AFTER_RESUME = 20_000;
/** How long a failure is told where nothing happens that ends it, ms. */
export const FAILURE_LIFETIME = 2 * 60_000;

/** What failed, and its words: in the language of the moment. */
interface Failed {
  action: ActionId;
  at: number;
  say: (locale: Locale) => string;
  /** It was the daemon that was missing: over once it answers. */
  noDaemon: boolean;
}

/** Holds the state of the app; gives tray, window and notifications what `core` makes of it, when that changes. */
export class Controller {
  readonly parts: ControllerParts;
  /** The main process's side of the table. A call that fails rejects with an Error whose message is for people. */
  readonly handlers: CallHandlers;
  readonly enrollment: Enrollment;
  daemon!: Daemon;
  #link: Link = { kind: 'starting' };
  #startedAt: number | null = null;
  #prediction: Prediction | null = null;
  #failure: Failed | null = null;
  /** The state by the daemon's own word. */
  #kind: StateKind | null = null;
  #notices: NoticeMemory = noNotices;
  #shown = { tray: '', model: '' };
  #listening = false;
  #page: Page | null = null;
  #launched = false;
  /** Asleep, or just woken. */
  #quiet = false;
  #cancelQuiet = (): void => undefined;
  #cancelTick = (): void => undefined;
  #cancelUpdate = (): void => undefined;

  constructor(parts: ControllerParts) {
    this.parts = parts;
    this.enrollment = createEnrollment(parts.clock, () => this.refresh());
    this.handlers = callHandlers(this);
  }

  start(): void {
    const { settings, desktop, connect } = this.parts;
    const { theme, launchAtLogin } = settings.read();
    desktop.setTheme(theme);
    desktop.setLaunchAtLogin(launchAtLogin);
    this.refresh();
    this.daemon = connect({ onLink: (link) => this.#onLink(link) });
    const tick = (): void => {
      this.refresh();
      this.#cancelTick = this.parts.clock.after(TICK, tick);
    };
    this.#cancelTick = this.parts.clock.after(TICK, tick);
    const update = (): void => {
      void this.parts.updater.check();
      this.#cancelUpdate = this.parts.clock.after(NEXT_UPDATE, update);
    };
    this.#cancelUpdate = this.parts.clock.after(FIRST_UPDATE, update);
  }

  stop(): void {
    this.#cancelTick();
    this.#cancelUpdate();
    this.#cancelQuiet();
    this.daemon.stop();
  }

  snapshot(): Snapshot {
    const { platform, appVersion, systemLocale, settings, updater, clock } = this.parts;
    const now = clock.now();
    const starting = this.#startedAt !== null && now - this.#startedAt < START_PATIENCE;
    const link: Link = this.#link.kind === 'down' ? { kind: 'down', starting } : this.#link;
    const adds = link.kind === 'up' && link.status.profiles.some(({ revoked }) => !revoked);
    return {
      platform,
      appVersion,
      systemLocale,
      link,
      prediction: this.#prediction,
      enroll: this.enrollment.request(adds),
      failure: this.#failure && { action: this.#failure.action, message: this.#failure.say(this.locale) },
      settings: settings.read(),
      update: updater.state(),
      now,
    };
  }

  /** Gives tray, window and notifications what changed since the last time. */
  refresh(): void {
    const { desktop, clock } = this.parts;
    const status = this.#link.kind === 'up' ? this.#link.status : null;
    if (this.#prediction) this.#prediction = status && settlePrediction(this.#prediction, status, clock.now());
    this.#endFailure();
    const s = this.snapshot();
    const tray = trayOf(s);
    const trayText = JSON.stringify(tray);
    if (trayText !== this.#shown.tray) {
      this.#shown.tray = trayText;
      desktop.showTray(tray);
    }
    if (this.#listening) {
      const model = windowModel(s);
      const modelText = JSON.stringify(model);
      if (modelText !== this.#shown.model) {
        this.#shown.model = modelText;
        desktop.send({ type: 'model', model });
      }
    }
    const { memory, notices } = noticesOf(this.#notices, s, this.#quiet);
    this.#notices = memory;
    for (const notice of notices) desktop.notify(notice);
  }

  /** Does what a button of the window asks; rejects with an Error for people where it can't be done. */
  async act(action: Action): Promise<void> {
    const s = this.snapshot();
    // Told to whoever clicked, but no failure of the app: what they saw was older than the state.
    if (!allowed(s, action)) throw new Problem('not-now');
    await this.attempt(action.id, predict(s, action), () => runAction(this, action));
  }

  /** The same from tray or notification: where it failed, or its time has passed, the window opens and says why. */
  click(action: Action): void {
    this.act(action).catch(() => this.parts.desktop.showWindow());
  }

  /** Runs what the user asked for: predicted at once, and remembered as a failure where it fails. */
  async attempt<T>(id: ActionId, prediction: Prediction | null, run: () => Promise<T>): Promise<T> {
    this.#failure = null;
    if (prediction) this.#prediction = prediction;
    this.refresh();
    try {
      return await run();
    } catch (error) {
      const message = this.textOf(error);
      this.parts.log(`${id}: ${message}`);
      if (this.#prediction === prediction) this.#prediction = null;
      // What nobody thought of was logged just now, once.
      const say = (locale: Locale) => wordsOf(locale, error, () => undefined);
      const noDaemon = id === 'start-daemon' || (error instanceof Problem && error.key === 'no-daemon');
      this.#failure = { action: id, at: this.parts.clock.now(), say, noDaemon };
      this.refresh();
      throw new Told(message);
    }
  }

  /** A `gatehouse://` link from the system. Its text is never repeated: it may hold a token. */
  open(text: string): void {
    this.#failure = null;
    const problem = this.enrollment.offer(text, 'link');
    if (problem) {
      const say = (locale: Locale) => offerWords(locale, problem);
      this.#failure = { action: 'enroll', at: this.parts.clock.now(), say, noDaemon: false };
    }
    this.refresh();
    this.showPage('enroll');
  }

  /** What the user does by another way than `attempt` has gone well: what failed before no longer matters. */
  forgive(): void {
    this.#failure = null;
    this.refresh();
  }

  showPage(page: Page): void {
    this.parts.desktop.showWindow();
    if (this.#listening) this.parts.desktop.send({ type: 'page', page } satisfies WindowEvent);
    else this.#page = page;
  }

  /** The window is there: from now on it is told of every change. */
  windowReady(): ReturnType<typeof windowModel> {
    this.#listening = true;
    const model = windowModel(this.snapshot());
    this.#shown.model = JSON.stringify(model);
    const page = this.#page;
    this.#page = null;
    // Behind the answer, so that the window hears it.
    if (page) this.parts.clock.after(50, () => this.parts.desktop.send({ type: 'page', page }));
    return model;
  }

  /** The window was closed for good, or loads anew. */
  windowGone(): void {
    this.#listening = false;
  }

  suspend(): void {
    this.#cancelQuiet();
    this.#quiet = true;
  }

  resume(): void {
    this.#cancelQuiet();
    this.#quiet = true;
    // By a timer: the wall clock may be set anew when the network is back.
    this.#cancelQuiet = this.parts.clock.after(QUIET_AFTER_RESUME, () => {
      this.#quiet = false;
      this.refresh();
    });
    this.daemon.hurry();
    this.refresh();
  }

  /** Starts the daemon; until it answers, or 15 s have passed, the state says so. */
  async startDaemon(): Promise<void> {
    // The system's question for permission may stand for minutes.
    this.#startedAt = Number.POSITIVE_INFINITY;
    this.refresh();
    try {
      await this.parts.startDaemon();
      this.#startedAt = this.parts.clock.now();
      this.daemon.hurry();
    } catch (error) {
      this.#startedAt = null;
      throw error;
    }
  }

  /** Where the active network's controller serves updates; null while there is none. */
  updatesFeed(): string | null {
    const url = this.#link.kind === 'up' ? this.#link.status.enrolled?.url : undefined;
    return url === undefined ? null : `${url}/updates`;
  }

  get locale(): Locale {
    return pickLocale(this.parts.settings.read().language, this.parts.systemLocale);
  }

  /** What people are told of an error. */
  textOf(error: unknown): string {
    return wordsOf(this.locale, error, this.parts.log);
  }

  /** Drops a failure that is old, or that the daemon's word has overtaken. */
  #endFailure(): void {
    // Without the prediction: one that is taken back because it failed changes nothing.
    const { kind } = viewOf({ ...this.snapshot(), prediction: null });
    const failed = this.#failure?.action;
    const wanted = kind === 'connected' || (kind === 'disconnected' && failed === 'disconnect');
    const arrived = wanted && this.#kind !== kind;
    this.#kind = kind;
    const old = this.#failure !== null && this.parts.clock.now() - this.#failure.at >= FAILURE_LIFETIME;
    if (arrived || old) this.#failure = null;
  }

  #onLink(link: Link): void {
    if (link.kind === 'up' && this.#link.kind !== 'up' && this.#failure?.noDaemon) this.#failure = null;
    this.#link = link;
    if (link.kind !== 'down') this.#startedAt = null;
    if (link.kind === 'up' && this.enrollment.settle(link.status.profiles)) {
      if (this.#failure?.action === 'enroll') this.#failure = null;
      if (this.#listening) this.parts.desktop.send({ type: 'page', page: 'home' });
    }
    this.refresh();
    if (link.kind === 'up' && !this.#launched) {
      this.#launched = true;
      const connect: Action = { id: 'connect' };
      if (this.parts.settings.read().connectAtLaunch && allowed(this.snapshot(), connect)) {
        this.act(connect).catch(() => undefined);
      }
    }
  }
}
