import type { Like } from '../catalog.ts';
import type { enFacts } from './en.ts';

export const deFacts: Like<typeof enFacts> = {
  'fact.disk_encryption': 'Festplattenverschlüsselung',
  'fact.firewall': 'Firewall',
  'fact.screen_lock': 'Bildschirmsperre',
  'fact.os_name': 'Betriebssystem',
  'fact.os_version': 'Systemversion',
  'fact.os_supported': 'Unterstütztes System',
  'fact.updates_pending': 'Ausstehende Updates',
  'fact.updates_automatic': 'Automatische Updates',
  'fact.antivirus': 'Virenschutz',
  'fact.secure_boot': 'Sicherer Start',
  'fact.mandatory_access_control': 'Systemschutz',
  'fact.debug_mode': 'Debug-Modus',

  'advice.other': 'Fragen Sie Ihren Administrator, was nötig ist.',
  'advice.disk_encryption.linux':
    'Die Festplatte muss mit LUKS verschlüsselt sein, was bei der Installation gewählt wird; fragen Sie Ihren Administrator.',
  'advice.disk_encryption.darwin': 'Schalten Sie FileVault ein: Systemeinstellungen, Datenschutz & Sicherheit.',
  'advice.disk_encryption.win32':
    'Schalten Sie BitLocker oder die Geräteverschlüsselung ein: Einstellungen, Datenschutz und Sicherheit.',
  'advice.firewall.linux': 'Schalten Sie die Firewall ein, etwa mit „sudo ufw enable“ oder firewalld.',
  'advice.firewall.darwin': 'Schalten Sie die Firewall ein: Systemeinstellungen, Netzwerk, Firewall.',
  'advice.firewall.win32': 'Schalten Sie die Firewall ein: Windows-Sicherheit, Firewall- und Netzwerkschutz.',
  'advice.screen_lock.linux':
    'Schalten Sie die automatische Bildschirmsperre ein: Einstellungen, Datenschutz, Bildschirmsperre.',
  'advice.screen_lock.darwin':
    'Verlangen Sie das Passwort nach dem Ausschalten des Bildschirms: Systemeinstellungen, Sperrbildschirm.',
  'advice.screen_lock.win32': 'Verlangen Sie nach Abwesenheit eine Anmeldung: Einstellungen, Konten, Anmeldeoptionen.',
  'advice.os_name': 'Das Netzwerk nimmt dieses Betriebssystem nicht an. Fragen Sie Ihren Administrator.',
  'advice.os_version': 'Aktualisieren Sie das System. Das Netzwerk verlangt {wanted}.',
  'advice.os_supported':
    'Diese Version des Systems erhält keine Sicherheitsupdates mehr. Wechseln Sie zu einer aktuellen.',
  'advice.updates_pending.linux':
    'Installieren Sie die Updates mit Ihrer Softwareverwaltung, und starten Sie neu, wenn sie es verlangt.',
  'advice.updates_pending.darwin': 'Installieren Sie die Updates: Systemeinstellungen, Allgemein, Softwareupdate.',
  'advice.updates_pending.win32': 'Installieren Sie die Updates: Einstellungen, Windows Update. Starten Sie dann neu.',
  'advice.updates_automatic.linux':
    'Schalten Sie automatische Updates ein, etwa mit dem Paket unattended-upgrades oder dnf-automatic.',
  'advice.updates_automatic.darwin':
    'Schalten Sie automatische Updates ein: Systemeinstellungen, Allgemein, Softwareupdate.',
  'advice.updates_automatic.win32': 'Setzen Sie die Updates fort: Einstellungen, Windows Update.',
  'advice.antivirus.linux': 'Installieren und starten Sie den Virenscanner, den Ihr Administrator nennt.',
  'advice.antivirus.darwin':
    'Aktualisieren Sie macOS, das seinen Virenschutz mitbringt, oder fragen Sie Ihren Administrator.',
  'advice.antivirus.win32': 'Schalten Sie den Echtzeitschutz ein: Windows-Sicherheit, Viren- und Bedrohungsschutz.',
  'advice.secure_boot.linux': 'Schalten Sie Secure Boot in den Firmware-Einstellungen des Computers ein.',
  'advice.secure_boot.darwin':
    'Wählen Sie im Startsicherheitsdienstprogramm der macOS-Wiederherstellung volle Sicherheit.',
  'advice.secure_boot.win32': 'Schalten Sie Secure Boot in den UEFI-Einstellungen des Computers ein.',
  'advice.mandatory_access_control.linux': 'Schalten Sie SELinux (enforcing) oder AppArmor ein.',
  'advice.mandatory_access_control.darwin':
    'Schalten Sie den Systemintegritätsschutz ein: „csrutil enable“ in der macOS-Wiederherstellung.',
  'advice.mandatory_access_control.win32': 'Fragen Sie Ihren Administrator, welcher Schutz nötig ist.',
  'advice.debug_mode.linux': 'Starten Sie den unveränderten Kernel Ihrer Distribution, ohne Debug-Optionen.',
  'advice.debug_mode.darwin':
    'Schalten Sie den Systemintegritätsschutz ein: „csrutil enable“ in der macOS-Wiederherstellung.',
  'advice.debug_mode.win32':
    'Schalten Sie den Testmodus aus: „bcdedit /set testsigning off“ als Administrator, dann neu starten.',
};
