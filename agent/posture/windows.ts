import path from 'node:path';
import type { Gather } from './collect.ts';
import { windowsAnswer, windowsPending } from './parse/windows.ts';
import { isSupported } from './support.ts';

const FACTS_MS = 10_000;
/** Windows Update takes its time even without the network. */
const PENDING_MS = 10_000;

/** Each question for itself: one that isn't there (BitLocker on Home, Security Center on a server) costs only its answer. */
const FACTS = String.raw`
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$a = @{}
try { $a.bitlocker = [int](Get-CimInstance -Namespace 'root/CIMV2/Security/MicrosoftVolumeEncryption' -ClassName Win32_EncryptableVolume -Filter ("DriveLetter='" + $env:SystemDrive + "'")).ProtectionStatus } catch {}
try { $a.firewall = @(Get-NetFirewallProfile -PolicyStore ActiveStore | ForEach-Object { [int]$_.Enabled }) } catch {}
try { $a.antivirus = @(Get-CimInstance -Namespace 'root/SecurityCenter2' -ClassName AntiVirusProduct | ForEach-Object { [int]$_.productState }) } catch {}
try { $a.secureBoot = [bool](Confirm-SecureBootUEFI) } catch [System.PlatformNotSupportedException] { $a.secureBoot = $false } catch {}
try { $a.inactivity = [int](Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System').InactivityTimeoutSecs } catch {}
try { $u = Get-ItemProperty 'HKLM:\SOFTWARE\Policies\Microsoft\Windows\WindowsUpdate\AU' -ErrorAction SilentlyContinue; $a.updates = @{ off = $u.NoAutoUpdate; options = $u.AUOptions } } catch {}
try { $a.startOptions = [string](Get-ItemProperty 'HKLM:\SYSTEM\CurrentControlSet\Control').SystemStartOptions } catch {}
try { $v = Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'; $a.build = [string]$v.CurrentBuild; $a.revision = [int]$v.UBR; $a.edition = [string]$v.EditionID; $a.installation = [string]$v.InstallationType } catch {}
$a | ConvertTo-Json -Compress -Depth 3
`;

/** Of what Windows knows already: nothing is looked for in the network. */
const PENDING = `
$ErrorActionPreference = 'Stop'
$s = (New-Object -ComObject Microsoft.Update.Session).CreateUpdateSearcher()
$s.Online = $false
@{ pending = [int]$s.Search("IsInstalled=0 and IsHidden=0 and Type='Software'").Updates.Count } | ConvertTo-Json -Compress
`;

const SOURCES: Readonly<Record<string, string>> = {
  disk_encryption: 'BitLocker',
  firewall: 'Windows Firewall',
  screen_lock: 'policy',
  antivirus: 'Security Center',
  secure_boot: 'UEFI',
  updates_automatic: 'Windows Update',
  debug_mode: 'start options',
};

/** The facts of a Windows machine. */
export const windowsFacts: Gather = async (probe, tell) => {
  const { SystemRoot = 'C:\\Windows' } = process.env;
  const shell = path.win32.join(SystemRoot, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  const ask = (script: string, ms: number): Promise<string | null> => {
    const encoded = Buffer.from(script, 'utf16le').toString('base64');
    return probe.run(shell, ['-NoProfile', '-NonInteractive', '-EncodedCommand', encoded], { ms });
  };
  const text = await ask(FACTS, FACTS_MS);
  const said = text === null ? undefined : windowsAnswer(text);
  tell('os_name', 'windows', 'registry');
  for (const [fact, value] of Object.entries(said?.facts ?? {})) tell(fact, value, SOURCES[fact] ?? 'registry');
  if (said?.release) tell('os_supported', isSupported('windows', said.release, probe.now()), 'registry');
  const pending = await ask(PENDING, PENDING_MS);
  if (pending !== null) tell('updates_pending', windowsPending(pending), 'Windows Update');
};
