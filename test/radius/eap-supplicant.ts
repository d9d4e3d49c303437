import { Duplex } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import tls from 'node:tls';
import {
  ATTRIBUTE,
  AttributeWriter,
  CODE,
  encodeRequest,
  parsePacket,
  Secret,
} from '../../appliance/radius/codec/index.ts';
import type { Eap, EapResult } from '../../appliance/radius/eap/index.ts';
import type { AccessRequest, Nas } from '../../appliance/radius/types.ts';

export const PEER_TYPE = { tls: 13, ttls: 21, peap: 25 } as const;
type PeerMethod = keyof typeof PEER_TYPE;

export interface SupplicantOptions {
  method: PeerMethod;
  identity: string;
  tls: tls.ConnectionOptions;
  /** What is said inside: to `undefined` when the tunnel is there, else to what was heard. */
  inside?: (heard: Buffer | undefined) => Uint8Array | undefined;
  /** Bytes of TLS in one fragment. */
  fragment?: number;
}

class Pipe extends Duplex {
  output: Buffer[] = [];
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.output.push(chunk);
    done();
  }
  drain(): Buffer {
    const output = Buffer.concat(this.output);
    this.output = [];
    return output;
  }
}

/** The peer's side of EAP with Node's own TLS client, for what `eapol_test` can't be made to do. */
export class Supplicant {
  readonly options: SupplicantOptions;
  socket: tls.TLSSocket | undefined;
  /** The last session that the server has given. */
  session: Buffer | undefined;
  /** What TLS has said went wrong. */
  error: NodeJS.ErrnoException | undefined;
  private pipe = new Pipe();
  private input: Buffer[] = [];
  private output: Buffer = Buffer.alloc(0);
  private heard: Buffer[] = [];
  private greeted = false;
  /** Whether the TLS session was resumed; undefined before the tunnel is there. */
  resumed: boolean | undefined;

  constructor(options: SupplicantOptions) {
    this.options = options;
  }

  /** The response to a request. */
  async answer(request: Uint8Array): Promise<Buffer> {
    const id = request[1]!;
    const type = request[4]!;
    const mine = PEER_TYPE[this.options.method];
    if (type === 1) return respond(id, 1, Buffer.from(this.options.identity));
    if (type !== mine) return respond(id, 3, Buffer.of(mine));
    const flags = request[5] ?? 0;
    if (flags & 0x20) {
      this.connect();
      await this.settle();
      return this.fragment(id);
    }
    const from = flags & 0x80 ? 10 : 6;
    this.input.push(Buffer.from(request.subarray(from)));
    if (flags & 0x40) return respond(id, mine, Buffer.of(0));
    if (this.input.every((part) => part.length === 0) && this.output.length > 0) return this.fragment(id);
    this.pipe.push(Buffer.concat(this.input));
    this.input = [];
    await this.settle();
    return this.fragment(id);
  }

  close(): void {
    this.socket?.destroy();
    this.pipe.destroy();
  }

  private connect(): void {
    this.socket = tls.connect({
      ...this.options.tls,
      socket: this.pipe as never,
      checkServerIdentity: () => undefined,
    });
    this.socket.on('error', (error) => {
      this.error ??= error;
    });
    this.socket.on('session', (session) => {
      this.session = session;
    });
    this.socket.on('data', (bytes: Buffer) => this.heard.push(bytes));
    this.socket.on('secureConnect', () => this.greet());
  }

  private greet(): void {
    this.greeted = true;
    this.resumed = this.socket?.isSessionReused();
    this.say(undefined);
  }

  private say(heard: Buffer | undefined): void {
    const said = this.options.inside?.(heard);
    if (said !== undefined) this.socket?.write(said);
  }

  /** Node's client needs a few turns. */
  private async settle(): Promise<void> {
    for (let count = 0; count < 6; count++) await turn();
    if (this.heard.length > 0 && this.greeted) {
      const heard = Buffer.concat(this.heard);
      this.heard = [];
      this.say(heard);
      for (let count = 0; count < 4; count++) await turn();
    }
    this.output = Buffer.concat([this.output, this.pipe.drain()]);
  }

