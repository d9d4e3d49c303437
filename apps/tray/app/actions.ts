import type { Action } from '../core/index.ts';
import type { Controller } from './controller.ts';
import { Problem } from './problem.ts';

/** Does what an action says; that it is allowed at this moment has been checked. */
export async function runAction(controller: Controller, { id, profile = '' }: Action): Promise<void> {
  const { daemon, parts } = controller;
  const { link } = controller.snapshot();
  const status = link.kind === 'up' ? link.status : null;
  switch (id) {
    case 'connect':
      await daemon.call('up', {});
      return;
    case 'disconnect':
      await daemon.call('down', {});
      return;
    case 'use-profile':
      await daemon.call('use', { profile });
      return;
    case 'remove-profile':
      await daemon.call('leave', { profile });
      return;
    case 'start-daemon':
      return controller.startDaemon();
    case 'open-portal':
      return parts.desktop.openExternal(webAddress(status?.captive?.url ?? ''));
    case 'check-posture':
      await daemon.call('posture', { anew: true });
      return;
    case 'copy-address':
      return parts.desktop.copy((status?.interface?.addresses[0] ?? '').replace(/\/\d+$/, ''));
    case 'install-update':
      return parts.updater.install();
    case 'check-update':
      return parts.updater.check();
    case 'quit':
      return parts.desktop.quit();
    case 'enroll':
      return controller.showPage('enroll');
    case 'show-posture':
      return controller.showPage('posture');
    case 'show-doctor':
      return controller.showPage('doctor');
    case 'show-settings':
      return controller.showPage('settings');
    case 'show-logs':
      return controller.showPage('logs');
    case 'report-problem':
      return controller.showPage('report');
    case 'show-window':
      return parts.desktop.showWindow();
  }
}

/** The address as it was parsed, if it is a web page's; a captive network may answer with anything. */
export function webAddress(text: string): string {
  const url = text.length <= 2048 ? URL.parse(text) : null;
  const web = url !== null && (url.protocol === 'http:' || url.protocol === 'https:') && url.host !== '';
  if (!web || url.username !== '' || url.password !== '') throw new Problem('portal-address');
  return url.href;
}
