import { access, readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentError } from '../../errors.ts';
import type { WgBackend } from '../../wireguard/backend.ts';
import { uapiBackend } from '../../wireguard/uapi.ts';
import { wgToolBackend } from '../../wireguard/wg-tool.ts';
import { RunError } from '../run.ts';
import { failed, findLink, type LinuxDeps, NO_PRIVILEGES } from './deps.ts';
import type { Journal } from './journal.ts';

/** An interface and the way to configure it. */
export interface Device {
  driver: 'kernel' | 'wireguard-go';
  backend: WgBackend;
}

export const NO_WIREGUARD =
  'this kernel has no WireGuard, or its tools are missing: install wireguard-tools or wireguard-go (on Debian: apt install wireguard-go)';

/** How long to wait for wireguard-go to come or go: this many looks, this far apart. */
const LOOKS = 100;
const LOOK_MS = 50;

const exists = (file: string): Promise<boolean> =>
  access(file).then(
    () => true,
    () => false,
  );

const socketPath = (deps: LinuxDeps, name: string): string => path.join(deps.paths.uapiFolder, `${name}.sock`);

/** `refused`: nobody listens on the socket any more. `mute`: it can't be told. */
async function probe(backend: WgBackend): Promise<'alive' | 'refused' | 'mute'> {
  try {
    await backend.read();
    return 'alive';
  } catch (error) {
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    return code === 'ECONNREFUSED' || code === 'ENOENT' ? 'refused' : 'mute';
  }
}

async function answers(backend: WgBackend): Promise<boolean> {
  return (await probe(backend)) === 'alive';
}

async function until(what: () => Promise<boolean>): Promise<boolean> {
  for (let look = 0; look < LOOKS; look++) {
    if (await what()) return true;
    await sleep(LOOK_MS);
  }
  return false;
}

/** The device that already runs under this name; null when there is none that lives. */
async function adopt(deps: LinuxDeps, name: string, journal: Journal): Promise<Device | null> {
  const link = await findLink(deps, name);
  if (!link) return null;
  const other = `the interface ${name} is there and was not made by this agent: delete it (ip link delete ${name}) or choose another name with GATEHOUSE_AGENT_INTERFACE`;
  if (link.kind === 'wireguard') {
    if (!journal.data.made) throw new AgentError('apply-failed', other);
    if (!deps.commands.find('wg')) throw new AgentError('no-wireguard', NO_WIREGUARD);
    return { driver: 'kernel', backend: wgToolBackend(name, deps.commands) };
  }
  if (link.kind !== 'tun' || !journal.data.made) throw new AgentError('apply-failed', other);
  const backend = uapiBackend(name, socketPath(deps, name));
  if (await answers(backend)) return { driver: 'wireguard-go', backend };
  deps.log(`the interface ${name} is left of a wireguard-go that no longer answers: making it anew`);
  await removeDevice(deps, name);
  return null;
}

/**
 * The sockets' folder is one for all network namespaces. A socket without an interface here is either dead, and goes,
 * or belongs to a device elsewhere.
 */
async function clearSocket(deps: LinuxDeps, name: string): Promise<void> {
  const file = socketPath(deps, name);
  if (!(await exists(file))) return;
  let state = await probe(uapiBackend(name, file));
  // One that is just ending may answer once more.
  for (let look = 0; state === 'alive' && look < LOOKS / 5; look++) {
    await sleep(LOOK_MS);
    state = await probe(uapiBackend(name, file));
  }
  if (state !== 'refused')
    throw new AgentError(
      'apply-failed',
      `a WireGuard device named ${name} runs in another network namespace: choose another name with GATEHOUSE_AGENT_INTERFACE`,
    );
  await rm(file, { force: true });
}

