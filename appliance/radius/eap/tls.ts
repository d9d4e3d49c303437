import { AsyncLocalStorage } from 'node:async_hooks';
import { constants } from 'node:crypto';
import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { alertFor, plainAlert, sealedAlert } from './alert.ts';
import { readHello } from './hello.ts';
import type { EapLimits } from './limits.ts';
import { type Sessions, sessionId } from './sessions.ts';
import type { EapCredentials, OuterMethod, Session, Versions } from './types.ts';

/**
 * What costs least first: P-256 takes half of X25519's time here. Without the ML-KEM of OpenSSL's own list, which makes a
 * flight two fragments longer. Under 1.3 it is the one that the peer has sent a share for.
 */
const CURVES = 'P-256:X25519:P-384';
const BOTH: Versions = { min: 'TLSv1.2', max: 'TLSv1.3' };
/** Certificates of a peer that are looked at. */
const MAX_CHAIN = 8;
const SECRET_LABEL = 'SERVER_TRAFFIC_SECRET_0';

/** Without authorities no certificate of a peer would mean anything. */
export const hasAuthorities = ({ authorities }: EapCredentials): boolean => authorities.includes('BEGIN CERTIFICATE');

type Kind = 'tls' | 'tunnel';

/** Throws where key, chain and authorities don't make a server. */
export function checkCredentials({ key, chain, authorities }: EapCredentials): void {
  tls.createSecureContext({ key, cert: chain, ca: authorities.trim() === '' ? [] : authorities });
}

/** In which channel an event of a TLS server happens: the servers are shared, and tell by socket, not by channel. */
const inChannel = new AsyncLocalStorage<Channel>();

/**
 * TLS servers without a network: OpenSSL by way of `node:tls`, which is fed with what arrives in EAP packets. What a peer
 * may resume is kept here by session id, under TLS 1.3 too (a stateful ticket is one), so that it is known beforehand
 * whether it may be. Node asks for it only where the hello has a session id. EAP peers of TLS 1.3 have none (RFC 9190,
 * section 2.1.1): those get tickets with all in them, and whose a ticket is, is looked at afterwards.
 */
export class TlsEngine {
  readonly sessions: Sessions;
  readonly limits: EapLimits;
  private readonly servers: Record<Kind, { stateful: tls.Server; tickets: tls.Server | undefined }>;

  /** Throws where key, chain or authorities can't be used. */
  constructor(credentials: EapCredentials, sessions: Sessions, limits: EapLimits) {
    this.sessions = sessions;
    this.limits = limits;
    const pair = (kind: Kind) => {
      const versions = (kind === 'tls' ? credentials.tls : credentials.tunnels) ?? BOTH;
      const only13: Versions = { min: 'TLSv1.3', max: 'TLSv1.3' };
      return {
        stateful: this.server(kind, credentials, versions, constants.SSL_OP_NO_TICKET),
        // Under 1.2 the peer says under which id a ticket is looked up, so never there.
        tickets: versions.max === 'TLSv1.3' ? this.server(kind, credentials, only13, 0) : undefined,
      };
    };
    this.servers = { tls: pair('tls'), tunnel: pair('tunnel') };
  }

  /** For one handshake, by the first flight of the peer, which is then to be fed. */
  open(outer: OuterMethod, flight: Uint8Array): Channel {
    const hello = readHello(flight);
    const servers = this.servers[outer === 'tls' ? 'tls' : 'tunnel'];
    const tickets = hello?.tls13 && !hello.sessionId ? servers.tickets : undefined;
    return new Channel(this, tickets ?? servers.stateful, outer, hello?.ticket);
  }

  private server(kind: Kind, credentials: EapCredentials, { min, max }: Versions, noTicket: number): tls.Server {
    const server = tls.createServer({
      key: credentials.key,
      cert: credentials.chain,
      // Undefined would mean the authorities of the web.
      ca: kind === 'tls' && hasAuthorities(credentials) ? credentials.authorities : [],
      requestCert: kind === 'tls',
      rejectUnauthorized: false,
      minVersion: min,
      maxVersion: max,
      ecdhCurve: CURVES,
      sessionIdContext: `gatehouse-${kind}`,
      sessionTimeout: this.limits.sessionLifetime,
      handshakeTimeout: this.limits.idle * 2,
      secureOptions: constants.SSL_OP_NO_RENEGOTIATION | noTicket,
    });
    server.on('secureConnection', (socket) => inChannel.getStore()?.onSecure(socket));
    server.on('tlsClientError', (error, socket) => {
      socket.destroy();
      inChannel.getStore()?.onFailure(error);
    });
    server.on('newSession', (id, state, done) => {
      inChannel.getStore()?.onSession(id, noTicket === 0 ? undefined : state);
      done();
    });
    if (noTicket !== 0) {
      server.on('resumeSession', (id, done) => done(null, inChannel.getStore()?.onResume(id)));
    }
    // Only to refuse a certificate: see `refuse`.
    if (kind === 'tls') server.on('keylog', (line) => inChannel.getStore()?.onKey(line));
    return server;
  }
}

