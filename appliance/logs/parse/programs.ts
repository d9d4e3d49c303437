import { type Fields, put } from './fields.ts';
import { type Line, messageOf } from './syslog.ts';
import { after, between, until, word, wordAfter } from './text.ts';
import { accessTime } from './time.ts';
import { ipOf, macOf, numberOf, portOf, putEnd } from './values.ts';

/** OpenSSH and Dropbear, on whatever device. */
export function readSshd(line: Line): boolean {
  const { fields, app } = line;
  if (app !== 'sshd' && app !== 'sshd-session' && app !== 'dropbear') return false;
  const message = messageOf(line);
  fields.vendor = app === 'dropbear' ? 'Dropbear' : 'OpenSSH';
  fields.product = app;
  fields.event = 'auth';
  put(fields, 'msg', message);
  const failed =
    message.startsWith('Failed ') || message.startsWith('Invalid user') || message.startsWith('Bad password');
  if (message.startsWith('Accepted ') || message.includes('auth succeeded')) fields.action = 'success';
  else if (failed || message.includes('authentication failure') || message.startsWith('Login attempt'))
    fields.action = 'fail';
  else if (message.startsWith('Disconnected') || message.includes('session closed')) fields.action = 'logout';
  const quoted = between(message, "'", "'");
  const from = message.lastIndexOf(' from ');
  put(fields, 'user', quoted || userOf(message));
  const end = word(message, from < 0 ? -1 : from + 6);
  put(fields, 'srcip', ipOf(end));
  if (fields.srcip === undefined) putEnd(fields, 'src', end);
  if (fields.srcip !== undefined) put(fields, 'srcport', portOf(wordAfter(message, ' port ', Math.max(from, 0))));
  return true;
}

/** Behind `invalid user`, `user` or `for`; names with blanks end at ` from `. */
function userOf(message: string): string {
  for (const mark of ['nvalid user ', 'authenticating user ', ' for user ', ' for ']) {
    const at = after(message, mark);
    if (at < 0) continue;
    const from = message.lastIndexOf(' from ');
    return from > at ? message.slice(at, from) : word(message, at);
  }
  return '';
}

/** Access logs in the Common and Combined Log Format, and nginx' error log. */
export function readWeb(line: Line): boolean {
  const { text, fields, body } = line;
  if (line.app === 'nginx' && text.includes(', client: ', line.at)) {
    fields.vendor = 'nginx';
    fields.product = 'nginx';
    fields.event = 'web';
    put(fields, 'msg', messageOf(line));
    put(fields, 'srcip', ipOf(wordAfter(text, ', client: ', line.at)));
    return true;
  }
  const client = ipOf(word(text, body));
  const open = text.indexOf(' [', body);
  if (client === undefined || open < 0 || open > body + 300) return false;
  const time = accessTime(text, open + 2);
  if (!time || text.charCodeAt(time.end) !== 93) return false;
  fields.event = 'web';
  fields.srcip = client;
  fields.device_time = time.time;
  const user = text.slice(body, open).split(' ')[2] ?? '-';
  if (user !== '-') put(fields, 'user', user);
  const request = after(text, '"', time.end);
  put(fields, 'msg', until(text, '"', request));
  const status = wordAfter(text, '" ', request);
  put(fields, 'bytes', numberOf(wordAfter(text, `" ${status} `, request)));
  if (status === '401' || status === '403') fields.action = 'deny';
  return true;
}

