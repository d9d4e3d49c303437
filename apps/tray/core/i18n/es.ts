import type { Like } from './catalog.ts';
import type { en } from './en.ts';
import { esFacts } from './facts/es.ts';

export const es: Like<typeof en> = {
  'state.starting.title': 'Iniciando',
  'state.starting.detail': 'Preguntando al servicio de Gatehouse cómo está todo.',
  'state.daemon-starting.title': 'Iniciando el servicio',
  'state.daemon-starting.detail': 'Tarda unos segundos. Puede que el sistema le pida permiso.',
  'state.daemon-down.title': 'El servicio está detenido',
  'state.daemon-down.detail': 'Sin el servicio de Gatehouse no hay conexión. Inícielo para continuar.',
  'state.daemon-denied.title': 'Sin permiso para usar el servicio',
  'state.daemon-denied.detail':
    'Su cuenta no puede comunicarse con el servicio de Gatehouse. Pida permiso al administrador de este equipo.',
  'state.daemon-denied.detail.linux':
    'Su cuenta no puede comunicarse con el servicio de Gatehouse. Pida al administrador de este equipo que le añada al grupo «gatehouse» y, después, cierre la sesión y vuelva a entrar.',
  'state.daemon-untrusted.title': 'El servicio no es de confianza',
  'state.daemon-untrusted.detail':
    'Lo que responde como servicio de Gatehouse pertenece a {owner} y no al sistema. No se le ha enviado nada. Consulte al administrador de este equipo.',
  'state.version-mismatch.title': 'La aplicación y el servicio no coinciden',
  'state.version-mismatch.older':
    'El servicio ({daemon}) es más antiguo que esta aplicación ({app}). Reinicie el equipo; si no basta, instale Gatehouse de nuevo.',
  'state.version-mismatch.newer':
    'El servicio ({daemon}) es más reciente que esta aplicación ({app}). Salga de Gatehouse y vuelva a abrirlo; si no basta, actualice la aplicación.',
  'state.not-enrolled.title': 'Aún sin red',
  'state.not-enrolled.detail': 'Abra el enlace de invitación de su administrador o péguelo aquí.',
  'state.not-enrolled.asked': 'Ha recibido una invitación a {host}. Revísela y confírmela.',
  'state.enrolling.title': 'Uniéndose a la red',
  'state.enrolling.detail': 'Este equipo está creando sus claves y presentándose.',
  'state.signed-out.title': 'Sesión cerrada por el administrador',
  'state.signed-out.detail': 'Este equipo ya no pertenece a {network}. Pida una nueva invitación a su administrador.',
  'state.disconnecting.title': 'Desconectando',
  'state.disconnecting.detail': 'Cerrando la conexión con {network}.',
  'state.disconnected.title': 'Desconectado',
  'state.disconnected.detail': 'No se puede llegar a {network} desde aquí hasta que se conecte.',
  'state.connecting.title': 'Conectando con {network}',
  'state.connecting.detail': 'Tarda unos segundos.',
  'state.captive.title': 'Identifíquese en la wifi',
  'state.captive.detail':
    'La red en la que está pide identificarse primero. Abra su página; después Gatehouse se conecta solo.',
  'state.no-internet.title': 'Sin internet',
  'state.no-internet.detail': 'Este equipo no está en ninguna red. Cuando lo esté, Gatehouse se reconecta solo.',
  'state.no-internet.silent':
    'Nada de {network} responde. Compruebe su conexión a internet; Gatehouse se reconecta solo.',
  'state.quarantined.title': 'Acceso en espera',
  'state.quarantined.detail': '{network} aún no deja entrar a este equipo. Pregunte el motivo a su administrador.',
  'state.quarantined.reason': '{network} aún no deja entrar a este equipo: {reason}',
  'state.quarantined.fix': '{network} no dejará entrar a este equipo hasta que se arregle esto: {fact}. {advice}',
  'state.connected.title': 'Conectado a {network}',
  'state.connected.hub': 'Desde {time}, a través de {hub}.',
  'state.connected.latency': 'Desde {time}, a través de {hub}, {latency}.',
  'state.connected.own': 'Desde {time}. Este equipo es un hub de la red.',
  'state.connected.plain': 'Desde {time}.',

  'note.more': { one: 'Y una cosa más.', many: 'Y {n} cosas más.', other: 'Y {n} cosas más.' },
  'note.missing': 'Puede que no se llegue a todo hasta que se arregle esto: {fact}.',
  'note.warnings': {
    one: 'Hay una cosa que conviene revisar.',
    many: 'Hay {n} cosas que conviene revisar.',
    other: 'Hay {n} cosas que conviene revisar.',
  },
  'note.versions': 'La aplicación es la versión {app} y el servicio la {daemon}: actualice la más antigua.',

  'cause.not-enrolled.title': 'Aún sin red',
  'cause.not-enrolled.advice':
    'Este equipo no pertenece a ninguna red. Abra el enlace de invitación de su administrador.',
  'cause.no-privileges.title': 'Al servicio le faltan permisos',
  'cause.no-privileges.advice':
    'El servicio no puede crear una conexión de red. Instale Gatehouse de nuevo o consulte al administrador de este equipo.',
  'cause.no-wireguard.title': 'Falta WireGuard',
  'cause.no-wireguard.advice':
    'Este equipo no tiene WireGuard, que lleva la conexión. Instale Gatehouse de nuevo o consulte al administrador de este equipo.',
  'cause.controller-unreachable.title': 'No se llega al controlador',
  'cause.controller-unreachable.advice':
    'Lo que estaba configurado sigue funcionando; los cambios llegarán más tarde. No tiene que hacer nada.',
  'cause.controller-unreachable.waiting':
    'El controlador de {network} no responde. Compruebe su conexión a internet; Gatehouse sigue intentándolo.',
  'cause.certificate.title': 'El controlador no es de confianza',
  'cause.certificate.advice':
    'Su certificado no vale para esta dirección. Compruebe la fecha y la hora de este equipo; si son correctas, avise a su administrador.',
  'cause.revoked.title': 'Sesión cerrada por el administrador',
  'cause.revoked.advice': 'Este equipo ha sido retirado. Pida una nueva invitación a su administrador.',
  'cause.no-hub.title': 'Esta red aún no tiene hub',
  'cause.no-hub.advice': 'Primero su administrador debe añadir uno; Gatehouse se conectará entonces por sí solo.',
  'cause.no-handshake.title': 'El hub no responde',
  'cause.no-handshake.advice':
    'Quizá esta red bloquee la conexión: pruebe con otra, como la de su teléfono. Si no basta, avise a su administrador.',
  'cause.no-traffic.title': 'No llega nada',
  'cause.no-traffic.advice':
    'Se ha llegado al hub, pero no devuelve nada. Pruebe con otra red; si no basta, avise a su administrador.',
  'cause.apply-failed.title': 'No se puede establecer la conexión',
  'cause.apply-failed.advice':
    'El sistema ha rechazado un cambio. Gatehouse sigue intentándolo; el diagnóstico muestra qué lo impide.',
  'cause.no-network.title': 'Sin internet',
  'cause.no-network.advice': 'Conecte este equipo a una red. Gatehouse se reconecta solo.',
  'cause.endpoint-unresolved.title': 'No se encuentra el nombre del hub',
  'cause.endpoint-unresolved.advice':
    'El servicio de nombres de esta red no conoce el hub. Pruebe con otra red; si no basta, avise a su administrador.',

  'action.connect': 'Conectar',
  'action.disconnect': 'Desconectar',
  'action.enroll': 'Unirse a una red…',
  'action.enroll.asked': 'Ver la invitación…',
  'action.start-daemon': 'Iniciar el servicio',
  'action.open-portal': 'Abrir la página de acceso',
  'action.show-posture': 'Ver qué hay que arreglar',
  'action.check-posture': 'Comprobar de nuevo',
  'action.show-doctor': 'Hacer un diagnóstico',
  'action.show-window': 'Abrir Gatehouse',
  'action.show-settings': 'Ajustes…',
  'action.show-logs': 'Ver el registro',
  'action.report-problem': 'Informar de un problema…',
  'action.install-update': 'Instalar la versión {version}',
  'action.check-update': 'Buscar actualizaciones',
  'action.use-profile': 'Usar {network}',
  'action.remove-profile': 'Abandonar {network}…',
  'action.copy-address': 'Copiar la dirección propia ({address})',
  'action.copy-address.short': 'Copiar la dirección propia',
  'action.quit': 'Salir',
  'action.quit.darwin': 'Salir de Gatehouse',
  'action.quit.win32': 'Salir',

  'menu.profiles': 'Redes',
  'menu.signed-out': '{network} (sesión cerrada)',
  'name.unnamed': 'sin nombre',

  'notice.disconnected.title': 'Desconectado',
  'notice.disconnected.body': 'La conexión con {network} se ha cerrado fuera de esta aplicación.',
  'notice.recovered.title': 'Conectado de nuevo',
  'notice.recovered.body': 'Se puede llegar de nuevo a {network}.',
  'notice.admitted.title': 'Acceso restablecido',
  'notice.admitted.body': '{network} vuelve a dejar entrar a este equipo.',
  'notice.posture.title': 'Hay algo que arreglar en este equipo',
  'notice.update.title': 'Gatehouse {version} está listo',
  'notice.update.body': 'Se instala cuando usted lo decida. La conexión vuelve en unos segundos.',
  'notice.update-stale.title': 'Sin noticias de actualizaciones',
  'notice.update-stale.body':
    'No hay noticias de la carpeta de actualizaciones desde {time}: puede que haya una versión más reciente. Pregunte a su administrador.',

  'offer.empty': 'No hay nada que leer. Pegue el enlace de invitación de su administrador.',
  'offer.too-long': 'Es demasiado largo para una invitación. Pegue solo el enlace.',
  'offer.too-many': 'Ya esperan varias invitaciones. Respóndalas primero y luego abra o pegue esta de nuevo.',
  'offer.not-an-offer': 'Eso no es una invitación. Pegue el enlace de su administrador, entero y solo.',
  'offer.no-token': 'A la invitación le falta el token. Pegue el enlace entero, hasta el final.',
  'offer.bad-token': 'El token no está completo o tiene caracteres extraños. Cópielo de nuevo.',
  'offer.bad-pin':
    'El certificado que indica la invitación no está completo o no corresponde a su dirección. Copie el enlace de nuevo.',
  'offer.bad-url': 'La dirección del controlador no es correcta. Tiene la forma https://gate.example.org.',
  'offer.login-in-url':
    'La dirección contiene un nombre de usuario o una contraseña. Por su seguridad no se usa; pida un enlace nuevo.',

  ...esFacts,
};
