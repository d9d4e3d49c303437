import { randomInt } from 'node:crypto';
import { appendFileSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { AgentError } from '../../errors.ts';
import type { DeviceStat, Platform, Tunnel, TunnelConfig } from '../../os/platform.ts';

/**
 * A Platform for tests, in the place of an operating system (which needs root): the "kernel" is a folder of files, so
 * it outlives a killed daemon as real interfaces do. `device.json` is the interface and what was applied, `port` where it
 * listens, `stats.json` what its peers did, `fail` makes calls fail (`<code> <message>`), `journal` lists the calls.
 */
export class FakeKernel implements Platform {
  readonly folder: string;

  constructor(folder: string) {
    this.folder = folder;
  }

  #file = (name: string): string => path.join(this.folder, name);
  #note = (what: string): void => appendFileSync(this.#file('journal'), `${what}\n`);
  #failing(): void {
    if (!existsSync(this.#file('fail'))) return;
    const [code = '', ...words] = readFileSync(this.#file('fail'), 'utf8').split(' ');
    throw new AgentError(code as 'no-privileges', words.join(' '));
  }

  get journal(): string[] {
    return existsSync(this.#file('journal')) ? readFileSync(this.#file('journal'), 'utf8').trim().split('\n') : [];
  }

  /** What was applied last; null when there is no interface. */
  get device(): TunnelConfig | null {
    if (!existsSync(this.#file('device.json'))) return null;
    return JSON.parse(readFileSync(this.#file('device.json'), 'utf8')) as TunnelConfig | null;
  }

  /** Makes calls fail until given null. */
  fail(message: string | null): void {
    if (message === null) rmSync(this.#file('fail'), { force: true });
    else writeFileSync(this.#file('fail'), message);
  }

  /** Where the device listens. */
  get port(): number {
    return Number(readFileSync(this.#file('port'), 'utf8'));
  }

  #listen(port: number): void {
    writeFileSync(this.#file('port'), String(port));
  }

  /** A port that another program has, so that no device gets it. */
  taken: number | null = null;

  /** What happens when wireguard-go is killed. */
  destroy(): void {
    rmSync(this.#file('device.json'), { force: true });
  }

  /** A handshake with every peer, and bytes from it. */
  traffic(rx: number, lastHandshake = Math.floor(Date.now() / 1000)): void {
    writeFileSync(this.#file('stats.json'), JSON.stringify({ rx, lastHandshake }));
  }

  async openTunnel(name: string): Promise<Tunnel> {
    this.#failing();
    const adopted = existsSync(this.#file('device.json'));
    this.#note(adopted ? 'adopt' : 'open');
    if (!adopted) {
      writeFileSync(this.#file('device.json'), 'null');
      this.#listen(randomInt(20_000, 60_000));
    }
    const read = async (): Promise<DeviceStat> => {
      if (!existsSync(this.#file('device.json'))) throw new Error('no such device');
      const config = this.device;
      const stats = existsSync(this.#file('stats.json'))
        ? (JSON.parse(readFileSync(this.#file('stats.json'), 'utf8')) as { rx: number; lastHandshake: number })
        : { rx: 0, lastHandshake: 0 };
      const peers = (config?.state.peers ?? []).map(({ publicKey, endpoint, keepalive, allowedIps }) => ({
        publicKey,
        ...(endpoint !== undefined && { endpoint }),
        keepalive,
        allowedIps,
        tx: 0,
        ...stats,
      }));
      return { listenPort: this.port, peers };
    };
    return {
      name,
      driver: 'fake',
      dnsMode: 'fake',
      apply: async (config) => {
        this.#failing();
        if (!existsSync(this.#file('device.json'))) throw new Error('no such device');
        const { formerPort, state } = config;
        const wanted = state.interface.listenPort ?? (this.device === null ? formerPort : undefined);
        if (wanted !== undefined && wanted !== this.taken) this.#listen(wanted);
        this.#note(`apply ${config.state.peers.map((peer) => peer.endpoint ?? '-').join(' ')}`);
        writeFileSync(this.#file('device.json'), JSON.stringify(config));
      },
      repair: async () => [],
      read,
      close: async () => {
        this.#note('close');
        this.destroy();
      },
    };
  }

  async recover(): Promise<void> {
    this.#note('recover');
    this.destroy();
  }

  async diagnose() {
    return [{ check: 'wireguard', result: 'ok' as const, detail: 'fake', advice: null }];
  }
}
