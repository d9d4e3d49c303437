import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPipeToGroup, pipeScript } from './pipe.ts';

// Not run on Windows yet: what is asserted is the command line and what the script says.
const PIPE = '\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Gatehouse';

test('the access list: SYSTEM, administrators and the group, nobody over the network', () => {
  const script = pipeScript(PIPE);
  assert.match(script, /NamedPipeClientStream\('\.', 'ProtectedPrefix\\Administrators\\Gatehouse', /);
  assert.match(script, /NTAccount\('Gatehouse Users'\)/);
  assert.ok(script.includes('"D:P(D;;GA;;;NU)(A;;GA;;;SY)(A;;GA;;;BA)(A;;GRGW;;;$sid)"'));
  assert.doesNotMatch(script, /;WD\)|;AU\)|;IU\)/);
});

test('a name can not leave its quotes', () => {
  const script = pipeScript("\\\\.\\pipe\\a'; calc; '\u2019; calc; \u2019");
  assert.ok(script.includes("('.', 'a''; calc; ''\u2019\u2019; calc; \u2019\u2019', "));
});

test('run by its absolute path; without the group it stays the administrators’, and the log says so', async () => {
  const ran: string[][] = [];
  const log: string[] = [];
  const run = async (program: string, args: readonly string[]): Promise<string> => {
    ran.push([program, ...args]);
    if (ran.length > 1) throw new Error('the trust relationship could not be resolved');
    return '';
  };
  await openPipeToGroup(PIPE, (message) => log.push(message), { run });
  assert.equal(log.length, 0);
  const [program, ...args] = ran[0] ?? [];
  assert.match(program ?? '', /^C:\\Windows\\System32\\WindowsPowerShell\\v1\.0\\powershell\.exe$/);
  assert.deepEqual(args.slice(0, 3), ['-NoProfile', '-NonInteractive', '-EncodedCommand']);
  assert.equal(Buffer.from(args[3] ?? '', 'base64').toString('utf16le'), pipeScript(PIPE));
  await openPipeToGroup(PIPE, (message) => log.push(message), { run });
  assert.match(log[0] ?? '', /no local group 'Gatehouse Users'/);
});
