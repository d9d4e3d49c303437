import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { TestContext } from 'node:test';
import type { AppAdapter } from 'electron-updater/out/AppAdapter.js';

/** A key of releases, and how a build names its public half. */
export function releaseKey(): { privateKey: KeyObject; publicText: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { x } = publicKey.export({ format: 'jwk' });
  return { privateKey, publicText: Buffer.from(x!, 'base64url').toString('base64') };
}

export const signatureOf = (description: string | Buffer, key: KeyObject): string =>
  `${sign(null, Buffer.from(description), key).toString('base64')}\n`;

/** A description as electron-builder writes it, with the end that signing adds to it. */
export function describeRelease(
  version: string,
  files: Record<string, Buffer>,
  releaseDate = '2026-11-20T10:00:00.000Z',
  expires = '2027-02-18T10:00:00.000Z',
): string {
  const entries = Object.entries(files).map(([url, body]) => {
    const digest = createHash('sha512').update(body).digest('base64');
    return `  - url: ${url}\n    sha512: ${digest}\n    size: ${body.length}\n`;
  });
  const dates = `releaseDate: '${releaseDate}'\nexpires: '${expires}'\n`;
  return `version: ${version}\nfiles:\n${entries.join('')}path: ${Object.keys(files)[0]}\n${dates}`;
}

export interface Feed {
  url: string;
  /** Path → body; a test changes it as it goes. */
  files: Map<string, string | Buffer>;
  /** Paths in the order they were asked for. */
  asked: string[];
  /** Takes the next request instead. */
  answer?: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
}

/** A web server on loopback with a folder of releases at `/updates`. */
export async function startFeed(t: TestContext): Promise<Feed> {
  const feed: Feed = { url: '', files: new Map(), asked: [] };
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://feed');
    feed.asked.push(pathname);
    if (feed.answer) return feed.answer(request, response);
    const body = feed.files.get(pathname.replace('/updates/', ''));
    if (body === undefined) return void response.writeHead(404).end();
    response.writeHead(200, { 'content-length': Buffer.byteLength(body) }).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  feed.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/updates`;
  return feed;
}

/** Electron's `app` as electron-updater asks for it, over a folder of the test's; counts what it is told to do. */
export function appStub(t: TestContext, version: string) {
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-updates-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const appUpdateConfigPath = path.join(folder, 'app-update.yml');
  writeFileSync(appUpdateConfigPath, 'provider: generic\nurl: https://updates.invalid\nupdaterCacheDirName: cache\n');
  const told = { quit: 0, relaunch: 0 };
  const app: AppAdapter = {
    version,
    name: 'gatehouse',
    isPackaged: true,
    appUpdateConfigPath,
    userDataPath: folder,
    baseCachePath: folder,
    whenReady: () => Promise.resolve(),
    relaunch: () => {
      told.relaunch += 1;
    },
    quit: () => {
      told.quit += 1;
    },
    onQuit: () => undefined,
  };
  return { app, folder, told };
}
