import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dropsOf } from './drops.ts';

const UDP = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  345: 0100007F:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 61443 2 0000000000000000 1234
  346: 00000000:158A 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 61444 2 0000000000000000 7
  900: 0100007F:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 61445 2 0000000000000000 9
`;
const UDP6 = `  sl  local_address                         remote_address                        st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
  345: 00000000000000000000000001000000:158A 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 61443 2 0000000000000000 42
`;

test('the system’s drops of one socket', () => {
  assert.equal(dropsOf(UDP, '127.0.0.1', 5514), 1234);
  assert.equal(dropsOf(UDP, '0.0.0.0', 5514), 7);
  assert.equal(dropsOf(UDP, '127.0.0.1', 5515), 0);
  assert.equal(dropsOf(UDP6, '::1', 5514), 42);
  assert.equal(dropsOf('', '::1', 5514), 0);
});
