import assert from 'node:assert/strict';
import { DatabaseSync } from 'node:sqlite';
import { test } from 'node:test';
import { diskProblem } from './disk.ts';

const thrownBy = (work: () => void): unknown => {
  try {
    work();
  } catch (error) {
    return error;
  }
  throw new Error('it went well');
};

test('a disk that takes nothing, from errors of the system and of both databases', () => {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t (x); PRAGMA max_page_count = 3');
  assert.match(
    diskProblem(thrownBy(() => db.exec('INSERT INTO t VALUES (zeroblob(100000))')))!,
    /^the disk is full: free/,
  );
  assert.equal(diskProblem(thrownBy(() => db.exec('INSERT INTO nothing VALUES (1)'))), undefined);
  db.close();
  assert.match(diskProblem(Object.assign(new Error('No space left'), { code: '53100' }))!, /^the disk is full: free/);
  assert.match(diskProblem(Object.assign(new Error(), { code: 'EDQUOT' }))!, /quota/);
  assert.match(diskProblem(Object.assign(new Error('i/o error'), { code: 'EIO' }))!, /takes nothing: i\/o error/);
  for (const error of [
    undefined,
    null,
    'ENOSPC',
    new Error('ENOSPC'),
    Object.assign(new Error(), { code: 'ENOENT' }),
  ]) {
    assert.equal(diskProblem(error), undefined);
  }
});
