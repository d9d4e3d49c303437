import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { requires } from '../../test/requires.ts';
import { macScript, writeMacScripts } from './scripts.ts';

const HERE = import.meta.dirname;

describe('what the macOS package holds', () => {
  test('property lists are what launchd and codesign read', requires('plistutil'), () => {
    const read = (name: string): string => {
      execFileSync('plistutil', ['-i', path.join(HERE, name), '-f', 'bin', '-o', '/dev/null']);
      return readFileSync(path.join(HERE, name), 'utf8');
    };
    const daemon = read('org.gatehouse.agent.plist');
    assert.match(daemon, /<key>Label<\/key>\s*<string>org\.gatehouse\.agent<\/string>/);
    for (const key of ['RunAtLoad', 'KeepAlive', 'AbandonProcessGroup'])
      assert.match(daemon, new RegExp(`<key>${key}</key>\\s*<true/>`));
    const command = /<string>(\/usr\/bin\/install .*)<\/string>/.exec(daemon)![1]!.replaceAll('&amp;', '&');
    assert.match(command, /&& exec \/Library\/PrivilegedHelperTools\/Gatehouse\/gatehouse daemon$/);
    execFileSync('/bin/sh', ['-n', '-c', command]);
    assert.match(read('entitlements.plist'), /<key>com\.apple\.security\.cs\.allow-jit<\/key>\s*<true\/>/);
  });

  test('scripts parse, run programs by absolute paths, and hand over without a stop', () => {
    for (const name of ['preinstall', 'postinstall', 'uninstall.sh']) {
      const text = macScript(name);
      execFileSync('/bin/sh', ['-n', '-c', text]);
      assert.ok(!/@\w+@/.test(text));
      for (const program of ['launchctl', 'chown', 'chmod', 'mkdir', 'rm', 'dseditgroup', 'dscl', 'stat', 'ln'])
        assert.ok(!new RegExp(`(^|[;&|] *|then )${program} `, 'm').test(text), `${name}: ${program}`);
    }
    assert.match(macScript('postinstall'), /kill SIGUSR2/);
    assert.ok(!macScript('postinstall').includes('bootout'));
  });

  test('scripts are written as programs', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-mac-'));
    await writeMacScripts(folder);
    for (const name of readdirSync(folder)) assert.equal(statSync(path.join(folder, name)).mode & 0o777, 0o755);
    assert.deepEqual(readdirSync(folder).sort(), ['postinstall', 'preinstall']);
    rmSync(folder, { recursive: true });
  });
});
