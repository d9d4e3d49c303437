import { type Fields, protocolOf, put, putBytes } from './fields.ts';
import { eachParam, type Line } from './syslog.ts';
import { after, word, wordsOf } from './text.ts';
import { ipOf, numberOf, portOf, putEnd } from './values.ts';

/** Junos' flow and screen messages, structured (RFC 5424) or plain. */
export function readJuniper(line: Line): boolean {
  const { text, fields } = line;
  if (line.structured[1] > 0 && text.startsWith('[junos@2636', line.structured[0])) return readStructured(line);
  const found = text.indexOf('RT_FLOW_SESSION_', line.body);
  if (found < 0 || found > line.body + 160) return false;
  named(fields);
  readPlain(fields, text, found);
  return true;
}

function named(fields: Fields): void {
  fields.vendor = 'Juniper';
  fields.product = 'Junos';
  fields.event = 'traffic';
}

const ACTIONS: Readonly<Record<string, string>> = { CREATE: 'start', CLOSE: 'close', DENY: 'deny' };

const actionAt = (text: string, at: number): string | undefined => {
  const name = word(text, at);
  const known = name.startsWith('RT_FLOW_SESSION_') ? name.slice(16).replace('_LS', '') : '';
  return Object.hasOwn(ACTIONS, known) ? ACTIONS[known] : undefined;
};

/** `RT_FLOW_SESSION_CREATE: session created a/1->b/2 [0x0] service c/3->d/4 [source] rule… 6 policy from to 42` */
function readPlain(fields: Fields, text: string, at: number): void {
  put(fields, 'action', actionAt(text, at));
  const words = wordsOf(text, at, 40);
  const first = words.findIndex((part) => part.includes('->'));
  if (first < 0) return;
  readArrow(fields, words[first]!, 'src', 'dst');
  const service = words[first + 1]?.startsWith('0x') ? first + 2 : first + 1;
  const second = words.findIndex((part, place) => place > service && part.includes('->'));
  if (second < 0) {
    // Denied: `service 17(0) policy from to …`.
    const proto = words[service + 1] ?? '';
    const bracket = proto.indexOf('(');
    if (bracket > 0) put(fields, 'proto', protocolOf(proto.slice(0, bracket)));
    if (bracket > 0) readPolicy(fields, words, service + 2);
    return;
  }
  const nat: Fields = {};
  readArrow(nat, words[second]!, 'src', 'dst');
  if (nat.srcip !== fields.srcip || nat.srcport !== fields.srcport) {
    put(fields, 'natip', nat.srcip);
    put(fields, 'natport', nat.srcport);
  }
  if (nat.dstip !== fields.dstip || nat.dstport !== fields.dstport) {
    put(fields, 'natdstip', nat.dstip);
    put(fields, 'natdstport', nat.dstport);
  }
  const proto = words.findIndex((part, place) => place > second && numberOf(part) !== undefined);
  if (proto < 0) return;
  put(fields, 'proto', protocolOf(words[proto]!));
  readPolicy(fields, words, proto + 1);
  put(fields, 'session', words[proto + 4]);
  if (fields.action !== 'close') return;
  if (text.startsWith('idle Timeout', after(text, 'session closed ', at))) fields.action = 'timeout';
  putBytes(fields, inBrackets(words[proto + 6]), inBrackets(words[proto + 5]));
}

function readPolicy(fields: Fields, words: string[], at: number): void {
  put(fields, 'rule', words[at]);
  put(fields, 'in', words[at + 1]);
  put(fields, 'out', words[at + 2]);
}

function readArrow(fields: Fields, text: string, from: 'src', to: 'dst'): void {
  const arrow = text.indexOf('->');
  putEnd(fields, from, text.slice(0, arrow));
  putEnd(fields, to, text.slice(arrow + 2));
}

/** Octets of `packets(octets)`. */
const inBrackets = (text = ''): number | undefined => numberOf(text.slice(text.indexOf('(') + 1, text.indexOf(')')));

function readStructured(line: Line): boolean {
  const { fields } = line;
  named(fields);
  put(fields, 'action', actionAt(line.id, 0));
  let inward: number | undefined;
  let outward: number | undefined;
  const nat: Fields = {};
  eachParam(line, (_id, name, value) => {
    if (name === 'bytes-from-client') outward = numberOf(value);
    else if (name === 'bytes-from-server') inward = numberOf(value);
    else takeParam(fields, nat, name, value);
  });
  putBytes(fields, inward, outward);
  if (nat.natip !== fields.srcip || nat.natport !== fields.srcport) {
    put(fields, 'natip', nat.natip);
    put(fields, 'natport', nat.natport);
  }
  if (nat.natdstip !== fields.dstip || nat.natdstport !== fields.dstport) {
    put(fields, 'natdstip', nat.natdstip);
    put(fields, 'natdstport', nat.natdstport);
  }
  if (line.id.startsWith('RT_SCREEN') || line.id.startsWith('IDP_')) fields.event = 'threat';
  else if (!line.id.startsWith('RT_FLOW')) fields.event = fields.dstip === undefined ? 'system' : 'traffic';
  if (fields.event === 'system') put(fields, 'msg', line.text.slice(line.at));
  return true;
}

function takeParam(fields: Fields, nat: Fields, name: string, value: string): void {
  switch (name) {
    case 'source-address':
      put(fields, 'srcip', ipOf(value));
      break;
    case 'source-port':
      put(fields, 'srcport', portOf(value));
      break;
    case 'destination-address':
      put(fields, 'dstip', ipOf(value));
      break;
    case 'destination-port':
      put(fields, 'dstport', portOf(value));
      break;
    case 'nat-source-address':
      put(nat, 'natip', ipOf(value));
      break;
    case 'nat-source-port':
      put(nat, 'natport', portOf(value));
      break;
    case 'nat-destination-address':
      put(nat, 'natdstip', ipOf(value));
      break;
    case 'nat-destination-port':
      put(nat, 'natdstport', portOf(value));
      break;
    case 'protocol-id':
      put(fields, 'proto', protocolOf(value));
      break;
    case 'policy-name':
      put(fields, 'rule', value);
      break;
    case 'source-zone-name':
      put(fields, 'in', value);
      break;
    case 'destination-zone-name':
      put(fields, 'out', value);
      break;
    case 'session-id-32':
    case 'session-id':
      put(fields, 'session', value);
      break;
    case 'username':
      if (value !== 'N/A') put(fields, 'user', value);
      break;
    case 'attack-name':
      put(fields, 'msg', value);
      break;
    case 'reason':
      if (value === 'idle Timeout') fields.action = 'timeout';
      else if (value.endsWith('RST')) fields.action = 'reset';
      break;
  }
}