/** The one side of TLS that is ours, for one conversation. */
export class Channel {
  readonly outer: OuterMethod;
  /** The handshake is done. */
  secure = false;
  /** Why TLS has ended. */
  failure: string | undefined;
  /** The peer has resumed a session: where `session` is there too, one of somebody who got in. */
  resumed = false;
  session: Session | undefined;

  private readonly engine: TlsEngine;
  private readonly pipe: Pipe;
  private socket: tls.TLSSocket | undefined;
  private output: Buffer[] = [];
  private heard: Buffer[] = [];
  private heardBytes = 0;
  private fresh: { id: Buffer; state: Buffer | undefined }[] = [];
  private readonly ticket: Buffer | undefined;
  private resuming: { id: Buffer; session: Session } | undefined;
  private secret: Buffer | undefined;
  private events = 0;
  private wake: (() => void) | undefined;

  constructor(engine: TlsEngine, server: tls.Server, outer: OuterMethod, ticket: Buffer | undefined) {
    this.engine = engine;
    this.outer = outer;
    this.ticket = ticket;
    this.pipe = new Pipe((bytes) => {
      this.output.push(bytes);
      this.happened();
    });
    inChannel.run(this, () => server.emit('connection', this.pipe as unknown as Socket));
  }

  /** A flight of the peer. Once it is settled, OpenSSL has said what it has to say. */
  feed(flight: Uint8Array): Promise<void> | undefined {
    const before = this.events;
    this.pipe.push(flight);
    return this.settled(before);
  }

  /** Encrypts; what comes of it is in `take`. */
  write(data: Uint8Array): Promise<void> | undefined {
    const before = this.events;
    this.socket?.write(data);
    return this.settled(before);
  }

  /** The records that are to go to the peer. */
  take(): Uint8Array {
    const output = this.output.length === 1 ? this.output[0]! : Buffer.concat(this.output);
    this.output = [];
    return output;
  }

  get hasOutput(): boolean {
    return this.output.length > 0;
  }

  /** What the peer said inside, decrypted. */
  listen(): Uint8Array | undefined {
    if (this.heard.length === 0) return undefined;
    const heard = this.heard.length === 1 ? this.heard[0]! : Buffer.concat(this.heard);
    this.heard = [];
    this.heardBytes = 0;
    return heard;
  }

  get tls13(): boolean {
    return this.socket?.getProtocol() === 'TLSv1.3';
  }

  /** RFC 5705 and RFC 8446, section 7.5. Without `context` there is none, which TLS 1.2 tells from an empty one. */
  exportKey(length: number, label: string, context?: Uint8Array): Uint8Array {
    // The types want a context, which Node doesn't.
    const more = (context === undefined ? [] : [Buffer.from(context)]) as unknown as [Buffer];
    return this.socket!.exportKeyingMaterial(length, label, ...more);
  }

  /** Leaf first, DER; empty where the peer showed none. */
  chain(): Uint8Array[] {
    const chain: Uint8Array[] = [];
    let certificate = this.socket?.getPeerX509Certificate();
    while (certificate !== undefined && chain.length < MAX_CHAIN) {
      chain.push(new Uint8Array(certificate.raw));
      certificate = certificate.issuerCertificate;
    }
    return chain;
  }

  /** The alert for the peer's certificate; undefined where it leads to one of the authorities. */
  certificateError(): { alert: number; error: string } | undefined {
    const socket = this.socket!;
    const missing = socket.getPeerX509Certificate() === undefined;
    if (socket.authorized && !missing) return undefined;
    const error = missing ? 'NO_CERTIFICATE' : String(socket.authorizationError ?? 'UNSPECIFIED');
    return { alert: alertFor(error, this.tls13), error };
  }

