import type { Like } from '../catalog.ts';
import type { enFacts } from './en.ts';

export const esFacts: Like<typeof enFacts> = {
  'fact.disk_encryption': 'Cifrado del disco',
  'fact.firewall': 'Cortafuegos',
  'fact.screen_lock': 'Bloqueo de pantalla',
  'fact.os_name': 'Sistema operativo',
  'fact.os_version': 'Versión del sistema',
  'fact.os_supported': 'Sistema con soporte',
  'fact.updates_pending': 'Actualizaciones pendientes',
  'fact.updates_automatic': 'Actualizaciones automáticas',
  'fact.antivirus': 'Protección antivirus',
  'fact.secure_boot': 'Arranque seguro',
  'fact.mandatory_access_control': 'Protección del sistema',
  'fact.debug_mode': 'Modo de depuración',

  'advice.other': 'Pregunte a su administrador qué hace falta.',
  'advice.disk_encryption.linux':
    'El disco debe estar cifrado con LUKS, lo que se elige al instalar; consulte a su administrador.',
  'advice.disk_encryption.darwin': 'Active FileVault en Ajustes del Sistema, Privacidad y seguridad.',
  'advice.disk_encryption.win32':
    'Active BitLocker o el cifrado de dispositivo en Configuración, Privacidad y seguridad.',
  'advice.firewall.linux': 'Active el cortafuegos, por ejemplo con «sudo ufw enable» o firewalld.',
  'advice.firewall.darwin': 'Active el cortafuegos en Ajustes del Sistema, Red, Firewall.',
  'advice.firewall.win32': 'Active el firewall en Seguridad de Windows, Firewall y protección de red.',
  'advice.screen_lock.linux': 'Active el bloqueo automático en la configuración, Privacidad, Bloqueo de pantalla.',
  'advice.screen_lock.darwin':
    'En Ajustes del Sistema, Pantalla de bloqueo, exija la contraseña al apagarse la pantalla.',
  'advice.screen_lock.win32':
    'En Configuración, Cuentas, Opciones de inicio de sesión, exija iniciar sesión tras una ausencia.',
  'advice.os_name': 'La red no acepta este sistema operativo. Consulte a su administrador.',
  'advice.os_version': 'Actualice el sistema. La red pide {wanted}.',
  'advice.os_supported':
    'Esta versión del sistema ya no recibe actualizaciones de seguridad. Pase a una versión actual.',
  'advice.updates_pending.linux': 'Instale las actualizaciones con su centro de software y reinicie si se lo pide.',
  'advice.updates_pending.darwin':
    'Instale las actualizaciones en Ajustes del Sistema, General, Actualización de software.',
  'advice.updates_pending.win32': 'Instale las actualizaciones en Configuración, Windows Update, y reinicie.',
  'advice.updates_automatic.linux':
    'Active las actualizaciones automáticas, por ejemplo con el paquete unattended-upgrades o dnf-automatic.',
  'advice.updates_automatic.darwin':
    'Active las actualizaciones automáticas en Ajustes del Sistema, General, Actualización de software.',
  'advice.updates_automatic.win32': 'Reanude las actualizaciones en Configuración, Windows Update.',
  'advice.antivirus.linux': 'Instale e inicie el antivirus que indique su administrador.',
  'advice.antivirus.darwin': 'Actualice macOS, que trae su protección antivirus, o consulte a su administrador.',
  'advice.antivirus.win32':
    'Active la protección en tiempo real en Seguridad de Windows, Protección antivirus y contra amenazas.',
  'advice.secure_boot.linux': 'Active Secure Boot en la configuración del firmware del equipo.',
  'advice.secure_boot.darwin':
    'Elija la seguridad máxima en la Utilidad de Seguridad de Arranque de la recuperación de macOS.',
  'advice.secure_boot.win32': 'Active Secure Boot en la configuración UEFI del equipo.',
  'advice.mandatory_access_control.linux': 'Active SELinux (enforcing) o AppArmor.',
  'advice.mandatory_access_control.darwin':
    'Active la protección de integridad del sistema: «csrutil enable» en la recuperación de macOS.',
  'advice.mandatory_access_control.win32': 'Pregunte a su administrador qué protección hace falta.',
  'advice.debug_mode.linux': 'Inicie el núcleo original de su distribución, sin opciones de depuración.',
  'advice.debug_mode.darwin':
    'Active la protección de integridad del sistema: «csrutil enable» en la recuperación de macOS.',
  'advice.debug_mode.win32':
    'Desactive el modo de prueba: «bcdedit /set testsigning off» como administrador y reinicie.',
};
