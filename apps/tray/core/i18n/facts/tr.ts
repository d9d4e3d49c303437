import type { Like } from '../catalog.ts';
import type { enFacts } from './en.ts';

export const trFacts: Like<typeof enFacts> = {
  'fact.disk_encryption': 'Disk şifreleme',
  'fact.firewall': 'Güvenlik duvarı',
  'fact.screen_lock': 'Ekran kilidi',
  'fact.os_name': 'İşletim sistemi',
  'fact.os_version': 'Sistem sürümü',
  'fact.os_supported': 'Desteklenen sistem',
  'fact.updates_pending': 'Bekleyen güncellemeler',
  'fact.updates_automatic': 'Otomatik güncellemeler',
  'fact.antivirus': 'Virüs koruması',
  'fact.secure_boot': 'Güvenli önyükleme',
  'fact.mandatory_access_control': 'Sistem koruması',
  'fact.debug_mode': 'Hata ayıklama modu',

  'advice.other': 'Ne gerektiğini yöneticinize sorun.',
  'advice.disk_encryption.linux':
    'Diskin LUKS ile şifrelenmiş olması gerekir; bu, kurulum sırasında seçilir. Yöneticinize danışın.',
  'advice.disk_encryption.darwin': 'Sistem Ayarları, Gizlilik ve Güvenlik bölümünde FileVault’u açın.',
  'advice.disk_encryption.win32': 'Ayarlar, Gizlilik ve güvenlik bölümünde BitLocker’ı veya cihaz şifrelemesini açın.',
  'advice.firewall.linux': 'Güvenlik duvarını açın, örneğin “sudo ufw enable” veya firewalld ile.',
  'advice.firewall.darwin': 'Sistem Ayarları, Ağ, Güvenlik Duvarı bölümünde güvenlik duvarını açın.',
  'advice.firewall.win32': 'Windows Güvenliği, Güvenlik duvarı ve ağ koruması bölümünde güvenlik duvarını açın.',
  'advice.screen_lock.linux': 'Ayarlar, Gizlilik, Ekran Kilidi bölümünde otomatik ekran kilidini açın.',
  'advice.screen_lock.darwin':
    'Sistem Ayarları, Kilitli Ekran bölümünde ekran kapandıktan sonra parola istenmesini seçin.',
  'advice.screen_lock.win32':
    'Ayarlar, Hesaplar, Oturum açma seçenekleri bölümünde uzaklaşınca oturum açılmasını zorunlu kılın.',
  'advice.os_name': 'Ağ bu işletim sistemini kabul etmiyor. Yöneticinize danışın.',
  'advice.os_version': 'Sistemi güncelleyin. Ağın istediği: {wanted}.',
  'advice.os_supported': 'Sistemin bu sürümü artık güvenlik güncellemesi almıyor. Güncel bir sürüme geçin.',
  'advice.updates_pending.linux': 'Güncellemeleri yazılım merkezinizle kurun, istenirse bilgisayarı yeniden başlatın.',
  'advice.updates_pending.darwin': 'Güncellemeleri Sistem Ayarları, Genel, Yazılım Güncelleme bölümünden kurun.',
  'advice.updates_pending.win32':
    'Güncellemeleri Ayarlar, Windows Update bölümünden kurun ve bilgisayarı yeniden başlatın.',
  'advice.updates_automatic.linux':
    'Otomatik güncellemeleri açın, örneğin unattended-upgrades veya dnf-automatic paketiyle.',
  'advice.updates_automatic.darwin':
    'Otomatik güncellemeleri Sistem Ayarları, Genel, Yazılım Güncelleme bölümünden açın.',
  'advice.updates_automatic.win32': 'Güncellemeleri Ayarlar, Windows Update bölümünden sürdürün.',
  'advice.antivirus.linux': 'Yöneticinizin belirttiği virüs tarayıcısını kurup başlatın.',
  'advice.antivirus.darwin': 'Virüs korumasını da getiren macOS’i güncelleyin veya yöneticinize danışın.',
  'advice.antivirus.win32': 'Windows Güvenliği, Virüs ve tehdit koruması bölümünde gerçek zamanlı korumayı açın.',
  'advice.secure_boot.linux': 'Bilgisayarın üretici yazılımı ayarlarında Secure Boot’u açın.',
  'advice.secure_boot.darwin': 'macOS Kurtarma’daki Başlangıç Güvenliği İzlencesi’nde tam güvenliği seçin.',
  'advice.secure_boot.win32': 'Bilgisayarın UEFI ayarlarında Secure Boot’u açın.',
  'advice.mandatory_access_control.linux': 'SELinux’u (enforcing) veya AppArmor’ı açın.',
  'advice.mandatory_access_control.darwin': 'Sistem Bütünlüğü Koruması’nı açın: macOS Kurtarma’da “csrutil enable”.',
  'advice.mandatory_access_control.win32': 'Hangi korumanın gerektiğini yöneticinize sorun.',
  'advice.debug_mode.linux': 'Dağıtımınızın değiştirilmemiş çekirdeğini hata ayıklama seçenekleri olmadan başlatın.',
  'advice.debug_mode.darwin': 'Sistem Bütünlüğü Koruması’nı açın: macOS Kurtarma’da “csrutil enable”.',
  'advice.debug_mode.win32':
    'Test modunu kapatın: yönetici olarak “bcdedit /set testsigning off”, sonra yeniden başlatın.',
};
