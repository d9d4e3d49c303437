import type { Profile } from '@gatehouse/protocol';
import { allowed } from './allowed.ts';
import { translator } from './i18n/index.ts';
import { networkName, statusOf } from './state.ts';
import { clean, menuLabel } from './text.ts';
import type { Action, ActionId, MenuItem, Snapshot, View } from './types.ts';
import { actionLabel, localeOf } from './view.ts';

const SEPARATOR: MenuItem = { type: 'separator' };
/** A menu as long as this is no help; the window has them all. */
const MAX_PROFILES = 20;
const DETAIL_LENGTH = 100;
const ACCELERATORS: Partial<Record<ActionId, string>> = { 'show-settings': 'Command+,', quit: 'Command+Q' };

/**
 * The tray's menu. On Linux a click on the icon may do nothing but show it, so the window comes first; Windows has its
 * default action there too. macOS begins with what is, and has the keys that people know.
 */
export function menuOf(s: Snapshot, view: View): MenuItem[] {
  const open = [item(s, { id: 'show-window' })];
  const state: MenuItem[] = [
    { type: 'label', label: menuLabel(clean(view.title, DETAIL_LENGTH)) },
    ...(view.kind === 'connected'
      ? [{ type: 'label', label: menuLabel(clean(view.detail, DETAIL_LENGTH)) } satisfies MenuItem]
      : []),
    ...view.actions.filter(({ action }) => action.id !== 'report-problem').map(({ action }) => item(s, action)),
  ];
  const network: MenuItem[] = [
    ...profiles(s),
    ...(allowed(s, { id: 'copy-address' }) ? [item(s, { id: 'copy-address' })] : []),
  ];
  const update: MenuItem[] =
    s.update.kind === 'ready' && view.kind !== 'version-mismatch' ? [item(s, { id: 'install-update' })] : [];
  const app: MenuItem[] = [item(s, { id: 'show-settings' }), item(s, { id: 'report-problem' })];
  const quit = [item(s, { id: 'quit' })];
  const groups =
    s.platform === 'darwin'
      ? [state, network, update, [...open, ...app], quit]
      : [open, state, network, update, app, quit];
  return groups.filter((group) => group.length > 0).flatMap((group, i) => (i === 0 ? group : [SEPARATOR, ...group]));
}

function item(s: Snapshot, action: Action): MenuItem {
  const accelerator = s.platform === 'darwin' ? ACCELERATORS[action.id] : undefined;
  return {
    type: 'action',
    label: menuLabel(actionLabel(s, action, translator(localeOf(s)))),
    action,
    enabled: allowed(s, action),
    ...(accelerator !== undefined && { accelerator }),
  };
}

/** Two networks of one name are told apart by their controllers, and on one controller by this device's names there. */
function apart(name: string, { url, peerName }: Profile): string {
  const host = networkName({ networkName: null, url });
  return `${name} (${[clean(peerName), host].filter((part) => part !== '').join(' · ')})`;
}

function profiles(s: Snapshot): MenuItem[] {
  const list = statusOf(s)?.profiles ?? [];
  if (list.length < 2) return [];
  const t = translator(localeOf(s));
  const shown = list.slice(0, MAX_PROFILES);
  const names = shown.map(networkName);
  const items = shown.map((profile, i): MenuItem => {
    const action: Action = { id: 'use-profile', profile: profile.id };
    const name = names[i] as string;
    const network = names.indexOf(name) === names.lastIndexOf(name) ? name : apart(name, profile);
    const label = menuLabel(profile.revoked ? t('menu.signed-out', { network }) : network);
    return { type: 'action', label, action, enabled: allowed(s, action), checked: profile.active };
  });
  const join: MenuItem[] = allowed(s, { id: 'enroll' }) ? [SEPARATOR, item(s, { id: 'enroll' })] : [];
  return [{ type: 'submenu', label: t('menu.profiles'), items: [...items, ...join] }];
}
