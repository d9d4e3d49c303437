import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import dbus from 'dbus-native';

const WATCHER = 'org.kde.StatusNotifierWatcher';
const ITEM = 'org.kde.StatusNotifierItem';
const MENU = 'com.canonical.dbusmenu';

/** One icon in the tray, as a desktop would show it. */
export interface TrayItem {
  /** Who owns it on the bus, and its object there. */
  service: string;
  path: string;
}

/** A desktop's tray without a desktop: a private D-Bus with a StatusNotifierWatcher that has a host. */
export interface FakeTray {
  /** For `DBUS_SESSION_BUS_ADDRESS`. */
  address: string;
  items(): readonly TrayItem[];
  /** `Title`, `ToolTip`, `Menu` … of an item. */
  property(item: TrayItem, name: string): Promise<unknown>;
  /** Labels of an item's menu by their ids. */
  menu(item: TrayItem): Promise<Map<number, string>>;
  /** As if the user had chosen it. */
  choose(item: TrayItem, id: number): Promise<void>;
  close(): Promise<void>;
}

const CONFIG = (socket: string) => `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=${socket}</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
`;

/** Starts `dbus-daemon` and the watcher on it. */
export async function fakeTray(): Promise<FakeTray> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-dbus-'));
  const config = path.join(folder, 'bus.conf');
  writeFileSync(config, CONFIG(path.join(folder, 'bus')));
  const daemon = spawn('/usr/bin/dbus-daemon', ['--nofork', '--print-address', `--config-file=${config}`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const ended = once(daemon, 'exit');
  const [address] = await Promise.race([
    once(createInterface(daemon.stdout), 'line') as Promise<string[]>,
    ended.then(([code]) => Promise.reject(new Error(`dbus-daemon ended with ${code}`))),
  ]);
  if (address === undefined) throw new Error('dbus-daemon gave no address');
  const bus = dbus.sessionBus({ busAddress: address });
  const items: TrayItem[] = [];
  const watcher = dbus.defineInterface({
    name: WATCHER,
    methods: {
      RegisterStatusNotifierItem: {
        in: { service: 's' },
        handler: ({ service }: { service: string }, { sender = '' }) => {
          // Some give their object's path, and mean themselves.
          const item = service.startsWith('/')
            ? { service: sender, path: service }
            : { service, path: '/StatusNotifierItem' };
          items.push(item);
          watcher.emit.StatusNotifierItemRegistered?.(`${item.service}${item.path}`);
        },
      },
      RegisterStatusNotifierHost: { in: { service: 's' }, handler: () => undefined },
    },
    properties: {
      RegisteredStatusNotifierItems: {
        type: 'as',
        access: 'read',
        get: () => items.map((item) => `${item.service}${item.path}`),
      },
      IsStatusNotifierHostRegistered: { type: 'b', access: 'read', get: () => true },
      ProtocolVersion: { type: 'i', access: 'read', get: () => 0 },
    },
    signals: {
      StatusNotifierItemRegistered: { args: { service: 's' } },
      StatusNotifierItemUnregistered: { args: { service: 's' } },
      StatusNotifierHostRegistered: {},
    },
  });
  await bus.export('/StatusNotifierWatcher', watcher);
  await bus.requestName(WATCHER, 0);

  const call = (item: TrayItem, object: string, face: string, member: string, signature: string, body: unknown[]) =>
    bus.invoke({ destination: item.service, path: object, interface: face, member, signature, body });
  const property = async (item: TrayItem, name: string): Promise<unknown> =>
    dbus.variantValue(await call(item, item.path, 'org.freedesktop.DBus.Properties', 'Get', 'ss', [ITEM, name]));
  const menuPath = async (item: TrayItem): Promise<string> => String(await property(item, 'Menu'));
  return {
    address,
    items: () => items,
    property,
    menu: async (item) => {
      const reply = await call(item, await menuPath(item), MENU, 'GetLayout', 'iias', [0, -1, ['label']]);
      const labels = new Map<number, string>();
      // A node is (id, properties, children); what it comes wrapped in differs.
      const walk = (node: unknown): void => {
        const plain = dbus.toPlain<unknown>(node);
        if (!Array.isArray(plain)) return;
        const [id, properties] = plain as [unknown, Record<string, unknown>];
        if (typeof id === 'number' && typeof properties?.label === 'string') labels.set(id, properties.label);
        for (const child of plain) walk(child);
      };
      walk(reply);
      return labels;
    },
    choose: async (item, id) => {
      const data = ['i', 0];
      await call(item, await menuPath(item), MENU, 'Event', 'isvu', [id, 'clicked', data, 0]);
    },
    close: async () => {
      bus.connection.end();
      daemon.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
