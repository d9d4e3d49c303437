import assert from 'node:assert/strict';
import {
  ATTRIBUTE,
  AttributeWriter,
  encryptPassword,
  md5,
  type Packet,
  parsePacket,
  type Secret,
  VENDOR,
} from '../codec/index.ts';
import { ntHash, ntResponse, ntResponseV1 } from '../mschap/index.ts';
import type { Answer } from '../types.ts';
import { AUTHENTICATOR } from './testing.ts';

/** What a client sends, by method, for tests. */
export const CALLING = '02-00-00-11-22-33';
const base = (name: string): AttributeWriter => new AttributeWriter().add(ATTRIBUTE.userName, name);

export const pap = (name: string, password: string, secret: Secret): AttributeWriter =>
  base(name).add(ATTRIBUTE.userPassword, encryptPassword(Buffer.from(password), AUTHENTICATOR, secret));

export function chap(name: string, password: string, challenge?: Uint8Array): AttributeWriter {
  const digest = md5(Uint8Array.of(9), Buffer.from(password), challenge ?? AUTHENTICATOR);
  const writer = base(name).add(ATTRIBUTE.chapPassword, Buffer.concat([Uint8Array.of(9), digest]));
  return challenge ? writer.add(ATTRIBUTE.chapChallenge, challenge) : writer;
}

export function mschap(name: string, password: string): AttributeWriter {
  const challenge = Uint8Array.from({ length: 8 }, (_, index) => index);
  const response = ntResponseV1(challenge, ntHash(password));
  return base(name)
    .vendor(VENDOR.microsoft, 11, challenge)
    .vendor(VENDOR.microsoft, 1, Buffer.concat([Uint8Array.of(5, 1), new Uint8Array(24), response]));
}

export const AUTH_CHALLENGE = Uint8Array.from({ length: 16 }, (_, index) => 100 + index);
export const PEER_CHALLENGE = Uint8Array.from({ length: 16 }, (_, index) => 200 + index);

export function mschapv2(name: string, password: string, hashed = name): AttributeWriter {
  const response = ntResponse(AUTH_CHALLENGE, PEER_CHALLENGE, hashed, ntHash(password));
  return base(name)
    .vendor(VENDOR.microsoft, 11, AUTH_CHALLENGE)
    .vendor(VENDOR.microsoft, 25, Buffer.concat([Uint8Array.of(5, 0), PEER_CHALLENGE, new Uint8Array(8), response]));
}

/** An answer's attributes as a packet. */
export function reply(answer: Answer | undefined): Packet {
  assert.ok(answer);
  const bytes = Buffer.concat([Uint8Array.of(answer.code, 7, 0, 0), AUTHENTICATOR, answer.attributes]);
  bytes.writeUInt16BE(bytes.length, 2);
  const packet = parsePacket(bytes);
  assert.ok(typeof packet !== 'string', String(packet));
  return packet;
}
