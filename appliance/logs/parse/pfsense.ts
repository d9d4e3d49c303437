import { actionOf, type Fields, protocolOf, put } from './fields.ts';
import { type Line, messageOf } from './syslog.ts';
import { between, commas, wordAfter } from './text.ts';
import { ipOf, numberOf, portOf } from './values.ts';

/** Values of a filterlog line that are of use: IPv6's TCP ports are the last ones. */
const MAX_COLUMNS = 24;

const PROGRAMS = new Set(['php-fpm', 'php', 'audit', 'configd.py', 'php_pfb', 'lighttpd', 'config']);

/** pfSense and OPNsense: filterlog, and what their web pages say. The rest of them are programs of their own. */
export function readPfsense(line: Line): boolean {
  if (line.app === 'filterlog') return readFilter(line);
  if (!PROGRAMS.has(line.app)) return false;
  return readPages(line);
}

/** `rule,sub,anchor,tracker,interface,reason,action,direction,4|6,…`, docs.netgate.com "Raw Filter Log Format". */
function readFilter({ text, at, fields }: Line): boolean {
  const values = commas(text, at, MAX_COLUMNS);
  const [rule = '', , , tracker = '', name = '', , action = '', direction = '', version = ''] = values;
  if (values.length < 9 || (version !== '4' && version !== '6')) return false;
  product(fields, tracker.length === 32 || (fields.host?.toLowerCase().includes('opnsense') ?? false));
  fields.event = 'traffic';
  put(fields, 'rule', tracker === '' || tracker === '0' ? rule : tracker);
  put(fields, 'action', actionOf(action));
  put(fields, direction === 'out' ? 'out' : 'in', name);
  const first = version === '4' ? 15 : 12;
  const [, protocol, length = '', src = '', dst = '', sport = '', dport = ''] =
    version === '4' ? values.slice(first) : [values[13], values[12], ...values.slice(14)];
  put(fields, 'proto', protocolOf(protocol ?? ''));
  put(fields, 'srcip', ipOf(src));
  put(fields, 'dstip', ipOf(dst));
  if (fields.proto === 'tcp' || fields.proto === 'udp' || fields.proto === 'sctp') {
    put(fields, 'srcport', portOf(sport));
    put(fields, 'dstport', portOf(dport));
  }
  put(fields, 'bytes', numberOf(length));
  return true;
}

function product(fields: Fields, opnsense: boolean): void {
  fields.vendor = opnsense ? 'OPNsense' : 'Netgate';
  fields.product = opnsense ? 'OPNsense' : 'pfSense';
}

/** Marks of the web pages' messages. */
const MARKS = [
  ['authentication error for', 'fail'],
  ['Successful login for', 'success'],
  ['authenticated successfully', 'success'],
  ['Successfully authenticated', 'success'],
  ['logged out for', 'logout'],
  ['Session timed out for', 'logout'],
  ['changed configuration', 'change'],
] as const;

function readPages(line: Line): boolean {
  const { fields } = line;
  const message = messageOf(line);
  const mark = MARKS.find(([text]) => message.includes(text));
  const opnsense =
    line.app === 'audit' || line.app === 'configd.py' || line.app === 'config' || line.app === 'lighttpd';
  if (!mark && (opnsense ? !message.startsWith('/') : line.app !== 'php-fpm')) return false;
  product(fields, opnsense);
  fields.event = mark?.[1] === 'change' ? 'config' : mark ? 'auth' : 'system';
  put(fields, 'action', mark?.[1]);
  put(fields, 'msg', message);
  if (!mark) return true;
  const user = between(message, "'", "'");
  put(fields, 'user', user === '' ? wordAfter(message, 'user ') : user);
  const ip = wordAfter(message, ' from: ');
  put(fields, 'srcip', ipOf(ip === '' ? wordAfter(message, ' from ') : ip));
  return true;
}
