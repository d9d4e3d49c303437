import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LinuxFacts } from './linux.ts';
import * as parse from './parse/linux.ts';
import { answers, gather } from './testing.ts';

const rule = (chain: string, ...expr: object[]) => ({
  rule: { family: 'ip', table: 'filter', chain, handle: 2, expr },
});
const chain = (name: string, more: object = {}) => ({
  chain: { family: 'ip', table: 'filter', name, handle: 1, ...more },
});
const INPUT = { type: 'filter', hook: 'input', prio: 0 };
const COUNTER = { counter: { packets: 0, bytes: 0 } };
const nft = (...items: object[]) => JSON.stringify({ nftables: [{ metainfo: { version: '1.0.6' } }, ...items] });

/** Debian 12, nft 1.0.6: `inet filter` with a policy, and `ip6` with a last rule. */
const DEBIAN_NFT =
  '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}, {"table": {"family": "inet", "name": "filter", "handle": 1}}, {"chain": {"family": "inet", "table": "filter", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}, {"rule": {"family": "inet", "table": "filter", "chain": "input", "handle": 2, "expr": [{"match": {"op": "==", "left": {"meta": {"key": "iifname"}}, "right": "lo"}}, {"accept": null}]}}, {"table": {"family": "ip6", "name": "legacy", "handle": 2}}, {"chain": {"family": "ip6", "table": "legacy", "name": "input", "handle": 1, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}, {"rule": {"family": "ip6", "table": "legacy", "chain": "input", "handle": 2, "expr": [{"counter": {"packets": 0, "bytes": 0}}, {"reject": {"type": "icmpv6", "expr": "port-unreachable"}}]}}]}';
/** Debian 12, iptables 1.8.9 (nf_tables): a chain of its own that ends in REJECT, of which nft says `xt`. */
const DEBIAN_IPTABLES =
  '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}, {"table": {"family": "ip", "name": "filter", "handle": 1}}, {"chain": {"family": "ip", "table": "filter", "name": "guard", "handle": 1}}, {"chain": {"family": "ip", "table": "filter", "name": "INPUT", "handle": 4, "type": "filter", "hook": "input", "prio": 0, "policy": "accept"}}, {"rule": {"family": "ip", "table": "filter", "chain": "guard", "handle": 2, "expr": [{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": 22}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept": null}]}}, {"rule": {"family": "ip", "table": "filter", "chain": "guard", "handle": 3, "expr": [{"counter": {"packets": 0, "bytes": 0}}, {"xt": {"type": "target", "name": "REJECT"}}]}}, {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 5, "expr": [{"xt": {"type": "match", "name": "conntrack"}}, {"counter": {"packets": 0, "bytes": 0}}, {"accept": null}]}}, {"rule": {"family": "ip", "table": "filter", "chain": "INPUT", "handle": 6, "expr": [{"counter": {"packets": 0, "bytes": 0}}, {"jump": {"target": "guard"}}]}}]}';
const DEBIAN_NONE =
  '{"nftables": [{"metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}}]}';

test('firewall: what Debian’s nft and iptables say', () => {
  assert.deepEqual(parse.nftFilters(DEBIAN_NFT), { ipv4: true, ipv6: true });
  assert.deepEqual(parse.nftFilters(DEBIAN_IPTABLES), { ipv4: true, ipv6: false });
  assert.deepEqual(parse.nftFilters(DEBIAN_NONE), { ipv4: false, ipv6: false });
  assert.equal(parse.iptablesFilters('-P INPUT ACCEPT\n'), false);
  assert.equal(parse.iptablesFilters('-P INPUT DROP\n'), true);
  assert.equal(parse.iptablesFilters('-P INPUT ACCEPT\n-A INPUT -p udp -j DROP\n'), false);
  assert.equal(parse.iptablesFilters('-P INPUT ACCEPT\n-A INPUT -p udp -j DROP\n-A INPUT -j DROP\n'), true);
});

