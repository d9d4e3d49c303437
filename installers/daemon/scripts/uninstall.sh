# Removes the agent and keeps its state; with --purge the state, its keys and the group go too.
here=$(cd "$(dirname "$0")" && pwd)
purge=
case ${1-} in
  '') ;;
  --purge) purge=1 ;;
  *) echo "usage: $0 [--purge]" >&2; exit 2 ;;
esac
if [ "$(id -u)" -ne 0 ]; then echo "run as root" >&2; exit 1; fi
if found=$(package); then
  echo "$found is installed as a package: remove that by apt, dnf or zypper." >&2
  exit 1
fi
if booted; then systemctl disable --now "$unit" || true; fi
cd "$here/files"
find . -type f | LC_ALL=C sort | while read -r file; do rm -f "/${file#./}"; done
if booted; then systemctl daemon-reload || true; fi
if [ -n "$purge" ]; then
  rm -rf "$state" /run/gatehouse
  if getent group gatehouse >/dev/null; then groupdel gatehouse; fi
else
  echo "Kept: $state (who this device is, and its keys)"
fi
