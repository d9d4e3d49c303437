import { jsonEqual } from '@gatehouse/protocol';
import { PORTAL_PORT } from '../portal/index.ts';
import type { ClassPlan, FirewallPlan } from './plan.ts';

/**
 * The table of an interface. nft(8) knows letters, digits and `/ \ _ .` in a name; an interface's may have a few more
 * and never has a slash.
 */
export function tableName(name: string): string {
  return `gatehouse_${name.replaceAll(/[^A-Za-z0-9_.]/g, (char) => `/${char.charCodeAt(0).toString(16)}`)}`;
}

/**
 * Before other programs' chains (priority `filter`, docker's and ufw's). The order decides nothing: a drop in any chain
 * is final, and an accept is one for its own chain only, so neither side overrides the other's drop.
 */
const PRIORITY = 'filter - 10';

const braces = (elements: Iterable<string | number>): string => `{ ${[...elements].join(', ')} }`;
const filled = (elements: Iterable<string | number>): string => {
  const list = [...elements];
  return list.length > 0 ? `; elements = ${braces(list)}` : '';
};
const pairs = (map: ReadonlyMap<string, number>): string[] => [...map].map(([address, id]) => `${address} : ${id}`);

/** Sets and rules of one class; `prefix` makes lines of a table into commands. */
function classSets(id: number, plan: ClassPlan): [name: string, spec: string][] {
  return [
    [`allow_${id}`, `type mark${filled(plan.allow)}`],
    [`cidrs4_${id}`, `type ipv4_addr; flags interval${filled(plan.cidrs4)}`],
    [`cidrs6_${id}`, `type ipv6_addr; flags interval${filled(plan.cidrs6)}`],
  ];
}

/**
 * Where a class's packets end. A connection is judged by the addresses under which it was opened, for each of its
 * packets in both directions: what is revoked is dead with the next packet, whoever sends it. The mark carries the
 * class of the destination from one rule to the next; before and after it is 0.
 */
const classRules = (id: number): string[] => [
  'meta mark set 0',
  'meta mark set ct original ip daddr map @peers4',
  'meta mark set ct original ip6 daddr map @peers6',
  `meta mark @allow_${id} meta mark set 0 accept`,
  `meta mark 0 ct original ip daddr @cidrs4_${id} accept`,
  `meta mark 0 ct original ip6 daddr @cidrs6_${id} accept`,
  'drop',
];

/** The chains that don't depend on peers and classes. */
function frame(plan: FirewallPlan): string[] {
  const wg = `"${plan.interface}"`;
  const source = [
    'meta mark set 0',
    'meta mark set ct original ip saddr map @peers4',
    'meta mark set ct original ip6 saddr map @peers6',
  ];
  const dns = plan.names
    ? plan.own.map(
        ({ family, address }) =>
          `iifname ${wg} ct original ${family === 4 ? 'ip' : 'ip6'} daddr ${address} ct direction original meta l4proto { tcp, udp } th dport 53 jump dns`,
      )
    : [];
  const chain = (name: string, ...lines: string[]): string => `chain ${name} {\n  ${lines.join('\n  ')}\n }`;
  return [
    // Unknown sources have no class, and end here.
    chain('judge', ...source, 'meta mark vmap @rights', 'drop'),
    chain('dns', ...source, 'meta mark @askers meta mark set 0 accept', 'drop'),
    chain('portal', ...source, 'meta mark @captives meta mark set 0 accept', 'drop'),
    // What anybody else asks of port 80 goes where it was going.
    chain(
      'divert',
      ...source,
      `meta l4proto tcp meta mark @captives meta mark set 0 redirect to :${PORTAL_PORT}`,
      'meta mark set 0',
    ),
    chain(
      'prerouting',
      'type nat hook prerouting priority dstnat; policy accept;',
      `iifname ${wg} tcp dport 80 jump divert`,
    ),
    chain(
      'forward',
      `type filter hook forward priority ${PRIORITY}; policy accept;`,
      `iifname ${wg} ct state invalid drop`,
      `iifname ${wg} goto judge`,
      // Into the overlay from elsewhere come answers only.
      `oifname ${wg} ct state invalid drop`,
      `oifname ${wg} ct direction reply ct state established,related goto judge`,
      `oifname ${wg} drop`,
    ),
    chain(
      'input',
      `type filter hook input priority ${PRIORITY}; policy accept;`,
      `iifname ${wg} ct state invalid drop`,
      ...dns,
      `iifname ${wg} ct status dnat ct direction original tcp dport ${PORTAL_PORT} ct original proto-dst 80 jump portal`,
      `iifname ${wg} goto judge`,
    ),
    chain(
      'output',
      `type filter hook output priority ${PRIORITY}; policy accept;`,
      // What the hub opens itself. Its answers and ICMP errors belong to what was let in.
      `oifname ${wg} ct direction original ct state new,established goto judge`,
    ),
    chain(
      'postrouting',
      'type nat hook postrouting priority srcnat; policy accept;',
      `iifname ${wg} oifname != ${wg} ip daddr @masquerade4 masquerade`,
      `iifname ${wg} oifname != ${wg} ip6 daddr @masquerade6 masquerade`,
    ),
  ];
}

