#!/bin/sh
# Removes the agent and keeps its state; with --purge the state, its keys and the group go too.
set -e
label=org.gatehouse.agent
state='/Library/Application Support/Gatehouse'
purge=
case ${1-} in
  '') ;;
  --purge) purge=1 ;;
  *) echo "usage: $0 [--purge]" >&2; exit 2 ;;
esac
if [ "$(/usr/bin/id -u)" -ne 0 ]; then echo "run as root: sudo $0" >&2; exit 1; fi
/bin/launchctl bootout "system/$label" >/dev/null 2>&1 || true
/bin/rm -f "/Library/LaunchDaemons/$label.plist" /usr/local/bin/gatehouse
/bin/rm -rf /Library/PrivilegedHelperTools/Gatehouse
/usr/sbin/pkgutil --forget "$label" >/dev/null 2>&1 || true
if [ -n "$purge" ]; then
  /bin/rm -rf "$state" /var/run/gatehouse /Library/Logs/Gatehouse
  /usr/sbin/dseditgroup -o delete gatehouse || true
else
  echo "Kept: $state (who this device is, and its keys)"
fi
