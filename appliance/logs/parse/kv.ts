import { actionOf, type Event, type Fields, protocolOf, put, putBytes, withoutSame } from './fields.ts';
import type { Line } from './syslog.ts';
import { pairs } from './text.ts';
import { isoTime } from './time.ts';
import { ipOf, macOf, numberOf, portOf } from './values.ts';

const SOPHOS: Readonly<Record<string, Event>> = {
  firewall: 'traffic',
  'content filtering': 'web',
  idp: 'threat',
  'anti-virus': 'threat',
  atp: 'threat',
  waf: 'web',
  wireless: 'wifi',
  'wireless protection': 'wifi',
};

/** A zone that Sophos names is read over; an offset isn't. */
const offset = (zone: string): string => (zone.startsWith('+') || zone.startsWith('-') ? zone : '');

/** Sophos Firewall (SFOS 17 to 20): `device="SFW" date=… log_type="Firewall" …`, or `device_name="SFW" timestamp=…`. */
export function readSophos(line: Line): boolean {
  const { text, body, fields } = line;
  if (!text.startsWith('device', body)) return false;
  const head = text.slice(body, body + 1024);
  if (!head.includes('log_type=') || !head.includes('log_component=')) return false;
  const values = new Map<string, string>();
  pairs(text, body, (key, value) => {
    if (value !== '' && values.size < 256 && !values.has(key)) values.set(key, value);
  });
  const get = (...names: string[]): string => {
    for (const name of names) if (values.has(name)) return values.get(name)!;
    return '';
  };
  fields.vendor = 'Sophos';
  fields.product = 'XG';
  if (get('device_name') !== 'SFW') put(fields, 'host', get('device_name'));
  const day = get('date');
  const local = day === '' ? get('timestamp') : `${day} ${get('time')}${offset(get('timezone'))}`;
  put(fields, 'device_time', isoTime(local, 0)?.time);
  const type = get('log_type').toLowerCase();
  const component = get('log_component').toLowerCase();
  fields.event = sophosEvent(type, component);
  put(fields, 'srcip', ipOf(get('src_ip')));
  put(fields, 'dstip', ipOf(get('dst_ip')));
  put(fields, 'srcport', portOf(get('src_port')));
  put(fields, 'dstport', portOf(get('dst_port')));
  put(fields, 'natip', ipOf(get('tran_src_ip', 'src_trans_ip')));
  put(fields, 'natport', nonzero(portOf(get('tran_src_port', 'src_trans_port'))));
  put(fields, 'natdstip', ipOf(get('tran_dst_ip', 'dst_trans_ip')));
  put(fields, 'natdstport', nonzero(portOf(get('tran_dst_port', 'dst_trans_port'))));
  put(fields, 'proto', protocolOf(get('protocol')));
  put(fields, 'user', get('user_name', 'user', 'name'));
  put(fields, 'mac', macOf(get('src_mac', 'mac_address', 'client_physical_address')));
  if (get('fw_rule_id') !== 'N/A') put(fields, 'rule', get('fw_rule_id', 'firewall_rule_id'));
  put(fields, 'in', get('in_interface', 'src_zone', 'srczone'));
  put(fields, 'out', get('out_interface', 'dst_zone', 'dstzone'));
  put(fields, 'session', get('connid', 'con_id'));
  put(fields, 'ssid', get('ssid'));
  put(fields, 'msg', get('message', 'signature_msg'));
  put(fields, 'action', actionOf(get('status', 'log_subtype')));
  const event = get('connevent', 'con_event').toLowerCase();
  if (fields.action === 'allow' && event === 'stop') fields.action = 'close';
  putBytes(fields, numberOf(get('recv_bytes', 'bytes_received')), numberOf(get('sent_bytes', 'bytes_sent')));
  if (fields.event === 'dhcp') {
    put(fields, 'ip', ipOf(get('leased_ip', 'ipaddress')));
    put(fields, 'hostname', get('client_host_name'));
    if (fields.action === 'renew') fields.action = 'assign';
    if (fields.action !== 'assign' && fields.action !== 'release' && fields.action !== 'expire') delete fields.ip;
  }
  return true;
}

const nonzero = (port: number | undefined): number | undefined => port || undefined;

function sophosEvent(type: string, component: string): Event {
  if (component.includes('dhcp')) return 'dhcp';
  if (component.includes('authentication') || type.includes('authentication')) return 'auth';
  if (component.includes('vpn') || component === 'ipsec' || component === 'l2tp' || component === 'pptp') return 'vpn';
  return SOPHOS[type] ?? 'system';
}

/** `NetScreen device_id=… [Root]system-notification-00257(traffic): start_time="…" … src zone=Trust …` */
export function readScreenos(line: Line): boolean {
  const { text, at, fields } = line;
  if (!text.startsWith('NetScreen device_id=', at)) return false;
  fields.vendor = 'Juniper';
  fields.product = 'ScreenOS';
  fields.event = text.slice(at, at + 160).includes('(traffic)') ? 'traffic' : 'system';
  let before = '';
  let inward: number | undefined;
  let outward: number | undefined;
  pairs(text, at + 10, (key, value) => {
    const name =
      value !== '' && (before === 'src' || before === 'dst' || before.endsWith('-xlated')) ? `${before} ${key}` : key;
    if (name === 'sent') outward = numberOf(value);
    else if (name === 'rcvd') inward = numberOf(value);
    else takeScreenos(fields, name, value);
    // `src-xlated ip=… port=…`
    if (value === '' || !(before.endsWith('-xlated') && key === 'ip')) before = value === '' ? key : '';
  });
  withoutSame(fields);
  putBytes(fields, inward, outward);
  if (fields.event === 'system') put(fields, 'msg', text.slice(at));
  return true;
}

function takeScreenos(fields: Fields, name: string, value: string): void {
  if (value === '') return;
  switch (name) {
    case 'device_id':
      fields.host ??= value;
      break;
    case 'start_time':
      put(fields, 'device_time', isoTime(value, 0)?.time);
      break;
    case 'policy_id':
      put(fields, 'rule', value);
      break;
    case 'proto':
      put(fields, 'proto', protocolOf(value));
      break;
    case 'src zone':
      put(fields, 'in', value);
      break;
    case 'dst zone':
      put(fields, 'out', value);
      break;
    case 'action':
      put(fields, 'action', actionOf(value));
      break;
    case 'src':
      put(fields, 'srcip', ipOf(value));
      break;
    case 'dst':
      put(fields, 'dstip', ipOf(value));
      break;
    case 'src_port':
      put(fields, 'srcport', portOf(value));
      break;
    case 'dst_port':
      put(fields, 'dstport', portOf(value));
      break;
    case 'src-xlated ip':
      put(fields, 'natip', ipOf(value));
      break;
    case 'src-xlated port':
      put(fields, 'natport', portOf(value));
      break;
    case 'dst-xlated ip':
      put(fields, 'natdstip', ipOf(value));
      break;
    case 'dst-xlated port':
      put(fields, 'natdstport', portOf(value));
      break;
    case 'session_id':
      put(fields, 'session', value);
      break;
  }
}
