import { defineCatalog, type Locale } from '../core/index.ts';

const en = {
  'not-now': 'That isn’t possible at the moment.',
  'bad-argument': 'The window asked for something that this app doesn’t know. Quit Gatehouse and open it again.',
  'went-wrong': 'That went wrong. The report of a problem shows more.',
  'no-daemon': 'The Gatehouse service doesn’t answer. Start it, then try again.',
  'slow-daemon': 'The Gatehouse service takes too long to answer. Try again.',
  'bad-answer': 'The answer of the Gatehouse service wasn’t understood. Update app and service.',
  'too-much': 'Too much at once. Try again in a moment.',
  'start-cancelled': 'The service was not started: permission was not given.',
  'start-slow': 'The service was not started: nobody answered the question for permission.',
  'start-missing':
    'The service can’t be started from here: {program} is missing. Ask the administrator of this computer.',
  'start-failed': 'The service could not be started: {reason}.',
  'offer-gone': 'The invitation is gone: it is kept for ten minutes. Open or paste it again.',
  'offer-changed': 'Another invitation arrived in the meantime. Look at it again.',
  'offer-plain': 'The connection to this address isn’t encrypted. Confirm that too, or ask for another invitation.',
  'token-invalid': 'This invitation was used already, or is too old. Ask your administrator for a new one.',
  'controller-unreachable': 'The controller doesn’t answer. Check your internet connection, then try again.',
  'certificate-pinned':
    'The controller’s certificate is not the one that the invitation names, or isn’t valid. Somebody may be in between, or the link is too old. Tell your administrator.',
  certificate:
    'The controller can’t be trusted: its certificate isn’t valid for this address. Tell your administrator.',
  'no-privileges': 'The service may not make a network connection. Install Gatehouse again.',
  'no-wireguard': 'This computer has no WireGuard. Install Gatehouse again.',
  'bad-request': 'The service refused that.',
  'not-enrolled': 'This computer isn’t in a network.',
  'already-enrolled': 'This computer is in a network that stands in the way of this one.',
  'controller-error': 'The controller answered with an error. Try again later, or tell your administrator.',
  'plain-http': 'The service refuses connections that aren’t encrypted. Ask your administrator for another invitation.',
  'unknown-profile': 'This computer isn’t in that network any more.',
  internal: 'The service ran into a fault of its own.',
  'in-words': '{text} In the service’s words: {words}',
  'portal-address': 'The address of the sign-in page can’t be opened.',
  'save-failed': 'The report could not be saved: {reason}.',
  'settings-failed': 'The settings could not be saved: {reason}.',
} as const;
export type AppKey = keyof typeof en;