  private fragment(id: number): Buffer {
    const size = this.options.fragment ?? 1000;
    const part = this.output.subarray(0, size);
    this.output = this.output.subarray(size);
    const flags = this.output.length > 0 ? 0x40 : 0;
    return respond(id, PEER_TYPE[this.options.method], Buffer.concat([Buffer.of(flags), part]));
  }
}

export function respond(id: number, type: number, data: Uint8Array): Buffer {
  const length = 5 + data.length;
  return Buffer.concat([Buffer.of(2, id, length >> 8, length & 0xff, type), data]);
}

export interface Link {
  eap: Eap;
  nas?: string;
  station?: string;
  /** What is sent in the place of a response; undefined leaves it as it is. */
  tamper?: (response: Buffer, round: number) => Buffer | undefined;
}

const secret = new Secret('a secret');

/** An Access-Request as the RADIUS server would hand it on. */
export function accessRequest(
  eap: Uint8Array,
  state: Uint8Array | undefined,
  link: Omit<Link, 'eap'> = {},
): AccessRequest {
  const writer = new AttributeWriter().add(ATTRIBUTE.userName, 'anonymous').long(ATTRIBUTE.eapMessage, eap);
  writer.add(ATTRIBUTE.callingStationId, link.station ?? '02-00-00-00-00-01').add(ATTRIBUTE.framedMtu, 1400);
  if (state !== undefined) writer.add(ATTRIBUTE.state, state);
  const packet = parsePacket(encodeRequest(CODE.accessRequest, 1, secret, writer.done()));
  if (typeof packet === 'string') throw new Error(packet);
  const nas = { id: link.nas ?? 'nas', secret } as unknown as Nas;
  return { packet, nas, address: '127.0.0.1', authPort: 1812, at: Date.now() };
}

export interface Talk {
  end: Exclude<EapResult, { kind: 'challenge' }>;
  rounds: number;
}

const MAX_ROUNDS = 100;

/** A whole conversation, from the identity to whatever end. */
export async function converse(supplicant: Supplicant, link: Link): Promise<Talk> {
  let response = respond(7, 1, Buffer.from(supplicant.options.identity));
  let state: Uint8Array | undefined;
  try {
    for (let rounds = 1; rounds < MAX_ROUNDS; rounds++) {
      const sent = link.tamper?.(response, rounds) ?? response;
      const result = await link.eap.handle(accessRequest(sent, state, link));
      if (result.kind !== 'challenge') return { end: result, rounds };
      state = result.state;
      response = await supplicant.answer(result.eap);
    }
    throw new Error(`no end after ${MAX_ROUNDS} rounds`);
  } finally {
    supplicant.close();
  }
}

/** One AVP of TTLS. */
export function avp(code: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(code, 0);
  head.writeUInt32BE(8 + value.length, 4);
  head[4] = 0x40;
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)]);
}

/** TTLS with PAP. */
export const pap = (name: string, password: string) => (heard: Buffer | undefined) =>
  heard === undefined ? Buffer.concat([avp(1, Buffer.from(name)), avp(2, Buffer.from(password))]) : undefined;

/** PEAP with GTC, without the headers that PEAPv0 leaves out. */
export const gtc = (name: string, password: string) => (heard: Buffer | undefined) => {
  if (heard === undefined) return undefined;
  if (heard[0] === 1 && heard.length > 5 && heard[4] === 33) {
    return Buffer.concat([Buffer.of(2, heard[1]!, 0, 11), heard.subarray(4, 11)]);
  }
  if (heard[0] === 1) return Buffer.concat([Buffer.of(1), Buffer.from(name)]);
  return heard[0] === 6 ? Buffer.concat([Buffer.of(6), Buffer.from(password)]) : Buffer.of(3, 6);
};
