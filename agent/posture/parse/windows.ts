/** What the scripts of `../windows.ts` answer, as facts. */
import type { PostureFacts } from '@gatehouse/protocol';

/** Of `AntiVirusProduct.productState`: it runs. */
const ANTIVIRUS_ON = 0x1000;

export interface WindowsFacts {
  facts: PostureFacts;
  /** The key of the table of supported releases: `26100 home`; undefined where the build isn't told. */
  release: string | undefined;
}

type Answer = Record<string, unknown>;
const number = (value: unknown): number | undefined =>
  typeof value === 'number' && Number.isFinite(value) ? value : undefined;
const list = (value: unknown): number[] | undefined =>
  Array.isArray(value)
    ? value.flatMap((one) => number(one) ?? [])
    : number(value) === undefined
      ? undefined
      : [value as number];

function answer(text: string): Answer | undefined {
  try {
    const value: unknown = JSON.parse(text.replace(/^\ufeff/, '').trim());
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Answer) : undefined;
  } catch {
    return undefined;
  }
}

/** What one edition is, as far as it has an end of its own. */
function kindOf(edition: string, installation: string): string {
  if (installation.startsWith('Server')) return 'server';
  if (/EnterpriseS/.test(edition)) return edition.startsWith('IoT') ? 'iot-ltsc' : 'ltsc';
  return /Enterprise|Education|ServerRdsh/.test(edition) ? 'enterprise' : 'home';
}

/** Updates are installed by themselves unless a policy says otherwise. */
function automatic(policy: unknown): boolean | undefined {
  if (typeof policy !== 'object' || policy === null) return undefined;
  const { off, options } = policy as Answer;
  if (number(off) === 1) return false;
  return ![2, 3].includes(number(options) ?? 4);
}

/** Options of the start that let unsigned drivers in, or a debugger. */
const debugStart = (options: string): boolean =>
  /(?:^|\s)(?:TESTSIGNING|DISABLE_INTEGRITY_CHECKS|DEBUG(?:=\S*)?)(?=\s|$)/i.test(options);

export function windowsAnswer(text: string): WindowsFacts | undefined {
  const said = answer(text);
  if (!said) return undefined;
  const facts: PostureFacts = { os_name: 'windows' };
  const set = (name: string, value: PostureFacts[string] | undefined): void => {
    if (value !== undefined) facts[name] = value;
  };
  const protection = number(said.bitlocker);
  // 2 is "unknown": the volume is locked.
  if (protection === 0 || protection === 1) facts.disk_encryption = protection === 1;
  const profiles = list(said.firewall);
  if (profiles && profiles.length > 0) facts.firewall = profiles.every((enabled) => enabled === 1);
  const antivirus = list(said.antivirus);
  if (antivirus) facts.antivirus = antivirus.some((state) => (state & ANTIVIRUS_ON) !== 0);
  if (typeof said.secureBoot === 'boolean') facts.secure_boot = said.secureBoot;
  const inactivity = number(said.inactivity);
  if (inactivity !== undefined && inactivity > 0) facts.screen_lock = true;
  set('updates_automatic', automatic(said.updates));
  if (typeof said.startOptions === 'string') facts.debug_mode = debugStart(said.startOptions);
  const { build, revision, edition, installation } = said;
  const numbered = typeof build === 'string' && /^\d{1,6}$/.test(build);
  if (numbered) set('os_version', `10.0.${build}${number(revision) === undefined ? '' : `.${revision}`}`);
  const kind =
    typeof edition === 'string' && typeof installation === 'string' ? kindOf(edition, installation) : undefined;
  return { facts, release: numbered && kind ? `${build} ${kind}` : undefined };
}

/** How many updates wait, of the script that asks Windows Update. */
export function windowsPending(text: string): number | undefined {
  const count = number(answer(text)?.pending);
  return count !== undefined && Number.isInteger(count) && count >= 0 ? count : undefined;
}
