type System = 'linux' | 'darwin' | 'win32';

const OTHER = 'Ask your administrator what is needed.';
const SIP = 'Start macOS Recovery, and there: csrutil enable.';

/** What to do on a system about a fact that a policy wishes otherwise: `gatehouse posture` says it. */
const ADVICE: Readonly<Record<string, string | Partial<Record<System, string>>>> = {
  disk_encryption: {
    linux: 'The disk has to be encrypted with LUKS, which is chosen at installation: ask your administrator.',
    darwin: 'Turn on FileVault: sudo fdesetup enable.',
    win32: 'Turn on BitLocker or device encryption: Settings, Privacy & security.',
  },
  firewall: {
    linux: 'Turn on a firewall that refuses what comes in: sudo ufw enable, or firewalld.',
    darwin: 'sudo /usr/libexec/ApplicationFirewall/socketfilterfw --setglobalstate on.',
    win32: 'Turn on Windows Firewall in each profile: Windows Security, Firewall & network protection.',
  },
  screen_lock: {
    darwin: 'Require the password after the screen turns off: System Settings, Lock Screen.',
    win32: 'Require sign-in after you have been away: Settings, Accounts, Sign-in options.',
  },
  os_name: 'The network does not accept this operating system: ask your administrator.',
  os_version: 'Update the system.',
  os_supported: 'This release gets no more security updates: upgrade to a current one.',
  updates_pending: {
    linux: 'Install the updates: sudo apt upgrade, or sudo dnf upgrade.',
    darwin: 'Install the updates: sudo softwareupdate --install --all.',
    win32: 'Install the updates: Settings, Windows Update. Then restart.',
  },
  updates_automatic: {
    linux: 'Turn on automatic updates: the package unattended-upgrades, or dnf-automatic with its timer.',
    darwin: 'Turn on automatic updates: System Settings, General, Software Update.',
    win32: 'Resume updates: Settings, Windows Update.',
  },
  antivirus: {
    linux: 'Install and start the virus scanner that your administrator names.',
    darwin: 'Update macOS, which brings its virus protection.',
    win32: 'Turn on real-time protection: Windows Security, Virus & threat protection.',
  },
  secure_boot: {
    linux: 'Turn on Secure Boot in the firmware (systemctl reboot --firmware-setup).',
    darwin: 'Choose full security in the Startup Security Utility of macOS Recovery.',
    win32: 'Turn on Secure Boot in the UEFI settings.',
  },
  mandatory_access_control: {
    linux: 'Turn on SELinux (enforcing) or AppArmor.',
    darwin: SIP,
  },
  debug_mode: {
    linux: "Start the distribution's own kernel, without a shell or debugging options on its command line.",
    darwin: SIP,
    win32: 'As administrator: bcdedit /set testsigning off. Then restart.',
  },
};

/** One sentence or two; for a fact that isn't ours, or that a system can't mend, whom to ask. */
export function postureAdvice(fact: string, platform: NodeJS.Platform): string {
  if (!Object.hasOwn(ADVICE, fact)) return OTHER;
  const advice = ADVICE[fact]!;
  return typeof advice === 'string' ? advice : (advice[platform as System] ?? OTHER);
}
