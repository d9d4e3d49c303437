import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { describe, test } from 'node:test';
import { seaConfig } from './build.ts';
import { bundleAgent } from './bundle.ts';
import { verify } from './fetch.ts';
import { NODE_VERSION, nodeVersion, parseTargets, TARGETS } from './targets.ts';

describe('the single executables', () => {
  test('targets are chosen by name, each once; an unknown one is answered with those there are', () => {
    assert.deepEqual(
      parseTargets('win-x64, linux-x64,win-x64').map(({ name }) => name),
      ['win-x64', 'linux-x64'],
    );
    assert.equal(parseTargets('all').length, TARGETS.length);
    for (const bad of ['', 'linux-x86', 'linux-x64,', '__proto__'])
      assert.throws(() => parseTargets(bad), /there is no target '.*': choose from linux-x64, .*, or all/);
  });

  test('each Node is pinned by a whole SHA-512, no two alike', () => {
    const pins = TARGETS.map(({ node }) => node.integrity);
    for (const pin of pins) assert.equal(Buffer.from(pin.replace(/^sha512-/, ''), 'base64').length, 64);
    assert.equal(new Set(pins).size, pins.length);
    assert.equal(NODE_VERSION, process.versions.node, 'the build packs the Node that runs it');
    // Another version only where the registry has no other, and as the lock file has it.
    const { packages } = JSON.parse(readFileSync(new URL('../../package-lock.json', import.meta.url), 'utf8'));
    for (const target of TARGETS) {
      const { version, integrity } = packages[`node_modules/${target.node.package}`];
      assert.deepEqual([version, integrity], [nodeVersion(target), target.node.integrity], target.name);
    }
  });

  test('an archive that is not the pinned one is refused', () => {
    const archive = Buffer.from('as published');
    const integrity = `sha512-${createHash('sha512').update(archive).digest('base64')}`;
    verify(archive, integrity, 'node');
    assert.throws(
      () => verify(Buffer.from('as forged'), integrity, 'node'),
      /not what it should be.*Nothing was built/,
    );
  });

  test('takes no options for Node from the environment, and nothing that fits one processor only', () => {
    const config = seaConfig('a', 'b', 'c') as Record<string, unknown>;
    assert.deepEqual([config.execArgvExtension, config.useCodeCache, config.useSnapshot], ['none', false, false]);
  });

  test('the bundle is one module that asks for nothing but Node', async () => {
    const { code, packages } = await bundleAgent();
    const asked = [...code.matchAll(/^import .*? from "([^"]+)";$/gm)].map((match) => match[1]!);
    assert.ok(asked.length > 5);
    for (const id of asked) assert.ok(isBuiltin(id), id);
    // Looked for beside the program they could be planted there.
    for (const name of ['bufferutil', 'utf-8-validate']) assert.ok(!code.includes(`__require("${name}")`), name);
    assert.ok(packages.some((folder) => folder.endsWith('/node_modules/ws')));
  });
});
