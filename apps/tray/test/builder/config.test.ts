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
