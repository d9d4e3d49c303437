import { menuOf } from './menu.ts';
import { cutUnits } from './text.ts';
import type { Snapshot, Tone, Tray, TrayIcon, View } from './types.ts';
import { viewOf } from './view.ts';

const SHAPES: Record<Tone, TrayIcon['shape']> = {
  good: 'connected',
  busy: 'connecting',
  warning: 'warning',
  problem: 'problem',
  off: 'off',
};

/** `szTip` of Windows' NOTIFYICONDATAW has 128 UTF-16 units with the closing zero. */
const WINDOWS_TOOLTIP = 127;
const OTHER_TOOLTIP = 400;

/** What the tray shows. The menu is made whole each time: Linux can't change one that it was given. */
export function trayOf(s: Snapshot): Tray {
  const view = viewOf(s);
  return {
    icon: { shape: SHAPES[view.tone], template: s.platform === 'darwin' },
    tooltip: tooltipOf(s, view),
    menu: menuOf(s, view),
  };
}

function tooltipOf({ platform }: Snapshot, { title, detail }: View): string {
  const name = `Gatehouse: ${title}`;
  // Most of Linux' trays show one line.
  if (platform === 'linux') return cutUnits(`${name}. ${detail}`, OTHER_TOOLTIP);
  return cutUnits(`${name}\n${detail}`, platform === 'win32' ? WINDOWS_TOOLTIP : OTHER_TOOLTIP);
}