test('firewall: only what is refused in the end counts, and never our own table', () => {
  const ipv4 = (...items: object[]) => parse.nftFilters(nft(...items))?.ipv4;
  const base = chain('INPUT', { ...INPUT, policy: 'drop' });
  const open = chain('INPUT', { ...INPUT, policy: 'accept' });
  const match = { match: { op: '==', left: {}, right: 1 } };
  assert.equal(ipv4(base), true);
  assert.equal(ipv4(base, rule('INPUT', COUNTER, { accept: null })), false, 'everything is let in before');
  assert.equal(ipv4(base, rule('INPUT', { limit: { rate: 5 } }, { accept: null })), true, 'some is let in');
  assert.equal(ipv4(open, rule('INPUT', match, { drop: null })), false, 'a blocklist is no firewall');
  assert.equal(ipv4(open, rule('INPUT', { log: null }, { drop: null })), true);
  const jump = { jump: { target: 'more' } };
  assert.equal(ipv4(open, chain('more'), rule('INPUT', jump), rule('more', { drop: null })), true);
  assert.equal(ipv4(open, rule('INPUT', jump), rule('more', { return: null }), rule('more', { drop: null })), false);
  assert.equal(ipv4(open, rule('INPUT', { jump: { target: 'INPUT' } })), false, 'a circle ends');
  assert.equal(ipv4(chain('FORWARD', { ...INPUT, hook: 'forward', policy: 'drop' })), false);
  const own = { family: 'inet', table: 'gatehouse_gh0', name: 'input', hook: 'input', policy: 'drop' };
  assert.equal(ipv4({ chain: own }), false);
  assert.equal(ipv4({ chain: { ...own, table: 'filter' } }), true);
  for (const odd of ['', 'null', '{}', '[]', '{"nftables": 1}']) assert.equal(parse.nftFilters(odd), undefined, odd);
});

const DEBIAN_MOUNTS =
  '23 27 0:22 / /sys rw,relatime - sysfs sysfs rw\n' +
  '27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard,resv_strict,resuid=65534,resgid=65534\n' +
  '42 27 254:0 /run/netns /run/netns rw,relatime shared:1 - ext4 /dev/vda rw,discard\n';
const DEBIAN_LSBLK =
  '{"blockdevices": [{"name":"/dev/zram0","maj:min":"253:0","type":"disk","fstype":null,"uuid":null},' +
  '{"name":"/dev/vda","maj:min":"254:0","type":"disk","fstype":null,"uuid":null}]}';

test('disk encryption: Debian’s mountinfo and lsblk, of a machine without', () => {
  const root = parse.mountedOn(DEBIAN_MOUNTS, '/');
  assert.deepEqual(root, { device: '/dev/vda', number: '254:0' });
  assert.equal(parse.mountedOn(DEBIAN_MOUNTS, '/home'), undefined);
  assert.equal(parse.isEncrypted(DEBIAN_LSBLK, root!), false);
  const over = `${DEBIAN_MOUNTS}99 1 0:44 / / rw shared:1 master:2 - overlay overlay rw\n`;
  assert.deepEqual(parse.mountedOn(over, '/'), { device: 'overlay', number: '0:44' }, 'the last one is on top');
});

test('disk encryption: LVM in LUKS, mirrors and btrfs, as lsblk’s manual lays them out', () => {
  const node = (name: string, type: string, children: object[] = [], more: object = {}) => ({
    name: `/dev/${name}`,
    'maj:min': `8:${name.length}`,
    type,
    fstype: null,
    uuid: null,
    children,
    ...more,
  });
  const encrypted = (device: string, ...blockdevices: object[]) =>
    parse.isEncrypted(JSON.stringify({ blockdevices }), { device: `/dev/${device}`, number: '0:99' });
  const root = node('mapper/vg-root', 'lvm');
  assert.equal(
    encrypted('mapper/vg-root', node('sda', 'disk', [node('sda3', 'part', [node('luks', 'crypt', [root])])])),
    true,
  );
  assert.equal(encrypted('mapper/vg-root', node('sda', 'disk', [node('sda3', 'part', [root])])), false);
  // A volume group over two disks of which one is in the clear.
  const half = [node('sda', 'disk', [node('luks', 'crypt', [root])]), node('sdb', 'disk', [root])];
  assert.equal(encrypted('mapper/vg-root', ...half), false);
  const pool = { fstype: 'btrfs', uuid: 'u-1' };
  const one = node('sda', 'disk', [node('luks', 'crypt', [], pool)]);
  assert.equal(encrypted('luks', one, node('sdb', 'disk', [], { fstype: 'btrfs', uuid: 'u-2' })), true);
  assert.equal(encrypted('luks', one, node('sdb', 'disk', [], pool)), false);
  assert.equal(encrypted('nfs', one), undefined);
  assert.equal(parse.isEncrypted('not json', { device: '/dev/sda', number: '8:0' }), undefined);
  let deep = node('x', 'disk');
  for (let i = 0; i < 1000; i++) deep = node('y', 'disk', [deep]);
  assert.equal(encrypted('x', deep), undefined, 'a tower is not climbed');
});