/** hostapd, also as UniFi's and OpenWrt's access points run it: `wlan0: STA aa:… IEEE 802.11: associated`. */
export function readHostapd(line: Line): boolean {
  const { fields } = line;
  const message = messageOf(line);
  const station = after(message, ': STA ');
  const events = message.indexOf('AP-STA-');
  if (!(line.app === 'hostapd' || station > 0 || events >= 0) || (station < 0 && events < 0)) return false;
  fields.vendor = 'hostapd';
  fields.product = 'hostapd';
  fields.event = 'wifi';
  put(fields, 'msg', message);
  put(fields, 'in', until(message, ':', 0));
  put(fields, 'mac', macOf(word(message, station >= 0 ? station : message.indexOf(' ', events) + 1)));
  if (message.includes('AP-STA-CONNECTED') || message.includes(': associated')) fields.action = 'join';
  else if (message.includes('AP-STA-DISCONNECTED') || message.includes('disassociated')) fields.action = 'leave';
  else if (message.includes('deauthenticated')) fields.action = 'leave';
  else if (message.includes('RADIUS: starting accounting session')) {
    fields.action = 'start';
    put(fields, 'session', wordAfter(message, 'accounting session '));
  } else if (message.includes('authentication failed') || message.includes('FAILURE')) fields.action = 'fail';
  return true;
}

/** OpenVPN, in its own file's format and by syslog. */
export function readOpenvpn(line: Line): boolean {
  const { fields, app, text } = line;
  const message = text.slice(line.at, line.at + 512);
  const peer = peerAt(message);
  if (!app.startsWith('openvpn') && !app.startsWith('ovpn')) {
    const plain = app === '' && fields.facility === undefined && fields.device_time !== undefined;
    const marked = peer !== undefined ? isPeerMessage(message) : MARKS.some((mark) => message.startsWith(mark));
    if (!plain || !marked) return false;
  }
  // Its own file has no host; the first word is the peer or the message.
  if (fields.facility === undefined && app === '') delete fields.host;
  fields.vendor = 'OpenVPN';
  fields.product = 'OpenVPN';
  fields.event = 'vpn';
  put(fields, 'msg', message);
  if (peer !== undefined) {
    putEnd(fields, 'src', peer.end);
    put(fields, 'user', peer.user);
  }
  readOpenvpnText(fields, message);
  return true;
}

const MARKS = ['OpenVPN ', 'Incoming Control Channel', 'Outgoing Control Channel', 'MULTI', 'Initialization Sequence'];

const isPeerMessage = (message: string): boolean =>
  [
    '[AF_INET',
    'TLS',
    'VERIFY',
    'OpenSSL',
    'AUTH',
    'Peer Connection',
    'Authentication',
    'MULTI',
    'SIGTERM',
    'SENT CONTROL',
  ].some((mark) => message.includes(mark));

/** `192.0.2.1:1194`, `user/192.0.2.1:1194`, `192.0.2.1:1194/user`. */
function peerAt(message: string): { end: string; user: string } | undefined {
  const first = word(message, 0);
  const slash = first.indexOf('/');
  const before = slash < 0 ? first : first.slice(0, slash);
  const behind = slash < 0 ? '' : first.slice(slash + 1);
  for (const [end, user] of [
    [before, behind],
    [behind, before],
  ] as const) {
    const colon = end.lastIndexOf(':');
    if (colon > 0 && ipOf(end.slice(0, colon)) !== undefined) return { end, user };
  }
  return undefined;
}

function readOpenvpnText(fields: Fields, message: string): void {
  if (fields.srcip === undefined) putEnd(fields, 'src', wordAfter(message, '[AF_INET]'));
  const user = between(message, "username/password authentication succeeded for username '", "'");
  put(fields, 'user', user);
  const name = between(message, 'CN=', ',');
  if (fields.user === undefined && message.includes('VERIFY ERROR')) put(fields, 'user', name);
  if (message.includes('AUTH_FAILED') || message.includes('Error') || message.includes('ERROR')) fields.action = 'fail';
  else if (message.includes('certificate verify failed')) fields.action = 'fail';
  else if (message.includes('uthentication succeeded') || message.includes('Peer Connection Initiated'))
    fields.action = 'success';
  else if (message.includes('MULTI: Learn: ')) {
    fields.action = 'assign';
    put(fields, 'ip', ipOf(wordAfter(message, 'MULTI: Learn: ')));
  } else if (message.includes('client-instance exiting') || message.includes('client-instance restarting'))
    fields.action = 'down';
  else if (message.includes('TCP connection established')) fields.action = 'start';
}
