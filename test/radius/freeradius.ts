import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** FreeRADIUS 3 as Debian has it: foreign server and foreign proxy for tests and benchmarks. */
export interface FreeradiusOptions {
  clients: readonly { address: string; secret: string }[];
  users?: readonly {
    name: string;
    password: string;
    /** Attributes of the accept, as its users file writes them: `Class := "x"`. */
    reply?: readonly string[];
  }[];
  /** EAP (MD5, TLS, PEAP, TTLS) with this server certificate; files in PEM. */
  eap?: {
    keyFile: string;
    certificateFile: string;
    authorityFile: string;
    /** By default 1.2: with 1.3 this version warns that few supplicants understand it. */
    tlsMax?: '1.2' | '1.3';
  };
  /** The whole of proxy.conf: home servers, pools and realms. With it, realms are looked for behind the @. */
  proxy?: string;
  /** More modules, in FreeRADIUS's own syntax. */
  modules?: string;
  /** What a section holds beside what is needed for the above. */
  sections?: { authorize?: string; accounting?: string; postAuth?: string; preProxy?: string };
  /** Worker threads; by default what it does by itself. */
  threads?: number;
  /** With `-X`: everything that it thinks, in `output()`. One thread. */
  debug?: boolean;
}

export interface Freeradius {
  authPort: number;
  acctPort: number;
  /** Of the process, for measuring its CPU. */
  pid: number;
  /** What it has said. */
  output(): string;
  stop(): Promise<void>;
}

const LIBRARIES = '/usr/lib/freeradius';
const READY_MS = 30_000;

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;

/** Ports of 127.0.0.1 that were free a moment ago; FreeRADIUS can't be asked which one it has chosen. */
export async function freeUdpPorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket('udp4'));
  const ports: number[] = [];
  for (const socket of sockets) {
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    ports.push(socket.address().port);
  }
  for (const socket of sockets) socket.close();
  return ports;
}

function eapModule({
  keyFile,
  certificateFile,
  authorityFile,
  tlsMax = '1.2',
}: NonNullable<FreeradiusOptions['eap']>): string {
  return `
  eap {
    default_eap_type = peap
    timer_expire = 60
    max_sessions = 4096
    md5 {
    }
    mschapv2 {
    }
    gtc {
      auth_type = PAP
    }
    tls-config common {
      private_key_file = ${keyFile}
      certificate_file = ${certificateFile}
      ca_file = ${authorityFile}
      cipher_list = "DEFAULT"
      tls_min_version = "1.2"
      tls_max_version = "${tlsMax}"
      ecdh_curve = "prime256v1"
      cache {
        enable = no
      }
    }
    tls {
      tls = common
    }
    peap {
      tls = common
      default_eap_type = mschapv2
      virtual_server = inner
    }
    ttls {
      tls = common
      default_eap_type = md5
      virtual_server = inner
    }
  }`;
}

function configuration(folder: string, options: FreeradiusOptions, authPort: number, acctPort: number): string {
  const { clients, eap, proxy, modules = '', sections = {}, threads } = options;
  const pool =
    threads === undefined
      ? { start: 4, max: 32, min: 3, spare: 10 }
      : { start: threads, max: threads, min: 1, spare: threads };
  return `
prefix = /usr
libdir = ${LIBRARIES}
confdir = ${folder}
raddbdir = ${folder}
logdir = ${folder}
run_dir = ${folder}
db_dir = ${folder}
radacctdir = ${folder}
name = radiusd
max_request_time = 30
cleanup_delay = 5
max_requests = 65536
hostname_lookups = no
log {
  destination = stdout
  auth = no
}
security {
  max_attributes = 200
  reject_delay = 0
  status_server = yes
}
proxy_requests = ${proxy === undefined ? 'no' : 'yes'}
${proxy ?? ''}
${clients
  .map(
    ({ address, secret }, i) => `client c${i} {
  ipaddr = ${address}
  secret = ${quoted(secret)}
}`,
  )
  .join('\n')}
thread pool {
  start_servers = ${pool.start}
  max_servers = ${pool.max}
  min_spare_servers = ${pool.min}
  max_spare_servers = ${pool.spare}
  max_requests_per_server = 0
}
modules {
  pap {
  }
  chap {
  }
  mschap {
    use_mppe = yes
    with_ntdomain_hack = yes
    pool {
      start = 0
      min = 0
      max = 1
      spare = 1
    }
  }
  files {
    filename = ${folder}/users
  }
  always ok {
    rcode = ok
  }
  realm suffix {
    format = suffix
    delimiter = "@"
  }
  ${eap ? eapModule(eap) : ''}
  ${modules}
}
server default {
  listen {
    type = auth
    ipaddr = 127.0.0.1
    port = ${authPort}
  }
  listen {
    type = acct
    ipaddr = 127.0.0.1
    port = ${acctPort}
  }
  authorize {
    ${proxy === undefined ? '' : 'suffix'}
    chap
    mschap
    ${eap ? 'eap { ok = return }' : ''}
    files
    ${sections.authorize ?? ''}
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type CHAP {
      chap
    }
    Auth-Type MS-CHAP {
      mschap
    }
    ${eap ? 'eap' : ''}
  }
  preacct {
    ${proxy === undefined ? '' : 'suffix'}
  }
  accounting {
    ${sections.accounting ?? 'ok'}
  }
  session {
  }
  post-auth {
    ${sections.postAuth ?? ''}
  }
  pre-proxy {
    ${sections.preProxy ?? ''}
  }
  post-proxy {
    ${eap ? 'eap' : ''}
  }
}
${
  eap
    ? `server inner {
  authorize {
    mschap
    eap {
      ok = return
    }
    files
    pap
  }
  authenticate {
    Auth-Type PAP {
      pap
    }
    Auth-Type MS-CHAP {
      mschap
    }
    eap
  }
}`
    : ''
}
`;
}

const userEntry = ({ name, password, reply = [] }: NonNullable<FreeradiusOptions['users']>[number]): string =>
  `${quoted(name)} Cleartext-Password := ${quoted(password)}\n${reply.length > 0 ? `\t${reply.join(',\n\t')}\n` : ''}`;

/** Starts one on free ports of 127.0.0.1, with a configuration of its own in a folder of its own. */
export async function startFreeradius(options: FreeradiusOptions): Promise<Freeradius> {
  const folder = await mkdtemp(path.join(tmpdir(), 'gatehouse-freeradius-'));
  const [authPort = 0, acctPort = 0] = await freeUdpPorts(2);
  const write = (name: string, text: string) => writeFile(path.join(folder, name), text, { mode: 0o600 });
  await write('radiusd.conf', configuration(folder, options, authPort, acctPort));
  await write('users', (options.users ?? []).map(userEntry).join('\n'));
  await write('dictionary', '$INCLUDE /usr/share/freeradius/dictionary\n');
  const args = options.debug ? ['-X'] : ['-f', '-l', 'stdout'];
  const child = spawn('freeradius', [...args, '-d', folder, '-n', 'radiusd'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  child.stderr.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  const stop = async (): Promise<void> => {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  };
  const until = performance.now() + READY_MS;
  while (!output.includes('Ready to process requests')) {
    if (child.exitCode !== null || child.signalCode !== null || performance.now() > until) {
      await stop();
      throw new Error(`FreeRADIUS did not start:\n${output.slice(-4000)}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { authPort, acctPort, pid: child.pid as number, output: () => output, stop };
}

/** Ends a process of ours and waits for it. */
export async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const over = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await over;
  clearTimeout(timer);
}
