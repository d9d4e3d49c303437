import { type Answer, decode, encode } from 'dns-packet';

/** RFC 1035 section 4.1.1, RFC 6891 section 9. */
export const RCODE = { ok: 0, formErr: 1, servFail: 2, nxDomain: 3, notImp: 4, refused: 5, badVers: 16 } as const;
/** RFC 1035 section 3.2.2, RFC 3596, RFC 5936. */
export const TYPE = { a: 1, ns: 2, soa: 6, ptr: 12, aaaa: 28, ixfr: 251, axfr: 252, any: 255 } as const;
const CLASS_IN = 1;

const HEADER = 12;
const [QR, AA, TC, RD, RA, CD] = [0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0010];
/** RFC 1035 section 4.2.1: without EDNS. */
const MIN_SIZE = 512;
/** More than that is not sent in one datagram, whatever a client takes. */
const MAX_SIZE = 4096;
/** Records beside the question: EDNS, and room for what may come. */
const MAX_ADDITIONALS = 4;
/** What we take by UDP: whole in one packet of IPv6's least MTU (dnsflagday.net/2020). */
const OWN_SIZE = 1232;

/** A client's question, with the bytes that it came in: what isn't answered here is passed on as it is. */
export interface Query {
  id: number;
  flags: number;
  /** Lower case, without the final dot; the root is ''. */
  name: string;
  /** False when a label has bytes that no host name has: such a name can't be one of ours. */
  plain: boolean;
  type: number;
  /** The question section. */
  question: Buffer;
  /** What follows the question section: EDNS, mostly. */
  rest: Buffer;
  /** Records in `rest`. */
  additionals: number;
  edns: boolean;
  /** The largest datagram that the client takes, in bytes. */
  size: number;
}

/** A question that is answered with an error, whatever it asks. */
interface Refusal {
  reply: Buffer;
}

/** The end of the question that begins at `offset`, its name and type; null when it is cut off or compressed. */
function parseQuestion(message: Buffer): { end: number; name: string; plain: boolean } | null {
  const labels: string[] = [];
  let plain = true;
  let offset = HEADER;
  for (;;) {
    const length = message[offset++];
    if (length === undefined || length > 63) return null;
    if (length === 0) break;
    const label = message.toString('latin1', offset, offset + length);
    if (label.length < length) return null;
    plain &&= /^[!-~]+$/.test(label) && !label.includes('.');
    labels.push(label);
    offset += length;
    if (offset - HEADER > 255) return null;
  }
  if (offset + 4 > message.length) return null;
  return { end: offset + 4, name: labels.join('.').toLowerCase(), plain };
}

function bare(id: number, flags: number, question: Buffer, rcode: number): Buffer {
  const reply = Buffer.alloc(HEADER + question.length);
  reply.writeUInt16BE(id, 0);
  reply.writeUInt16BE(QR | (flags & (0x7800 | RD | CD)) | RA | (rcode & 15), 2);
  reply.writeUInt16BE(question.length > 0 ? 1 : 0, 4);
  question.copy(reply, HEADER);
  return reply;
}

/** Reads a client's message; null when it isn't worth an answer. */
export function parseQuery(message: Buffer): Query | Refusal | null {
  if (message.length < HEADER) return null;
  const id = message.readUInt16BE(0);
  const flags = message.readUInt16BE(2);
  if (flags & QR) return null;
  const refuse = (rcode: number, question: Buffer = Buffer.alloc(0)): Refusal => ({
    reply: bare(id, flags, question, rcode),
  });
  if ((flags & 0x7800) !== 0) return refuse(RCODE.notImp);
  const parsed = message.readUInt16BE(4) === 1 ? parseQuestion(message) : null;
  if (!parsed) return refuse(RCODE.formErr);
  const { end, name, plain } = parsed;
  const question = Buffer.from(message.subarray(HEADER, end));
  const [answers, authorities, additionals] = [6, 8, 10].map((at) => message.readUInt16BE(at)) as [
    number,
    number,
    number,
  ];
  if (answers > 0 || authorities > 0 || additionals > MAX_ADDITIONALS) return refuse(RCODE.formErr, question);
  let rest: Buffer;
  let opt: Extract<Answer, { type: 'OPT' }> | undefined;
  try {
    opt = decode(message).additionals?.find((record) => record.type === 'OPT');
    rest = Buffer.from(message.subarray(end, decode.bytes));
  } catch {
    return refuse(RCODE.formErr, question);
  }
  const type = question.readUInt16BE(question.length - 4);
  const size = Math.min(MAX_SIZE, Math.max(MIN_SIZE, opt?.udpPayloadSize ?? MIN_SIZE));
  const query: Query = { id, flags, name, plain, type, question, rest, additionals, edns: opt !== undefined, size };
  if ((opt?.ednsVersion ?? 0) > 0) return { reply: reply(query, RCODE.badVers) };
  if (question.readUInt16BE(question.length - 2) !== CLASS_IN || type === TYPE.axfr || type === TYPE.ixfr)
    return { reply: reply(query, RCODE.refused) };
  return query;
}

