import assert from 'node:assert/strict';
import { test } from 'node:test';
import { darwinFacts } from './darwin.ts';
import * as parse from './parse/darwin.ts';
import { answers, gather } from './testing.ts';

// None of these was recorded on a Mac: they are as manuals and vendors' documents show them.

test('macOS, as documented: FileVault, the application firewall, the lock of the screen', () => {
  assert.equal(parse.fileVault('FileVault is On.\n'), true);
  assert.equal(parse.fileVault('FileVault is Off.\n'), false);
  assert.equal(parse.fileVault('FileVault is On.\nEncryption in progress: Percent completed = 40\n'), false);
  assert.equal(parse.fileVault('Error: Unable to determine FileVault status.\n'), undefined);
  assert.equal(parse.applicationFirewall('Firewall is enabled. (State = 1)\n'), true);
  assert.equal(
    parse.applicationFirewall('Firewall is blocking all non-essential incoming connections. (State = 2)\n'),
    true,
  );
  assert.equal(parse.applicationFirewall('Firewall is disabled. (State = 0)\n'), false);
  const said = (text: string) => `2026-01-02 03:04:05.678 sysadminctl[123:456] ${text}\n`;
  assert.equal(parse.screenLock(said('screenLock delay is immediate')), true);
  assert.equal(parse.screenLock(said('screenLock delay is 300 seconds')), true);
  assert.equal(parse.screenLock(said('screenLock is off')), false);
  assert.equal(parse.screenLock(said('Error')), undefined);
  assert.equal(parse.consoleUser('501\n'), '501');
  for (const nobody of ['0\n', '', '-1', '501; reboot', '99999999999'])
    assert.equal(parse.consoleUser(nobody), undefined);
});

const UPDATES = `{
    AutomaticCheckEnabled = 1;
    AutomaticDownload = 1;
    AutomaticallyInstallMacOSUpdates = 1;
    LastRecommendedUpdatesAvailable = 2;
    LastSuccessfulDate = "2026-01-02 03:04:05 +0000";
    LastUpdatesAvailable = 3;
    RecommendedUpdates =     (
                {
            "Display Name" = "macOS 15.2";
        }
    );
}
`;

test('macOS, as documented: versions, updates, System Integrity Protection, secure boot, Gatekeeper, boot arguments', () => {
  assert.equal(parse.productVersion('14.4.1\n'), '14.4.1');
  assert.equal(parse.productVersion('beta\n'), undefined);
  assert.deepEqual(parse.softwareUpdate(UPDATES), { pending: 3, automatic: true });
  const manual = UPDATES.replace('AutomaticCheckEnabled = 1', 'AutomaticCheckEnabled = 0');
  assert.deepEqual(parse.softwareUpdate(manual), { pending: 3, automatic: false });
  assert.deepEqual(parse.softwareUpdate('{\n}\n'), { pending: undefined, automatic: undefined });
  assert.equal(parse.integrityProtection('System Integrity Protection status: enabled.\n'), 'sip');
  assert.equal(parse.integrityProtection('System Integrity Protection status: disabled.\n'), 'none');
  assert.equal(
    parse.integrityProtection('System Integrity Protection status: unknown (Custom Configuration).\n'),
    'none',
  );
  assert.equal(parse.integrityProtection(''), undefined);
  assert.equal(parse.secureBoot('      Boot Policy:\n          Secure Boot: Full Security\n'), true);
  assert.equal(parse.secureBoot('          Secure Boot: Reduced Security\n'), true);
  assert.equal(parse.secureBoot('          Secure Boot: Permissive Security\n'), false);
  assert.equal(parse.secureBoot('Controller:\n\n      Model Name: Apple T1\n'), undefined);
  assert.equal(parse.gatekeeperOff('assessments enabled\n'), false);
  assert.equal(parse.gatekeeperOff('assessments disabled\n'), true);
  assert.equal(parse.signatureChecksOff('boot-args\tamfi_get_out_of_my_way=0x1 -v\n'), true);
  assert.equal(parse.signatureChecksOff('boot-args\tamfi_get_out_of_my_way=0x0 -v\n'), false);
  assert.equal(
    parse.signatureChecksOff("nvram: Error getting variable - 'boot-args': (iokit/common) data was not found\n"),
    false,
  );
});

test('a Mac, whole', async () => {
  const asUser = '/bin/launchctl asuser 501 /usr/bin/sudo -n -u #501 /usr/sbin/sysadminctl -screenLock status';
  const probe = answers('darwin', {
    tools: {
      '/usr/bin/sw_vers -productVersion': '15.2\n',
      '/usr/bin/fdesetup status': 'FileVault is On.\n',
      '/usr/libexec/ApplicationFirewall/socketfilterfw --getglobalstate': 'Firewall is disabled. (State = 0)\n',
      '/usr/bin/stat -f %u /dev/console': '501\n',
      [asUser]: 'screenLock delay is immediate\n',
      '/usr/bin/defaults read /Library/Preferences/com.apple.SoftwareUpdate': UPDATES,
      '/usr/bin/csrutil status': 'System Integrity Protection status: enabled.\n',
      '/usr/sbin/system_profiler SPiBridgeDataType': 'Secure Boot: Full Security\n',
      '/usr/sbin/spctl --status': 'assessments enabled\n',
      '/usr/sbin/nvram boot-args': '',
    },
    folders: { '/Library/Apple/System/Library/CoreServices/XProtect.bundle': ['Contents'] },
  });
  const { facts, sources } = await gather(probe, darwinFacts);
  assert.deepEqual(facts, {
    os_name: 'macos',
    os_version: '15.2',
    os_supported: true,
    disk_encryption: true,
    firewall: false,
    screen_lock: true,
    updates_pending: 3,
    updates_automatic: true,
    antivirus: true,
    mandatory_access_control: 'sip',
    secure_boot: true,
    debug_mode: false,
  });
  assert.deepEqual(Object.keys(sources).sort(), Object.keys(facts).sort());
  assert.deepEqual((await gather(answers('darwin', {}), darwinFacts)).facts, { os_name: 'macos' });
});
