/** What macOS' tools say, as facts. Each takes the text and answers undefined where it tells nothing. */

/** `fdesetup status`. While it still encrypts, what isn't yet is readable. */
export function fileVault(text: string): boolean | undefined {
  if (/Encryption in progress|Decryption in progress/.test(text)) return false;
  const [, state] = /^FileVault is (On|Off)\b/m.exec(text) ?? [];
  return state === undefined ? undefined : state === 'On';
}

/** `socketfilterfw --getglobalstate`: 1 is on, 2 refuses all that comes in. */
export function applicationFirewall(text: string): boolean | undefined {
  const [, state] = /\(State = (\d)\)/.exec(text) ?? [];
  return state === undefined ? undefined : state !== '0';
}

/** `sysadminctl -screenLock status`, which speaks on standard error. */
export function screenLock(text: string): boolean | undefined {
  if (/screenLock is off/i.test(text)) return false;
  return /screenLock delay is (?:immediate|\d+(?:\.\d+)? seconds)/i.test(text) ? true : undefined;
}

/** The user id of who sits at the machine, by `stat -f %u /dev/console`; undefined at the login window. */
export function consoleUser(text: string): string | undefined {
  const id = text.trim();
  return /^[1-9]\d{0,9}$/.test(id) ? id : undefined;
}

/** `sw_vers -productVersion` */
export const productVersion = (text: string): string | undefined => /^\d+(?:\.\d+)*$/.exec(text.trim())?.[0];

/** `defaults read /Library/Preferences/com.apple.SoftwareUpdate`, a property list in the old style. */
export function softwareUpdate(text: string): { pending: number | undefined; automatic: boolean | undefined } {
  const number = (key: string): number | undefined => {
    const [, value] = new RegExp(`^\\s*${key} = "?(\\d+)"?;`, 'm').exec(text) ?? [];
    return value === undefined ? undefined : Number(value);
  };
  const install = number('AutomaticallyInstallMacOSUpdates');
  return {
    pending: number('LastUpdatesAvailable'),
    automatic: install === undefined ? undefined : install === 1 && number('AutomaticCheckEnabled') !== 0,
  };
}

/** `csrutil status`; a custom configuration lacks something of it. */
export function integrityProtection(text: string): 'sip' | 'none' | undefined {
  const [, state] = /System Integrity Protection status: (\w+)/.exec(text) ?? [];
  return state === undefined ? undefined : state === 'enabled' ? 'sip' : 'none';
}

/** `system_profiler SPiBridgeDataType`, of Macs with a T2 or of Apple's own silicon: only systems that are signed start. */
export function secureBoot(text: string): boolean | undefined {
  const [, policy] = /Secure Boot: (\w+) Security/.exec(text) ?? [];
  return policy === undefined ? undefined : ['Full', 'Medium', 'Reduced'].includes(policy);
}

/** `spctl --status`: Gatekeeper lets programs start that nobody signed. */
export function gatekeeperOff(text: string): boolean | undefined {
  const [, state] = /^assessments (enabled|disabled)/m.exec(text) ?? [];
  return state === undefined ? undefined : state === 'disabled';
}

/** `nvram boot-args`: arguments that stop the checks of programs' signatures. */
export const signatureChecksOff = (text: string): boolean =>
  /\b(?:amfi_get_out_of_my_way|cs_enforcement_disable|amfi)=(?:1|0x[0-9a-f]*[1-9a-f])/i.test(text);
