/**
 * When the makers of systems stop to publish security updates for everybody: the last day, of what is common on laptops
 * and servers. Debian's are those of LTS, Ubuntu's without a subscription, Windows' by kind of edition. Apple says
 * nothing: the three newest are updated, so an end is the September in which the third one after it comes. Ends that
 * are to come are the makers' plans.
 */
const LAST_DAY: Readonly<Record<string, string>> = {
  'debian 9': '2022-06-30',
  'debian 10': '2024-06-30',
  'debian 11': '2026-08-31',
  'debian 12': '2028-06-30',
  'debian 13': '2030-06-30',
  'ubuntu 18.04': '2023-05-31',
  'ubuntu 20.04': '2025-05-31',
  'ubuntu 22.04': '2027-05-31',
  'ubuntu 24.04': '2029-05-31',
  'ubuntu 24.10': '2025-07-10',
  'ubuntu 25.04': '2026-01-15',
  'ubuntu 25.10': '2026-07-31',
  'ubuntu 26.04': '2031-05-31',
  'fedora 39': '2024-11-26',
  'fedora 40': '2025-05-13',
  'fedora 41': '2025-12-15',
  'fedora 42': '2026-05-13',
  'fedora 43': '2026-12-09',
  'fedora 44': '2027-05-31',
  'rhel 7': '2024-06-30',
  'rhel 8': '2029-05-31',
  'rhel 9': '2032-05-31',
  'rhel 10': '2035-05-31',
  'rocky 8': '2029-05-31',
  'rocky 9': '2032-05-31',
  'rocky 10': '2035-05-31',
  'almalinux 8': '2029-03-01',
  'almalinux 9': '2032-05-31',
  'almalinux 10': '2035-05-31',
  'centos 7': '2024-06-30',
  'centos 8': '2024-05-31',
  'centos 9': '2027-05-31',
  'macos 11': '2023-09-30',
  'macos 12': '2024-09-30',
  'macos 13': '2025-09-30',
  'macos 14': '2026-09-30',
  'macos 15': '2027-09-30',
  'macos 26': '2028-09-30',
  'windows 19044 ltsc': '2027-01-12',
  'windows 19045 home': '2025-10-14',
  'windows 19045 enterprise': '2025-10-14',
  'windows 17763 ltsc': '2029-01-09',
  'windows 22000 home': '2023-10-10',
  'windows 22000 enterprise': '2024-10-08',
  'windows 22621 home': '2024-10-08',
  'windows 22621 enterprise': '2025-10-14',
  'windows 22631 home': '2025-11-11',
  'windows 22631 enterprise': '2026-11-10',
  'windows 26100 home': '2026-10-13',
  'windows 26100 enterprise': '2027-10-12',
  'windows 26100 ltsc': '2029-10-09',
  'windows 26200 home': '2027-10-12',
  'windows 26200 enterprise': '2028-10-10',
  'windows 14393 server': '2027-01-12',
  'windows 17763 server': '2029-01-09',
  'windows 20348 server': '2031-10-14',
  'windows 26100 server': '2034-10-10',
};
/** Whose versions within a release (9.4, 14.4.1) have one end. */
const BY_MAJOR = new Set(['rhel', 'rocky', 'almalinux', 'centos', 'macos', 'debian']);

/** Whether a release still gets security updates at `at` (ms since 1970); undefined where the table doesn't have it. */
export function isSupported(name: string, version: string, at: number): boolean | undefined {
  const release = BY_MAJOR.has(name) ? version.split('.')[0] : version;
  const key = `${name} ${release}`;
  const last = Object.hasOwn(LAST_DAY, key) ? LAST_DAY[key] : undefined;
  return last === undefined ? undefined : at < Date.parse(`${last}T00:00:00Z`) + 24 * 3600_000;
}