const de = {
  'not-now': 'Das ist im Moment nicht möglich.',
  'bad-argument':
    'Das Fenster wollte etwas, das diese App nicht kennt. Beenden Sie Gatehouse und öffnen Sie es erneut.',
  'went-wrong': 'Das ist schiefgegangen. Der Problembericht zeigt mehr.',
  'no-daemon': 'Der Gatehouse-Dienst antwortet nicht. Starten Sie ihn und versuchen Sie es erneut.',
  'slow-daemon': 'Der Gatehouse-Dienst braucht zu lange für eine Antwort. Versuchen Sie es erneut.',
  'bad-answer':
    'Die Antwort des Gatehouse-Dienstes wurde nicht verstanden. Bringen Sie App und Dienst auf den neuesten Stand.',
  'too-much': 'Zu viel auf einmal. Versuchen Sie es gleich noch einmal.',
  'start-cancelled': 'Der Dienst wurde nicht gestartet: Die Erlaubnis wurde nicht erteilt.',
  'start-slow': 'Der Dienst wurde nicht gestartet: Niemand hat die Frage nach der Erlaubnis beantwortet.',
  'start-missing':
    'Der Dienst lässt sich von hier nicht starten: {program} fehlt. Fragen Sie den Administrator dieses Computers.',
  'start-failed': 'Der Dienst konnte nicht gestartet werden: {reason}.',
  'offer-gone':
    'Die Einladung ist nicht mehr da: Sie wird zehn Minuten aufbewahrt. Öffnen oder fügen Sie sie erneut ein.',
  'offer-changed': 'Inzwischen ist eine andere Einladung eingetroffen. Sehen Sie sie sich noch einmal an.',
  'offer-plain':
    'Die Verbindung zu dieser Adresse ist nicht verschlüsselt. Bestätigen Sie auch das, oder bitten Sie um eine andere Einladung.',
  'token-invalid':
    'Diese Einladung wurde schon benutzt oder ist zu alt. Bitten Sie Ihren Administrator um eine neue Einladung.',
  'controller-unreachable':
    'Der Controller antwortet nicht. Prüfen Sie Ihre Internetverbindung und versuchen Sie es erneut.',
  'certificate-pinned':
    'Das Zertifikat des Controllers ist nicht das, das die Einladung nennt, oder gilt nicht. Vielleicht ist jemand dazwischen, oder der Link ist zu alt. Sagen Sie es Ihrem Administrator.',
  certificate:
    'Dem Controller ist nicht zu trauen: Sein Zertifikat gilt nicht für diese Adresse. Sagen Sie es Ihrem Administrator.',
  'no-privileges': 'Der Dienst darf keine Netzverbindung herstellen. Installieren Sie Gatehouse neu.',
  'no-wireguard': 'Auf diesem Computer fehlt WireGuard. Installieren Sie Gatehouse neu.',
  'bad-request': 'Der Dienst hat das abgelehnt.',
  'not-enrolled': 'Dieser Computer ist in keinem Netzwerk.',
  'already-enrolled': 'Dieser Computer ist in einem Netzwerk, das diesem im Weg steht.',
  'controller-error':
    'Der Controller antwortete mit einem Fehler. Versuchen Sie es später erneut, oder sagen Sie es Ihrem Administrator.',
  'plain-http':
    'Der Dienst lehnt unverschlüsselte Verbindungen ab. Bitten Sie Ihren Administrator um eine andere Einladung.',
  'unknown-profile': 'Dieser Computer ist nicht mehr in diesem Netzwerk.',
  internal: 'Im Dienst ist ein Fehler aufgetreten.',
  'in-words': '{text} In den Worten des Dienstes (englisch): {words}',
  'portal-address': 'Die Adresse der Anmeldeseite lässt sich nicht öffnen.',
  'save-failed': 'Der Bericht konnte nicht gespeichert werden: {reason}.',
  'settings-failed': 'Die Einstellungen konnten nicht gespeichert werden: {reason}.',
};

const fr = {
  'not-now': 'Ce n’est pas possible pour le moment.',
  'bad-argument':
    'La fenêtre a demandé quelque chose que cette application ne connaît pas. Quittez Gatehouse et ouvrez-le de nouveau.',
  'went-wrong': 'Une erreur s’est produite. Le rapport de problème en dit plus.',
  'no-daemon': 'Le service Gatehouse ne répond pas. Démarrez-le, puis réessayez.',
  'slow-daemon': 'Le service Gatehouse met trop de temps à répondre. Réessayez.',
  'bad-answer': 'La réponse du service Gatehouse n’a pas été comprise. Mettez à jour l’application et le service.',
  'too-much': 'Trop de demandes à la fois. Réessayez dans un instant.',
  'start-cancelled': 'Le service n’a pas été démarré : l’autorisation n’a pas été donnée.',
  'start-slow': 'Le service n’a pas été démarré : personne n’a répondu à la demande d’autorisation.',
  'start-missing':
    'Le service ne peut pas être démarré d’ici : {program} est absent. Adressez-vous à l’administrateur de cet ordinateur.',
  'start-failed': 'Le service n’a pas pu être démarré : {reason}.',
  'offer-gone': 'L’invitation n’est plus là : elle est gardée dix minutes. Ouvrez-la ou collez-la de nouveau.',
  'offer-changed': 'Une autre invitation est arrivée entre-temps. Regardez-la de nouveau.',
  'offer-plain':
    'La connexion à cette adresse n’est pas chiffrée. Confirmez-le aussi, ou demandez une autre invitation.',
  'token-invalid':
    'Cette invitation a déjà servi ou est trop ancienne. Demandez-en une nouvelle à votre administrateur.',
  'controller-unreachable': 'Le contrôleur ne répond pas. Vérifiez votre connexion à Internet, puis réessayez.',
  'certificate-pinned':
    'Le certificat du contrôleur n’est pas celui que nomme l’invitation, ou n’est pas valable. Quelqu’un s’est peut-être interposé, ou le lien est trop ancien. Prévenez votre administrateur.',
  certificate:
    'Le contrôleur n’est pas digne de confiance : son certificat n’est pas valable pour cette adresse. Prévenez votre administrateur.',
  'no-privileges': 'Le service n’a pas le droit d’établir une connexion réseau. Installez de nouveau Gatehouse.',
  'no-wireguard': 'WireGuard est absent de cet ordinateur. Installez de nouveau Gatehouse.',
  'bad-request': 'Le service a refusé.',
  'not-enrolled': 'Cet ordinateur n’est dans aucun réseau.',
  'already-enrolled': 'Cet ordinateur est dans un réseau qui empêche de rejoindre celui-ci.',
  'controller-error': 'Le contrôleur a répondu par une erreur. Réessayez plus tard, ou prévenez votre administrateur.',
  'plain-http': 'Le service refuse les connexions non chiffrées. Demandez une autre invitation à votre administrateur.',
  'unknown-profile': 'Cet ordinateur n’est plus dans ce réseau.',
  internal: 'Une erreur s’est produite dans le service.',
  'in-words': '{text} Selon le service (en anglais) : {words}',
  'portal-address': 'L’adresse de la page de connexion ne peut pas être ouverte.',
  'save-failed': 'Le rapport n’a pas pu être enregistré : {reason}.',
  'settings-failed': 'Les réglages n’ont pas pu être enregistrés : {reason}.',
};

