import { test } from 'node:test';
import { killRounds } from './kill.ts';
import { makePlace } from './testing.ts';

test('two hundred times by SIGKILL under load: no record is lost that a checkpoint covered', async (t) => {
  const place = makePlace();
  t.after(() => place.remove());
  await killRounds(place, 200);
});
