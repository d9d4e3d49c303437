import type { Like } from '../../../core/i18n/catalog.ts';
import type { enChecks } from './en.ts';

export const deChecks: Like<typeof enChecks> = {
  'check.daemon': 'Dienst',
  'check.state': 'Was der Dienst aufbewahrt',
  'check.enrollment': 'Zugehörigkeit',
  'check.controller-dns': 'Controller: sein Name',
  'check.controller-tcp': 'Controller: der Weg dorthin',
  'check.controller-tls': 'Controller: sein Zertifikat',
  'check.controller-http': 'Controller: seine Antwort',
  'check.clock': 'Uhr',
  'check.channel': 'Neuigkeiten vom Controller',
  'check.handshake': 'Handshake mit dem Hub',
  'check.names': 'Namen, für die dieser Hub antwortet',
  'check.system': 'System',
  'check.privileges': 'Rechte des Dienstes',
  'check.wireguard': 'WireGuard',
  'check.tun': 'Tunnelgerät',
  'check.ip': 'Netzwerkwerkzeuge',
  'check.dns': 'Namensdienst',
  'check.forwarding': 'Weiterleitung (nur Hubs)',
  'check.firewall': 'Paketfilter (nur Hubs)',
  'check.ipv6': 'IPv6',
  'check.sockets': 'Überreste',
  'check.interface': 'Netzwerkschnittstelle',

  'fix.state': 'Der Dienst kann nicht verwenden, was er aufbewahrt hat. Fragen Sie den Administrator dieses Computers.',
  'fix.enrollment': 'Öffnen Sie den Einladungslink Ihres Administrators, oder bitten Sie um einen neuen.',
  'fix.controller-dns':
    'Der Name wird von hier nicht gefunden. Prüfen Sie Ihre Internetverbindung, dann versuchen Sie ein anderes Netz.',
  'fix.controller-tcp':
    'Dort antwortet nichts. Prüfen Sie Ihre Internetverbindung; gehen andere Seiten, sagen Sie es Ihrem Administrator.',
  'fix.controller-tls': 'Prüfen Sie Datum und Uhrzeit dieses Computers; stimmen sie, sagen Sie es Ihrem Administrator.',
  'fix.controller-http':
    'Es antwortet etwas, aber nicht wie ein Controller. Vielleicht liegt eine Anmeldeseite dazwischen; wenn nicht, sagen Sie es Ihrem Administrator.',
  'fix.clock':
    'Lassen Sie diesen Computer seine Uhr über das Netz stellen; geht sie schon richtig, sagen Sie es Ihrem Administrator.',
  'fix.channel': 'Die Verbindung arbeitet auch ohne, so wie sie zuletzt eingerichtet wurde. Sie müssen nichts tun.',
  'fix.handshake':
    'Vielleicht sperrt dieses Netz die Verbindung: Versuchen Sie ein anderes. Hilft das nicht, sagen Sie es Ihrem Administrator.',
  'fix.names': 'Ein anderes Programm auf diesem Hub ist im Weg. Sagen Sie es seinem Administrator.',
  'fix.system': 'Das System ließ sich nicht fragen. Das Protokoll zeigt mehr.',
  'fix.privileges': 'Installieren Sie Gatehouse neu, oder fragen Sie den Administrator dieses Computers.',
  'fix.wireguard': 'Installieren Sie Gatehouse neu, oder bitten Sie den Administrator dieses Computers um WireGuard.',
  'fix.tun':
    'Es wird gebraucht, wo das System kein eigenes WireGuard hat. Fragen Sie den Administrator dieses Computers.',
  'fix.ip': 'Ein Programm des Systems fehlt. Bitten Sie den Administrator dieses Computers, es zu installieren.',
  'fix.forwarding':
    'Ein anderes Programm hat die Weiterleitung abgeschaltet. Fragen Sie den Administrator dieses Hubs.',
  'fix.firewall':
    'Bis er wieder da ist, kommt vielleicht alles durch. Sagen Sie es sofort dem Administrator dieses Hubs.',
  'fix.ipv6': 'Es zählt nur, wo Ihr Netzwerk IPv6 verwendet. Fragen Sie Ihren Administrator.',
  'fix.sockets': 'Sie schaden nicht. Der Administrator dieses Computers kann sie entfernen.',
  'fix.interface': 'Ein anderes Programm verwendet denselben Namen. Fragen Sie den Administrator dieses Computers.',
};