/** An answer of our own. */
export interface Local {
  rcode: number;
  answers: Answer[];
  authorities: Answer[];
}

export function reply(query: Query, rcode: number, local?: Omit<Local, 'rcode'>): Buffer {
  const opt: Answer = {
    type: 'OPT',
    name: '.',
    udpPayloadSize: OWN_SIZE,
    extendedRcode: rcode >> 4,
    ednsVersion: 0,
    flags: 0,
    flag_do: false,
    options: [],
  };
  const encoded = encode({
    type: 'response',
    id: query.id,
    flags: (query.flags & (RD | CD)) | RA | (local ? AA : 0) | (rcode & 15),
    answers: local?.answers ?? [],
    authorities: local?.authorities ?? [],
    additionals: query.edns ? [opt] : [],
  });
  // With the question as it came: its case, and bytes that are no text.
  encoded.writeUInt16BE(1, 4);
  return Buffer.concat([encoded.subarray(0, HEADER), query.question, encoded.subarray(HEADER)]);
}

/** The reply as it fits into a datagram for this client: cut to the question and marked where it is longer. */
export function fit(query: Query, message: Buffer): Buffer {
  if (message.length <= query.size) return message;
  const cut = reply(query, message.readUInt16BE(2) & 15);
  cut.writeUInt16BE(message.readUInt16BE(2) | TC, 2);
  return cut;
}

/** The query for another server: under an id of our own, and with the letters of the name in `question`. */
export function outgoing(query: Query, id: number, question: Buffer): Buffer {
  const header = Buffer.alloc(HEADER);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(query.flags & 0x7fff, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(query.additionals, 10);
  return Buffer.concat([header, question, query.rest]);
}

/** The question with random case (draft-vixie-dnsext-dns0x20): one more thing for a forger to guess. */
export function mixCase(question: Buffer, random: Buffer): Buffer {
  const mixed = Buffer.from(question);
  for (let i = 0; i < mixed.length - 4; i++) {
    const letter = mixed[i]! | 0x20;
    // Lengths are below 64 and so never letters.
    if (letter >= 0x61 && letter <= 0x7a && mixed[i]! > 0x40)
      mixed[i] = random[i % random.length]! & 1 ? letter : letter & ~0x20;
  }
  return mixed;
}

/** How a message answers what was sent: `case` when all but the letters' case agrees. */
export function matches(message: Buffer, id: number, question: Buffer): 'yes' | 'case' | 'no' {
  const end = HEADER + question.length;
  if (message.length < end || message.readUInt16BE(0) !== id) return 'no';
  if ((message.readUInt16BE(2) & (QR | 0x7800)) !== QR || message.readUInt16BE(4) !== 1) return 'no';
  const theirs = message.subarray(HEADER, end);
  if (theirs.equals(question)) return 'yes';
  const lower = (bytes: Buffer): string => bytes.toString('latin1').toLowerCase();
  return lower(theirs) === lower(question) ? 'case' : 'no';
}

/** Another server's answer for this client: its id, and the question as it put it. */
export function incoming(query: Query, answer: Buffer): Buffer {
  const message = Buffer.from(answer);
  message.writeUInt16BE(query.id, 0);
  message.writeUInt16BE(message.readUInt16BE(2) | RA, 2);
  query.question.copy(message, HEADER);
  return message;
}

export const isTruncated = (message: Buffer): boolean => (message.readUInt16BE(2) & TC) !== 0;
export const rcodeOf = (message: Buffer): number => message.readUInt16BE(2) & 15;
