import type { Like } from '../../../core/i18n/catalog.ts';
import type { enChecks } from './en.ts';

export const frChecks: Like<typeof enChecks> = {
  'check.daemon': 'Service',
  'check.state': 'Ce que le service conserve',
  'check.enrollment': 'Appartenance',
  'check.controller-dns': 'Contrôleur : son nom',
  'check.controller-tcp': 'Contrôleur : le chemin',
  'check.controller-tls': 'Contrôleur : son certificat',
  'check.controller-http': 'Contrôleur : sa réponse',
  'check.clock': 'Horloge',
  'check.channel': 'Nouvelles du contrôleur',
  'check.handshake': 'Poignée de main avec le hub',
  'check.names': 'Noms auxquels ce hub répond',
  'check.system': 'Système',
  'check.privileges': 'Droits du service',
  'check.wireguard': 'WireGuard',
  'check.tun': 'Interface de tunnel',
  'check.ip': 'Outils réseau',
  'check.dns': 'Service de noms',
  'check.forwarding': 'Transfert (hubs seulement)',
  'check.firewall': 'Filtre de paquets (hubs seulement)',
  'check.ipv6': 'IPv6',
  'check.sockets': 'Restes',
  'check.interface': 'Interface réseau',

  'fix.state':
    'Le service ne peut pas utiliser ce qu’il a conservé. Adressez-vous à l’administrateur de cet ordinateur.',
  'fix.enrollment': 'Ouvrez le lien d’invitation de votre administrateur, ou demandez-en un nouveau.',
  'fix.controller-dns':
    'Le nom est introuvable d’ici. Vérifiez votre connexion à Internet, puis essayez un autre réseau.',
  'fix.controller-tcp':
    'Rien n’y répond. Vérifiez votre connexion à Internet ; si d’autres sites fonctionnent, prévenez votre administrateur.',
  'fix.controller-tls':
    'Vérifiez la date et l’heure de cet ordinateur ; si elles sont justes, prévenez votre administrateur.',
  'fix.controller-http':
    'Quelque chose répond, mais pas comme un contrôleur. Une page de connexion est peut-être entre les deux ; sinon, prévenez votre administrateur.',
  'fix.clock':
    'Laissez cet ordinateur régler son horloge par le réseau ; si elle est déjà juste, prévenez votre administrateur.',
  'fix.channel': 'La connexion fonctionne sans cela, telle qu’elle a été réglée en dernier. Vous n’avez rien à faire.',
  'fix.handshake':
    'Ce réseau bloque peut-être la connexion : essayez-en un autre. Si cela ne suffit pas, prévenez votre administrateur.',
  'fix.names': 'Un autre programme de ce hub gêne. Prévenez son administrateur.',
  'fix.system': 'Le système n’a pas pu être interrogé. Le journal en dit plus.',
  'fix.privileges': 'Installez de nouveau Gatehouse, ou adressez-vous à l’administrateur de cet ordinateur.',
  'fix.wireguard': 'Installez de nouveau Gatehouse, ou demandez WireGuard à l’administrateur de cet ordinateur.',
  'fix.tun':
    'Elle est nécessaire là où le système n’a pas son propre WireGuard. Adressez-vous à l’administrateur de cet ordinateur.',
  'fix.ip': 'Il manque un programme du système. Demandez à l’administrateur de cet ordinateur de l’installer.',
  'fix.forwarding': 'Un autre programme a désactivé le transfert. Adressez-vous à l’administrateur de ce hub.',
  'fix.firewall': 'Jusqu’à son retour, tout passe peut-être. Prévenez tout de suite l’administrateur de ce hub.',
  'fix.ipv6': 'Cela ne compte que si votre réseau utilise IPv6. Adressez-vous à votre administrateur.',
  'fix.sockets': 'Ils ne gênent pas. L’administrateur de cet ordinateur peut les supprimer.',
  'fix.interface': 'Un autre programme utilise le même nom. Adressez-vous à l’administrateur de cet ordinateur.',
};
