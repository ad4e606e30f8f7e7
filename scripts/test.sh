#!/bin/bash
# `npm test`: builds, then runs every test. The unit tests run anywhere. The interop tests need root on Debian, where this
# installs their routers, and network namespaces: there nothing is skipped. Elsewhere what was skipped is listed at the
# end, with the reason. The last line counts all tests; exit 1 when one failed.
set -uo pipefail
cd "$(dirname "$0")/.."

reports=$(mktemp -d)
probe=waypost-probe-$$
trap 'rm -rf "$reports"' EXIT
status=0
files=()

npm run -s build || { echo "the build failed"; echo "0 passed, 1 failed"; exit 1; }

vitest() { # PROJECT
  files+=("$reports/$1.json")
  npx vitest run --project "$1" --reporter=default --reporter=json --outputFile.json="$reports/$1.json" || status=1
}

# Says why the interop tests cannot run here; silent when they can.
obstacle() {
  [ "$(uname -s)" = Linux ] || { echo "not Linux"; return; }
  [ "$(id -u)" = 0 ] || { echo "not root"; return; }
  [ -e /etc/debian_version ] || { echo "not Debian, so the routers cannot be installed"; return; }
  ip netns add "$probe" 2>"$reports/netns" || { echo "no network namespaces: $(cat "$reports/netns")"; return; }
  ip netns del "$probe"
}

# Packages are fetched and unpacked while the unit tests, which need none of them, compute.
setup=
if [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ]; then
  bash scripts/setup.sh >"$reports/setup" 2>&1 &
  setup=$!
fi

vitest unit

why=
if [ -n "$setup" ]; then
  if ! wait "$setup"; then
    why="the packages of the interop tests could not be installed"
    files+=("$reports/interop.json") # which will be missing: here that is a failure
  fi
  cat "$reports/setup"
fi
[ -n "$why" ] || why=$(obstacle)
complete=
if [ -z "$why" ]; then
  complete=--complete
  vitest interop
else
  printf '\nSkipped: %s\n' "$why"
  find test/interop test/netns test/vm -name '*.test.ts' 2>/dev/null | sort | sed 's/^/  /'
fi

echo
node scripts/tally.mjs $complete "${files[@]}" || status=1
exit $status