const tr = {
  'not-now': 'Bu şu anda mümkün değil.',
  'bad-argument': 'Pencere, bu uygulamanın bilmediği bir şey istedi. Gatehouse’tan çıkıp yeniden açın.',
  'went-wrong': 'Bir şeyler ters gitti. Ayrıntılar sorun raporundadır.',
  'no-daemon': 'Gatehouse hizmeti yanıt vermiyor. Hizmeti başlatıp yeniden deneyin.',
  'slow-daemon': 'Gatehouse hizmetinin yanıtı çok uzun sürüyor. Yeniden deneyin.',
  'bad-answer': 'Gatehouse hizmetinin yanıtı anlaşılamadı. Uygulamayı ve hizmeti güncelleyin.',
  'too-much': 'Aynı anda çok fazla istek var. Birazdan yeniden deneyin.',
  'start-cancelled': 'Hizmet başlatılmadı: izin verilmedi.',
  'start-slow': 'Hizmet başlatılmadı: izin sorusuna yanıt veren olmadı.',
  'start-missing': 'Hizmet buradan başlatılamıyor: {program} eksik. Bu bilgisayarın yöneticisine danışın.',
  'start-failed': 'Hizmet başlatılamadı: {reason}.',
  'offer-gone': 'Davet artık yok: on dakika saklanır. Yeniden açın ya da yapıştırın.',
  'offer-changed': 'Bu arada başka bir davet geldi. Davete yeniden bakın.',
  'offer-plain': 'Bu adrese bağlantı şifreli değil. Bunu da onaylayın ya da başka bir davet isteyin.',
  'token-invalid': 'Bu davet daha önce kullanılmış ya da süresi dolmuş. Yöneticinizden yeni bir davet isteyin.',
  'controller-unreachable': 'Denetleyici yanıt vermiyor. İnternet bağlantınızı denetleyip yeniden deneyin.',
  'certificate-pinned':
    'Denetleyicinin sertifikası, davetin belirttiği sertifika değil ya da geçerli değil. Araya biri girmiş olabilir ya da bağlantı çok eski. Yöneticinize bildirin.',
  certificate: 'Denetleyiciye güvenilemiyor: sertifikası bu adres için geçerli değil. Yöneticinize bildirin.',
  'no-privileges': 'Hizmetin ağ bağlantısı kurma izni yok. Gatehouse’u yeniden yükleyin.',
  'no-wireguard': 'Bu bilgisayarda WireGuard yok. Gatehouse’u yeniden yükleyin.',
  'bad-request': 'Hizmet bunu reddetti.',
  'not-enrolled': 'Bu bilgisayar bir ağda değil.',
  'already-enrolled': 'Bu bilgisayar, bu ağa engel olan bir ağda.',
  'controller-error': 'Denetleyici bir hatayla yanıt verdi. Daha sonra yeniden deneyin ya da yöneticinize bildirin.',
  'plain-http': 'Hizmet şifresiz bağlantıları reddediyor. Yöneticinizden başka bir davet isteyin.',
  'unknown-profile': 'Bu bilgisayar artık o ağda değil.',
  internal: 'Hizmette bir hata oluştu.',
  'in-words': '{text} Hizmetin sözleriyle (İngilizce): {words}',
  'portal-address': 'Oturum açma sayfasının adresi açılamıyor.',
  'save-failed': 'Rapor kaydedilemedi: {reason}.',
  'settings-failed': 'Ayarlar kaydedilemedi: {reason}.',
};

