import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Browser, chromium } from 'playwright-core';
import { icns, ico, type Picture } from './containers.ts';
import { appSvg, SHAPES, templateSvg, tileSvg } from './marks.ts';

/** Renders all pictures of the app from their drawings: `node apps/tray/assets/render.ts [path of Chromium]`. */
const folder = import.meta.dirname;
const MAC_INSET = 100;

async function render(browser: Browser, svg: string, size: number): Promise<Picture> {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  try {
    await page.setContent(`<style>*{margin:0}svg{display:block;width:${size}px;height:${size}px}</style>${svg}`);
    return { size, png: await page.screenshot({ omitBackground: true }) };
  } finally {
    await page.close();
  }
}

async function renderAll(browser: Browser, svg: string, sizes: readonly number[]): Promise<Picture[]> {
  const pictures: Picture[] = [];
  for (const size of sizes) pictures.push(await render(browser, svg, size));
  return pictures;
}

const write = (name: string, data: string | Buffer): void => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), data);
};

const executablePath = process.argv[2] ?? '/usr/bin/chromium';
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--force-color-profile=srgb'] });
try {
  write('icon.svg', appSvg(0));
  const plain = await renderAll(browser, appSvg(0), [16, 24, 32, 48, 64, 128, 256, 512]);
  for (const { size, png } of plain) write(`linux/${size}x${size}.png`, png);
  write('icon.ico', ico(plain.filter(({ size }) => size <= 256)));
  write('icon.png', (await render(browser, appSvg(0), 1024)).png);
  write('icon.icns', icns(await renderAll(browser, appSvg(MAC_INSET), [32, 64, 128, 256, 512, 1024])));
  for (const shape of SHAPES) {
    write(`svg/${shape}.svg`, tileSvg(shape));
    write(`svg/${shape}Template.svg`, templateSvg(shape));
    write(`tray/${shape}Template.png`, (await render(browser, templateSvg(shape), 16)).png);
    write(`tray/${shape}Template@2x.png`, (await render(browser, templateSvg(shape), 32)).png);
    const tiles = await renderAll(browser, tileSvg(shape), [16, 24, 32, 48]);
    write(`tray/${shape}.ico`, ico(tiles));
    // Panels of Linux are 22 to 24 pixels high, and twice that where pixels are small.
    write(`tray/${shape}.png`, tiles[1]!.png);
    write(`tray/${shape}@2x.png`, tiles[3]!.png);
  }
} finally {
  await browser.close();
}
