# The daemon comes in the app; it runs from a folder that only root may write to.
set -e
resources="${2:-/Applications}/Gatehouse.app/Contents/Resources/daemon"
helper=/Library/PrivilegedHelperTools/Gatehouse
# Of the computer, not of the installer, which may run translated.
arch=x64
if [ "$(/usr/sbin/sysctl -n hw.optional.arm64 2>/dev/null)" = 1 ]; then arch=arm64; fi
/bin/mkdir -p "$helper"
/usr/bin/install -o root -g wheel -m 755 "$resources/$arch/gatehouse" "$helper/gatehouse.new"
/bin/mv -f "$helper/gatehouse.new" "$helper/gatehouse"
/usr/bin/install -o root -g wheel -m 644 "$resources/org.gatehouse.agent.plist" /Library/LaunchDaemons/org.gatehouse.agent.plist