async function makeKernel(deps: LinuxDeps, name: string): Promise<Device | null> {
  if (!deps.commands.find('wg')) return null;
  try {
    await deps.commands.run('ip', ['link', 'add', 'dev', name, 'type', 'wireguard']);
    return { driver: 'kernel', backend: wgToolBackend(name, deps.commands) };
  } catch (error) {
    if (error instanceof RunError && /not permitted/.test(error.stderr))
      throw new AgentError('no-privileges', NO_PRIVILEGES, { cause: error });
    // "Unknown device type" or "Operation not supported": this kernel has none.
    return null;
  }
}

/** wireguard-go goes to the background by itself, so the tunnel outlives a daemon that is killed. */
async function makeUserspace(deps: LinuxDeps, name: string): Promise<Device> {
  if (!deps.commands.find('wireguard-go')) throw new AgentError('no-wireguard', NO_WIREGUARD);
  if (!(await exists(deps.paths.tun)))
    throw new AgentError(
      'no-wireguard',
      `${deps.paths.tun} is missing, which wireguard-go needs: modprobe tun, or give the container the device`,
    );
  try {
    await deps.commands.run('wireguard-go', [name]);
  } catch (error) {
    if (error instanceof RunError && /not permitted|permission denied/i.test(error.stderr))
      throw new AgentError('no-privileges', NO_PRIVILEGES, { cause: error });
    throw failed(error, 'can’t start wireguard-go');
  }
  const backend = uapiBackend(name, socketPath(deps, name));
  if (!(await until(() => answers(backend))))
    throw new AgentError('no-wireguard', `wireguard-go started, but does not answer on ${socketPath(deps, name)}`);
  return { driver: 'wireguard-go', backend };
}

/**
 * Brings the link up before the device is configured: only then does setting a port that is in use fail. On a link that
 * is down the port is taken later, and wireguard-go keeps a failure to itself.
 */
async function listen(deps: LinuxDeps, name: string, backend: WgBackend): Promise<void> {
  try {
    await deps.commands.run('ip', ['link', 'set', 'dev', name, 'up']);
  } catch (error) {
    throw failed(error, `can’t bring ${name} up`);
  }
  await until(async () => ((await backend.read()).listenPort ?? 0) !== 0);
}

/** Adopts the interface `name` or makes it: in the kernel where that is possible, else with wireguard-go. */
export async function openDevice(deps: LinuxDeps, name: string, journal: Journal): Promise<Device> {
  const found = await adopt(deps, name, journal);
  if (found) {
    deps.log(`adopted the running interface ${name} (${found.driver})`);
    return found;
  }
  await clearSocket(deps, name);
  await journal.update({ made: true });
  const device = (await makeKernel(deps, name)) ?? (await makeUserspace(deps, name));
  await listen(deps, name, device.backend);
  deps.log(`made the interface ${name} (${device.driver})`);
  return device;
}

/** Deletes the interface; wireguard-go ends with it and takes its socket along. */
export async function removeDevice(deps: LinuxDeps, name: string): Promise<void> {
  const link = await findLink(deps, name);
  if (link) {
    await deps.commands.run('ip', ['link', 'delete', 'dev', name]).catch(async (error: unknown) => {
      if (await findLink(deps, name)) throw failed(error, `can’t delete the interface ${name}`);
    });
  }
  const file = socketPath(deps, name);
  if (link?.kind !== 'tun' || !(await exists(file))) return;
  await until(async () => !(await exists(file)) || !(await answers(uapiBackend(name, file))));
  await rm(file, { force: true });
}

/** Sockets in the shared folder on which nobody listens any more. */
export async function staleSockets(deps: LinuxDeps): Promise<string[]> {
  const stale: string[] = [];
  for (const file of await readdir(deps.paths.uapiFolder).catch(() => [])) {
    if (!file.endsWith('.sock')) continue;
    const full = path.join(deps.paths.uapiFolder, file);
    if ((await probe(uapiBackend(file.slice(0, -5), full))) === 'refused') stale.push(full);
  }
  return stale;
}
