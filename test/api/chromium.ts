import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { type Json, until } from './support.ts';

/** One page of the system's Chromium without a window, driven by the DevTools protocol. */
export class Chromium {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (message: Json) => void>();
  #session: string | undefined;
  #calls = 0;
  /** What the browser complained of, violations of a page's policy among it. */
  readonly complaints: string[] = [];

  private constructor(child: ChildProcess, folder: string, socket: WebSocket) {
    this.#child = child;
    this.#folder = folder;
    this.#socket = socket;
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      this.#waiting.get(message.id)?.(message);
      const entry = message.method === 'Log.entryAdded' ? message.params.entry : undefined;
      if (entry?.level === 'error') this.complaints.push(`${entry.source}: ${entry.text} (${entry.url ?? ''})`);
      if (message.method === 'Runtime.exceptionThrown') this.complaints.push(message.params.exceptionDetails.text);
    });
  }

  static async start(): Promise<Chromium> {
    const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-chromium-'));
    const flags = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run'];
    const own = [`--user-data-dir=${folder}`, '--remote-debugging-port=0', 'about:blank'];
    const child = spawn('chromium', [...flags, ...own], { stdio: ['ignore', 'ignore', 'pipe'] });
    let address: string | undefined;
    for await (const line of createInterface({ input: child.stderr as NodeJS.ReadableStream })) {
      address = /^DevTools listening on (ws:\S+)/.exec(line)?.[1];
      if (address) break;
    }
    if (!address) throw new Error('chromium did not start');
    child.stderr?.resume();
    const socket = new WebSocket(address);
    await once(socket, 'open');
    const browser = new Chromium(child, folder, socket);
    const { targetId } = await browser.#call('Target.createTarget', { url: 'about:blank' });
    browser.#session = (await browser.#call('Target.attachToTarget', { targetId, flatten: true })).sessionId;
    for (const domain of ['Page', 'Log', 'Runtime']) await browser.#call(`${domain}.enable`);
    return browser;
  }

  #call(method: string, params: Json = {}): Promise<Json> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ error, result }) => {
        this.#waiting.delete(id);
        if (error) reject(new Error(`${method}: ${error.message}`));
        else resolve(result);
      });
      this.#socket.send(JSON.stringify({ id, method, params, sessionId: this.#session }));
    });
  }

  open = (url: string): Promise<Json> => this.#call('Page.navigate', { url });

  /** The value of an expression in the page. Undefined while it has none, or is on its way to another page. */
  async value(expression: string): Promise<Json> {
    const answer = await this.#call('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true }).catch(
      () => undefined,
    );
    return answer?.exceptionDetails ? undefined : answer?.result.value;
  }

  /** Waits until the page says so. */
  shows = (text: RegExp): Promise<true> =>
    until(
      `the page says ${text}`,
      async () => text.test((await this.value('document.body.innerText')) ?? '') || undefined,
    );

  /** Clicks on what people can see. */
  async click(selector: string): Promise<void> {
    const seen = `const it = document.querySelector(${JSON.stringify(selector)}); it && it.offsetParent !== null`;
    await until(`${selector} can be seen`, () => this.value(`{ ${seen} }`));
    await this.value(`document.querySelector(${JSON.stringify(selector)}).click()`);
  }

  async close(): Promise<void> {
    this.#socket.terminate();
    this.#child.kill('SIGKILL');
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit');
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
