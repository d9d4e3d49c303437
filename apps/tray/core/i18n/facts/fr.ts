import type { Like } from '../catalog.ts';
import type { enFacts } from './en.ts';

export const frFacts: Like<typeof enFacts> = {
  'fact.disk_encryption': 'Chiffrement du disque',
  'fact.firewall': 'Pare-feu',
  'fact.screen_lock': 'Verrouillage de l’écran',
  'fact.os_name': 'Système d’exploitation',
  'fact.os_version': 'Version du système',
  'fact.os_supported': 'Système pris en charge',
  'fact.updates_pending': 'Mises à jour en attente',
  'fact.updates_automatic': 'Mises à jour automatiques',
  'fact.antivirus': 'Protection antivirus',
  'fact.secure_boot': 'Démarrage sécurisé',
  'fact.mandatory_access_control': 'Protection du système',
  'fact.debug_mode': 'Mode de débogage',

  'advice.other': 'Demandez à votre administrateur ce qu’il faut.',
  'advice.disk_encryption.linux':
    'Le disque doit être chiffré avec LUKS, ce qui se choisit à l’installation ; demandez à votre administrateur.',
  'advice.disk_encryption.darwin': 'Activez FileVault dans Réglages Système, Confidentialité et sécurité.',
  'advice.disk_encryption.win32':
    'Activez BitLocker ou le chiffrement de l’appareil dans Paramètres, Confidentialité et sécurité.',
  'advice.firewall.linux': 'Activez le pare-feu, par exemple avec « sudo ufw enable » ou firewalld.',
  'advice.firewall.darwin': 'Activez le pare-feu dans Réglages Système, Réseau, Coupe-feu.',
  'advice.firewall.win32': 'Activez le pare-feu dans Sécurité Windows, Pare-feu et protection du réseau.',
  'advice.screen_lock.linux':
    'Activez le verrouillage automatique dans les paramètres, Confidentialité, Verrouillage de l’écran.',
  'advice.screen_lock.darwin':
    'Dans Réglages Système, Écran verrouillé, exigez le mot de passe après l’extinction de l’écran.',
  'advice.screen_lock.win32': 'Dans Paramètres, Comptes, Options de connexion, exigez une connexion après une absence.',
  'advice.os_name': 'Le réseau n’accepte pas ce système d’exploitation. Demandez à votre administrateur.',
  'advice.os_version': 'Mettez le système à jour. Le réseau demande {wanted}.',
  'advice.os_supported':
    'Cette version du système ne reçoit plus de mises à jour de sécurité. Passez à une version actuelle.',
  'advice.updates_pending.linux':
    'Installez les mises à jour avec votre logithèque, puis redémarrez si elle le demande.',
  'advice.updates_pending.darwin':
    'Installez les mises à jour dans Réglages Système, Général, Mise à jour de logiciels.',
  'advice.updates_pending.win32': 'Installez les mises à jour dans Paramètres, Windows Update, puis redémarrez.',
  'advice.updates_automatic.linux':
    'Activez les mises à jour automatiques, par exemple avec le paquet unattended-upgrades ou dnf-automatic.',
  'advice.updates_automatic.darwin':
    'Activez les mises à jour automatiques dans Réglages Système, Général, Mise à jour de logiciels.',
  'advice.updates_automatic.win32': 'Reprenez les mises à jour dans Paramètres, Windows Update.',
  'advice.antivirus.linux': 'Installez et démarrez l’antivirus que votre administrateur indique.',
  'advice.antivirus.darwin':
    'Mettez à jour macOS, qui apporte sa protection antivirus, ou demandez à votre administrateur.',
  'advice.antivirus.win32':
    'Activez la protection en temps réel dans Sécurité Windows, Protection contre les virus et menaces.',
  'advice.secure_boot.linux': 'Activez Secure Boot dans les réglages du micrologiciel de l’ordinateur.',
  'advice.secure_boot.darwin':
    'Choisissez la sécurité maximale dans l’Utilitaire Sécurité au démarrage de la récupération macOS.',
  'advice.secure_boot.win32': 'Activez Secure Boot dans les réglages UEFI de l’ordinateur.',
  'advice.mandatory_access_control.linux': 'Activez SELinux (enforcing) ou AppArmor.',
  'advice.mandatory_access_control.darwin':
    'Activez la protection de l’intégrité du système : « csrutil enable » dans la récupération macOS.',
  'advice.mandatory_access_control.win32': 'Demandez à votre administrateur quelle protection il faut.',
  'advice.debug_mode.linux': 'Démarrez le noyau d’origine de votre distribution, sans options de débogage.',
  'advice.debug_mode.darwin':
    'Activez la protection de l’intégrité du système : « csrutil enable » dans la récupération macOS.',
  'advice.debug_mode.win32':
    'Désactivez le mode test : « bcdedit /set testsigning off » en tant qu’administrateur, puis redémarrez.',
};
