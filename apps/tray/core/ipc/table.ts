import { AgentPeer, AgentSession, Directory, Finding, PostureCheck, Traffic } from '@gatehouse/protocol';
import Type from 'typebox';
import { ACTION_IDS, LOCALES, NOTIFICATION_KINDS, type WindowModel } from '../types.ts';

const Nothing = Type.Null();
const Ok = Type.Null();

/** A change of settings: what is left out stays. */
export const SettingsPatch = Type.Partial(
  Type.Object({
    language: Type.Union([Type.Enum([...LOCALES]), Type.Literal('system')]),
    theme: Type.Enum(['system', 'light', 'dark']),
    launchAtLogin: Type.Boolean(),
    connectAtLaunch: Type.Boolean(),
    notifications: Type.Partial(
      Type.Object(
        Object.fromEntries(NOTIFICATION_KINDS.map((kind) => [kind, Type.Boolean()])) as Record<
          (typeof NOTIFICATION_KINDS)[number],
          ReturnType<typeof Type.Boolean>
        >,
      ),
      { additionalProperties: false },
    ),
    updateChannel: Type.Enum(['stable', 'beta']),
  }),
  { additionalProperties: false },
);
export type SettingsPatch = Type.Static<typeof SettingsPatch>;

/** A problem report as it would be written: the user reads it first. */
export const Report = Type.Object({
  text: Type.String(),
  /** How many secrets and names were replaced, by kind: `{address: 4, "home folder": 1}`. */
  redacted: Type.Record(Type.String(), Type.Integer()),
});
export type Report = Type.Static<typeof Report>;

/**
 * What the window asks of the main process: one table that types main, preload, window, the tests' fake and the CLI.
 * The channel is `gatehouse:<name>`. Main checks sender and argument of each call; a call that fails is rejected with
 * an Error whose message is for people.
 */
export const CALLS = {
  /** The window is there and wants `model` events; answers with the first. */
  ready: { argument: Nothing, result: Type.Unsafe<WindowModel>(Type.Object({}, { additionalProperties: true })) },
  act: {
    argument: Type.Object(
      { id: Type.Enum([...ACTION_IDS]), profile: Type.Optional(Type.String({ maxLength: 128 })) },
      { additionalProperties: false },
    ),
    result: Ok,
  },
  settings: { argument: SettingsPatch, result: Ok },
  /**
   * Text that was pasted or read from a QR code: a `gatehouse://enroll` link, or a controller's URL with a token. What
   * it asks for appears as `model.enroll`, for the user to confirm.
   */
  offer: {
    argument: Type.Object(
      { text: Type.String({ minLength: 1, maxLength: 8192 }), from: Type.Enum(['paste', 'qr']) },
      { additionalProperties: false },
    ),
    result: Ok,
  },
  /** The same from two fields. */
  offerToken: {
    argument: Type.Object(
      {
        url: Type.String({ minLength: 1, maxLength: 2048 }),
        token: Type.String({ minLength: 1, maxLength: 512 }),
      },
      { additionalProperties: false },
    ),
    result: Ok,
  },
  /** The user's word on `model.enroll`. `id` is the one that they have seen: with another one shown it is refused. */
  confirmEnroll: {
    argument: Type.Object(
      { id: Type.Integer({ minimum: 1 }), accept: Type.Boolean(), allowPlain: Type.Boolean() },
      { additionalProperties: false },
    ),
    result: Ok,
  },
  traffic: { argument: Nothing, result: Traffic },
  peers: { argument: Nothing, result: Type.Array(AgentPeer) },
  directory: {
    argument: Type.Object({ search: Type.String({ maxLength: 253 }) }, { additionalProperties: false }),
    result: Directory,
  },
  sessions: { argument: Nothing, result: Type.Array(AgentSession) },
  posture: {
    argument: Type.Object({ anew: Type.Boolean() }, { additionalProperties: false }),
    result: Type.Object({ collected: Type.String(), checks: Type.Array(PostureCheck) }),
  },
  doctor: { argument: Nothing, result: Type.Array(Finding) },
  logs: { argument: Nothing, result: Type.Array(Type.String()) },
  report: { argument: Nothing, result: Report },
  /** Asks where, and writes the report as it was previewed; null when the user chose nowhere. */
  saveReport: { argument: Nothing, result: Type.Union([Type.String(), Type.Null()]) },
  /** To the system's clipboard. */
  copy: {
    argument: Type.Object({ text: Type.String({ maxLength: 65536 }) }, { additionalProperties: false }),
    result: Ok,
  },
  /** A picture on the clipboard as a `data:image/png;base64,…` URL, to read a QR code of; null without one. */
  clipboardImage: { argument: Nothing, result: Type.Union([Type.String(), Type.Null()]) },
} as const;
export type CallName = keyof typeof CALLS;
export type CallArgument<N extends CallName> = Type.Static<(typeof CALLS)[N]['argument']>;
export type CallResult<N extends CallName> = Type.Static<(typeof CALLS)[N]['result']>;

/** Pages of the window that a notification or a menu opens. */
export const PAGES = [
  'home',
  'peers',
  'posture',
  'activity',
  'logs',
  'report',
  'settings',
  'enroll',
  'doctor',
] as const;
export type Page = (typeof PAGES)[number];

/** What main tells the window, on the channel `gatehouse:event`. */
export type WindowEvent = { type: 'model'; model: WindowModel } | { type: 'page'; page: Page };

/** What preload puts into the window as `window.gatehouse`: nothing else of Electron or Node is there. */
export interface Bridge {
  call<N extends CallName>(name: N, argument: CallArgument<N>): Promise<CallResult<N>>;
  /** Returns what ends it. */
  onEvent(listener: (event: WindowEvent) => void): () => void;
}

/** The main process's side of the table. */
export type CallHandlers = { [N in CallName]: (argument: CallArgument<N>) => Promise<CallResult<N>> };
