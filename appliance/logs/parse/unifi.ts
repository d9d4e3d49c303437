import { readUnifiLine } from './cef.ts';
import { type Fields, put } from './fields.ts';
import { readPackets } from './netfilter.ts';
import { readHostapd } from './programs.ts';
import { type Line, messageOf } from './syslog.ts';
import { after, between, wordsOf } from './text.ts';
import { ipOf, macOf } from './values.ts';

const VERDICTS: Readonly<Record<string, string>> = { A: 'allow', D: 'drop', R: 'reject' };

const STATION: Readonly<Record<string, string>> = {
  EVENT_STA_JOIN: 'join',
  EVENT_STA_LEAVE: 'leave',
  EVENT_STA_IP: 'assign',
};

/** Ubiquiti's consoles (CEF, and the kernel's log with the rule in front) and access points. */
export function readUnifi(line: Line): boolean {
  if (readUnifiLine(line)) return true;
  return (
    readRule(line) || readWevent(line) || readTracker(line) || (isAccessPoint(line) && readHostapd(line) && named(line))
  );
}

function named({ fields }: Line): true {
  fields.vendor = 'Ubiquiti';
  fields.product = 'UniFi';
  return true;
}

/** `[WAN_LOCAL-D-2147483647] DESCR="…" IN=eth8 OUT= MAC=… SRC=…` */
function readRule(line: Line): boolean {
  const { text, at, fields } = line;
  const close = text.charCodeAt(at) === 91 ? text.indexOf('] ', at) : -1;
  if (close < 0 || close - at > 128) return false;
  const name = text.slice(at + 1, close);
  const number = name.lastIndexOf('-');
  const verdict = VERDICTS[name.slice(name.lastIndexOf('-', number - 1) + 1, number)];
  if (verdict === undefined || !text.includes(' SRC=', close)) return false;
  readPackets(fields, text, close + 2);
  fields.action = verdict;
  put(fields, 'rule', name);
  put(fields, 'msg', between(text, 'DESCR="', '"', close));
  return named(line);
}

/** `wevent.ubnt_custom_event(): EVENT_STA_JOIN ath0: aa:… / 1` */
function readWevent(line: Line): boolean {
  const { text, at, fields } = line;
  const found = text.slice(at, at + 200).indexOf('EVENT_STA_');
  if (found < 0) return false;
  const [name = '', port = '', mac = '', , ip = ''] = wordsOf(text, at + found, 5);
  const action = Object.hasOwn(STATION, name) ? STATION[name] : undefined;
  if (action === undefined || macOf(mac) === undefined) return false;
  fields.event = action === 'assign' ? 'dhcp' : 'wifi';
  fields.action = action;
  put(fields, 'in', port.endsWith(':') ? port.slice(0, -1) : port);
  put(fields, 'mac', macOf(mac));
  if (action === 'assign') put(fields, 'ip', ipOf(ip));
  put(fields, 'msg', messageOf(line));
  return named(line);
}

/** `stahtd: … stahtd_dump_event(): {"message_type":"STA_ASSOC_TRACKER","mac":"aa:…",…}` */
function readTracker(line: Line): boolean {
  const { text, at, fields } = line;
  const json = text.indexOf('{"message_type":"STA_ASSOC_TRACKER"', at);
  if (json < 0) return false;
  fields.event = 'wifi';
  put(fields, 'mac', macOf(between(text, '"mac":"', '"', json)));
  put(fields, 'in', between(text, '"vap":"', '"', json));
  put(fields, 'ssid', between(text, '"ssid":"', '"', json));
  readOutcome(fields, between(text, '"event_type":"', '"', json));
  put(fields, 'msg', messageOf(line));
  return named(line);
}

function readOutcome(fields: Fields, type: string): void {
  if (type === 'success' || type === 'fixup') fields.action = 'join';
  else if (type === 'failure') fields.action = 'fail';
  else if (type === 'sta_leave') fields.action = 'leave';
  else if (type === 'sta_roam') fields.action = 'join';
}

/** Access points name themselves by model, MAC and firmware: `U7PG2,788a20aabbcc,v4.0.66.10832`. */
function isAccessPoint({ fields }: Line): boolean {
  const host = fields.host ?? '';
  const mac = after(host, ',');
  return mac > 0 && macOf(host.slice(mac, mac + 12)) !== undefined;
}
