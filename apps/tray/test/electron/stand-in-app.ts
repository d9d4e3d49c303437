import { EventEmitter } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import path from 'node:path';

const switchOf = (name: string): string | undefined =>
  process.argv.find((argument) => argument.startsWith(`--${name}=`))?.slice(name.length + 3);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

/** An event that its listeners may prevent. */
export function preventable(more: object = {}): { defaultPrevented: boolean; preventDefault(): void } {
  const event = {
    ...more,
    defaultPrevented: false,
    preventDefault: () => {
      event.defaultPrevented = true;
    },
  };
  return event;
}

/** What closes when the app quits: true when it let itself be closed. */
export const closers = new Set<() => boolean>();

/** Electron's `app`, as far as the shell uses it. */
class App extends EventEmitter {
  readonly isPackaged = process.env.STAND_IN_PACKAGED === '1';
  readonly calls: string[] = [];
  #userData = switchOf('user-data-dir') ?? '';
  #handed: Promise<void> | null = null;

  whenReady = async (): Promise<void> => undefined;
  enableSandbox = (): void => void this.calls.push('enableSandbox');
  setAppUserModelId = (): void => undefined;
  setAsDefaultProtocolClient = (scheme: string): boolean => this.calls.push(`protocol ${scheme}`) > 0;
  setLoginItemSettings = (): void => undefined;
  getVersion = (): string => '0.1.0';
  getName = (): string => 'Gatehouse';
  getAppPath = (): string => this.#userData;
  getLocale = (): string => 'en';
  getPreferredSystemLanguages = (): string[] => ['en-GB'];
  relaunch = (): void => undefined;

  getPath(name: string): string {
    if (name !== 'userData') throw new Error(`the stand-in has no path '${name}'`);
    mkdirSync(this.#userData, { recursive: true });
    return this.#userData;
  }

  requestSingleInstanceLock(): boolean {
    const folder = this.getPath('userData');
    const [file, socket] = [path.join(folder, 'lock'), path.join(folder, 'instance.sock')];
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
    } catch {
      if (isAlive(Number(readFileSync(file, 'utf8')))) {
        this.#handed = new Promise((resolve) => {
          connect(socket)
            .on('close', () => resolve())
            .on('error', () => resolve())
            .end(JSON.stringify(process.argv));
        });
        return false;
      }
      writeFileSync(file, String(process.pid));
    }
    rmSync(socket, { force: true });
    const server = createServer((client) => {
      let text = '';
      client.on('data', (chunk) => {
        text += chunk;
      });
      client.on('end', () => this.emit('second-instance', {}, JSON.parse(text), folder));
    });
    server.listen(socket).unref();
    process.on('exit', () => rmSync(file, { force: true }));
    return true;
  }

  quit(): void {
    if (this.#handed) {
      void this.#handed.then(() => process.exit(0));
      return;
    }
    this.emit('before-quit', preventable());
    for (const close of closers) if (!close()) return;
    this.emit('will-quit', preventable());
    this.exit(0);
  }

  exit(code: number): void {
    this.emit('quit', {}, code);
    setImmediate(() => process.exit(code));
  }
}

export const app = new App();
