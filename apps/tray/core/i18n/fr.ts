import type { Like } from './catalog.ts';
import type { en } from './en.ts';
import { frFacts } from './facts/fr.ts';

export const fr: Like<typeof en> = {
  'state.starting.title': 'Démarrage',
  'state.starting.detail': 'Gatehouse demande au service où en est la connexion.',
  'state.daemon-starting.title': 'Démarrage du service',
  'state.daemon-starting.detail': 'Cela prend quelques secondes. Votre système peut vous demander votre accord.',
  'state.daemon-down.title': 'Le service est arrêté',
  'state.daemon-down.detail': 'Sans le service Gatehouse, aucune connexion n’est possible. Démarrez-le pour continuer.',
  'state.daemon-denied.title': 'Accès au service refusé',
  'state.daemon-denied.detail':
    'Votre compte n’a pas le droit de communiquer avec le service Gatehouse. Demandez-le à l’administrateur de cet ordinateur.',
  'state.daemon-denied.detail.linux':
    'Votre compte n’a pas le droit de communiquer avec le service Gatehouse. Demandez à l’administrateur de cet ordinateur de vous ajouter au groupe « gatehouse », puis fermez et rouvrez votre session.',
  'state.daemon-untrusted.title': 'Le service n’est pas fiable',
  'state.daemon-untrusted.detail':
    'Ce qui répond à la place du service Gatehouse appartient à {owner}, et non au système. Rien ne lui a été envoyé. Prévenez l’administrateur de cet ordinateur.',
  'state.version-mismatch.title': 'L’application et le service ne vont pas ensemble',
  'state.version-mismatch.older':
    'Le service ({daemon}) est plus ancien que cette application ({app}). Redémarrez l’ordinateur ; si cela ne suffit pas, réinstallez Gatehouse.',
  'state.version-mismatch.newer':
    'Le service ({daemon}) est plus récent que cette application ({app}). Quittez Gatehouse et rouvrez-le ; si cela ne suffit pas, mettez l’application à jour.',
  'state.not-enrolled.title': 'Aucun réseau pour l’instant',
  'state.not-enrolled.detail': 'Ouvrez le lien d’invitation de votre administrateur, ou collez-le ici.',
  'state.not-enrolled.asked': 'Vous êtes invité à rejoindre {host}. Regardez l’invitation et confirmez-la.',
  'state.enrolling.title': 'Inscription en cours',
  'state.enrolling.detail': 'Cet ordinateur crée ses clés et se présente au réseau.',
  'state.signed-out.title': 'Déconnecté par l’administrateur',
  'state.signed-out.detail':
    'Cet ordinateur ne fait plus partie de {network}. Demandez une nouvelle invitation à votre administrateur.',
  'state.disconnecting.title': 'Déconnexion',
  'state.disconnecting.detail': 'Fermeture de la connexion à {network}.',
  'state.disconnected.title': 'Déconnecté',
  'state.disconnected.detail': '{network} n’est pas accessible d’ici tant que vous n’êtes pas connecté.',
  'state.connecting.title': 'Connexion à {network}',
  'state.connecting.detail': 'Cela prend quelques secondes.',
  'state.captive.title': 'Identifiez-vous sur le Wi-Fi',
  'state.captive.detail':
    'Le réseau où vous êtes demande d’abord une identification. Ouvrez sa page ; Gatehouse se connecte ensuite tout seul.',
  'state.no-internet.title': 'Pas d’internet',
  'state.no-internet.detail':
    'Cet ordinateur n’est sur aucun réseau. Gatehouse se reconnecte tout seul dès qu’il y en a un.',
  'state.no-internet.silent':
    'Rien ne répond du côté de {network}. Vérifiez votre connexion internet ; Gatehouse se reconnecte tout seul.',
  'state.quarantined.title': 'Accès suspendu',
  'state.quarantined.detail':
    '{network} ne laisse pas encore entrer cet ordinateur. Demandez pourquoi à votre administrateur.',
  'state.quarantined.reason': '{network} ne laisse pas encore entrer cet ordinateur : {reason}',
  'state.quarantined.fix':
    '{network} ne laissera pas entrer cet ordinateur tant qu’il reste à régler : {fact}. {advice}',
  'state.connected.title': 'Connecté à {network}',
  'state.connected.hub': 'Depuis {time}, par {hub}.',
  'state.connected.latency': 'Depuis {time}, par {hub}, {latency}.',
  'state.connected.own': 'Depuis {time}. Cet ordinateur est un hub du réseau.',
  'state.connected.plain': 'Depuis {time}.',

  'note.more': {
    one: 'Et encore une chose.',
    many: 'Et {n} autres choses.',
    other: 'Et {n} autres choses.',
  },
  'note.missing': 'Certaines choses peuvent rester inaccessibles tant qu’il reste à régler : {fact}.',
  'note.warnings': {
    one: 'Un point mérite votre attention.',
    many: '{n} points méritent votre attention.',
    other: '{n} points méritent votre attention.',
  },
  'note.versions': 'L’application est en version {app}, le service en {daemon} : mettez à jour le plus ancien.',

  'cause.not-enrolled.title': 'Aucun réseau pour l’instant',
  'cause.not-enrolled.advice':
    'Cet ordinateur ne fait partie d’aucun réseau. Ouvrez le lien d’invitation de votre administrateur.',
  'cause.no-privileges.title': 'Le service manque de droits',
  'cause.no-privileges.advice':
    'Le service n’a pas le droit de créer une connexion réseau. Réinstallez Gatehouse, ou demandez à l’administrateur de cet ordinateur.',
  'cause.no-wireguard.title': 'WireGuard est absent',
  'cause.no-wireguard.advice':
    'Il manque à cet ordinateur WireGuard, qui porte la connexion. Réinstallez Gatehouse, ou demandez à l’administrateur de cet ordinateur.',
  'cause.controller-unreachable.title': 'Le contrôleur est injoignable',
  'cause.controller-unreachable.advice':
    'Ce qui est en place continue de fonctionner ; les changements arriveront plus tard. Vous n’avez rien à faire.',
  'cause.controller-unreachable.waiting':
    'Le contrôleur de {network} ne répond pas. Vérifiez votre connexion internet ; Gatehouse continue d’essayer.',
  'cause.certificate.title': 'Le contrôleur n’est pas fiable',
  'cause.certificate.advice':
    'Son certificat n’est pas valable pour cette adresse. Vérifiez la date et l’heure de cet ordinateur ; si elles sont justes, prévenez votre administrateur.',
  'cause.revoked.title': 'Déconnecté par l’administrateur',
  'cause.revoked.advice': 'Cet ordinateur a été retiré. Demandez une nouvelle invitation à votre administrateur.',
  'cause.no-hub.title': 'Ce réseau n’a pas encore de hub',
  'cause.no-hub.advice': 'Votre administrateur doit d’abord en ajouter un ; Gatehouse se connectera ensuite tout seul.',
  'cause.no-handshake.title': 'Le hub ne répond pas',
  'cause.no-handshake.advice':
    'Ce réseau bloque peut-être la connexion : essayez-en un autre, celui de votre téléphone par exemple. Si cela ne suffit pas, prévenez votre administrateur.',
  'cause.no-traffic.title': 'Rien n’arrive',
  'cause.no-traffic.advice':
    'Le hub a été joint, mais rien n’en revient. Essayez un autre réseau ; si cela ne suffit pas, prévenez votre administrateur.',
  'cause.apply-failed.title': 'La connexion n’a pas pu être mise en place',
  'cause.apply-failed.advice':
    'Votre système a refusé un changement. Gatehouse continue d’essayer ; le diagnostic montre ce qui bloque.',
  'cause.no-network.title': 'Pas d’internet',
  'cause.no-network.advice': 'Connectez cet ordinateur à un réseau. Gatehouse se reconnecte tout seul.',
  'cause.endpoint-unresolved.title': 'Le nom du hub est introuvable',
  'cause.endpoint-unresolved.advice':
    'Le service de noms de ce réseau ne connaît pas le hub. Essayez un autre réseau ; si cela ne suffit pas, prévenez votre administrateur.',

  'action.connect': 'Se connecter',
  'action.disconnect': 'Se déconnecter',
  'action.enroll': 'Rejoindre un réseau…',
  'action.enroll.asked': 'Voir l’invitation…',
  'action.start-daemon': 'Démarrer le service',
  'action.open-portal': 'Ouvrir la page d’identification',
  'action.show-posture': 'Voir ce qu’il faut régler',
  'action.check-posture': 'Vérifier de nouveau',
  'action.show-doctor': 'Lancer un diagnostic',
  'action.show-window': 'Ouvrir Gatehouse',
  'action.show-settings': 'Réglages…',
  'action.show-logs': 'Voir le journal',
  'action.report-problem': 'Signaler un problème…',
  'action.install-update': 'Installer la version {version}',
  'action.check-update': 'Rechercher des mises à jour',
  'action.use-profile': 'Utiliser {network}',
  'action.remove-profile': 'Quitter {network}…',
  'action.copy-address': 'Copier mon adresse ({address})',
  'action.copy-address.short': 'Copier mon adresse',
  'action.quit': 'Quitter',
  'action.quit.darwin': 'Quitter Gatehouse',
  'action.quit.win32': 'Quitter',

  'menu.profiles': 'Réseaux',
  'menu.signed-out': '{network} (déconnecté)',
  'name.unnamed': 'sans nom',

  'notice.disconnected.title': 'Déconnecté',
  'notice.disconnected.body': 'La connexion à {network} a été fermée en dehors de cette application.',
  'notice.recovered.title': 'De nouveau connecté',
  'notice.recovered.body': '{network} est de nouveau accessible.',
  'notice.admitted.title': 'Accès rétabli',
  'notice.admitted.body': '{network} laisse de nouveau entrer cet ordinateur.',
  'notice.posture.title': 'Un point à régler sur cet ordinateur',
  'notice.update.title': 'Gatehouse {version} est prêt',
  'notice.update.body': 'Il s’installe quand vous le décidez. La connexion revient en quelques secondes.',
  'notice.update-stale.title': 'Pas de nouvelles des mises à jour',
  'notice.update-stale.body':
    'Pas de nouvelles du dossier des mises à jour depuis {time} : une version plus récente existe peut-être. Demandez à votre administrateur.',

  'offer.empty': 'Il n’y a rien à lire. Collez le lien d’invitation de votre administrateur.',
  'offer.too-long': 'C’est trop long pour une invitation. Collez le lien seul.',
  'offer.too-many':
    'Plusieurs invitations attendent déjà. Répondez-y d’abord, puis ouvrez ou collez de nouveau celle-ci.',
  'offer.not-an-offer': 'Ce n’est pas une invitation. Collez le lien de votre administrateur, entier et seul.',
  'offer.no-token': 'Il manque le jeton à cette invitation. Collez le lien entier, jusqu’à sa fin.',
  'offer.bad-token': 'Le jeton est incomplet ou contient des caractères inattendus. Copiez-le de nouveau.',
  'offer.bad-pin':
    'Le certificat que nomme l’invitation est incomplet ou ne convient pas à son adresse. Copiez le lien de nouveau.',
  'offer.bad-url': 'L’adresse du contrôleur n’est pas correcte. Elle ressemble à https://gate.example.org.',
  'offer.login-in-url':
    'L’adresse contient un nom d’utilisateur ou un mot de passe. Par sécurité, elle n’est pas utilisée ; demandez un nouveau lien.',

  ...frFacts,
};
