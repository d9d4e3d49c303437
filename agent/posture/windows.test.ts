import assert from 'node:assert/strict';
import { test } from 'node:test';
import { windowsAnswer, windowsPending } from './parse/windows.ts';
import { answers, gather } from './testing.ts';
import { windowsFacts } from './windows.ts';

// None of these was recorded on Windows: they are what the scripts make of the values that Microsoft documents.

const LAPTOP = {
  bitlocker: 1,
  firewall: [1, 1, 1],
  antivirus: [397568],
  secureBoot: true,
  inactivity: 900,
  updates: { off: null, options: null },
  startOptions: ' NOEXECUTE=OPTIN',
  build: '26100',
  revision: 2605,
  edition: 'Professional',
  installation: 'Client',
};
const facts = (more: object) => windowsAnswer(JSON.stringify({ ...LAPTOP, ...more }))?.facts;

test('Windows, as documented: a laptop', () => {
  assert.deepEqual(windowsAnswer(`\ufeff${JSON.stringify(LAPTOP)}\r\n`), {
    facts: {
      os_name: 'windows',
      os_version: '10.0.26100.2605',
      disk_encryption: true,
      firewall: true,
      antivirus: true,
      secure_boot: true,
      screen_lock: true,
      updates_automatic: true,
      debug_mode: false,
    },
    release: '26100 home',
  });
});

test('Windows, as documented: each value otherwise', () => {
  assert.equal(facts({ bitlocker: 0 })?.disk_encryption, false);
  assert.equal(facts({ bitlocker: 2 })?.disk_encryption, undefined, 'a locked volume');
  assert.equal(facts({ firewall: [1, 0, 1] })?.firewall, false);
  assert.equal(facts({ firewall: 1 })?.firewall, true, 'PowerShell unwraps a list of one');
  assert.equal(facts({ firewall: [] })?.firewall, undefined);
  assert.equal(facts({ antivirus: [393472] })?.antivirus, false, 'off');
  assert.equal(facts({ antivirus: [393472, 397568] })?.antivirus, true);
  assert.equal(facts({ antivirus: [] })?.antivirus, false);
  assert.equal(facts({ antivirus: undefined })?.antivirus, undefined, 'a server has no Security Center');
  assert.equal(facts({ inactivity: 0 })?.screen_lock, undefined, 'each user may have set a lock');
  for (const updates of [
    { off: 1, options: 4 },
    { off: 0, options: 2 },
    { off: null, options: 3 },
  ]) {
    assert.equal(facts({ updates })?.updates_automatic, false);
  }
  assert.equal(facts({ updates: { off: 0, options: 4 } })?.updates_automatic, true);
  for (const startOptions of [
    ' TESTSIGNING NOEXECUTE=OPTIN',
    'NOEXECUTE=OPTIN  DISABLE_INTEGRITY_CHECKS',
    'DEBUG=LOCAL',
  ]) {
    assert.equal(facts({ startOptions })?.debug_mode, true, startOptions);
  }
  assert.equal(facts({ build: '../..' })?.os_version, undefined);
  const release = (more: object) => windowsAnswer(JSON.stringify({ ...LAPTOP, ...more }))?.release;
  assert.equal(release({ edition: 'Enterprise' }), '26100 enterprise');
  assert.equal(release({ edition: 'EnterpriseS' }), '26100 ltsc');
  assert.equal(release({ edition: 'IoTEnterpriseS' }), '26100 iot-ltsc');
  assert.equal(release({ edition: 'ServerStandard', installation: 'Server Core' }), '26100 server');
  assert.equal(release({ edition: undefined }), undefined);
});

test('Windows: what is no answer tells nothing', () => {
  for (const odd of ['', 'null', '[]', '"x"', '{"bitlocker":', 'Access denied'])
    assert.equal(windowsAnswer(odd), undefined);
  assert.deepEqual(windowsAnswer('{}')?.facts, { os_name: 'windows' });
  assert.equal(windowsPending('{"pending":4}'), 4);
  for (const odd of ['', '{}', '{"pending":-1}', '{"pending":"4"}', '{"pending":1.5}']) {
    assert.equal(windowsPending(odd), undefined);
  }
});

test('Windows, whole: two constant scripts by the absolute path of System32’s PowerShell, without a profile', async () => {
  const shell = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe';
  const probe = answers('win32', {});
  const scripts: string[] = [];
  const told = {
    ...probe,
    run: async (program: string, args: readonly string[]) => {
      assert.equal(program, shell);
      assert.deepEqual(args.slice(0, 3), ['-NoProfile', '-NonInteractive', '-EncodedCommand']);
      const script = Buffer.from(args[3] ?? '', 'base64').toString('utf16le');
      scripts.push(script);
      return script.includes('Win32_EncryptableVolume') ? JSON.stringify(LAPTOP) : '{"pending":4}';
    },
  };
  const { facts, sources } = await gather(told, windowsFacts);
  assert.deepEqual([facts.os_name, facts.os_supported, facts.updates_pending], ['windows', false, 4]);
  assert.deepEqual(Object.keys(sources).sort(), Object.keys(facts).sort());
  assert.equal(scripts.length, 2);
  for (const script of scripts) assert.doesNotMatch(script, /Invoke-Expression|Start-Process|http/i);
  assert.ok(scripts.join().length * 4 < 32_000, 'a command line of Windows has 32,767 characters');
  assert.deepEqual((await gather(probe, windowsFacts)).facts, { os_name: 'windows' });
});
