# Installs the agent from this folder, or says what it would do: ./install.sh [--dry-run]
here=$(cd "$(dirname "$0")" && pwd)
dry=
case ${1-} in
  '') ;;
  --dry-run) dry=1 ;;
  *) echo "usage: $0 [--dry-run]" >&2; exit 2 ;;
esac
if found=$(package); then
  echo "$found is installed as a package: upgrade that, or remove it first." >&2
  exit 1
fi
if [ -z "$dry" ] && [ "$(id -u)" -ne 0 ]; then echo "run as root (or with --dry-run)" >&2; exit 1; fi
refuse_newer_state
do_it() { echo "+ $*"; [ -n "$dry" ] || "$@"; }
first=
[ -e /usr/bin/gatehouse ] || first=1
cd "$here/files"
find . -type f | LC_ALL=C sort | while read -r file; do
  target=/${file#./}
  if cmp -s "$file" "$target"; then continue; fi
  do_it mkdir -p "$(dirname "$target")"
  mode=644
  [ ! -x "$file" ] || mode=755
  # Beside, then renamed: a running program is never written to.
  do_it install -m "$mode" "$file" "$target.new"
  do_it mv -f "$target.new" "$target"
done
do_it make_group
if booted; then
  do_it systemctl daemon-reload
  if [ -n "$first" ]; then
    do_it systemctl enable --now "$unit"
  else
    do_it hand_over
  fi
else
  echo "No systemd runs here: start the agent with 'gatehouse daemon' as root, from your own service manager."
fi
