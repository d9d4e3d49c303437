import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { COMMANDS } from '../../agent/cli/commands.ts';
import { EXIT } from '../../agent/cli/exit.ts';
import { packageFiles } from './tree.ts';

const PLACES = {
  debian: '/usr/share/zsh/vendor-completions/_gatehouse',
  other: '/usr/share/zsh/site-functions/_gatehouse',
} as const;

for (const family of ['debian', 'other'] as const) {
  test(`the packages (${family}) bring each command's completion and its manual`, (t) => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'gatehouse-tree-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const program = path.join(folder, 'gatehouse');
    writeFileSync(program, '');
    const files = packageFiles({ version: '1.2.3', epoch: 0, arch: 'x64', program, out: folder }, family, '');
    const content = (name: string): Buffer => {
      const found = files.find((file) => file.path === name);
      assert.ok(found, name);
      return found.content;
    };
    const texts = [
      content('/usr/share/bash-completion/completions/gatehouse').toString(),
      content('/usr/share/fish/vendor_completions.d/gatehouse.fish').toString(),
      content(PLACES[family]).toString(),
      gunzipSync(content('/usr/share/man/man1/gatehouse.1.gz')).toString(),
    ];
    for (const code of Object.values(EXIT)) assert.match(texts[3]!, new RegExp(`^\\\\fB${code}\\\\fR$`, 'm'));
    for (const text of texts) {
      for (const { name } of COMMANDS) assert.match(text, new RegExp(`(?:\\\\fB|(?<!\\w))${name}(?!\\w)`));
    }
  });
}
