import type { Like } from './catalog.ts';
import type { en } from './en.ts';
import { trFacts } from './facts/tr.ts';

// Names from outside come before a colon or in brackets where they can: a case ending can't be hung onto them safely.
export const tr: Like<typeof en> = {
  'state.starting.title': 'Başlatılıyor',
  'state.starting.detail': 'Gatehouse hizmetine durum soruluyor.',
  'state.daemon-starting.title': 'Hizmet başlatılıyor',
  'state.daemon-starting.detail': 'Bu birkaç saniye sürer. Sisteminiz izninizi isteyebilir.',
  'state.daemon-down.title': 'Hizmet çalışmıyor',
  'state.daemon-down.detail': 'Gatehouse hizmeti olmadan bağlantı kurulamaz. Devam etmek için hizmeti başlatın.',
  'state.daemon-denied.title': 'Hizmeti kullanma izniniz yok',
  'state.daemon-denied.detail':
    'Hesabınızın Gatehouse hizmetine erişimi yok. Bu bilgisayarın yöneticisinden izin isteyin.',
  'state.daemon-denied.detail.linux':
    'Hesabınızın Gatehouse hizmetine erişimi yok. Bu bilgisayarın yöneticisinden sizi “gatehouse” grubuna eklemesini isteyin, sonra oturumu kapatıp yeniden açın.',
  'state.daemon-untrusted.title': 'Hizmet güvenilir değil',
  'state.daemon-untrusted.detail':
    'Gatehouse hizmeti olarak yanıt veren, sisteme değil şu hesaba ait: {owner}. Ona hiçbir şey gönderilmedi. Bu bilgisayarın yöneticisine danışın.',
  'state.version-mismatch.title': 'Uygulama ile hizmet uyuşmuyor',
  'state.version-mismatch.older':
    'Hizmet ({daemon}) bu uygulamadan ({app}) daha eski. Bilgisayarı yeniden başlatın; bu yetmezse Gatehouse’u yeniden kurun.',
  'state.version-mismatch.newer':
    'Hizmet ({daemon}) bu uygulamadan ({app}) daha yeni. Gatehouse’tan çıkıp yeniden açın; bu yetmezse uygulamayı güncelleyin.',
  'state.not-enrolled.title': 'Henüz bir ağ yok',
  'state.not-enrolled.detail': 'Yöneticinizin davet bağlantısını açın veya buraya yapıştırın.',
  'state.not-enrolled.asked': 'Bir davet aldınız: {host}. Daveti inceleyip onaylayın.',
  'state.enrolling.title': 'Ağa katılıyor',
  'state.enrolling.detail': 'Bu bilgisayar anahtarlarını oluşturuyor ve kendini tanıtıyor.',
  'state.signed-out.title': 'Yönetici oturumunuzu kapattı',
  'state.signed-out.detail': 'Bu bilgisayar artık bu ağa ait değil: {network}. Yöneticinizden yeni bir davet isteyin.',
  'state.disconnecting.title': 'Bağlantı kesiliyor',
  'state.disconnecting.detail': '{network} bağlantısı kapatılıyor.',
  'state.disconnected.title': 'Bağlı değil',
  'state.disconnected.detail': 'Siz bağlanana kadar {network} ağına buradan ulaşılamaz.',
  'state.connecting.title': 'Bağlanıyor: {network}',
  'state.connecting.detail': 'Bu birkaç saniye sürer.',
  'state.captive.title': 'Wi-Fi ağında oturum açın',
  'state.captive.detail':
    'Bulunduğunuz ağ önce oturum açmanızı istiyor. Sayfasını açın; sonrasında Gatehouse kendiliğinden bağlanır.',
  'state.no-internet.title': 'İnternet yok',
  'state.no-internet.detail': 'Bu bilgisayar hiçbir ağda değil. Ağ gelince Gatehouse kendiliğinden yeniden bağlanır.',
  'state.no-internet.silent':
    '{network} ağından yanıt gelmiyor. İnternet bağlantınızı kontrol edin; Gatehouse kendiliğinden yeniden bağlanır.',
  'state.quarantined.title': 'Erişim beklemede',
  'state.quarantined.detail': '{network} bu bilgisayarı henüz içeri almıyor. Nedenini yöneticinize sorun.',
  'state.quarantined.reason': '{network} bu bilgisayarı henüz içeri almıyor: {reason}',
  'state.quarantined.fix': '{network}, şu düzeltilene kadar bu bilgisayarı içeri almıyor: {fact}. {advice}',
  'state.connected.title': 'Bağlı: {network}',
  'state.connected.hub': 'Başlangıç: {time}, hub: {hub}.',
  'state.connected.latency': 'Başlangıç: {time}, hub: {hub}, {latency}.',
  'state.connected.own': 'Başlangıç: {time}. Bu bilgisayar ağın bir hub’ıdır.',
  'state.connected.plain': 'Başlangıç: {time}.',

  'note.more': { one: 'Ve bir şey daha.', other: 'Ve {n} şey daha.' },
  'note.missing': 'Şu düzeltilene kadar bazı yerlere ulaşılamayabilir: {fact}.',
  'note.warnings': { one: 'Bakmanız gereken bir şey var.', other: 'Bakmanız gereken {n} şey var.' },
  'note.versions': 'Uygulamanın sürümü {app}, hizmetin sürümü {daemon}: eski olanı güncelleyin.',

  'cause.not-enrolled.title': 'Henüz bir ağ yok',
  'cause.not-enrolled.advice': 'Bu bilgisayar hiçbir ağa ait değil. Yöneticinizin davet bağlantısını açın.',
  'cause.no-privileges.title': 'Hizmetin izinleri eksik',
  'cause.no-privileges.advice':
    'Hizmetin ağ bağlantısı kurma izni yok. Gatehouse’u yeniden kurun veya bu bilgisayarın yöneticisine danışın.',
  'cause.no-wireguard.title': 'WireGuard eksik',
  'cause.no-wireguard.advice':
    'Bu bilgisayarda bağlantıyı taşıyan WireGuard yok. Gatehouse’u yeniden kurun veya bu bilgisayarın yöneticisine danışın.',
  'cause.controller-unreachable.title': 'Denetleyiciye ulaşılamıyor',
  'cause.controller-unreachable.advice':
    'Kurulmuş olan her şey çalışmaya devam ediyor; değişiklikler daha sonra gelir. Bir şey yapmanız gerekmiyor.',
  'cause.controller-unreachable.waiting':
    '{network} ağının denetleyicisi yanıt vermiyor. İnternet bağlantınızı kontrol edin; Gatehouse denemeye devam ediyor.',
  'cause.certificate.title': 'Denetleyici güvenilir değil',
  'cause.certificate.advice':
    'Sertifikası bu adres için geçerli değil. Bu bilgisayarın tarih ve saatini kontrol edin; doğruysa yöneticinize haber verin.',
  'cause.revoked.title': 'Yönetici oturumunuzu kapattı',
  'cause.revoked.advice': 'Bu bilgisayar ağdan çıkarıldı. Yöneticinizden yeni bir davet isteyin.',
  'cause.no-hub.title': 'Bu ağın henüz hub’ı yok',
  'cause.no-hub.advice': 'Önce yöneticinizin bir hub eklemesi gerekiyor; Gatehouse sonra kendiliğinden bağlanır.',
  'cause.no-handshake.title': 'Hub yanıt vermiyor',
  'cause.no-handshake.advice':
    'Bu ağ bağlantıyı engelliyor olabilir: başka bir ağ deneyin, örneğin telefonunuzunkini. Bu yetmezse yöneticinize haber verin.',
  'cause.no-traffic.title': 'Hiçbir şey gelmiyor',
  'cause.no-traffic.advice':
    'Hub’a ulaşıldı ama ondan bir şey gelmiyor. Başka bir ağ deneyin; bu yetmezse yöneticinize haber verin.',
  'cause.apply-failed.title': 'Bağlantı kurulamıyor',
  'cause.apply-failed.advice':
    'Sisteminiz bir değişikliği reddetti. Gatehouse denemeye devam ediyor; tanılama engeli gösterir.',
  'cause.no-network.title': 'İnternet yok',
  'cause.no-network.advice': 'Bu bilgisayarı bir ağa bağlayın. Gatehouse kendiliğinden yeniden bağlanır.',
  'cause.endpoint-unresolved.title': 'Hub’ın adı bulunamıyor',
  'cause.endpoint-unresolved.advice':
    'Bu ağın ad hizmeti hub’ı tanımıyor. Başka bir ağ deneyin; bu yetmezse yöneticinize haber verin.',

  'action.connect': 'Bağlan',
  'action.disconnect': 'Bağlantıyı kes',
  'action.enroll': 'Bir ağa katıl…',
  'action.enroll.asked': 'Davete bak…',
  'action.start-daemon': 'Hizmeti başlat',
  'action.open-portal': 'Oturum açma sayfasını aç',
  'action.show-posture': 'Düzeltilecekleri göster',
  'action.check-posture': 'Yeniden denetle',
  'action.show-doctor': 'Tanılamayı çalıştır',
  'action.show-window': 'Gatehouse’u aç',
  'action.show-settings': 'Ayarlar…',
  'action.show-logs': 'Günlüğü göster',
  'action.report-problem': 'Sorun bildir…',
  'action.install-update': '{version} sürümünü kur',
  'action.check-update': 'Güncelleme ara',
  'action.use-profile': '{network} ağını kullan',
  'action.remove-profile': '{network} ağından ayrıl…',
  'action.copy-address': 'Kendi adresini kopyala ({address})',
  'action.copy-address.short': 'Kendi adresini kopyala',
  'action.quit': 'Çık',
  'action.quit.darwin': 'Gatehouse’tan Çık',
  'action.quit.win32': 'Çıkış',

  'menu.profiles': 'Ağlar',
  'menu.signed-out': '{network} (oturum kapalı)',
  'name.unnamed': 'adsız',

  'notice.disconnected.title': 'Bağlantı kesildi',
  'notice.disconnected.body': '{network} bağlantısı bu uygulamanın dışından kapatıldı.',
  'notice.recovered.title': 'Yeniden bağlı',
  'notice.recovered.body': '{network} ağına yeniden ulaşılabiliyor.',
  'notice.admitted.title': 'Erişim yeniden açık',
  'notice.admitted.body': '{network} bu bilgisayarı yeniden içeri alıyor.',
  'notice.posture.title': 'Bu bilgisayarda düzeltilecek bir şey var',
  'notice.update.title': 'Gatehouse {version} hazır',
  'notice.update.body': 'Siz istediğinizde kurulur. Bağlantı birkaç saniye içinde geri gelir.',
  'notice.update-stale.title': 'Güncellemelerden haber yok',
  'notice.update-stale.body':
    'Güncelleme klasöründen {time} tarihinden beri haber yok: daha yeni bir sürüm olabilir. Yöneticinize sorun.',

  'offer.empty': 'Okunacak bir şey yok. Yöneticinizin davet bağlantısını yapıştırın.',
  'offer.too-long': 'Bu, bir davet için çok uzun. Yalnızca bağlantıyı yapıştırın.',
  'offer.too-many': 'Bekleyen birkaç davet var. Önce onları yanıtlayın, sonra bunu yeniden açın ya da yapıştırın.',
  'offer.not-an-offer': 'Bu bir davet değil. Yöneticinizin bağlantısını bütün ve tek başına yapıştırın.',
  'offer.no-token': 'Davette belirteç yok. Bağlantıyı sonuna kadar, bütün olarak yapıştırın.',
  'offer.bad-token': 'Belirteç eksik veya yabancı karakterler içeriyor. Yeniden kopyalayın.',
  'offer.bad-pin': 'Davetin belirttiği sertifika eksik ya da adresine uymuyor. Bağlantıyı yeniden kopyalayın.',
  'offer.bad-url': 'Denetleyicinin adresi doğru değil. Şuna benzer: https://gate.example.org.',
  'offer.login-in-url':
    'Adres bir kullanıcı adı veya parola içeriyor. Güvenliğiniz için kullanılmadı; yeni bir bağlantı isteyin.',

  ...trFacts,
};
