import { lookup } from 'node:dns/promises';
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { connect as tlsConnect } from 'node:tls';
import type { Finding } from '@gatehouse/protocol';
import { explain, type Identity, request, trusting } from '../controller/index.ts';
import type { Platform } from '../os/platform.ts';
import { TIMES } from '../tunnel/index.ts';
import type { Daemon } from './daemon.ts';

const PATIENCE = 5_000;
/** TLS certificates and token lifetimes begin to suffer beyond this, in seconds. */
const MAX_SKEW = 60;

const ok = (check: string, detail: string): Finding => ({ check, result: 'ok', detail, advice: null });
const warning = (check: string, detail: string, advice: string): Finding => ({
  check,
  result: 'warning',
  detail,
  advice,
});
const failed = (check: string, detail: string, advice: string): Finding => ({
  check,
  result: 'failed',
  detail,
  advice,
});

/** `gatehouse doctor`: the system's checks and the daemon's own, each with what to do. */
export async function diagnose(daemon: Daemon, platform: Platform, interfaceName: string): Promise<Finding[]> {
  const { identity } = daemon;
  const [system, controller] = await Promise.all([
    platform
      .diagnose(interfaceName)
      .catch((error: Error) => [failed('system', error.message, 'Look at gatehouse logs.')]),
    identity ? diagnoseController(identity) : [],
  ]);
  return [
    ok('daemon', `runs as process ${process.pid}`),
    enrollment(daemon),
    ...controller,
    ...system,
    ...(identity ? [channel(daemon), handshake(daemon)] : []),
    ...(daemon.tunnel.role === 'hub' ? [names(daemon)] : []),
  ];
}

function enrollment(daemon: Daemon): Finding {
  const { identity } = daemon;
  if (!identity) {
    return failed(
      'enrollment',
      daemon.tunnel.enrollProblem ?? 'this device is not enrolled',
      'gatehouse enroll <url> --token <token>',
    );
  }
  if (identity.revoked !== undefined)
    return failed('enrollment', 'the controller cut this device off', identity.revoked);
  return ok('enrollment', `${identity.peerName} at ${identity.url}`);
}

function channel(daemon: Daemon): Finding {
  const { target, controller } = daemon.tunnel;
  if (target === 'down') return ok('channel', 'not wanted: the target is down');
  if (controller.connected) return ok('channel', 'connected');
  const why = controller.problem?.message ?? 'not connected yet';
  return warning('channel', why, 'The tunnel works without it, as it was configured last.');
}

function handshake(daemon: Daemon): Finding {
  const { tunnel } = daemon;
  if (tunnel.target === 'down') return ok('handshake', 'not wanted: the target is down');
  if (tunnel.role === 'hub') return ok('handshake', 'this device is the hub');
  const at = tunnel.link?.handshakeAt;
  if (at != null && tunnel.tickAt - at <= TIMES.handshake) {
    return ok('handshake', `${Math.max(0, Math.round((tunnel.tickAt - at) / 1000))} s ago with ${tunnel.hub?.name}`);
  }
  const cause = tunnel.cause?.message ?? 'none yet';
  return failed('handshake', cause, 'Check that UDP to the hub passes the firewalls in between.');
}

function names(daemon: Daemon): Finding {
  if (!daemon.tunnel.open) return ok('names', 'not wanted: the tunnel is down');
  const [problem] = daemon.status().warnings;
  if (problem === undefined) return ok('names', 'the hub answers for the overlay');
  return warning('names', ...splitAdvice(problem));
}

/** A message for people as what is wrong and what to do. */
export function splitAdvice(message: string): [detail: string, advice: string] {
  const [, detail, advice] = /^(.+?)(?:: |\. )(.+)$/s.exec(message) ?? [];
  return detail === undefined || advice === undefined ? [message, 'Look at gatehouse logs.'] : [detail, advice];
}

/** DNS, TCP, TLS and HTTP, each by itself, up to the first that fails; then the clock. */
async function diagnoseController(identity: Identity): Promise<Finding[]> {
  const findings: Finding[] = [];
  const url = new URL(identity.url);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const secure = url.protocol === 'https:';
  const port = Number(url.port || (secure ? 443 : 80));
  const step = async (check: string, work: () => Promise<string>): Promise<boolean> => {
    try {
      findings.push(ok(check, await work()));
      return true;
    } catch (error) {
      findings.push(failed(check, ...splitAdvice(explain(error, url.origin).message)));
      return false;
    }
  };
  let date: string | undefined;
  const passed =
    (isIP(host) !== 0 || (await step('controller DNS', async () => `${host} is ${(await lookup(host)).address}`))) &&
    (await step('controller TCP', async () => {
      await opened(tcpConnect({ host, port }), 'connect');
      return `port ${port} answers`;
    })) &&
    (!secure ||
      (await step('controller TLS', async () => {
        const servername = isIP(host) === 0 ? { servername: host } : {};
        const socket = tlsConnect({ host, port, ...trusting(identity.ca), ...servername });
        const until = await opened(socket, 'secureConnect', () => socket.getPeerCertificate().valid_to);
        return `the certificate is good until ${until}`;
      }))) &&
    (await step('controller HTTP', async () => {
      const response = await request(`${identity.url}/api/v1/health`, {
        method: 'GET',
        ca: identity.ca,
        timeout: { connect: PATIENCE, request: PATIENCE },
        limit: 64 * 1024,
      });
      date = response.headers.date;
      if (response.statusCode === 200) return 'the API answers';
      throw new Error(`/api/v1/health answers HTTP ${response.statusCode}`);
    }));
  if (passed && date !== undefined) findings.push(clock(Date.parse(date)));
  return findings;
}

function opened<T = undefined>(socket: Socket, event: string, read?: () => T): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    const end = (error: Error | null, value?: T) => {
      socket.destroy();
      if (error) reject(error);
      else resolve(value);
    };
    socket.setTimeout(PATIENCE, () => end(Object.assign(new Error('no answer'), { code: 'ETIMEDOUT' })));
    socket.once(event, () => end(null, read?.()));
    socket.once('error', end);
  });
}

function clock(theirs: number): Finding {
  const skew = Math.round((Date.now() - theirs) / 1000);
  if (Math.abs(skew) <= MAX_SKEW) return ok('clock', 'agrees with the controller');
  const text = `this machine is ${Math.abs(skew)} s ${skew > 0 ? 'ahead of' : 'behind'} the controller`;
  return warning('clock', text, 'Set both clocks by NTP: certificates and handshakes depend on them.');
}
