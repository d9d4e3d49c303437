import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { imageSize } from './size.ts';

const bytes = (head: string, length = 40): Uint8Array => {
  const all = new Uint8Array(length);
  all.set([...head].map((letter) => letter.charCodeAt(0)));
  return all;
};
const with16 = (picture: Uint8Array, at: number, values: readonly number[], little = false): Uint8Array => {
  const view = new DataView(picture.buffer);
  values.forEach((value, index) => {
    view.setUint16(at + 2 * index, value, little);
  });
  return picture;
};

test('each format says its size before it is decoded', () => {
  const png = bytes('\x89PNG\r\n\x1a\n\0\0\0\rIHDR');
  assert.deepEqual(imageSize(with16(png, 16, [0, 640, 0, 480])), { width: 640, height: 480 });
  assert.deepEqual(imageSize(with16(bytes('GIF89a'), 6, [640, 480], true)), { width: 640, height: 480 });
  const lossy = bytes('RIFF\0\0\0\0WEBPVP8 ');
  assert.deepEqual(imageSize(with16(lossy, 26, [640, 480], true)), { width: 640, height: 480 });
  const lossless = bytes('RIFF\0\0\0\0WEBPVP8L');
  new DataView(lossless.buffer).setUint32(21, 639 | (479 << 14), true);
  assert.deepEqual(imageSize(lossless), { width: 640, height: 480 });
  const extended = bytes('RIFF\0\0\0\0WEBPVP8X');
  with16(extended, 24, [639], true);
  with16(extended, 27, [479], true);
  assert.deepEqual(imageSize(extended), { width: 640, height: 480 });
  // APP0 of 16 bytes, then SOF2.
  const jpeg = with16(bytes('\xff\xd8\xff\xe0'), 4, [16]);
  with16(jpeg, 20, [0xffc2, 17]);
  with16(jpeg, 25, [480, 640]);
  assert.deepEqual(imageSize(jpeg), { width: 640, height: 480 });
});

test('what is cut off or no picture has no size, whatever it is', () => {
  assert.equal(imageSize(new Uint8Array(0)), null);
  assert.equal(imageSize(bytes('%PDF-1.7')), null);
  const heads = ['\x89PNG\r\n\x1a\n\0\0\0\rIHDR', 'GIF89a', 'RIFF\0\0\0\0WEBPVP8X', '\xff\xd8\xff\xe0', ''];
  fc.assert(
    fc.property(fc.constantFrom(...heads), fc.uint8Array({ maxLength: 200 }), (head, tail) => {
      const size = imageSize(new Uint8Array([...bytes(head, head.length), ...tail]));
      assert.ok(size === null || (Number.isInteger(size.width) && size.width >= 0 && size.height >= 0));
    }),
  );
});
