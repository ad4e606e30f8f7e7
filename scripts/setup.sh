#!/bin/bash
# Installs what the interop tests need (scripts/apt-packages.txt) on Debian as root. Does nothing when all is there.
# None of the packages' services is started. Exit: 0 all there, 1 failed, 3 not root or not Debian (and something is missing).
set -euo pipefail
cd "$(dirname "$0")/.."

mapfile -t wanted < <(sed -e 's/#.*//' -e '/^[[:space:]]*$/d' scripts/apt-packages.txt)
missing=()
for package in "${wanted[@]}"; do
  status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$status" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "setup: missing, and only root on Debian can install them: ${missing[*]}" >&2
  exit 3
fi

# Debian's packages start their services when they are installed, unless this file forbids it (101: not allowed).
policy=/usr/sbin/policy-rc.d
kept=
if [ -e $policy ]; then
  kept=$(mktemp -p /usr/sbin policy-rc.d.XXXXXX)
  cp -p $policy "$kept"
fi
log=$(mktemp)
restore() { rm -f "$log"; if [ -n "$kept" ]; then mv "$kept" $policy; else rm -f $policy; fi; }
trap restore EXIT
printf '#!/bin/sh\nexit 101\n' >$policy
chmod 755 $policy

echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
install() { apt-get install -y -q --no-install-recommends "${missing[@]}"; }
# The lists of packages may be absent (a bare image) or older than the archive.
if ! install >"$log" 2>&1; then
  for try in 1 2 3; do apt-get update -q && break || sleep $((try * 2)); done
  install || { echo "setup: apt-get could not install ${missing[*]}" >&2; exit 1; }
fi
