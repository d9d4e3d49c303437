#!/bin/sh
# Installs a package of the app as root: install-update deb|rpm <file> <sha512 in hex>. Started by pkexec, which asks for
# an administrator's password (org.gatehouse.update.policy).
#
# The file lies in a folder of the user's, where it may be exchanged at any moment: what is installed is a copy that
# only root can write to, and the copy is what is checked.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
# In bytes; as apps take it (updates/release.ts).
limit=2147483648

fail() { echo "$1" >&2; exit 2; }
[ $# -eq 3 ] || fail "usage: $0 deb|rpm <file> <sha512>"
case $1 in deb | rpm) ;; *) fail "deb or rpm, not '$1'" ;; esac
case $2 in /*) ;; *) fail "the package is to be named with its whole path" ;; esac
case $3 in *[!0-9a-f]*) fail "the SHA-512 is to be 128 hexadecimal digits" ;; esac
[ ${#3} -eq 128 ] || fail "the SHA-512 is to be 128 hexadecimal digits"
# A pipe would never end.
[ -f "$2" ] || fail "$2 is no file"

copies=$(mktemp -d /var/tmp/gatehouse-update.XXXXXXXXXX)
trap 'rm -rf "$copies"' EXIT
trap 'exit 129' HUP INT TERM
copy=$copies/gatehouse.$1
(umask 077 && head -c "$limit" <"$2" >"$copy")
echo "$3  $copy" | sha512sum --check --status - || fail "$2 is not the package that was checked: nothing was installed"
case $1 in
  # Neither goes back to an older version. Files that were edited in /etc are kept; another installation is waited for.
  deb)
    DEBIAN_FRONTEND=noninteractive \
      apt-get -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold install "$copy"
    ;;
  rpm) rpm -U "$copy" ;;
esac
