unit=gatehouse-agent.service
state=/var/lib/gatehouse-agent

# Says to what starts the service last that it is to be started: a first installation, or one after a removal.
starting=/run/gatehouse-agent.install

booted() { [ -d /run/systemd/system ]; }

# An older agent can't use what a newer one wrote: refused before a file is replaced. "format" is the agent's own note.
refuse_newer_state() {
  found=$(cat "$state/format" 2>/dev/null) || return 0
  case $found in '' | *[!0-9]*) return 0 ;; esac
  [ "$found" -gt @FORMAT@ ] || return 0
  echo "gatehouse-agent @VERSION@ can't use $state, which a newer version wrote (format $found; this one knows @FORMAT@)." >&2
  echo "Nothing was changed. Install a newer version, or move $state away and enroll anew." >&2
  exit 1
}

make_group() {
  if command -v systemd-sysusers >/dev/null; then
    systemd-sysusers gatehouse-agent.conf
  elif ! getent group gatehouse >/dev/null; then
    groupadd --system gatehouse
  fi
}

# The app's package holds the agent too, and takes the place of the agent's own. A script that runs when its package's
# files are gone sees by the unit that the other one is there: service, state and group are that one's now.
owned_by_another() { [ -e "/usr/lib/systemd/system/$unit" ]; }

# The package that holds the agent; fails where none does.
package() {
  for name in gatehouse-agent gatehouse; do
    if command -v dpkg-query >/dev/null && dpkg-query -W -f='${db:Status-Status}' $name 2>/dev/null | grep -q '^installed$' ||
      command -v rpm >/dev/null && rpm -q $name >/dev/null 2>&1; then
      echo $name
      return 0
    fi
  done
  return 1
}

# Running and of another build: the daemon is exchanged, the tunnel stands (RestartKillSignal in the unit). What is
# stopped stays stopped, and what already runs as it is installed is left alone.
hand_over() {
  pid=$(systemctl show --property MainPID --value "$unit")
  [ "${pid:-0}" -gt 0 ] || return 0
  cmp -s "/proc/$pid/exe" /usr/bin/gatehouse || systemctl restart "$unit"
}
