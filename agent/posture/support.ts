/**
 * When the makers of systems stop to publish security updates for everybody: the last day, of what is common on laptops
 * and servers. Debian's are those of LTS, Ubuntu's, RHEL's and SUSE's without an add-on, Windows' without ESU and by kind
 * of edition. Apple says nothing: the three newest are updated, so a release ends on the day on which the third one after
 * it comes. Ends that are to come are the makers' plans, and macOS' the September in which that day is due.
 *
 * Sources: Debian and Ubuntu by the distributions' own distro-info-data 0.58+deb12u7; all others by the product pages of
 * endoflife.date as of 2026-08-22 (a70eca33), which link the makers' pages. Compared on 2026-11-23.
 */
const LAST_DAY: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  debian: {
    9: '2022-06-30',
    10: '2024-06-30',
    11: '2026-08-31',
    12: '2028-06-30',
    13: '2030-06-30',
  },
  ubuntu: {
    '16.04': '2021-04-30',
    '18.04': '2023-05-31',
    '20.04': '2025-05-29',
    '22.04': '2027-06-01',
    '23.10': '2024-07-11',
    '24.04': '2029-05-31',
    '24.10': '2025-07-10',
    '25.04': '2026-01-15',
    '25.10': '2026-07-09',
    '26.04': '2031-05-29',
    '26.10': '2027-07-15',
  },
  // Of what is made of Ubuntu, its own makers' dates.
  linuxmint: { 20: '2025-04-30', 21: '2027-04-30', 22: '2029-04-30' },
  pop: { '20.04': '2025-04-30', '22.04': '2027-04-25', '24.04': '2029-05-31' },
  fedora: {
    37: '2023-12-05',
    38: '2024-05-21',
    39: '2024-11-26',
    40: '2025-05-13',
    41: '2025-12-15',
    42: '2026-05-27',
    43: '2026-12-09',
    44: '2027-06-02',
  },
  rhel: { 7: '2024-06-30', 8: '2029-05-31', 9: '2032-05-31', 10: '2035-05-31' },
  rocky: { 8: '2029-05-31', 9: '2032-05-31', 10: '2035-05-31' },
  almalinux: { 8: '2029-05-31', 9: '2032-05-31', 10: '2035-05-31' },
  // CentOS Linux 7, from 8 on CentOS Stream: CentOS Linux 8 ended before Stream 8, which has the same name.
  centos: { 7: '2024-06-30', 8: '2024-05-31', 9: '2027-05-31', 10: '2030-05-31' },
  ol: { 7: '2024-12-31', 8: '2029-07-31', 9: '2032-06-30' },
  amzn: { 2: '2026-06-30', 2023: '2029-06-30' },
  'opensuse-leap': {
    '15.3': '2022-12-31',
    '15.4': '2023-12-07',
    '15.5': '2024-12-31',
    '15.6': '2026-04-30',
    '16.0': '2027-10-31',
  },
  sles: {
    '12.5': '2024-10-31',
    '15.3': '2022-12-31',
    '15.4': '2023-12-31',
    '15.5': '2024-12-31',
    '15.6': '2025-12-31',
    '15.7': '2031-07-31',
    '16.0': '2027-11-30',
  },
  macos: {
    11: '2023-09-26',
    12: '2024-09-16',
    13: '2025-09-15',
    14: '2026-09-30',
    15: '2027-09-30',
    26: '2028-09-30',
  },
  windows: {
    // 10: 1507 to 22H2.
    '10240 home': '2017-05-09',
    '10240 enterprise': '2017-05-09',
    '10240 ltsc': '2025-10-14',
    '10586 home': '2017-10-10',
    '10586 enterprise': '2017-10-10',
    '14393 home': '2018-04-10',
    '14393 enterprise': '2019-04-09',
    '14393 ltsc': '2026-10-13',
    '15063 home': '2018-10-09',
    '15063 enterprise': '2019-10-08',
    '16299 home': '2019-04-09',
    '16299 enterprise': '2020-10-13',
    '17134 home': '2019-11-12',
    '17134 enterprise': '2021-05-11',
    '17763 home': '2020-11-10',
    '17763 enterprise': '2021-05-11',
    '17763 ltsc': '2029-01-09',
    '18362 home': '2020-12-08',
    '18362 enterprise': '2020-12-08',
    '18363 home': '2021-05-11',
    '18363 enterprise': '2022-05-10',
    '19041 home': '2021-12-14',
    '19041 enterprise': '2021-12-14',
    '19042 home': '2022-05-10',
    '19042 enterprise': '2023-05-09',
    '19043 home': '2022-12-13',
    '19043 enterprise': '2022-12-13',
    '19044 home': '2023-06-13',
    '19044 enterprise': '2024-06-11',
    '19044 ltsc': '2027-01-12',
    '19044 iot-ltsc': '2032-01-13',
    '19045 home': '2025-10-14',
    '19045 enterprise': '2025-10-14',
    // 11: 21H2 to 26H1.
    '22000 home': '2023-10-10',
    '22000 enterprise': '2024-10-08',
    '22621 home': '2024-10-08',
    '22621 enterprise': '2025-10-14',
    '22631 home': '2025-11-11',
    '22631 enterprise': '2026-11-10',
    '26100 home': '2026-10-13',
    '26100 enterprise': '2027-10-12',
    '26100 ltsc': '2029-10-09',
    '26100 iot-ltsc': '2034-10-10',
    '26200 home': '2027-10-12',
    '26200 enterprise': '2028-10-10',
    '28000 home': '2028-03-14',
    '28000 enterprise': '2029-03-13',
    // Server 2016, 2019, 2022, 23H2 and 2025.
    '14393 server': '2027-01-12',
    '17763 server': '2029-01-09',
    '20348 server': '2031-10-14',
    '25398 server': '2026-05-12',
    '26100 server': '2034-11-14',
  },
};

/** Whose versions within a release (9.4, 14.4.1) have one end. */
const BY_MAJOR = new Set(['rhel', 'rocky', 'almalinux', 'centos', 'ol', 'linuxmint', 'macos', 'debian']);
/** They have no releases, so none that ends. Whether the machine is kept up to date is another fact. */
const ROLLING = new Set(['arch', 'archarm', 'endeavouros', 'gentoo', 'manjaro', 'opensuse-tumbleweed', 'void']);
/** The makers of what has no date of its own here give it that of the other kind. */
const SAME = new Map([['iot-ltsc', 'ltsc']]);

/**
 * Whether a release still gets security updates at `at` (ms since 1970); undefined where the table doesn't have it. A
 * rolling release always does, and needs no version. Windows' is a build and a kind of edition: `26100 home`.
 */
export function isSupported(name: string, version: string | undefined, at: number): boolean | undefined {
  if (ROLLING.has(name)) return true;
  if (version === undefined || !Object.hasOwn(LAST_DAY, name)) return undefined;
  const releases = LAST_DAY[name]!;
  const release = (BY_MAJOR.has(name) ? version.split('.')[0] : version) ?? '';
  const [build, kind = ''] = release.split(' ');
  const last = [release, `${build} ${SAME.get(kind)}`].find((key) => Object.hasOwn(releases, key));
  return last === undefined ? undefined : at < Date.parse(`${releases[last]}T00:00:00Z`) + 24 * 3600_000;
}