const DEBIAN_OS =
  'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nVERSION="12 (bookworm)"\n' +
  'VERSION_CODENAME=bookworm\nID=debian\n';

test('os-release: Debian’s, bare values, and none', () => {
  assert.deepEqual(parse.osRelease(DEBIAN_OS), { id: 'debian', version: '12' });
  assert.deepEqual(parse.osRelease("ID='fedora'\nVERSION_ID=43\n"), { id: 'fedora', version: '43' });
  assert.deepEqual(parse.osRelease('ID=debian\nVERSION_ID=""\n'), { id: 'debian', version: undefined });
});

const DEBIAN_APT =
  'Reading package lists...\nBuilding dependency tree...\nReading state information...\nCalculating upgrade...\n' +
  'The following packages will be upgraded:\n  curl libbrotli-dev libbrotli1\n' +
  '3 upgraded, 0 newly installed, 0 to remove and 0 not upgraded.\n' +
  'Inst curl [7.88.1-10+deb12u14] (7.88.1-10+deb12u15 Debian:12.15/oldstable [amd64]) []\n' +
  'Inst libbrotli-dev [1.0.9-2+b6] (1.0.9-2+deb12u1 Debian-Security:12/oldstable-security [amd64]) []\n' +
  'Inst libbrotli1 [1.0.9-2+b6] (1.0.9-2+deb12u1 Debian-Security:12/oldstable-security [amd64]) []\n' +
  'Conf curl (7.88.1-10+deb12u15 Debian:12.15/oldstable [amd64])\n';

test('updates: what Debian’s apt-get says, and dnf as its manual has it', () => {
  assert.equal(parse.aptPending(DEBIAN_APT), 3);
  assert.equal(parse.aptPending(''), 0);
  const dnf =
    '\nbash.x86_64      5.2.26-4.fc41    updates\nkernel-core.x86_64 6.11.4-301.fc41 updates\n' +
    'Obsoleting Packages\nnew.noarch 2-1 updates\n    old.noarch 1-1 @anaconda\n';
  assert.equal(parse.dnfPending(dnf), 2);
  assert.equal(parse.dnfPending(''), 0);
});

test('updates by themselves: apt’s periods, dnf’s timers', () => {
  const apt = (lists: string, upgrade: string) =>
    `APT::Architecture "amd64";\nAPT::Periodic "";\nAPT::Periodic::Update-Package-Lists "${lists}";\n` +
    `APT::Periodic::Unattended-Upgrade "${upgrade}";\n`;
  assert.equal(parse.aptAutomatic(apt('1', '1')), true);
  assert.equal(parse.aptAutomatic(apt('always', '12h')), true);
  assert.equal(parse.aptAutomatic(apt('1', '0')), false);
  assert.equal(parse.aptAutomatic(`${apt('1', '1')}APT::Periodic::Enable "0";\n`), false);
  assert.equal(parse.aptAutomatic('APT::Architecture "amd64";\n'), false);
  assert.equal(parse.dnfAutomatic(['dnf-automatic-install.timer'], null), true);
  assert.equal(parse.dnfAutomatic(['dnf-automatic.timer'], '[commands]\napply_updates = yes\n'), true);
  assert.equal(parse.dnfAutomatic(['dnf-automatic.timer'], '[commands]\napply_updates = no\n'), false);
  assert.equal(parse.dnfAutomatic([], 'apply_updates = yes\n'), false);
});

test('who confines programs, whether only signed systems start, and signs of a protection that is off', () => {
  assert.equal(parse.accessControl('1', null, null), 'selinux');
  assert.equal(parse.accessControl('0', null, null), 'none');
  assert.equal(parse.accessControl(null, 'Y\n', '/usr/bin/man (enforce)\nlsb_release (complain)\n'), 'apparmor');
  assert.equal(parse.accessControl(null, 'Y\n', 'lsb_release (complain)\n'), 'none');
  assert.equal(parse.accessControl(null, 'Y\n', null), undefined);
  assert.equal(parse.accessControl(null, 'N\n', null), 'none');
  assert.equal(parse.efiFlag('\u0006\0\0\0\u0001'), true);
  assert.equal(parse.efiFlag('\u0006\0\0\0\0'), false);
  assert.equal(parse.efiFlag(''), undefined);
  const cmdline = 'BOOT_IMAGE=/vmlinuz-6.1 root=UUID=1 ro quiet init=/sbin/init';
  assert.equal(parse.debugMode('0\n', cmdline, false), false);
  assert.equal(parse.debugMode('12289\n', cmdline, false), false, 'modules of others, unsigned, are common');
  assert.equal(parse.debugMode('2\n', cmdline, false), true);
  assert.equal(parse.debugMode('0\n', `${cmdline} systemd.debug_shell=1`, false), true);
  assert.equal(parse.debugMode('0\n', 'quiet init=/bin/bash', false), true);
  assert.equal(parse.debugMode('0\n', cmdline, true), true);
});

