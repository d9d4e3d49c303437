import type { AgentStatus } from '@gatehouse/protocol';

/** The systems that the app runs on, as Node names them. Always an argument: nothing in `core` asks where it is. */
export type Platform = 'linux' | 'darwin' | 'win32';

export const LOCALES = ['en', 'de', 'fr', 'tr', 'es'] as const;
export type Locale = (typeof LOCALES)[number];

/** What people may be told of outside the window, each of which they can turn off. */
export const NOTIFICATION_KINDS = ['connection', 'problems', 'posture', 'updates'] as const;
export type NotificationKind = (typeof NOTIFICATION_KINDS)[number];

/** What the app keeps for its user. Nothing in it is secret. */
export interface Settings {
  /** `system`: as the system's language is. */
  language: Locale | 'system';
  theme: 'system' | 'light' | 'dark';
  launchAtLogin: boolean;
  connectAtLaunch: boolean;
  notifications: Record<NotificationKind, boolean>;
  updateChannel: 'stable' | 'beta';
}

export const DEFAULT_SETTINGS: Settings = {
  language: 'system',
  theme: 'system',
  launchAtLogin: true,
  connectAtLaunch: false,
  notifications: { connection: true, problems: true, posture: true, updates: true },
  updateChannel: 'stable',
};

/** How the app stands with the daemon. */
export type Link =
  /** Not asked yet. */
  | { kind: 'starting' }
  /** Nothing answers on the socket. `starting`: the user has asked for it to be started. */
  | { kind: 'down'; starting: boolean }
  /** The socket is there, and this user may not open it. */
  | { kind: 'denied' }
  /** The socket belongs to somebody who could read along; nothing was said to it. */
  | { kind: 'untrusted'; owner: string }
  /** The daemon speaks another version of the IPC. */
  | { kind: 'version'; daemonVersion: string; daemonIsOlder: boolean }
  | { kind: 'up'; status: AgentStatus };

/** What the user asked for, and the daemon hasn't confirmed: shown at once, corrected by the daemon's own word. */
export interface Prediction {
  of: 'connect' | 'disconnect' | 'enroll' | 'use' | 'leave';
  /** Wall clock in ms; a prediction older than 15 s no longer counts. */
  at: number;
  /** The profile that `use` goes to, or `leave` leaves. */
  profile?: string;
  /** With `enroll`: the profiles that were good before, so that the new one is recognised. */
  before?: readonly string[];
}

/** An enrollment that waits for the user's word. The token stays in the app's main process. */
export interface EnrollRequest {
  /** Counts the invitations of this run of the app: the user's word is for the one that they have seen. */
  id: number;
  /** Origin and path of the controller. */
  url: string;
  /** What the user is asked to confirm: `gate.example.org`, with the port where it isn't the scheme's. */
  host: string;
  /** Plain HTTP beyond loopback: has to be confirmed too. */
  plain: boolean;
  /** The invitation names the controller's certificate. */
  pinned?: boolean;
  /** Where the request came from. */
  from: 'link' | 'paste' | 'qr';
  /** Other networks are kept; this one is added to them. */
  adds: boolean;
  /** So many more wait behind it; each is shown when the one before was answered. */
  behind: number;
  /** The user has said yes, and the daemon is at it. */
  joining?: boolean;
}

export type Update =
  /** `reason`: why this copy can't update itself: by none of our packages (a development run), or nothing to check with. */
  (
    | { kind: 'off'; reason: 'no-package' | 'no-key' }
    | { kind: 'none'; checked: string | null }
    | { kind: 'checking' }
    | { kind: 'downloading'; version: string; percent: number }
    | { kind: 'ready'; version: string }
    | { kind: 'failed'; message: string }
  ) & {
    /** Since when nothing is known of newer versions, RFC 3339: what the update folder says was signed to count until then. */
    stale?: string;
  };

/** All that `core` needs to say what people see. */
export interface Snapshot {
  platform: Platform;
  appVersion: string;
  /** Language of the system: a BCP 47 tag. */
  systemLocale: string;
  link: Link;
  prediction: Prediction | null;
  enroll: EnrollRequest | null;
  /** The last thing that failed by the user's hand, until the next is begun, it has passed, or it is old. */
  failure: { action: ActionId; message: string } | null;
  settings: Settings;
  update: Update;
  /** Wall clock, ms. */
  now: number;
}

/** The state as people see it. */
export const STATE_KINDS = [
  'starting',
  'daemon-starting',
  'daemon-down',
  'daemon-denied',
  'daemon-untrusted',
  'version-mismatch',
  'not-enrolled',
  'enrolling',
  'disconnected',
  'connecting',
  'disconnecting',
  'connected',
  'degraded',
  'no-internet',
  'captive',
  'quarantined',
  'signed-out',
  'error',
] as const;
export type StateKind = (typeof STATE_KINDS)[number];

/** How a state feels: colour of the window, shape of the icon. */
export type Tone = 'good' | 'busy' | 'warning' | 'problem' | 'off';

/** What a person can do from tray, window or notification. */
export const ACTION_IDS = [
  'connect',
  'disconnect',
  'enroll',
  'start-daemon',
  'open-portal',
  'show-posture',
  'check-posture',
  'show-doctor',
  'show-window',
  'show-settings',
  'show-logs',
  'report-problem',
  'install-update',
  'check-update',
  'use-profile',
  'remove-profile',
  'copy-address',
  'quit',
] as const;
export type ActionId = (typeof ACTION_IDS)[number];

/** An action as a menu item or button carries it; the controller checks it against the state of that moment. */
export interface Action {
  id: ActionId;
  /** The profile of `use-profile` and `remove-profile`. */
  profile?: string;
}

/** One glance. All texts are in the user's language. */
export interface View {
  kind: StateKind;
  tone: Tone;
  /** `Connected to office`: a few words. */
  title: string;
  /** A sentence or two: why, and what to do. */
  detail: string;
  /** When this began, RFC 3339; null where it means nothing. */
  since: string | null;
  /** What helps now, the most helpful first. */
  actions: readonly { action: Action; label: string; primary: boolean }[];
}

/** Which picture the tray shows; `shell` maps it to a file. */
export interface TrayIcon {
  shape: 'connected' | 'connecting' | 'warning' | 'problem' | 'off';
  /** macOS draws it in the menu bar's own colour. */
  template: boolean;
}

export type MenuItem =
  | { type: 'separator' }
  /** A line to read. */
  | { type: 'label'; label: string }
  | { type: 'action'; label: string; action: Action; enabled: boolean; checked?: boolean; accelerator?: string }
  | { type: 'submenu'; label: string; items: readonly MenuItem[] };

/** What the tray shows. */
export interface Tray {
  icon: TrayIcon;
  tooltip: string;
  menu: readonly MenuItem[];
}

/** A notification of the system. The same `key` is shown once until the state it tells of has ended. */
export interface Notice {
  key: string;
  kind: NotificationKind;
  title: string;
  body: string;
  /** What a click does. */
  action: Action;
}

/** What the window shows whatever page it is on; pages ask for the rest (`core/ipc`). */
export interface WindowModel {
  platform: Platform;
  locale: Locale;
  appVersion: string;
  daemonVersion: string | null;
  settings: Settings;
  view: View;
  /** The connect switch. */
  toggle: { on: boolean; enabled: boolean; busy: boolean };
  /** The daemon's own word; null while it can't be had. */
  status: AgentStatus | null;
  enroll: EnrollRequest | null;
  failure: Snapshot['failure'];
  update: Update;
}
