import type { Decision } from '../../access/index.ts';
import type { NasType } from '../types.ts';

/** An attribute by its dictionary name. */
export type Pair = readonly [name: string, value: string | number];

/** What 32 bits hold: attributes of bandwidth are no wider. */
const MAX_U32 = 0xffff_ffff;
const u32 = (number: number): number => Math.min(MAX_U32, Math.max(0, Math.round(number)));

/**
 * RFC 3580, section 3.31: Tunnel-Type VLAN, Tunnel-Medium-Type 802, the VLAN's id or name. Every vendor here reads it.
 * MikroTik's wireless package wants the id in its own attribute (RouterOS manual, RADIUS client).
 */
export function vlan(id: number | string, type: NasType): Pair[] {
  const pairs: Pair[] = [
    ['Tunnel-Type', 'VLAN'],
    ['Tunnel-Medium-Type', 'IEEE-802'],
    ['Tunnel-Private-Group-Id', String(id)],
  ];
  if (type === 'mikrotik' && /^\d+$/.test(String(id))) pairs.push(['Mikrotik-Wireless-VLANID', Number(id)]);
  return pairs;
}

/**
 * A role, or the name that a vendor has for it. Aruba: user role (ArubaOS user guide, server-derived roles). Cisco: the
 * role that local policies of a WLAN controller match on. Fortinet: user group (FortiOS, RADIUS group override). Juniper
 * EX: Filter-Id. Meraki: group policy, by Filter-Id unless configured otherwise (MR access control). MikroTik: hotspot or
 * PPP profile (RouterOS manual, RADIUS client). Ruckus: role by user group (SmartZone AAA reference guide). UniFi has
 * none, and passes Filter-Id over.
 */
export function role(name: string, type: NasType): Pair[] {
  switch (type) {
    case 'aruba':
      return [['Aruba-User-Role', name]];
    case 'cisco':
      return [['Cisco-AVPair', `role=${name}`]];
    case 'fortinet':
      return [['Fortinet-Group-Name', name]];
    case 'mikrotik':
      return [['Mikrotik-Group', name]];
    case 'ruckus':
      return [['Ruckus-User-Groups', name]];
    default:
      return [['Filter-Id', name]];
  }
}

/**
 * An ACL that the NAS knows by name: Filter-Id (RFC 2865, section 5.11). Cisco's WLAN controllers want it in
 * Airespace-ACL-Name, its switches in Filter-Id with `.in` behind it, which is the document's to write.
 */
export function aclByName(name: string, type: NasType): Pair[] {
  const pairs: Pair[] = [['Filter-Id', name]];
  if (type === 'cisco') pairs.push(['Airespace-ACL-Name', name.replace(/\.(in|out)$/, '')]);
  return pairs;
}

/**
 * The lines of an ACL, in the vendor's language. Cisco: per-user ACL (`ip:inacl#1=permit …`). Juniper EX:
 * Juniper-Switching-Filter. MikroTik: rules of the switch chip for 802.1X. Others: RFC 4849, whose values are one text
 * with a NUL between two rules.
 */
export function aclByLines(lines: readonly string[], type: NasType): Pair[] {
  switch (type) {
    case 'cisco':
      return lines.map((line, index) => ['Cisco-AVPair', `ip:inacl#${index + 1}=${line}`]);
    case 'juniper':
      return lines.map((line) => ['Juniper-Switching-Filter', line]);
    case 'mikrotik':
      return lines.map((line) => ['Mikrotik-Switching-Filter', line]);
    default:
      return lines.map((line, index) => ['NAS-Filter-Rule', index < lines.length - 1 ? `${line}\0` : line]);
  }
}

/**
 * Bits a second. WISPr (Wi-Fi Alliance, best current practices for WISP roaming): also of FortiOS (traffic shaping by
 * dynamic RADIUS VSAs), Ruckus, UniFi, Aruba; Meraki and Juniper have it in the group policy or the filter and pass it
 * over. MikroTik: `rx/tx` as the router sees it, so rx is the client's upload; 0 is no limit. Cisco's WLAN controllers:
 * average data rate of a user in kbit/s, one attribute for each direction.
 */
export function bandwidth({ up, down }: NonNullable<Decision['bandwidth']>, type: NasType): Pair[] {
  if (up === undefined && down === undefined) return [];
  if (type === 'mikrotik') return [['Mikrotik-Rate-Limit', `${rate(up)}/${rate(down)}`]];
  if (type === 'cisco') {
    return [
      ...(up === undefined ? [] : [['Airespace-Data-Bandwidth-Average-Contract-Upstream', kbits(up)] as const]),
      ...(down === undefined ? [] : [['Airespace-Data-Bandwidth-Average-Contract', kbits(down)] as const]),
    ];
  }
  return [
    ...(up === undefined ? [] : [['WISPr-Bandwidth-Max-Up', u32(up)] as const]),
    ...(down === undefined ? [] : [['WISPr-Bandwidth-Max-Down', u32(down)] as const]),
  ];
}

const kbits = (bits: number): number => Math.max(1, u32(bits / 1000));
const rate = (bits: number | undefined): string => {
  if (bits === undefined) return '0';
  return bits % 1000 === 0 ? `${bits / 1000}k` : String(Math.round(bits));
};

/**
 * Where guests are sent. Cisco and Meraki: central web authentication, with the ACL that says what is sent there. Aruba
 * and Juniper have attributes of their own; others read WISPr's.
 */
export function portal(url: string, redirectAcl: string | undefined, type: NasType): Pair[] {
  switch (type) {
    case 'aruba':
      return [['Aruba-Captive-Portal-URL', url]];
    case 'juniper':
      return [['Juniper-CWA-Redirect', url]];
    case 'cisco':
    case 'meraki':
      return [
        ['Cisco-AVPair', `url-redirect=${url}`],
        ...(redirectAcl === undefined ? [] : [['Cisco-AVPair', `url-redirect-acl=${redirectAcl}`] as const]),
      ];
    default:
      return [['WISPr-Redirection-URL', url]];
  }
}

/** RFC 2865, sections 5.27 to 5.29. When the time is over the NAS asks again, where it otherwise would end the session. */
export function timeouts(decision: Decision): Pair[] {
  const pairs: Pair[] = [];
  if (decision.sessionTimeout !== undefined) {
    pairs.push(['Session-Timeout', u32(decision.sessionTimeout)], ['Termination-Action', 'RADIUS-Request']);
  }
  if (decision.idleTimeout !== undefined) pairs.push(['Idle-Timeout', u32(decision.idleTimeout)]);
  return pairs;
}
