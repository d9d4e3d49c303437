import type { Notice, Settings, Tray } from '../core/index.ts';
import type { WindowEvent } from '../core/ipc/table.ts';

/** What the app asks of the desktop: `shell/` does it by Electron, tests write it down. */
export interface Desktop {
  showTray(tray: Tray): void;
  showWindow(): void;
  send(event: WindowEvent): void;
  notify(notice: Notice): void;
  /** An address that was checked, in the user's browser. */
  openExternal(url: string): Promise<void>;
  copy(text: string): Promise<void>;
  /** A `data:image/png;base64,…` URL. */
  clipboardImage(): Promise<string | null>;
  /** Asks the user for a place to write to; null: nowhere. */
  chooseFile(name: string): Promise<string | null>;
  setTheme(theme: Settings['theme']): void;
  setLaunchAtLogin(on: boolean): void;
  quit(): void;
}
