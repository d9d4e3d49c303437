import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { CSP } from '../../../window/csp.ts';
import type { Cases } from './cases.ts';

export const build: Cases = (needs, stage) => {
  test('the build holds nothing inline, nothing absolute, nothing of the fake', needs, async () => {
    const { dist } = stage();
    const html = await readFile(path.join(dist, 'index.html'), 'utf8');
    assert.doesNotMatch(html, /<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=/);
    for (const [, address] of html.matchAll(/(?:src|href)="([^"]+)"/g)) assert.match(address!, /^\.\/assets\//);
    const files = (await readdir(dist, { recursive: true })).filter((name) => /\.(js|css)$/.test(name));
    assert.ok(files.length > 5);
    for (const name of files) {
      const text = await readFile(path.join(dist, name), 'utf8');
      assert.doesNotMatch(text, /gatehouseFake|ada-laptop/, `${name} holds the fake`);
      // Schemas are main's business: TypeBox would be most of the window's script.
      assert.doesNotMatch(text, /~kind/, `${name} holds TypeBox`);
    }
  });

  test('the policy allows nothing inline', () => {
    assert.doesNotMatch(CSP, /unsafe|\*|https?:/);
    assert.match(CSP, /^default-src 'none'/);
  });

  test('the window runs under its policy, and says when it can be used', needs, async (t) => {
    const { page, show, complaints } = stage();
    await show({ scene: 'connected' });
    await page.locator('.u-over, .chart canvas').first().waitFor();
    const at = await page.evaluate(() => performance.getEntriesByName('interactive')[0]?.startTime);
    assert.ok(at !== undefined);
    t.diagnostic(`interactive after ${Math.round(at)} ms`);
    const sent = await page.evaluate(async () => {
      const violations: string[] = [];
      document.addEventListener('securitypolicyviolation', (event) => violations.push(event.effectiveDirective));
      const style = document.createElement('style');
      style.textContent = 'body { color: red }';
      document.head.append(style);
      await new Promise((resolve) => setTimeout(resolve, 50));
      style.remove();
      return violations;
    });
    // The policy is really there: what it forbids is told.
    assert.deepEqual(sent, ['style-src-elem']);
    assert.deepEqual(
      complaints.filter((text) => !text.includes('inline style')),
      [],
    );
  });
};
