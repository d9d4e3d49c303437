import { createHash, timingSafeEqual } from 'node:crypto';
import dgram from 'node:dgram';
import { Registry } from 'prom-client';
import type { CertificateFacts } from '../../appliance/access/index.ts';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkMessageAuthenticator,
  encodeReply,
  mppeKeys,
  type Packet,
  parsePacket,
  Secret,
} from '../../appliance/radius/codec/index.ts';
import {
  type CertificateCheck,
  createEap,
  type Eap,
  type EapCredentials,
  type EapLimits,
  type EapResult,
  type InnerMethod,
  type Known,
  type OuterMethod,
} from '../../appliance/radius/eap/index.ts';
import {
  authenticatorResponse,
  challengeHash,
  challengeResponse,
  expandNtHash,
  hashNtHash,
  ntHash,
  ntResponseV1,
} from '../../appliance/radius/mschap/index.ts';
import type { Attempt, Nas, Verdict } from '../../appliance/radius/types.ts';

export const SECRET = 'testing123';

/** What a test may change while the server runs. */
export interface EapBedOptions {
  credentials: EapCredentials;
  /** Login to password. */
  users: Map<string, string>;
  workers?: number;
  limits?: Partial<EapLimits>;
  offered?: (login: string) => readonly OuterMethod[];
  innerMethods?: (login: string) => readonly InnerMethod[];
  checkCertificate?: (chain: readonly Uint8Array[]) => CertificateCheck;
  recognize?: (known: Known) => Verdict;
  authenticate?: (attempt: Attempt) => Verdict | Promise<Verdict>;
}

export interface EapBed {
  port: number;
  eap: Eap;
  /** Every end, in order. */
  ends: Exclude<EapResult, { kind: 'challenge' }>[];
  attempts: Attempt[];
  known: Known[];
  challenges: number;
  close(): Promise<void>;
}

const silent = { info() {}, warn() {}, error: console.error, debug() {} } as never;

/** EAP with users in memory, without a socket. */
export function makeEap(options: EapBedOptions, bed: Pick<EapBed, 'attempts' | 'known'>): Eap {
  return createEap({
    workers: options.workers ?? 1,
    log: silent,
    registry: new Registry(),
    credentials: () => options.credentials,
    ...(options.offered && { offered: options.offered }),
    innerMethods: options.innerMethods ?? (() => ['mschapv2', 'gtc']),
    checkCertificate: options.checkCertificate ?? ((chain) => ({ ok: true, login: 'bob', facts: factsOf(chain) })),
    authenticate: (attempt) => {
      bed.attempts.push(attempt);
      return options.authenticate?.(attempt) ?? check(options.users, attempt);
    },
    recognize: (known) => {
      bed.known.push(known);
      return options.recognize?.(known) ?? who(options.users, known.login);
    },
    limits: options.limits,
  });
}

/** EAP behind a socket: what the RADIUS server does for it, at its smallest. */
export async function startEapBed(options: EapBedOptions): Promise<EapBed> {
  const secret = new Secret(SECRET);
  const nas = { id: 'nas-1', name: 'test', secret } as unknown as Nas;
  const bed: EapBed = { port: 0, ends: [], attempts: [], known: [], challenges: 0 } as never;
  const eap = makeEap(options, bed);
  const socket = dgram.createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
  const answer = async (packet: Packet, address: string, port: number): Promise<void> => {
    const request = { packet, nas, address, authPort: bed.port, at: Date.now() };
    const result = await eap.handle(request);
    if (result.kind !== 'challenge') bed.ends.push(result);
    else bed.challenges++;
    const reply = replyTo(result, packet, secret);
    if (reply !== undefined) socket.send(reply, port, address);
  };
  socket.on('message', (bytes, { address, port }) => {
    const packet = parsePacket(bytes);
    if (typeof packet === 'string' || packet.code !== CODE.accessRequest) return;
    if (checkMessageAuthenticator(packet, secret) === 'valid') void answer(packet, address, port);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return Object.assign(bed, {
    port: socket.address().port,
    eap,
    close: async () => {
      socket.close();
      await eap.close();
    },
  });
}

function replyTo(result: EapResult, packet: Packet, secret: Secret): Uint8Array | undefined {
  const writer = new AttributeWriter();
  switch (result.kind) {
    case 'none':
      return undefined;
    case 'challenge':
      writer.add(ATTRIBUTE.state, result.state).long(ATTRIBUTE.eapMessage, result.eap);
      return encodeReply(CODE.accessChallenge, packet, secret, writer.done());
    case 'reject':
      writer.long(ATTRIBUTE.eapMessage, result.eap);
      return encodeReply(CODE.accessReject, packet, secret, writer.done());
    case 'accept':
      writer.add(ATTRIBUTE.userName, result.login).long(ATTRIBUTE.eapMessage, result.eap);
      writer.raw(mppeKeys(result.msk.subarray(32), result.msk.subarray(0, 32), packet, secret));
      return encodeReply(CODE.accessAccept, packet, secret, writer.done());
  }
}

const factsOf = (chain: readonly Uint8Array[]): CertificateFacts =>
  ({ commonName: 'bob', serial: createHash('sha256').update(chain[0]!).digest('hex') }) as CertificateFacts;

export function who(users: ReadonlyMap<string, string>, login: string): Verdict {
  if (!users.has(login)) return { outcome: 'reject', reason: 'unknown' };
  const subject = { kind: 'user' as const, id: login, username: login, userId: login, groups: [] };
  return { outcome: 'accept', subject: { ...subject, device: undefined, voucher: undefined } };
}

const same = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && timingSafeEqual(a, b);

/** Checks by passwords in the clear. */
export function check(users: ReadonlyMap<string, string>, { login, credentials }: Attempt): Verdict {
  const password = users.get(login);
  const verdict = who(users, login);
  if (password === undefined || verdict.outcome !== 'accept') return verdict;
  const wrong: Verdict = { outcome: 'reject', reason: 'wrong password' };
  switch (credentials.kind) {
    case 'pap':
      return same(credentials.password, Buffer.from(password)) ? verdict : wrong;
    case 'chap': {
      const hash = createHash('md5').update(Buffer.of(credentials.id)).update(password).update(credentials.challenge);
      return same(hash.digest(), credentials.response) ? verdict : wrong;
    }
    case 'mschap':
      return same(ntResponseV1(credentials.challenge, ntHash(password)), credentials.response) ? verdict : wrong;
    case 'mschapv2': {
      const hash = ntHash(password);
      const challenge = challengeHash(credentials.peerChallenge, credentials.authChallenge, credentials.userName);
      if (!same(challengeResponse(challenge, expandNtHash(hash)), credentials.response)) return wrong;
      const ntHashHash = hashNtHash(hash);
      const proof = {
        authenticatorResponse: authenticatorResponse(ntHashHash, credentials.response, challenge),
        ntHashHash,
      };
      return { ...verdict, mschapv2: proof };
    }
    case 'mab':
      return wrong;
  }
}
