import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { type Browser, chromium, type Page } from 'playwright-core';
import { build } from 'vite';
import { CSP } from '../../window/csp.ts';
import { CHROMIUM } from '../chromium.ts';

const TRAY = path.join(import.meta.dirname, '../..');
const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

/** What a scene is played with; more is turned on `window.gatehouseFake`. */
export interface Play {
  scene: string;
  theme?: 'light' | 'dark';
  lang?: string;
  /** A call that fails from the beginning. */
  fail?: string;
}

/** The built window in Chromium, behind its real policy, bridged to the fake main process. */
export interface Stage {
  page: Page;
  browser: Browser;
  /** Folder of the build. */
  dist: string;
  /** What the console and the page complained of since `show`. */
  complaints: string[];
  show(play: Play): Promise<void>;
  close(): Promise<void>;
}

/** Builds, serves and opens the window, once for all tests. */
export async function openStage(viewport = { width: 420, height: 640 }): Promise<Stage> {
  const dist = await mkdtemp(path.join(os.tmpdir(), 'gatehouse-window-'));
  await build({ configFile: path.join(TRAY, 'vite.config.ts'), logLevel: 'error', build: { outDir: dist } });
  const server = await serve(dist);
  const { port } = server.address() as AddressInfo;
  const browser = await chromium.launch(CHROMIUM);
  const page = await browser.newPage({ viewport, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce' });
  await page.addInitScript({ content: await fakeScript() });
  const { NOW } = await import('../../window/fake/data.ts');
  // The scenes play at one moment; timers go on.
  await page.addInitScript(`Date.now = () => ${NOW};`);
  const complaints: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(String(error)));
  return {
    page,
    browser,
    dist,
    complaints,
    async show({ scene, theme = 'light', lang = 'en', fail = '' }) {
      complaints.length = 0;
      await page.goto(`http://127.0.0.1:${port}/?scene=${scene}&theme=${theme}&lang=${lang}&fail=${fail}`);
      await page.waitForSelector('.app, .boot [role=alert]');
    },
    async close() {
      await browser.close();
      server.closeAllConnections();
      server.close();
      await rm(dist, { recursive: true, force: true });
    },
  };
}

/** A static server that sends the window's policy as the shell does. */
async function serve(folder: string): Promise<Server> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const name = path.normalize(pathname === '/' ? '/index.html' : pathname);
    readFile(path.join(folder, name)).then(
      (content) => {
        response.writeHead(200, {
          'content-type': TYPES[path.extname(name)] ?? 'application/octet-stream',
          'content-security-policy': CSP,
          'x-content-type-options': 'nosniff',
        });
        response.end(content);
      },
      () => response.writeHead(name === '/favicon.ico' ? 204 : 404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** The fake main process as one script, put into the page before its own. */
async function fakeScript(): Promise<string> {
  const built = await build({
    configFile: false,
    logLevel: 'error',
    build: {
      write: false,
      minify: false,
      lib: { entry: path.join(TRAY, 'window/fake/install.ts'), formats: ['iife'], name: 'gatehouseFakeModule' },
    },
  });
  const outputs = Array.isArray(built) ? built : [built];
  for (const output of outputs) {
    if ('output' in output) return output.output[0].code;
  }
  throw new Error('the fake was not built');
}