/** The whole table, in one transaction that takes the place of what was there: at no moment is there none. */
export function renderTable(plan: FirewallPlan): string {
  const table = `table inet ${tableName(plan.interface)}`;
  const classes = [...plan.classes];
  const lines = [
    `map peers4 { type ipv4_addr : mark${filled(pairs(plan.peers4))}; }`,
    `map peers6 { type ipv6_addr : mark${filled(pairs(plan.peers6))}; }`,
    `set askers { type mark${filled(plan.askers)}; }`,
    `set captives { type mark${filled(plan.captives)}; }`,
    `set masquerade4 { type ipv4_addr; flags interval${filled(plan.masquerade4)}; }`,
    `set masquerade6 { type ipv6_addr; flags interval${filled(plan.masquerade6)}; }`,
    ...classes.flatMap(([id, one]) => classSets(id, one).map(([name, spec]) => `set ${name} { ${spec}; }`)),
    ...classes.map(([id]) => `chain from_${id} {\n  ${classRules(id).join('\n  ')}\n }`),
    `map rights { type mark : verdict${filled(classes.map(([id]) => `${id} : goto from_${id}`))}; }`,
    ...frame(plan),
  ];
  return `${table}\ndelete ${table}\n${table} {\n ${lines.join('\n ')}\n}\n`;
}

/** Takes the table away; it isn't an error when there is none. */
export function renderRemoval(name: string): string {
  const table = `table inet ${tableName(name)}`;
  return `${table}\ndelete ${table}\n`;
}

/** Commands on the elements of one table. */
class Changes {
  readonly lines: string[] = [];
  readonly #table: string;

  constructor(name: string) {
    this.#table = `inet ${tableName(name)}`;
  }

  element(verb: 'add' | 'delete', set: string, elements: readonly (string | number)[]): void {
    if (elements.length > 0) this.lines.push(`${verb} element ${this.#table} ${set} ${braces(elements)}`);
  }

  set(name: string, before: Iterable<number>, after: Iterable<number>): void {
    const [from, to] = [new Set(before), new Set(after)];
    this.element('delete', name, [...from.difference(to)]);
    this.element('add', name, [...to.difference(from)]);
  }

  map(name: string, before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void {
    const gone: string[] = [];
    const come: string[] = [];
    for (const [address, id] of before) if (after.get(address) !== id) gone.push(address);
    for (const [address, id] of after) if (before.get(address) !== id) come.push(`${address} : ${id}`);
    this.element('delete', name, gone);
    this.element('add', name, come);
  }

  /** Whole: what an interval was merged into can't be told apart again. */
  intervals(name: string, before: readonly string[], after: readonly string[]): void {
    if (jsonEqual(before, after)) return;
    this.lines.push(`flush set ${this.#table} ${name}`);
    this.element('add', name, after);
  }

  addClass(id: number, plan: ClassPlan): void {
    for (const [name, spec] of classSets(id, plan)) this.lines.push(`add set ${this.#table} ${name} { ${spec}; }`);
    this.lines.push(`add chain ${this.#table} from_${id}`);
    for (const rule of classRules(id)) this.lines.push(`add rule ${this.#table} from_${id} ${rule}`);
    this.element('add', 'rights', [`${id} : goto from_${id}`]);
  }

  removeClass(id: number, plan: ClassPlan): void {
    this.element('delete', 'rights', [id]);
    this.lines.push(`flush chain ${this.#table} from_${id}`, `delete chain ${this.#table} from_${id}`);
    for (const [name] of classSets(id, plan)) this.lines.push(`delete set ${this.#table} ${name}`);
  }
}

/** True when only peers, classes and masquerading differ: the rest is written into the rules. */
export function sameFrame(before: FirewallPlan, after: FirewallPlan): boolean {
  const of = ({ interface: name, own, names }: FirewallPlan): unknown => [name, own, names];
  return jsonEqual(of(before), of(after));
}

/** One transaction that makes a table with `before` into one with `after`, of the same frame; '' when they are equal. */
export function renderChanges(before: FirewallPlan, after: FirewallPlan): string {
  const changes = new Changes(after.interface);
  for (const [id, one] of after.classes) {
    const old = before.classes.get(id);
    if (!old) {
      changes.addClass(id, one);
      continue;
    }
    if (!jsonEqual(old.allow, one.allow)) changes.set(`allow_${id}`, old.allow, one.allow);
    changes.intervals(`cidrs4_${id}`, old.cidrs4, one.cidrs4);
    changes.intervals(`cidrs6_${id}`, old.cidrs6, one.cidrs6);
  }
  changes.map('peers4', before.peers4, after.peers4);
  changes.map('peers6', before.peers6, after.peers6);
  changes.set('askers', before.askers, after.askers);
  changes.set('captives', before.captives, after.captives);
  changes.intervals('masquerade4', before.masquerade4, after.masquerade4);
  changes.intervals('masquerade6', before.masquerade6, after.masquerade6);
  for (const [id, one] of before.classes) if (!after.classes.has(id)) changes.removeClass(id, one);
  return changes.lines.map((line) => `${line}\n`).join('');
}
