# Only a removal: Debian says so in a word (an upgrade has "upgrade"), rpm counts the versions that stay (and runs this
# after the new version's scripts).
case $1 in
  remove | purge | 0)
    if [ -f /etc/apparmor.d/gatehouse-app ]; then
      if command -v apparmor_parser >/dev/null; then apparmor_parser --remove /etc/apparmor.d/gatehouse-app 2>/dev/null || true; fi
      rm -f /etc/apparmor.d/gatehouse-app
    fi
    if command -v update-desktop-database >/dev/null; then update-desktop-database -q /usr/share/applications || true; fi
    ;;
esac
