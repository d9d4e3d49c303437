import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import { AgentError } from '../errors.ts';
import type { Controller } from './client.ts';
import { codes, explain, UNTRUSTED } from './failure.ts';
import { trusting } from './trust.ts';

/** SHA-256 in base64url without padding: 43 characters. */
const PIN = /^sha256:([A-Za-z0-9_-]{43})$/;
/** Milliseconds until a connection has to stand. */
const TIMEOUT = 10_000;
/** Certificates that a chain may have. */
const MAX_CHAIN = 16;

const certificate = (message: string): AgentError => new AgentError('certificate', message);

/**
 * The certificate (PEM) that an invitation's pin names, out of the chain that the controller serves: its own, or one that
 * signed it. Nothing is said to the controller but TLS. Throws AgentError: `bad-request` where the pin is none,
 * `certificate` where nothing in the chain has it, or the controller's certificate doesn't hold to it.
 */
export async function certificateOf({ url: base, ca }: Controller, pin: string): Promise<string> {
  const url = new URL(base);
  const wanted = Buffer.from(PIN.exec(pin)?.[1] ?? '', 'base64url');
  if (wanted.length !== 32) {
    throw new AgentError('bad-request', 'The pin is not of the form sha256:<43 characters>: copy the whole link.');
  }
  if (url.protocol !== 'https:') {
    throw new AgentError('bad-request', `A pin is for https://, and ${url.origin} is plain HTTP: ask for a new link.`);
  }
  if (ca !== undefined) throw new AgentError('bad-request', 'A pin and --ca say the same: give one of them.');
  const chain = await handshake(url, { rejectUnauthorized: false }, chainOf);
  const found = chain.find((der) => timingSafeEqual(createHash('sha256').update(der).digest(), wanted));
  if (!found) {
    throw certificate(
      `The certificate of ${url.origin} is not the one that the invitation names. Somebody may be in between; or the ` +
        'link is from before the certificate changed: ask your administrator, and for a new link.',
    );
  }
  const pem = `-----BEGIN CERTIFICATE-----\n${found
    .toString('base64')
    .match(/.{1,64}/g)
    ?.join('\n')}\n-----END CERTIFICATE-----\n`;
  await handshake(url, trusting(pem, true), () => undefined);
  return pem;
}

/** The chain in DER, the controller's own first. */
function chainOf(socket: TLSSocket): Buffer[] {
  const chain: Buffer[] = [];
  let next = socket.getPeerCertificate(true);
  while (next?.raw && chain.length < MAX_CHAIN) {
    chain.push(next.raw);
    // One that signed itself is its own issuer.
    if (next.issuerCertificate === next) break;
    next = next.issuerCertificate;
  }
  return chain;
}

function handshake<T>(url: URL, options: ConnectionOptions, read: (socket: TLSSocket) => T): Promise<T> {
  const host = url.hostname.replace(/^\[|\]$/g, '');
  return new Promise((resolve, reject) => {
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const socket = connect({ host, port: Number(url.port || 443), ...servername, ...options });
    const fail = (error: Error) => {
      clearTimeout(timer);
      socket.destroy();
      const signature = codes(error).some((code) => UNTRUSTED.has(code));
      reject(
        signature
          ? certificate(
              `The certificate of ${url.origin} isn't signed by the one that the invitation names, though it is served ` +
                'with it. Somebody may be in between: ask your administrator.',
            )
          : explain(error, url.origin),
      );
    };
    const late = () => fail(Object.assign(new Error('no connection'), { code: 'ETIMEDOUT' }));
    const timer = setTimeout(late, TIMEOUT);
    socket.on('error', fail);
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      const value = read(socket);
      socket.destroy();
      resolve(value);
    });
  });
}
