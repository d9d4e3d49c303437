import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { AppImageUpdater, BaseUpdater, NsisUpdater, Provider } from 'electron-updater';
import type { AppAdapter } from 'electron-updater/out/AppAdapter.js';
import type { DownloadExecutorResult, DownloadUpdateOptions } from 'electron-updater/out/AppUpdater.js';
import type { ProviderRuntimeOptions } from 'electron-updater/out/providers/Provider.js';
import { Downloads, type Request } from './http.ts';
import type { PackageKind, Release } from './release.ts';

/** How this copy came onto the machine; null: by none of our packages, so it can't replace itself. */
export function packageKind(
  platform: string,
  resourcesPath: string,
  env: Readonly<Record<string, string | undefined>>,
): PackageKind | null {
  if (platform === 'win32') return existsSync(path.join(resourcesPath, 'app-update.yml')) ? 'nsis' : null;
  if (platform === 'darwin') return existsSync(path.join(resourcesPath, 'app-update.yml')) ? 'pkg' : null;
  if (env.APPIMAGE !== undefined && env.APPIMAGE !== '') return 'appimage';
  try {
    // electron-builder writes it into its packages.
    const kind = readFileSync(path.join(resourcesPath, 'package-type'), 'utf8').trim();
    return kind === 'deb' || kind === 'rpm' ? kind : null;
  } catch {
    return null;
  }
}

/**
 * electron-updater's part: downloads the file of a verified release beside its cache, with the check of its SHA-512, and
 * runs what replaces the app where that is its own affair (NSIS, AppImage).
 */
export function createDownloader(kind: PackageKind, app: AppAdapter, request: Request): BaseUpdater {
  const updater =
    kind === 'nsis'
      ? new NsisUpdater(null, app)
      : kind === 'appimage'
        ? new AppImageUpdater(null, app)
        : new PackageUpdater(kind, app);
  // It makes one itself only where it makes its own adapter of Electron too.
  Object.assign(updater, { httpExecutor: new Downloads(request) });
  updater.autoDownload = false;
  updater.autoInstallOnAppQuit = false;
  updater.allowDowngrade = false;
  updater.disableWebInstaller = true;
  // Its block map is a file of its own, which nobody has signed.
  updater.disableDifferentialDownload = kind === 'nsis';
  return updater;
}

/** Hands electron-updater a release that is verified already, so that there is no second description to trust. */
export const providerOf = (release: Release, base: URL) =>
  class extends Provider<never> {
    constructor(_options: unknown, _updater: unknown, runtime: ProviderRuntimeOptions) {
      super(runtime);
    }

    async getLatestVersion() {
      const { version, releaseDate, file } = release;
      return { version, releaseDate, files: [file], path: file.url, sha512: file.sha512 } as never;
    }

    resolveFiles() {
      return [{ url: new URL(release.file.url, base), info: release.file }];
    }
  };

/** Packages that the system installs: electron-updater's own way there goes through a shell. */
class PackageUpdater extends BaseUpdater {
  readonly #extension: string;

  constructor(extension: string, app: AppAdapter) {
    super(null, app);
    this.#extension = extension;
  }

  protected override doDownloadUpdate(options: DownloadUpdateOptions): Promise<DownloadExecutorResult> {
    const { info, provider } = options.updateInfoAndProvider;
    const [file] = provider.resolveFiles(info);
    if (!file) throw new Error('the release has no file');
    return this.executeDownload({
      fileExtension: this.#extension,
      fileInfo: file,
      downloadUpdateOptions: options,
      // electron-updater keeps it to itself in its types.
      task: (target, download) =>
        (this as unknown as { httpExecutor: Downloads }).httpExecutor.download(file.url, target, download),
    });
  }

  protected override doInstall(): boolean {
    throw new Error('the system installs packages: see installPackage');
  }
}

/**
 * Of the app's deb and rpm, root's: checks the signature again, by keys of its own, and a copy of the package that nobody
 * else can exchange, and installs that (packaging/linux).
 */
const INSTALL_UPDATE = '/usr/lib/gatehouse/install-update';

/** The description of a release and its signature, as they were fetched. */
export interface Proof {
  description: Buffer;
  signature: Buffer;
}

/** By which programs the system installs a package: it asks for the administrator's password itself. */
export function installCommand(kind: PackageKind, file: string, proof: Proof): [string, ...string[]] | null {
  switch (kind) {
    case 'deb':
    case 'rpm': {
      const { description, signature } = proof;
      const words = [description.toString('base64'), signature.toString('base64')];
      return ['/usr/bin/pkexec', INSTALL_UPDATE, kind, file, ...words];
    }
    case 'pkg':
      return ['/usr/bin/open', '-W', file];
    default:
      return null;
  }
}

/** Runs the system's installer; rejects where it fails or the user declines. */
export async function installPackage(command: readonly [string, ...string[]]): Promise<void> {
  const [program, ...args] = command;
  await promisify(execFile)(program, args, { maxBuffer: 1024 * 1024 });
}
