import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { icns, ico } from './containers.ts';
import { SHAPES } from './marks.ts';

const folder = import.meta.dirname;
const read = (name: string): Buffer => readFileSync(path.join(folder, name));
const PNG = Buffer.from('89504e470d0a1a0a', 'hex');

/** Width and height of a PNG: of its IHDR, RFC 2083, section 4.1.1. */
const sizeOf = (png: Buffer): [number, number] => {
  assert.deepEqual(png.subarray(0, 8), PNG);
  return [png.readUInt32BE(16), png.readUInt32BE(20)];
};

test('the .ico files hold PNGs of the sizes that they name', () => {
  for (const name of ['icon.ico', ...SHAPES.map((shape) => `tray/${shape}.ico`)]) {
    const file = read(name);
    assert.deepEqual([file.readUInt16LE(0), file.readUInt16LE(2)], [0, 1]);
    const count = file.readUInt16LE(4);
    assert.ok(count >= 4);
    for (let entry = 6; entry < 6 + 16 * count; entry += 16) {
      const offset = file.readUInt32LE(entry + 12);
      const size = file[entry] === 0 ? 256 : file[entry];
      assert.deepEqual(sizeOf(file.subarray(offset, offset + file.readUInt32LE(entry + 8))), [size, size]);
    }
  }
  assert.equal(ico([{ size: 256, png: PNG }])[6], 0);
});

test('the .icns file is whole', () => {
  const file = read('icon.icns');
  assert.equal(file.toString('latin1', 0, 4), 'icns');
  assert.equal(file.readUInt32BE(4), file.length);
  const kinds: string[] = [];
  for (let offset = 8; offset < file.length; offset += file.readUInt32BE(offset + 4)) {
    kinds.push(file.toString('latin1', offset, offset + 4));
    assert.deepEqual(file.subarray(offset + 8, offset + 16), PNG);
  }
  assert.deepEqual(kinds, ['ic07', 'ic08', 'ic09', 'ic10', 'ic11', 'ic12', 'ic13', 'ic14']);
  assert.throws(() => icns([]), /128 pixels/);
});

test('every state has its pictures, and no two are the same without colour', () => {
  const drawings = new Set<string>();
  for (const shape of SHAPES) {
    assert.deepEqual(sizeOf(read(`tray/${shape}.png`)), [24, 24]);
    assert.deepEqual(sizeOf(read(`tray/${shape}@2x.png`)), [48, 48]);
    assert.deepEqual(sizeOf(read(`tray/${shape}Template.png`)), [16, 16]);
    assert.deepEqual(sizeOf(read(`tray/${shape}Template@2x.png`)), [32, 32]);
    assert.ok(existsSync(path.join(folder, 'svg', `${shape}.svg`)));
    drawings.add(read(`tray/${shape}Template.png`).toString('base64'));
  }
  assert.equal(drawings.size, SHAPES.length);
  assert.deepEqual(sizeOf(read('icon.png')), [1024, 1024]);
  for (const name of readdirSync(path.join(folder, 'linux'))) {
    assert.equal(name, `${sizeOf(read(`linux/${name}`)).join('x')}.png`);
  }
});
