import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../packaging/build.ts';
import { notarize } from '../../packaging/notarize.ts';

async function notarized(env: NodeJS.ProcessEnv): Promise<{ ran: string[]; said: string[] }> {
  const [ran, said]: [string[], string[]] = [[], []];
  const xcrun = async (file: string, args: readonly string[]): Promise<string> => {
    ran.push([file, ...args].join(' '));
    return '';
  };
  await notarize('/x/Gatehouse.pkg', env, { xcrun, say: (line) => void said.push(line) });
  return { ran, said };
}

test('the package is notarized where the environment says by whom, and one line says when it is not', async () => {
  const none = await notarized({});
  assert.deepEqual(none.ran, []);
  assert.equal(none.said.length, 1);
  assert.match(none.said[0]!, /not notarized: APPLE_API_KEY, APPLE_API_KEY_ID, APPLE_API_ISSUER are not set/);
  await assert.rejects(notarized({ APPLE_API_KEY: '/k.p8', APPLE_API_ISSUER: 'i' }), /set APPLE_API_KEY_ID too/);
  const { ran } = await notarized({ APPLE_API_KEY: '/k.p8', APPLE_API_KEY_ID: 'id', APPLE_API_ISSUER: 'i' });
  assert.deepEqual(ran, [
    '/usr/bin/xcrun notarytool submit /x/Gatehouse.pkg --key /k.p8 --key-id id --issuer i --wait',
    '/usr/bin/xcrun stapler staple /x/Gatehouse.pkg',
  ]);
  // Not twice, and not the app alone.
  assert.equal(loadConfig().mac?.notarize, false);
});
