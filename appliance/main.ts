import { pino } from 'pino';
import { type Appliance, startAppliance } from './appliance.ts';
import { ConfigError, loadConfig } from './config/index.ts';
import { StoreError } from './store/index.ts';

/** SIGTERM ends the process within this time, whatever hangs. */
const STOP_MS = 9_000;

const LOOPBACK = /^http:\/\/(127\.|\[::1\]|localhost)/;

const say = (text: string) => process.stdout.write(`${text}\n`);

function fail(error: unknown): never {
  const known = error instanceof ConfigError || error instanceof StoreError;
  const { code, message, stack } = error as NodeJS.ErrnoException;
  const text = known || code !== undefined ? message : stack;
  const setting =
    (error as NodeJS.ErrnoException).syscall === 'bind' ? 'GATEHOUSE_RADIUS_AUTH or _ACCT' : 'GATEHOUSE_LISTEN';
  const advice =
    code === 'EADDRINUSE' && !message.includes('GATEHOUSE_')
      ? ` Another program has this address: stop it, or set ${setting}.`
      : '';
  process.stderr.write(`gatehouse: ${text}${advice}\n`);
  process.exit(1);
}

process.umask(0o077);
try {
  const config = loadConfig(process.env, process.argv.slice(2));
  const log = pino(
    {
      level: config.log.level,
      redact: {
        paths: ['password', 'token', 'authorization', 'cookie', '*.password', '*.token'],
        censor: '[redacted]',
      },
    },
    pino.destination({ dest: 2, sync: true }),
  );
  // A fault that nobody caught: the state is unknown, so the process ends, loudly, and is started anew.
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error) => {
      log.fatal({ err: error }, event);
      process.exit(1);
    });
  }

  let appliance: Appliance | undefined;
  let stopping = false;
  const stop = (signal: string): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'stopping');
    setTimeout(() => {
      log.warn('some connections did not end in time');
      process.exit(0);
    }, STOP_MS).unref();
    Promise.resolve(appliance?.close()).then(
      () => process.exit(0),
      (error) => {
        log.error({ err: error }, 'could not stop cleanly');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop(signal));

  appliance = await startAppliance(config, log);
  const { url, tls, radius, logs, initialPassword } = appliance;
  if (initialPassword !== undefined) {
    say(`administrator: admin, password: ${initialPassword} (shown this once; change it after signing in)`);
  }
  if (tls) {
    const pin = tls.pin === undefined ? '' : ` pin ${tls.pin}`;
    say(`gatehouse TLS ${tls.url} certificate SHA-256 ${tls.fingerprint}${pin}`);
  }
  const listening = Object.entries(radius).map(([what, address]) => `${what} ${address}`);
  if (listening.length > 0) say(`gatehouse RADIUS ${listening.join(', ')}`);
  for (const key of logs.newKeys ?? [])
    say(`gatehouse log key ${key} (write it down: it proves that the log is this one)`);
  if (logs.syslog !== undefined)
    say(`gatehouse syslog ${logs.syslog}${logs.syslogTls ? `, TLS ${logs.syslogTls}` : ''}`);
  if (!LOOPBACK.test(url)) {
    log.warn({ url }, 'plain HTTP beyond this machine: passwords and tokens cross the network in the clear; use TLS');
  }
  say(`gatehouse ready ${url}`);
} catch (error) {
  fail(error);
}
