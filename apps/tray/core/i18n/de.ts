import type { Like } from './catalog.ts';
import type { en } from './en.ts';
import { deFacts } from './facts/de.ts';

export const de: Like<typeof en> = {
  'state.starting.title': 'Startet',
  'state.starting.detail': 'Der Gatehouse-Dienst wird nach dem Stand gefragt.',
  'state.daemon-starting.title': 'Der Dienst startet',
  'state.daemon-starting.detail': 'Das dauert einige Sekunden. Vielleicht fragt Ihr System nach Ihrer Erlaubnis.',
  'state.daemon-down.title': 'Der Dienst läuft nicht',
  'state.daemon-down.detail':
    'Ohne den Gatehouse-Dienst gibt es keine Verbindung. Starten Sie ihn, damit es weitergeht.',
  'state.daemon-denied.title': 'Kein Zugriff auf den Dienst',
  'state.daemon-denied.detail':
    'Ihr Konto darf nicht mit dem Gatehouse-Dienst sprechen. Bitten Sie den Administrator dieses Computers, es zu erlauben.',
  'state.daemon-denied.detail.linux':
    'Ihr Konto darf nicht mit dem Gatehouse-Dienst sprechen. Bitten Sie den Administrator dieses Computers, Sie in die Gruppe „gatehouse“ aufzunehmen, und melden Sie sich dann ab und wieder an.',
  'state.daemon-untrusted.title': 'Dem Dienst ist nicht zu trauen',
  'state.daemon-untrusted.detail':
    'Was sich als Gatehouse-Dienst meldet, gehört {owner} und nicht dem System. Es wurde nichts dorthin gesendet. Fragen Sie den Administrator dieses Computers.',
  'state.version-mismatch.title': 'App und Dienst passen nicht zusammen',
  'state.version-mismatch.older':
    'Der Dienst ({daemon}) ist älter als diese App ({app}). Starten Sie den Computer neu; hilft das nicht, installieren Sie Gatehouse noch einmal.',
  'state.version-mismatch.newer':
    'Der Dienst ({daemon}) ist neuer als diese App ({app}). Beenden Sie Gatehouse und öffnen Sie es wieder; hilft das nicht, aktualisieren Sie die App.',
  'state.not-enrolled.title': 'Noch kein Netzwerk',
  'state.not-enrolled.detail': 'Öffnen Sie den Einladungslink Ihres Administrators oder fügen Sie ihn hier ein.',
  'state.not-enrolled.asked':
    'Sie wurden zu {host} eingeladen. Sehen Sie sich die Einladung an und bestätigen Sie sie.',
  'state.enrolling.title': 'Tritt dem Netzwerk bei',
  'state.enrolling.detail': 'Dieser Computer erzeugt seine Schlüssel und stellt sich vor.',
  'state.signed-out.title': 'Vom Administrator abgemeldet',
  'state.signed-out.detail':
    'Dieser Computer gehört nicht mehr zu {network}. Bitten Sie Ihren Administrator um eine neue Einladung.',
  'state.disconnecting.title': 'Wird getrennt',
  'state.disconnecting.detail': 'Die Verbindung zu {network} wird geschlossen.',
  'state.disconnected.title': 'Getrennt',
  'state.disconnected.detail': '{network} ist von hier nicht erreichbar, bis Sie sich verbinden.',
  'state.connecting.title': 'Verbindet mit {network}',
  'state.connecting.detail': 'Das dauert einige Sekunden.',
  'state.captive.title': 'Beim WLAN anmelden',
  'state.captive.detail':
    'Das Netz, in dem Sie sind, verlangt zuerst eine Anmeldung. Öffnen Sie dessen Seite; danach verbindet sich Gatehouse von selbst.',
  'state.no-internet.title': 'Kein Internet',
  'state.no-internet.detail':
    'Dieser Computer ist in keinem Netz. Sobald er es ist, verbindet sich Gatehouse von selbst wieder.',
  'state.no-internet.silent':
    'Von {network} antwortet nichts. Prüfen Sie Ihre Internetverbindung; Gatehouse verbindet sich von selbst wieder.',
  'state.quarantined.title': 'Zugang angehalten',
  'state.quarantined.detail': '{network} lässt diesen Computer noch nicht ein. Fragen Sie Ihren Administrator, warum.',
  'state.quarantined.reason': '{network} lässt diesen Computer noch nicht ein: {reason}',
  'state.quarantined.fix': '{network} lässt diesen Computer nicht ein, bis das behoben ist: {fact}. {advice}',
  'state.connected.title': 'Mit {network} verbunden',
  'state.connected.hub': 'Seit {time}, über {hub}.',
  'state.connected.latency': 'Seit {time}, über {hub}, {latency}.',
  'state.connected.own': 'Seit {time}. Dieser Computer ist ein Hub des Netzwerks.',
  'state.connected.plain': 'Seit {time}.',

  'note.more': { one: 'Und noch eine Sache.', other: 'Und {n} weitere Dinge.' },
  'note.missing': 'Manches ist vielleicht nicht erreichbar, bis das behoben ist: {fact}.',
  'note.warnings': { one: 'Eine Sache sollten Sie ansehen.', other: '{n} Dinge sollten Sie ansehen.' },
  'note.versions': 'Die App hat Version {app}, der Dienst {daemon}: aktualisieren Sie das Ältere.',

  'cause.not-enrolled.title': 'Noch kein Netzwerk',
  'cause.not-enrolled.advice':
    'Dieser Computer gehört zu keinem Netzwerk. Öffnen Sie den Einladungslink Ihres Administrators.',
  'cause.no-privileges.title': 'Dem Dienst fehlen Rechte',
  'cause.no-privileges.advice':
    'Der Dienst darf keine Netzwerkverbindung anlegen. Installieren Sie Gatehouse noch einmal, oder fragen Sie den Administrator dieses Computers.',
  'cause.no-wireguard.title': 'WireGuard fehlt',
  'cause.no-wireguard.advice':
    'Diesem Computer fehlt WireGuard, das die Verbindung trägt. Installieren Sie Gatehouse noch einmal, oder fragen Sie den Administrator dieses Computers.',
  'cause.controller-unreachable.title': 'Der Controller ist nicht erreichbar',
  'cause.controller-unreachable.advice':
    'Was eingerichtet ist, arbeitet weiter; Änderungen kommen später an. Sie müssen nichts tun.',
  'cause.controller-unreachable.waiting':
    'Der Controller von {network} antwortet nicht. Prüfen Sie Ihre Internetverbindung; Gatehouse versucht es weiter.',
  'cause.certificate.title': 'Dem Controller ist nicht zu trauen',
  'cause.certificate.advice':
    'Sein Zertifikat gilt nicht für diese Adresse. Prüfen Sie Datum und Uhrzeit dieses Computers; stimmen sie, sagen Sie es Ihrem Administrator.',
  'cause.revoked.title': 'Vom Administrator abgemeldet',
  'cause.revoked.advice': 'Dieser Computer wurde entfernt. Bitten Sie Ihren Administrator um eine neue Einladung.',
  'cause.no-hub.title': 'Dieses Netz hat noch keinen Hub',
  'cause.no-hub.advice': 'Ihr Administrator muss erst einen einrichten; Gatehouse verbindet sich dann von selbst.',
  'cause.no-handshake.title': 'Der Hub antwortet nicht',
  'cause.no-handshake.advice':
    'Vielleicht sperrt dieses Netz die Verbindung: Versuchen Sie ein anderes, etwa das Ihres Telefons. Hilft das nicht, sagen Sie es Ihrem Administrator.',
  'cause.no-traffic.title': 'Es kommt nichts durch',
  'cause.no-traffic.advice':
    'Der Hub wurde erreicht, aber es kommt nichts von ihm an. Versuchen Sie ein anderes Netz; hilft das nicht, sagen Sie es Ihrem Administrator.',
  'cause.apply-failed.title': 'Die Verbindung lässt sich nicht einrichten',
  'cause.apply-failed.advice':
    'Ihr System hat eine Änderung abgelehnt. Gatehouse versucht es weiter; die Prüfung zeigt, was im Weg steht.',
  'cause.no-network.title': 'Kein Internet',
  'cause.no-network.advice':
    'Verbinden Sie diesen Computer mit einem Netz. Gatehouse verbindet sich von selbst wieder.',
  'cause.endpoint-unresolved.title': 'Der Name des Hubs wird nicht gefunden',
  'cause.endpoint-unresolved.advice':
    'Der Namensdienst dieses Netzes kennt den Hub nicht. Versuchen Sie ein anderes Netz; hilft das nicht, sagen Sie es Ihrem Administrator.',

  'action.connect': 'Verbinden',
  'action.disconnect': 'Trennen',
  'action.enroll': 'Netzwerk beitreten …',
  'action.enroll.asked': 'Einladung ansehen …',
  'action.start-daemon': 'Dienst starten',
  'action.open-portal': 'Anmeldeseite öffnen',
  'action.show-posture': 'Zeigen, was zu beheben ist',
  'action.check-posture': 'Noch einmal prüfen',
  'action.show-doctor': 'Verbindung prüfen',
  'action.show-window': 'Gatehouse öffnen',
  'action.show-settings': 'Einstellungen …',
  'action.show-logs': 'Protokoll zeigen',
  'action.report-problem': 'Problem melden …',
  'action.install-update': 'Version {version} installieren',
  'action.check-update': 'Nach Updates suchen',
  'action.use-profile': '{network} benutzen',
  'action.remove-profile': '{network} verlassen …',
  'action.copy-address': 'Eigene Adresse kopieren ({address})',
  'action.copy-address.short': 'Eigene Adresse kopieren',
  'action.quit': 'Beenden',
  'action.quit.darwin': 'Gatehouse beenden',
  'action.quit.win32': 'Beenden',

  'menu.profiles': 'Netzwerke',
  'menu.signed-out': '{network} (abgemeldet)',
  'name.unnamed': 'ohne Namen',

  'notice.disconnected.title': 'Getrennt',
  'notice.disconnected.body': 'Die Verbindung zu {network} wurde außerhalb dieser App geschlossen.',
  'notice.recovered.title': 'Wieder verbunden',
  'notice.recovered.body': '{network} ist wieder erreichbar.',
  'notice.admitted.title': 'Zugang wieder offen',
  'notice.admitted.body': '{network} lässt diesen Computer wieder ein.',
  'notice.posture.title': 'Auf diesem Computer ist etwas zu beheben',
  'notice.update.title': 'Gatehouse {version} ist bereit',
  'notice.update.body': 'Es wird installiert, wann Sie es möchten. Die Verbindung ist nach wenigen Sekunden wieder da.',
  'notice.update-stale.title': 'Nichts Neues über Updates',
  'notice.update-stale.body':
    'Seit {time} gibt es aus dem Ordner für Updates nichts Neues: Es kann eine neuere Version geben. Fragen Sie Ihren Administrator.',

  'offer.empty': 'Da ist nichts zu lesen. Fügen Sie den Einladungslink Ihres Administrators ein.',
  'offer.too-long': 'Für eine Einladung ist das zu lang. Fügen Sie nur den Link ein.',
  'offer.too-many':
    'Es warten schon mehrere Einladungen. Beantworten Sie zuerst diese, dann öffnen oder fügen Sie die neue noch einmal ein.',
  'offer.not-an-offer': 'Das ist keine Einladung. Fügen Sie den Link Ihres Administrators ganz und allein ein.',
  'offer.no-token': 'Der Einladung fehlt das Token. Fügen Sie den Link ganz ein, bis zu seinem Ende.',
  'offer.bad-token': 'Das Token ist nicht vollständig oder enthält fremde Zeichen. Kopieren Sie es noch einmal.',
  'offer.bad-pin':
    'Das Zertifikat, das die Einladung nennt, ist nicht vollständig oder passt nicht zur Adresse. Kopieren Sie den Link noch einmal.',
  'offer.bad-url': 'Die Adresse des Controllers stimmt nicht. Sie sieht aus wie https://gate.example.org.',
  'offer.login-in-url':
    'Die Adresse enthält Benutzernamen oder Passwort. Zu Ihrer Sicherheit wird sie nicht benutzt; bitten Sie um einen neuen Link.',

  ...deFacts,
};
