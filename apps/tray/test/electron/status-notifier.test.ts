import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';
import dbus from 'dbus-native';
import { requires } from '../../../../test/requires.ts';
import { fakeTray } from './status-notifier.ts';

const run = promisify(execFile);

test('the fake tray: an item is registered, read and chosen from', requires('dbus-daemon', 'gdbus'), async () => {
  const tray = await fakeTray();
  const bus = dbus.sessionBus({ busAddress: tray.address });
  try {
    const chosen: unknown[] = [];
    const item = dbus.defineInterface({
      name: 'org.kde.StatusNotifierItem',
      properties: {
        Title: { type: 's', value: 'Gatehouse' },
        Menu: { type: 'o', value: '/Menu' },
      },
    });
    const menu = dbus.defineInterface({
      name: 'com.canonical.dbusmenu',
      methods: {
        GetLayout: {
          in: { parent: 'i', depth: 'i', names: 'as' },
          out: { revision: 'u', layout: '(ia{sv}av)' },
          handler: () => ({ revision: 1, layout: [0, [], [['(ia{sv}av)', [7, [['label', ['s', 'Connect']]], []]]]] }),
        },
        Event: {
          in: { id: 'i', event: 's', data: 'v', time: 'u' },
          handler: ({ id, event }: { id: number; event: string }) => void chosen.push([id, event]),
        },
      },
    });
    await bus.export('/StatusNotifierItem', item);
    await bus.export('/Menu', menu);
    await bus.requestName('org.kde.StatusNotifierItem-1-1', 0);

    const gdbus = async (...args: string[]): Promise<string> => {
      const where = ['call', '--address', tray.address, '--dest', 'org.kde.StatusNotifierWatcher'];
      const rest = ['--object-path', '/StatusNotifierWatcher', '--method', ...args];
      return (await run('gdbus', [...where, ...rest])).stdout.trim();
    };
    const get = (name: string) => gdbus('org.freedesktop.DBus.Properties.Get', 'org.kde.StatusNotifierWatcher', name);
    assert.equal(await get('IsStatusNotifierHostRegistered'), '(<true>,)');
    const register = 'org.kde.StatusNotifierWatcher.RegisterStatusNotifierItem';
    assert.equal(await gdbus(register, 'org.kde.StatusNotifierItem-1-1'), '()');
    assert.equal(
      await get('RegisteredStatusNotifierItems'),
      "(<['org.kde.StatusNotifierItem-1-1/StatusNotifierItem']>,)",
    );
    const [found] = tray.items();
    assert.ok(found);
    assert.equal(await tray.property(found, 'Title'), 'Gatehouse');
    assert.deepEqual([...(await tray.menu(found))], [[7, 'Connect']]);
    await tray.choose(found, 7);
    assert.deepEqual(chosen, [[7, 'clicked']]);
  } finally {
    bus.connection.end();
    await tray.close();
  }
});
