import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { loadConfig } from '../../packaging/build.ts';

const require = createRequire(import.meta.url);
const { validateConfiguration } = createRequire(require.resolve('electron-builder'))(
  'app-builder-lib/out/util/config/config.js',
) as { validateConfiguration(config: object, log: { isEnabled: boolean }): Promise<void> };

test("the configuration is valid by electron-builder's own schema, which is strict", async () => {
  await validateConfiguration(loadConfig(), { isEnabled: false });
  await assert.rejects(validateConfiguration({ ...loadConfig(), asarr: true }, { isEnabled: false }), /asarr/);
});

test('nothing of a signature is in the configuration', () => {
  assert.doesNotMatch(JSON.stringify(loadConfig()), /certificate|password|cscLink|identity|teamId|token/i);
});

test('the packages have the Electron that the app is built on', () => {
  const { devDependencies } = require('../../package.json') as { devDependencies: Record<string, string> };
  assert.equal(loadConfig().electronVersion, devDependencies.electron);
});

test('the packages are those for each system, each with its own daemon', () => {
  const { win, mac, linux, pkg, nsis } = loadConfig();
  assert.deepEqual(win?.target, [{ target: 'nsis', arch: ['x64', 'arm64'] }]);
  assert.match(JSON.stringify(win?.extraResources), /agent\/win-\$\{arch\}","to":"daemon"/);
  assert.deepEqual([nsis?.perMachine, nsis?.include], [true, 'packaging/windows/installer.nsh']);
  assert.deepEqual(mac?.target, [{ target: 'pkg', arch: ['universal'] }]);
  assert.deepEqual([mac?.hardenedRuntime, pkg?.isVersionChecked, pkg?.isRelocatable], [true, true, false]);
  assert.deepEqual(linux?.target, ['deb', 'rpm', 'AppImage']);
  assert.deepEqual(linux?.mimeTypes, ['x-scheme-handler/gatehouse']);
});
