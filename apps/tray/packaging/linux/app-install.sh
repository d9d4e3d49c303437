# The app's sandbox: by user namespaces, and by setuid only where the kernel has none.
app=/opt/Gatehouse
if [ -L /proc/self/ns/user ] && unshare --user true 2>/dev/null; then
  chmod 0755 "$app/chrome-sandbox" || true
else
  chmod 4755 "$app/chrome-sandbox" || true
fi
if command -v update-desktop-database >/dev/null; then update-desktop-database -q /usr/share/applications || true; fi
# Ubuntu from 24.04 on denies user namespaces to programs without a profile. An older AppArmor doesn't know the rule.
if command -v apparmor_parser >/dev/null && apparmor_parser --skip-kernel-load "$app/resources/apparmor-profile" >/dev/null 2>&1; then
  cp -f "$app/resources/apparmor-profile" /etc/apparmor.d/gatehouse-app
  if [ -d /sys/kernel/security/apparmor ] && [ -d /run/systemd/system ]; then
    apparmor_parser --replace --write-cache --skip-read-cache /etc/apparmor.d/gatehouse-app || true
  fi
fi
