import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

test('what the daemon stands on loads no second HTTP client (undici, 4 to 16 MB)', () => {
  const script = `
    await import(${JSON.stringify(new URL('./daemon/foreground.ts', import.meta.url).href)});
    await import(${JSON.stringify(new URL('./os/index.ts', import.meta.url).href)});
    console.log(process.moduleLoadList.filter((name) => name.includes('undici')).join());`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' });
  assert.equal(said.trim(), '');
});
