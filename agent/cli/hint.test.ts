import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConnectError, IpcError } from '@gatehouse/protocol/socket';
import { Interrupted, UsageError, VersionError } from './exit.ts';
import { hintOf, type Surroundings } from './hint.ts';

const SOCKET = '/run/gatehouse/agent.sock';
const bare: Surroundings = {
  platform: 'linux',
  exists: () => false,
  gid: () => 0,
  groups: () => 'root:x:0:\nusers:x:100:alice\ngatehouse:x:987:bob,carol\n',
  user: 'alice',
};
const stopped = new ConnectError('not-running', '');
const denied = new ConnectError('not-permitted', '');
const old = new VersionError('');

test('how the agent is started, as it was installed', () => {
  const systemd = {
    ...bare,
    exists: (file: string) => /^\/(usr\/lib\/systemd\/system\/gatehouse-agent|run\/systemd)/.test(file),
  };
  assert.equal(hintOf(stopped, SOCKET, bare), 'Start it: sudo gatehouse daemon');
  assert.equal(hintOf(stopped, SOCKET, systemd), 'Start it: sudo systemctl start gatehouse-agent');
  assert.equal(hintOf(old, SOCKET, systemd), 'Restart the agent: sudo systemctl restart gatehouse-agent');
  // Another socket is another agent's: the service is not what would answer there.
  assert.equal(hintOf(stopped, '/tmp/a.sock', systemd), 'Start it: sudo gatehouse daemon');
  const mac = {
    ...bare,
    platform: 'darwin' as const,
    exists: (file: string) => file.startsWith('/Library/LaunchDaemons/'),
  };
  assert.match(
    hintOf(old, '/var/run/gatehouse/agent.sock', mac) ?? '',
    /launchctl kickstart -k system\/org\.gatehouse\.agent$/,
  );
  const windows = { ...bare, platform: 'win32' as const };
  const pipe = '\\\\.\\pipe\\ProtectedPrefix\\Administrators\\Gatehouse';
  assert.match(hintOf(stopped, pipe, windows) ?? '', /Start-Service GatehouseAgent/);
  assert.match(hintOf(denied, pipe, windows) ?? '', /Gatehouse Users/);
});

test('how to be let in, by the group of the folder', () => {
  const grouped = { ...bare, gid: (folder: string) => (folder === '/run/gatehouse' ? 987 : undefined) };
  assert.match(hintOf(denied, SOCKET, grouped) ?? '', /sudo usermod -aG gatehouse alice$/);
  assert.match(hintOf(denied, SOCKET, { ...grouped, user: undefined }) ?? '', /usermod -aG gatehouse <you>$/);
  assert.match(
    hintOf(denied, SOCKET, { ...grouped, user: 'carol' }) ?? '',
    /sign out and in again, or: newgrp gatehouse$/,
  );
  // Only root, a group without a name, a folder that can't be asked: the message says sudo already.
  for (const gid of [0, 4711, undefined]) assert.equal(hintOf(denied, SOCKET, { ...bare, gid: () => gid }), null);
});

test('what says all by itself gets no hint', () => {
  assert.equal(hintOf(new UsageError('x', 'Did you mean: y'), undefined, bare), 'Did you mean: y');
  assert.equal(hintOf(new IpcError('unknown-profile', ''), SOCKET, bare), 'See: gatehouse profiles');
  assert.equal(hintOf(new IpcError('internal', ''), SOCKET, bare), 'See: gatehouse logs');
  for (const error of [new IpcError('not-enrolled', ''), new Interrupted(''), new Error('')]) {
    assert.equal(hintOf(error, SOCKET, bare), null);
  }
  assert.equal(hintOf(stopped, undefined, bare), null);
});
