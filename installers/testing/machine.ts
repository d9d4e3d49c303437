import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { CACHE } from '../sea/fetch.ts';
import { run, tool } from '../tools.ts';

export interface Ran {
  code: number;
  stdout: string;
  stderr: string;
}

/** What the machine needs beside what the package itself depends on. */
const SYSTEM = ['systemd', 'systemd-sysv', 'dbus', 'kmod', 'iputils-ping', 'procps', 'wireguard-go'];

/**
 * A clean Debian of the release that this computer runs, by mmdebstrap and this computer's own apt sources. Made once,
 * and kept as an archive.
 */
export async function debianTree(packages: readonly string[]): Promise<string> {
  const release = /^VERSION_CODENAME=(.*)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (release === undefined) throw new Error('/etc/os-release names no release of Debian');
  const all = [...SYSTEM, ...packages].join(',');
  const archive = path.join(CACHE, `${release}-${createHash('sha256').update(all).digest('hex').slice(0, 12)}.tar`);
  if (!existsSync(archive)) {
    mkdirSync(CACHE, { recursive: true });
    await run(tool('mmdebstrap'), ['--variant=minbase', `--include=${all}`, release, `${archive}.new.tar`]);
    await run(tool('mv'), [`${archive}.new.tar`, archive]);
  }
  const folder = mkdtempSync(path.join(tmpdir(), 'gatehouse-debian-'));
  await run(tool('tar'), ['-xf', archive, '-C', folder]);
  return folder;
}

/** Becomes the init of a Debian in `$1`, in namespaces of its own; the network namespace is the caller's. */
const BOOT = `root=$1
mount --make-rprivate / && mount --bind "$root" "$root" && cd "$root" || exit 1
mount -t proc proc proc && mount -t sysfs sysfs sys && mount -t cgroup2 cgroup2 sys/fs/cgroup || exit 1
mount -t tmpfs -o mode=755 tmpfs run && mount -t tmpfs tmpfs tmp && mount -t tmpfs -o mode=755 dev dev || exit 1
for name in null zero full random urandom tty; do touch dev/$name; mount --bind /dev/$name dev/$name; done
mkdir dev/net dev/pts dev/shm old 2>/dev/null
touch dev/net/tun && mount --bind /dev/net/tun dev/net/tun
mount -t devpts devpts dev/pts -o newinstance,ptmxmode=0666 && ln -s pts/ptmx dev/ptmx && ln -s /proc/self/fd dev/fd
pivot_root . old && umount -l /old
exec env -i container=other PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --system`;

/** A Debian with systemd as process 1, in a network namespace: as much of a machine as a kernel can be shared for. */
export class DebianMachine {
  readonly root: string;
  readonly #child: ChildProcess;
  readonly #cgroup: string;
  readonly #pid: string;

  private constructor(root: string, child: ChildProcess, cgroup: string, pid: string) {
    this.root = root;
    this.#child = child;
    this.#cgroup = cgroup;
    this.#pid = pid;
  }

  static async boot(root: string, netns: string): Promise<DebianMachine> {
    const cgroup = mkdtempSync(path.join(tmpdir(), 'gatehouse-cgroup-'));
    await run(tool('mount'), ['-t', 'cgroup2', 'cgroup2', cgroup]);
    // systemd's own subtree: the cgroup namespace begins where the process stands when it is made.
    const own = path.join(cgroup, path.basename(root));
    mkdirSync(own);
    const enter = 'echo $$ >"$0/cgroup.procs" && exec "$@"';
    const unshare = ['unshare', '--fork', '--pid', '--mount', '--uts', '--ipc', '--cgroup', '--kill-child'];
    const argv = ['-c', enter, own, 'nsenter', `--net=/run/netns/${netns}`, ...unshare, 'sh', '-c', BOOT, 'sh', root];
    const child = spawn('/bin/sh', argv, { stdio: ['ignore', 'ignore', 'inherit'] });
    // nsenter and unshare take the shell's place: its one child is process 1 of the machine.
    let pid = '';
    for (let look = 0; look < 600 && pid === ''; look++) {
      await sleep(100);
      pid = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8').trim();
      if (pid !== '' && readFileSync(`/proc/${pid}/comm`, 'utf8').trim() !== 'systemd') pid = '';
    }
    const machine = new DebianMachine(root, child, cgroup, pid);
    for (let look = 0; look < 600; look++) {
      const { stdout } = machine.try('systemctl', 'is-system-running');
      if (/^(running|degraded)/.test(stdout)) return machine;
      await sleep(100);
    }
    await machine.stop();
    throw new Error('systemd did not come up in its namespaces');
  }

  argv(...command: string[]): string[] {
    return ['-t', this.#pid, '-m', '-u', '-i', '-n', '-p', '-C', 'env', '-i', `PATH=${PATH}`, 'HOME=/root', ...command];
  }

  /** Runs a program on the machine. */
  try(...command: string[]): Ran {
    return this.tryWith('', ...command);
  }

  tryWith(input: string, ...command: string[]): Ran {
    try {
      const options = { encoding: 'utf8', input, stdio: 'pipe', timeout: 120_000 } as const;
      return { code: 0, stdout: execFileSync('nsenter', this.argv(...command), options), stderr: '' };
    } catch (error) {
      const { status, stdout, stderr } = error as { status: number | null; stdout: string; stderr: string };
      return { code: status ?? -1, stdout, stderr };
    }
  }

  /** The same, and its output; throws when it fails. */
  run(...command: string[]): string {
    const { code, stdout, stderr } = this.try(...command);
    if (code !== 0) throw new Error(`${command.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    return stdout.trim();
  }

  start(...command: string[]): ChildProcess {
    return spawn('nsenter', this.argv(...command), { stdio: ['ignore', 'pipe', 'inherit'] });
  }

  /** A file of the machine as this computer reaches it, what is mounted there included. */
  reach(file: string): string {
    return `/proc/${this.#pid}/root${file}`;
  }

  write(file: string, text: string): void {
    writeFileSync(path.join(this.root, file), text);
  }

  async stop(): Promise<void> {
    const gone = new Promise((resolve) => this.#child.once('exit', resolve));
    // With process 1 its whole process namespace ends.
    if (this.#child.exitCode === null && this.#child.kill('SIGKILL')) await gone;
    for (let look = 0; look < 50; look++) {
      try {
        // Deepest first; rmdir is how a cgroup is removed.
        execFileSync('find', [path.join(this.#cgroup, path.basename(this.root)), '-depth', '-type', 'd', '-delete'], {
          stdio: 'ignore',
        });
        break;
      } catch {
        await sleep(100);
      }
    }
    await run(tool('umount'), ['-l', this.#cgroup]);
    rmdirSync(this.#cgroup);
    rmSync(this.root, { recursive: true, force: true });
  }
}

const PATH = '/usr/sbin:/usr/bin:/sbin:/bin';