const es = {
  'not-now': 'Ahora mismo no es posible.',
  'bad-argument': 'La ventana pidió algo que esta aplicación no conoce. Salga de Gatehouse y ábralo de nuevo.',
  'went-wrong': 'Algo ha salido mal. El informe del problema muestra más.',
  'no-daemon': 'El servicio de Gatehouse no responde. Inícielo y vuelva a intentarlo.',
  'slow-daemon': 'El servicio de Gatehouse tarda demasiado en responder. Vuelva a intentarlo.',
  'bad-answer': 'No se ha entendido la respuesta del servicio de Gatehouse. Actualice la aplicación y el servicio.',
  'too-much': 'Demasiadas cosas a la vez. Vuelva a intentarlo en un momento.',
  'start-cancelled': 'El servicio no se ha iniciado: no se dio permiso.',
  'start-slow': 'El servicio no se ha iniciado: nadie respondió a la solicitud de permiso.',
  'start-missing':
    'El servicio no se puede iniciar desde aquí: falta {program}. Consulte al administrador de este equipo.',
  'start-failed': 'No se ha podido iniciar el servicio: {reason}.',
  'offer-gone': 'La invitación ya no está: se guarda diez minutos. Ábrala o péguela de nuevo.',
  'offer-changed': 'Entretanto ha llegado otra invitación. Revísela de nuevo.',
  'offer-plain': 'La conexión con esta dirección no está cifrada. Confírmelo también o pida otra invitación.',
  'token-invalid': 'Esta invitación ya se ha usado o es demasiado antigua. Pida una nueva a su administrador.',
  'controller-unreachable': 'El controlador no responde. Compruebe su conexión a internet y vuelva a intentarlo.',
  'certificate-pinned':
    'El certificado del controlador no es el que indica la invitación, o no es válido. Puede que alguien esté en medio, o que el enlace sea demasiado antiguo. Avise a su administrador.',
  certificate:
    'No se puede confiar en el controlador: su certificado no es válido para esta dirección. Avise a su administrador.',
  'no-privileges': 'El servicio no tiene permiso para establecer una conexión de red. Instale Gatehouse de nuevo.',
  'no-wireguard': 'Este equipo no tiene WireGuard. Instale Gatehouse de nuevo.',
  'bad-request': 'El servicio lo ha rechazado.',
  'not-enrolled': 'Este equipo no está en ninguna red.',
  'already-enrolled': 'Este equipo está en una red que impide unirse a esta.',
  'controller-error':
    'El controlador respondió con un error. Vuelva a intentarlo más tarde o avise a su administrador.',
  'plain-http': 'El servicio rechaza las conexiones sin cifrar. Pida otra invitación a su administrador.',
  'unknown-profile': 'Este equipo ya no está en esa red.',
  internal: 'Se ha producido un error en el servicio.',
  'in-words': '{text} En palabras del servicio (en inglés): {words}',
  'portal-address': 'No se puede abrir la dirección de la página de inicio de sesión.',
  'save-failed': 'No se ha podido guardar el informe: {reason}.',
  'settings-failed': 'No se han podido guardar los ajustes: {reason}.',
};

const app = defineCatalog(en, { de, fr, tr, es });
export const appCatalogs = app.catalogs;

/** A text of the app's own in one language; `params` are put in as they are. */
export function appText(locale: Locale, key: AppKey, params: Readonly<Record<string, string>> = {}): string {
  const translate = app.translator(locale) as (key: AppKey, params: Readonly<Record<string, string>>) => string;
  return translate(key, params);
}
