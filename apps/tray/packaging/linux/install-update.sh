#!/bin/sh
# Installs a release's package as root: install-update deb|rpm <file> <description> <signature>, the latter two in base64
# (latest-linux.yml and its .sig). Started by pkexec, which asks for an administrator's password
# (org.gatehouse.update.policy).
#
# Any program of the user's can ask that question, so the maker's signature is checked here once more, by root's own keys.
# The file lies in a folder of the user's, where it may be exchanged at any moment: what is installed is a copy that
# only root can write to, and the copy is what is checked.
set -eu
PATH=/usr/sbin:/usr/bin:/sbin:/bin
export PATH
keys=/usr/lib/gatehouse/update-keys
# In bytes; as apps take it (updates/release.ts).
limit=2147483648

fail() { echo "$1" >&2; exit 2; }
[ $# -eq 4 ] || fail "usage: $0 deb|rpm <file> <description> <signature>"
case $1 in deb | rpm) ;; *) fail "deb or rpm, not '$1'" ;; esac
case $2 in /*) ;; *) fail "the package is to be named with its whole path" ;; esac
# A pipe would never end.
[ -f "$2" ] || fail "$2 is no file"
command -v openssl >/dev/null || fail "openssl is missing, which checks the maker's signature: install it"

copies=$(mktemp -d /var/tmp/gatehouse-update.XXXXXXXXXX)
trap 'rm -rf "$copies"' EXIT
trap 'exit 129' HUP INT TERM

# Whether a line of the signature, one for each key, is by a key that is known here.
signed() {
  lines=0
  while [ $lines -lt 4 ] && { IFS= read -r line || [ -n "$line" ]; }; do
    lines=$((lines + 1))
    printf '%s' "$line" | base64 -d >"$copies/line" 2>/dev/null || continue
    for key in "$keys"/*.pem; do
      openssl pkeyutl -verify -rawin -pubin -inkey "$key" -in "$copies/description" -sigfile "$copies/line" \
        >/dev/null 2>&1 && return 0
    done
  done <"$copies/signature"
  return 1
}
printf '%s' "$3" | base64 -d >"$copies/description" 2>/dev/null || fail "the description is no base64"
printf '%s' "$4" | base64 -d >"$copies/signature" 2>/dev/null || fail "the signature is no base64"
signed || fail "the release is not signed by the maker of this app: nothing was installed"

copy=$copies/gatehouse.$1
(umask 077 && head -c "$limit" <"$2" >"$copy")
sum=$(openssl dgst -sha512 -binary "$copy" | base64 -w 0)
[ ${#sum} -eq 88 ] || fail "$2 can't be read"
# In lines as installers/sign-update.ts has them.
tr -d '\r' <"$copies/description" | grep -qxF -e "    sha512: $sum" -e "    sha512: '$sum'" ||
  fail "$2 is not of the release that was signed: nothing was installed"
case $1 in
  # Neither goes back to an older version. Files that were edited in /etc are kept; another installation is waited for.
  deb)
    DEBIAN_FRONTEND=noninteractive \
      apt-get -y -o DPkg::Lock::Timeout=120 -o Dpkg::Options::=--force-confold install "$copy"
    ;;
  rpm) rpm -U "$copy" ;;
esac
