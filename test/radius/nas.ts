import { createSocket } from 'node:dgram';
import type { AddressInfo } from 'node:net';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkMessageAuthenticator,
  checkRequestAuthenticator,
  encodeReply,
  type Packet,
  parsePacket,
  Secret,
} from '../../appliance/radius/codec/index.ts';

/** What the stand-in does with a CoA- or Disconnect-Request. */
export type Behaviour =
  | 'ack'
  | { nak: number | undefined }
  | 'silence'
  /** ACKs that weren't made with the secret. */
  | 'forged'
  /** Answers the n-th copy only. */
  | { copy: number };

export interface Asked {
  kind: 'coa' | 'disconnect';
  packet: Packet;
  /** The whole packet: a copy has the same. */
  bytes: Buffer;
  from: number;
  at: number;
}

/**
 * A NAS's end of RFC 5176, as no NAS can be had here: it checks what it is asked (authenticators, Event-Timestamp) and
 * answers as it is told to.
 */
export async function startNas(secret: Secret) {
  const socket = createSocket('udp4');
  const asked: Asked[] = [];
  const wrong: string[] = [];
  const state: { behaviour: Behaviour | ((asked: Asked) => Behaviour) } = { behaviour: 'ack' };
  const forger = new Secret('not the secret');
  let concurrent = 0;
  let mostAtOnce = 0;
  const delay = { ms: 0 };

  socket.on('message', (bytes, from) => {
    const packet = parsePacket(Buffer.from(bytes));
    if (typeof packet === 'string') return void wrong.push(packet);
    if (!checkRequestAuthenticator(packet, secret)) return void wrong.push('its authenticator is wrong');
    if (checkMessageAuthenticator(packet, secret) !== 'valid') return void wrong.push('no Message-Authenticator');
    if (packet.number(ATTRIBUTE.eventTimestamp) === undefined) return void wrong.push('no Event-Timestamp');
    const kind = packet.code === CODE.coaRequest ? 'coa' : 'disconnect';
    const one: Asked = { kind, packet, bytes: Buffer.from(bytes), from: from.port, at: performance.now() };
    asked.push(one);
    const behaviour = typeof state.behaviour === 'function' ? state.behaviour(one) : state.behaviour;
    const copies = asked.filter((other) => other.bytes.equals(one.bytes)).length;
    if (
      behaviour === 'silence' ||
      (typeof behaviour === 'object' && 'copy' in behaviour && copies !== behaviour.copy)
    ) {
      return;
    }
    const nak = typeof behaviour === 'object' && 'nak' in behaviour;
    const writer = new AttributeWriter();
    if (nak && behaviour.nak !== undefined) writer.add(ATTRIBUTE.errorCause, behaviour.nak);
    const [ack, refuse] = kind === 'coa' ? [CODE.coaAck, CODE.coaNak] : [CODE.disconnectAck, CODE.disconnectNak];
    const reply = encodeReply(nak ? refuse : ack, packet, behaviour === 'forged' ? forger : secret, writer.done());
    mostAtOnce = Math.max(mostAtOnce, ++concurrent);
    setTimeout(() => {
      concurrent--;
      socket.send(reply, from.port, from.address);
    }, delay.ms);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    port: (socket.address() as AddressInfo).port,
    state,
    asked,
    wrong,
    /** How long it takes to answer. */
    delay,
    mostAtOnce: () => mostAtOnce,
    close: () => new Promise<void>((resolve) => socket.close(() => resolve())),
  };
}
export type TestNas = Awaited<ReturnType<typeof startNas>>;
