import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { CancellationToken } from 'electron-updater';
import type { AppAdapter } from 'electron-updater/out/AppAdapter.js';
import type { Update } from '../../core/types.ts';
import { bounded, get, nodeRequest, type Request } from './http.ts';
import type { Memory } from './memory.ts';
import { createDownloader, installCommand, installPackage, type Proof, providerOf } from './packages.ts';
import {
  type Channel,
  descriptionName,
  MAX_DESCRIPTION,
  MAX_SIGNATURE,
  newest,
  type PackageKind,
  parseKeys,
  type Release,
  staleSince,
  UpdateError,
  verifyRelease,
} from './release.ts';
import { compareVersions } from './version.ts';

export interface UpdaterOptions {
  /** What electron-updater asks of Electron's `app`; `quit` and `relaunch` are called for an installation. */
  app: AppAdapter;
  platform: string;
  arch: string;
  /** From `packageKind`; null turns updates off. */
  kind: PackageKind | null;
  /** From `release-key.ts`. */
  keys: string;
  /** Address of the folder with the releases; null while there is none (not enrolled). */
  feed(): string | null;
  channel(): Channel;
  memory: Memory;
  log: { info(text: string): void; warn(text: string): void; error(text: string): void };
  onChange(update: Update): void;
  now(): Date;
  /** Electron's `net.request`; Node's own unless given. */
  request?: Request;
  /** Runs the system's installer; a test passes its own. */
  run?: typeof installPackage;
}

export interface Updater {
  /**
   * Asks the feed, verifies, downloads. Never rejects: what went wrong is the state's `failed`. A feed whose last word has
   * ended isn't believed that there is nothing newer (`stale`); a newer version that it has is taken all the same.
   */
  check(): Promise<void>;
  /** Installs what is `ready` and restarts the app; the daemon comes in the same package. Nothing otherwise. */
  install(): Promise<void>;
  state(): Update;
}

/** Updates of the app from a folder on a web server, trusted by the signature of its releases only. */
export function createUpdater(options: UpdaterOptions): Updater {
  const { app, kind, log, memory } = options;
  let update: Update = { kind: 'none', checked: null };
  let ready: { release: Release; proof: Proof; file: string } | null = null;
  let running: Promise<void> | null = null;
  let limit = 0;
  let stale: string | undefined;

  const set = (next: Update): void => {
    update = stale === undefined ? next : { ...next, stale };
    options.onChange(update);
  };
  const fail = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    log.warn(`update: ${message}`);
    set({ kind: 'failed', message: error instanceof UpdateError ? message : `the update did not work: ${message}` });
  };

  if (kind === null || options.keys === '') {
    update = { kind: 'off', reason: kind === null ? 'no-package' : 'no-key' };
    return { check: async () => undefined, install: async () => undefined, state: () => update };
  }

  const keys = parseKeys(options.keys);
  const request = options.request ?? nodeRequest;
  const downloader = createDownloader(
    kind,
    app,
    bounded(request, () => limit),
  );
  downloader.logger = log;
  // What fails is told by the promise; without a listener Node would end the app.
  downloader.on('error', () => undefined);

  /** The newest release of the feed that this copy may take, newer or not; null where there is none. */
  const look = async (base: URL, channel: Channel): Promise<{ release: Release; proof: Proof } | null> => {
    const name = descriptionName(channel, options.platform, options.arch);
    const description = await get(request, new URL(name, base), MAX_DESCRIPTION);
    if (!description) return null;
    const signature = await get(request, new URL(`${name}.sig`, base), MAX_SIGNATURE);
    if (!signature) throw new UpdateError('the update has no signature, so it was not taken');
    const seen = memory.get(channel);
    const trust = { keys, channel, kind, arch: options.arch, seen };
    const release = verifyRelease(description, signature.toString('latin1'), trust);
    const next = newest(seen, release);
    if (next !== seen) memory.set(channel, next);
    return { release, proof: { description, signature } };
  };

  const download = async (release: Release, base: URL): Promise<string> => {
    const { version, file } = release;
    set({ kind: 'downloading', version, percent: 0 });
    const progress = ({ percent }: { percent: number }) =>
      set({ kind: 'downloading', version, percent: Math.min(100, Math.max(0, Math.floor(percent))) });
    downloader.on('download-progress', progress);
    try {
      limit = file.size;
      downloader.setFeedURL({ provider: 'custom', updateProvider: providerOf(release, base) } as never);
      const result = await downloader.checkForUpdates();
      if (!result?.isUpdateAvailable) throw new Error(`electron-updater does not take version ${version}`);
      const [downloaded] = await downloader.downloadUpdate(new CancellationToken());
      if (downloaded === undefined) throw new Error('nothing was downloaded');
      return downloaded;
    } finally {
      downloader.off('download-progress', progress);
    }
  };

  const check = async (): Promise<void> => {
    const feed = options.feed();
    if (feed === null) return;
    const checked = () => options.now().toISOString();
    const channel = options.channel();
    const remind = () => {
      stale = staleSince(memory.get(channel), options.now());
    };
    if (!ready) set({ kind: 'checking' });
    try {
      const base = folderUrl(feed);
      const found = await look(base, channel).finally(remind);
      if (!found || compareVersions(found.release.version, app.version) <= 0) {
        ready = null;
        return set({ kind: 'none', checked: checked() });
      }
      const { release, proof } = found;
      if (ready?.release.file.sha512 === release.file.sha512 && ready.release.version === release.version) {
        return set({ kind: 'ready', version: release.version });
      }
      ready = null;
      ready = { release, proof, file: await download(release, base) };
      log.info(`update: ${release.version} is ready`);
      set({ kind: 'ready', version: release.version });
    } catch (error) {
      if (!ready) return fail(error);
      // What is ready stays ready: it was verified before the feed broke.
      log.warn(`update: ${(error as Error).message}`);
      set({ kind: 'ready', version: ready.release.version });
    }
  };

  const install = async (): Promise<void> => {
    if (!ready) return;
    const { release, proof, file } = ready;
    try {
      // It may have lain there for days, in a folder of the user's.
      if ((await sha512(file)) !== release.file.sha512) {
        ready = null;
        throw new UpdateError('the downloaded update was changed on this computer, so it was not installed');
      }
      const command = installCommand(kind, file, proof);
      if (command) {
        await (options.run ?? installPackage)(command);
        app.relaunch();
      } else if (!downloader.install(true, true)) {
        throw new Error('the installer did not start');
      }
      app.quit();
    } catch (error) {
      fail(error);
    }
  };

  const alone = (job: () => Promise<void>): Promise<void> => {
    running ??= job().finally(() => {
      running = null;
    });
    return running;
  };
  return { check: () => alone(check), install: () => alone(install), state: () => update };
}

/** The folder's address with a slash at its end, so that names are resolved in it. */
function folderUrl(text: string): URL {
  const url = URL.parse(text);
  if (!url || !['https:', 'http:'].includes(url.protocol)) throw new UpdateError(`'${text}' is no address of updates`);
  url.search = '';
  url.hash = '';
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  return url;
}

async function sha512(file: string): Promise<string> {
  const hash = createHash('sha512');
  await pipeline(createReadStream(file), hash);
  return hash.digest('base64');
}
