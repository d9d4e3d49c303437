import type { Gather } from './collect.ts';
import * as parse from './parse/darwin.ts';
import { isSupported } from './support.ts';

const XPROTECT = [
  '/Library/Apple/System/Library/CoreServices/XProtect.bundle',
  '/System/Library/CoreServices/XProtect.bundle',
];

/** The facts of a Mac. */
export const darwinFacts: Gather = async (probe, tell) => {
  const ask = async <T>(program: string, args: string[], read: (text: string) => T): Promise<T | undefined> => {
    const text = await probe.run(program, args);
    return text === null ? undefined : read(text);
  };
  const version = await ask('/usr/bin/sw_vers', ['-productVersion'], parse.productVersion);
  tell('os_name', 'macos', 'sw_vers');
  tell('os_version', version, 'sw_vers');
  if (version) tell('os_supported', isSupported('macos', version, probe.now()), 'sw_vers');

  tell('disk_encryption', await ask('/usr/bin/fdesetup', ['status'], parse.fileVault), 'FileVault');
  const filter = '/usr/libexec/ApplicationFirewall/socketfilterfw';
  tell('firewall', await ask(filter, ['--getglobalstate'], parse.applicationFirewall), 'socketfilterfw');

  // The lock is a setting of the person who sits there, and is told to them only.
  const user = await ask('/usr/bin/stat', ['-f', '%u', '/dev/console'], parse.consoleUser);
  if (user) {
    const asUser = ['asuser', user, '/usr/bin/sudo', '-n', '-u', `#${user}`];
    const args = [...asUser, '/usr/sbin/sysadminctl', '-screenLock', 'status'];
    const text = await probe.run('/bin/launchctl', args, { stderr: true });
    if (text !== null) tell('screen_lock', parse.screenLock(text), 'sysadminctl');
  }

  const preferences = ['read', '/Library/Preferences/com.apple.SoftwareUpdate'];
  const updates = await ask('/usr/bin/defaults', preferences, parse.softwareUpdate);
  tell('updates_pending', updates?.pending, 'softwareupdate');
  tell('updates_automatic', updates?.automatic, 'softwareupdate');

  for (const bundle of XPROTECT) if (await probe.list(bundle)) tell('antivirus', true, 'XProtect');

  const control = await ask('/usr/bin/csrutil', ['status'], parse.integrityProtection);
  tell('mandatory_access_control', control, 'csrutil');
  const profile = await ask('/usr/sbin/system_profiler', ['SPiBridgeDataType'], parse.secureBoot);
  tell('secure_boot', profile, 'system_profiler');

  const gatekeeper = await probe.run('/usr/sbin/spctl', ['--status'], { codes: [1], stderr: true });
  // nvram ends with 1 where nothing is set.
  const arguments_ = await probe.run('/usr/sbin/nvram', ['boot-args'], { codes: [1], stderr: true });
  if (control === undefined || arguments_ === null) return;
  const off = gatekeeper !== null && parse.gatekeeperOff(gatekeeper) === true;
  tell('debug_mode', control === 'none' || off || parse.signatureChecksOff(arguments_), 'csrutil');
};