  /**
   * Ends TLS with a fatal alert in the place of what hasn't been sent yet: right where the handshake has just been
   * finished, by the peer's last flight. After an abbreviated handshake of 1.2 there is no such place, and no alert.
   */
  refuse(code: number): void {
    this.output = [];
    if (!this.tls13) {
      if (!this.resumed) this.output.push(plainAlert(code));
    } else if (this.secret !== undefined) {
      const alert = sealedAlert(this.secret, this.socket!.getCipher().standardName, code);
      if (alert !== undefined) this.output.push(alert);
    }
    this.failure = `alert ${code}`;
  }

  /** Lets the peer resume this session from now on; the ticket that it has used, no more, where it got another. */
  keep(session: Session): void {
    if (this.fresh.length > 0) this.forget();
    for (const { id, state } of this.fresh) this.engine.sessions.keep(id, state, session);
    this.fresh = [];
  }

  /** The session that was resumed is not to be resumed again. */
  forget(): void {
    if (this.resuming !== undefined) this.engine.sessions.forget(this.resuming.id);
  }

  close(): void {
    this.failure ??= 'closed';
    this.socket?.destroy();
    this.pipe.destroy();
    this.fresh = [];
    this.secret = undefined;
  }

  onSecure(socket: tls.TLSSocket): void {
    this.socket = socket;
    socket.on('data', (bytes: Buffer) => this.onData(bytes));
    socket.on('error', (error) => this.onFailure(error));
    socket.on('close', () => this.onFailure(new Error('the peer has closed TLS')));
    this.resumed = socket.isSessionReused();
    if (this.resumed) this.session = (this.resuming ?? this.ofTicket(socket))?.session;
    this.secure = true;
    this.happened();
  }

  onFailure(error: Error): void {
    this.failure ??= reasonOf(error);
    this.happened();
  }

  onSession(id: Buffer, state: Buffer | undefined): void {
    this.fresh.push({ id, state });
  }

  /** OpenSSL takes what it gets here for the session of the first ticket, whatever the id, and checks the peer's proof. */
  onResume(legacyId: Buffer): Buffer | undefined {
    const id = this.ticket ?? legacyId;
    const found = this.engine.sessions.find(id, this.outer);
    this.resuming = found && { id, session: found.session };
    return found?.state;
  }

  onKey(line: Buffer): void {
    const text = line.toString('latin1').trim();
    if (text.startsWith(SECRET_LABEL)) this.secret = Buffer.from(text.slice(text.lastIndexOf(' ') + 1), 'hex');
  }

  private onData(bytes: Buffer): void {
    this.heardBytes += bytes.length;
    if (this.heardBytes > this.engine.limits.inner) this.failure ??= `over ${this.engine.limits.inner} bytes at once`;
    else this.heard.push(bytes);
    this.happened();
  }

  /** OpenSSL takes every ticket that is ours, also of those who then didn't get in. */
  private ofTicket(socket: tls.TLSSocket): { session: Session } | undefined {
    const der = this.tls13 ? socket.getSession() : undefined;
    const id = der && sessionId(der);
    const found = id && this.engine.sessions.find(id, this.outer);
    if (found?.state === undefined) this.resuming = found && { id: Buffer.from(id!), session: found.session };
    return this.resuming;
  }

  private happened(): void {
    this.events++;
    this.wake?.();
  }

  /**
   * OpenSSL answers while it is being fed, but for the first flight and for a write behind another: Node does these in
   * the next turn, for whoever is in the middle of one that is two. Nothing at all by then is an answer as well.
   */
  private settled(before: number): Promise<void> | undefined {
    if (this.events !== before) return undefined;
    return new Promise((resolve) => {
      let immediate = setImmediate(() => {
        immediate = setImmediate(() => this.wake?.());
      });
      this.wake = () => {
        clearImmediate(immediate);
        this.wake = undefined;
        resolve();
      };
    });
  }
}

/** Where TLS thinks the network is. */
class Pipe extends Duplex {
  private readonly sent: (bytes: Buffer) => void;

  constructor(sent: (bytes: Buffer) => void) {
    super();
    this.sent = sent;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.sent(chunk);
    done();
  }
}

/** OpenSSL's own words: `…:SSL routines:…:tlsv1 alert unknown ca:…` */
function reasonOf(error: Error): string {
  const code = (error as NodeJS.ErrnoException).code;
  const words = /SSL routines:[^:]*:([^:]+):/.exec(error.message)?.[1];
  return words ?? code ?? error.message.slice(0, 100);
}
