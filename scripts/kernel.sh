#!/bin/bash
# Prints the path of a kernel for scripts/vm-run that has what Debian's user-mode-linux lacks: nftables for IPv4 and IPv6.
# It is built from Debian's kernel source the first time (five minutes on two cores, 2 GB below /var/tmp), and kept in
# ~/.cache/waypost until the source or scripts/kernel.config changes. As root on Debian it installs what building needs.
set -euo pipefail
cd "$(dirname "$0")"
config=$PWD/kernel.config
source=linux-source-6.12
needs=(bc bison flex gcc libc6-dev make xz-utils)

version=$(apt-cache policy $source | sed -n 's/^ *Candidate: *//p')
[ -n "$version" ] && [ "$version" != '(none)' ] || { echo "kernel: no package $source" >&2; exit 1; }
key=$({ echo "$version"; cat "$config"; } | sha256sum | head -c 16)
out=${XDG_CACHE_HOME:-$HOME/.cache}/waypost/linux-$key
if [ ! -x "$out" ]; then
  {
    missing=()
    for package in "${needs[@]}"; do
      [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] || DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}"
    work=$(mktemp -d /var/tmp/kernel.XXXXXX)
    trap 'rm -rf "$work"' EXIT
    cd "$work"
    apt-get download -q -o APT::Sandbox::User=root "$source=$version"
    dpkg-deb --fsys-tarfile ./$source*.deb | tar -xO "./usr/src/$source.tar.xz" |
      tar -xJ --strip-components=1 --exclude='*/Documentation/*.rst' --exclude='*/drivers/gpu/*.[ch]' --exclude='*.dts*'
    rm ./*.deb
    make -s ARCH=um KCONFIG_ALLCONFIG="$config" allnoconfig
    lost=$(grep '=y$' "$config" | grep -vxFf .config || true)
    [ -z "$lost" ] || { echo "kernel: this source does not know: $lost"; exit 1; }
    make -s -j"$(nproc)" ARCH=um linux
    mkdir -p "$(dirname "$out")"
    strip -o "$out.new" linux
    mv "$out.new" "$out"
  } >&2
fi
echo "$out"