const IF_INET6 = '00000000000000000000000000000001 01 80 10 80       lo\n';
const machine = () => ({
  tools: {
    'lsblk --json --paths --output NAME,MAJ:MIN,TYPE,FSTYPE,UUID': DEBIAN_LSBLK,
    'nft --json --terse list ruleset': DEBIAN_NFT,
    'apt-config dump': 'APT::Periodic::Update-Package-Lists "1";\nAPT::Periodic::Unattended-Upgrade "1";\n',
    'apt-get -s -o Debug::NoLocking=1 upgrade': DEBIAN_APT,
  } as Record<string, string>,
  files: {
    '/etc/os-release': DEBIAN_OS,
    '/proc/1/mountinfo': DEBIAN_MOUNTS,
    '/proc/net/if_inet6': IF_INET6,
    '/proc/sys/kernel/tainted': '0\n',
    '/proc/cmdline': 'quiet\n',
    '/sys/module/apparmor/parameters/enabled': 'Y\n',
    '/sys/kernel/security/apparmor/profiles': '/usr/bin/man (enforce)\n',
    '/usr/bin/unattended-upgrade': '',
    '/var/lib/dpkg/status': '',
  } as Record<string, string>,
  folders: {
    '/sys/firmware': ['acpi', 'memmap'],
    '/sys/module': ['apparmor'],
    '/var/lib/apt/lists': ['mirror.example_debian_dists_bookworm_InRelease', 'lock', 'partial'],
  } as Record<string, string[]>,
});

test('a Debian machine, whole: facts with their sources, and no word on the lock of a screen', async () => {
  const { facts, sources } = await gather(answers('linux', machine()), new LinuxFacts());
  assert.deepEqual(facts, {
    os_name: 'debian',
    os_version: '12',
    os_supported: true,
    disk_encryption: false,
    firewall: true,
    secure_boot: false,
    mandatory_access_control: 'apparmor',
    debug_mode: false,
    updates_automatic: true,
    updates_pending: 3,
  });
  assert.deepEqual(Object.keys(sources).sort(), Object.keys(facts).sort());
});

test('apt is asked again only when packages or lists have changed, and never without lists', async () => {
  const at = machine();
  const linux = new LinuxFacts();
  const asked = async (): Promise<[boolean, unknown]> => {
    const probe = answers('linux', at);
    const { facts } = await gather(probe, linux);
    return [probe.asked.some((line) => line.startsWith('apt-get')), facts.updates_pending];
  };
  assert.deepEqual(await asked(), [true, 3]);
  assert.deepEqual(await asked(), [false, 3]);
  at.files['/var/lib/dpkg/status'] = 'changed';
  at.tools['apt-get -s -o Debug::NoLocking=1 upgrade'] = '';
  assert.deepEqual(await asked(), [true, 0]);
  at.folders['/var/lib/apt/lists'] = ['lock', 'partial'];
  assert.deepEqual(await asked(), [false, undefined]);
});

test('firewall: IPv6 counts where there is any, and the older iptables only where it is in use', async () => {
  const at = machine();
  const firewall = async () => (await gather(answers('linux', at), new LinuxFacts())).facts.firewall;
  at.tools['nft --json --terse list ruleset'] = DEBIAN_IPTABLES;
  assert.equal(await firewall(), true, 'there is no IPv6');
  at.files['/proc/net/if_inet6'] = `${IF_INET6}fd000000000000000000000000000002 04 40 00 82     eth0\n`;
  assert.equal(await firewall(), false);
  at.files['/proc/net/ip6_tables_names'] = 'filter\n';
  assert.equal(await firewall(), undefined, 'there are rules, but nobody to ask for them');
  at.tools['ip6tables-legacy -S INPUT'] = '-P INPUT DROP\n';
  assert.equal(await firewall(), true);
  delete at.tools['nft --json --terse list ruleset'];
  assert.equal(await firewall(), undefined, 'without nft nothing is known of IPv4');
});

test('a machine that answers nothing has no facts', async () => {
  const { facts } = await gather(answers('linux', {}), new LinuxFacts());
  assert.deepEqual(facts, {});
});
