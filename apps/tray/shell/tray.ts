import path from 'node:path';
import { Menu, type MenuItemConstructorOptions, nativeImage, Tray } from 'electron';
import type { Action, MenuItem, Platform, Tray as Shown, TrayIcon } from '../core/index.ts';

/** Shows what `core` says; each change sets the menu whole, since Linux knows no other way. */
export class AppTray {
  readonly #folder: string;
  readonly #platform: Platform;
  readonly #click: (action: Action) => void;
  #tray: Tray | null = null;
  #icon = '';

  constructor(folder: string, platform: Platform, click: (action: Action) => void) {
    this.#folder = folder;
    this.#platform = platform;
    this.#click = click;
  }

  show({ icon, tooltip, menu }: Shown): void {
    const file = this.#fileOf(icon);
    if (!this.#tray) {
      this.#tray = new Tray(nativeImage.createFromPath(file));
      this.#tray.on('click', () => {
        // macOS opens the menu itself.
        if (this.#platform !== 'darwin') this.#click({ id: 'show-window' });
      });
    } else if (file !== this.#icon) {
      this.#tray.setImage(nativeImage.createFromPath(file));
    }
    this.#icon = file;
    this.#tray.setToolTip(tooltip);
    this.#tray.setContextMenu(Menu.buildFromTemplate(menu.map((item) => this.#item(item))));
  }

  /** `tray/connected.png` (and `@2x`), `.ico` on Windows, `connectedTemplate.png` in macOS's menu bar. */
  #fileOf({ shape, template }: TrayIcon): string {
    const extension = this.#platform === 'win32' ? 'ico' : 'png';
    return path.join(this.#folder, 'tray', `${shape}${template ? 'Template' : ''}.${extension}`);
  }

  #item(item: MenuItem): MenuItemConstructorOptions {
    if (item.type === 'separator') return { type: 'separator' };
    if (item.type === 'label') return { label: item.label, enabled: false };
    if (item.type === 'submenu') return { label: item.label, submenu: item.items.map((each) => this.#item(each)) };
    const { label, enabled, checked, accelerator, action } = item;
    return {
      label,
      enabled,
      ...(checked === undefined ? {} : { type: 'checkbox', checked }),
      ...(accelerator === undefined ? {} : { accelerator }),
      click: () => this.#click(action),
    };
  }
}
