unit=gatehouse-agent.service
state=/var/lib/gatehouse-agent

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

# Running and of another build: the daemon is exchanged, the tunnel stands (RestartKillSignal in the unit). What is
# stopped stays stopped, and what already runs as it is installed is left alone.
hand_over() {
  pid=$(systemctl show --property MainPID --value "$unit")
  [ "${pid:-0}" -gt 0 ] || return 0
  cmp -s "/proc/$pid/exe" /usr/bin/gatehouse || systemctl restart "$unit"
}
