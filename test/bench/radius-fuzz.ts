import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  checkMessageAuthenticator,
  checkReply,
  checkRequestAuthenticator,
  decryptPassword,
  decryptSalted,
  encodeReply,
  encodeRequest,
  encryptPassword,
  encryptSalted,
  MAX_PACKET,
  parsePacket,
  replyLength,
  Secret,
} from '../../appliance/radius/codec/index.ts';
import { touch } from '../../appliance/radius/codec/testing.ts';
import { loadDictionary } from '../../appliance/radius/dictionary/index.ts';

const secret = new Secret('testing123');
const noAttributes = new Uint8Array(0);

/**
 * Mutated packets through everything that a packet meets before a handler sees it: parser, authenticators, accessors,
 * hidden values, dictionary, reply. Whatever throws stops the run with the packet in hexadecimal.
 */
export function run(count: number, seed = 1): Record<string, string | number>[] {
  const corpus = validPackets();
  const random = generator(seed);
  const dictionary = loadDictionary();
  const buffer = Buffer.alloc(MAX_PACKET + 512);
  let [parsed, signed, values] = [0, 0, 0];
  const start = process.hrtime.bigint();
  for (let i = 0; i < count; i++) {
    const length = mutate(buffer, corpus, random);
    const bytes = buffer.subarray(0, length);
    try {
      const packet = parsePacket(bytes);
      if (typeof packet === 'string') continue;
      parsed++;
      values += touch(packet);
      if (checkMessageAuthenticator(packet, secret) === 'valid') signed++;
      checkRequestAuthenticator(packet, secret);
      checkReply(packet, packet.authenticator, secret);
      for (const { value } of packet) {
        decryptPassword(value, packet.authenticator, secret);
        decryptSalted(value, packet.authenticator, secret);
      }
      values += dictionary.decode(packet, { authenticator: packet.authenticator, secret }).length;
      if (replyLength(packet, 0) <= MAX_PACKET) encodeReply(CODE.accessReject, packet, secret, noAttributes);
    } catch (error) {
      throw new Error(`packet ${i} of seed ${seed}: ${bytes.toString('hex')}`, { cause: error });
    }
  }
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  return [
    {
      fuzz: 'codec',
      packets: count,
      'packets/s': Math.round(count / seconds),
      parsed,
      'signature valid': signed,
      'bytes read': values,
      threw: 0,
    },
  ];
}

/** One of each kind, so that mutations start where the code is. */
function validPackets(): Buffer[] {
  const authenticator = Buffer.alloc(16, 7);
  const common = () =>
    new AttributeWriter()
      .add(ATTRIBUTE.userName, 'alice@example.com')
      .add(ATTRIBUTE.nasIpAddress, 0xc0000201)
      .add(ATTRIBUTE.calledStationId, '02-00-00-00-00-01:corp')
      .add(ATTRIBUTE.callingStationId, '02-00-00-11-22-33')
      .add(ATTRIBUTE.proxyState, Uint8Array.of(1, 2, 3, 4));
  const pap = common().add(ATTRIBUTE.userPassword, encryptPassword(Buffer.from('pass'), authenticator, secret));
  const eap = common().long(ATTRIBUTE.eapMessage, Buffer.alloc(1000, 3)).add(ATTRIBUTE.state, Buffer.alloc(16, 1));
  const chap = common().add(ATTRIBUTE.chapPassword, Buffer.alloc(17, 1)).add(ATTRIBUTE.chapChallenge, authenticator);
  const mschap = common().vendor(311, 11, authenticator).vendor(311, 25, Buffer.alloc(50, 2));
  const accounting = common()
    .add(ATTRIBUTE.acctStatusType, 3)
    .add(ATTRIBUTE.acctSessionId, '5f00aa')
    .add(ATTRIBUTE.acctInputOctets, 0xffff_ffff)
    .add(ATTRIBUTE.framedIpv6Prefix, Uint8Array.of(0, 64, 0x20, 1, 0xd, 0xb8));
  const salted = encryptSalted(Buffer.from('tunnel'), authenticator, secret);
  const reply = new AttributeWriter()
    .add(ATTRIBUTE.tunnelType, 0x0100_000d)
    .add(ATTRIBUTE.tunnelPassword, Buffer.concat([Uint8Array.of(1), salted]))
    .vendor(311, 16, encryptSalted(Buffer.alloc(32, 9), authenticator, secret))
    .vendor(14988, 8, '10M/10M')
    .vendor(9, 1, 'ip:inacl#1=permit ip any any')
    .extended(241, 1, 7)
    .extended(241, 26, Buffer.concat([Uint8Array.of(0, 0, 0, 9, 1), Buffer.from('evs')]))
    .extended(245, 26, Buffer.concat([Uint8Array.of(0, 0, 1, 55, 1), Buffer.alloc(600, 5)]))
    .extended(246, 3, Buffer.alloc(300, 5));
  const many = new AttributeWriter();
  for (let i = 0; i < 250; i++) many.add(ATTRIBUTE.class, Uint8Array.of(i));
  const access = [pap, eap, chap, mschap, many].map((writer) =>
    encodeRequest(CODE.accessRequest, 1, secret, writer.done(), { authenticator }),
  );
  const others = [CODE.accountingRequest, CODE.coaRequest, CODE.disconnectRequest, CODE.statusServer].map((code) =>
    encodeRequest(code, 2, secret, accounting.done(), { messageAuthenticator: true }),
  );
  const accept = encodeRequest(CODE.accessAccept, 3, secret, reply.done(), { authenticator });
  return [...access, ...others, accept].map((bytes) => Buffer.from(bytes));
}

/** A mutated packet at the start of `buffer`; its length. */
function mutate(buffer: Buffer, corpus: readonly Buffer[], random: (below: number) => number): number {
  const source = corpus[random(corpus.length)]!;
  let length = source.copy(buffer);
  for (let left = random(6); left > 0; left--) {
    if (length < 24) break;
    const at = random(length);
    switch (random(7)) {
      case 0:
        buffer[at] = random(256);
        break;
      case 1:
        buffer[at] = buffer[at]! ^ (1 << random(8));
        break;
      case 2: // a length, most likely: values that lie at an edge
        buffer[at] = [0, 1, 2, 3, 6, 8, 18, 253, 254, 255][random(10)]!;
        break;
      case 3:
        length = at;
        break;
      case 4: {
        // a piece of another packet over this one
        const other = corpus[random(corpus.length)]!;
        const from = random(other.length);
        length = Math.max(length, at + other.copy(buffer, at, from, from + random(80)));
        break;
      }
      case 5: {
        // the type of an attribute
        let attribute = 20;
        for (let hops = random(12); hops > 0 && attribute + 2 < length; hops--)
          attribute += buffer[attribute + 1]! || 2;
        if (attribute < length) buffer[attribute] = [26, 79, 80, 241, 245, 246, 69, 2, random(256)][random(9)]!;
        break;
      }
      default: {
        // bytes taken out
        const size = Math.min(random(20), length - at);
        buffer.copyWithin(at, at + size, length);
        length -= size;
      }
    }
  }
  // The header's length is put right three times in four: else most would end at the first check.
  if (length >= 20 && random(4) > 0) buffer.writeUInt16BE(Math.min(length, MAX_PACKET), 2);
  return length;
}

/** Marsaglia's xorshift: the same packets for the same seed. */
function generator(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
