#!/bin/bash
# `npm test`: builds, then runs every test. The unit tests run anywhere. The interop tests need root on Debian, where this
# installs their routers, and network namespaces: there nothing is skipped. Elsewhere what was skipped is listed at the
# end, with the reason. The last line counts all tests; exit 1 when one failed.
set -uo pipefail
cd "$(dirname "$0")/.."

reports=$(mktemp -d)
probe=waypost-probe-$$
beside=
trap '[ -z "$beside" ] || kill -- "-$beside" 2>/dev/null; rm -rf "$reports"' EXIT
status=0

npm run -s build || { echo "the build failed"; echo "0 passed, 1 failed"; exit 1; }

vitest() { # NAME ARGUMENT…: its report goes by the name
  node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile.json="$reports/$1.json" "${@:2}"
}

# Says why the interop tests cannot run here; silent when they can.
obstacle() {
  [ "$(uname -s)" = Linux ] || { echo "not Linux"; return; }
  [ "$(id -u)" = 0 ] || { echo "not root"; return; }
  [ -e /etc/debian_version ] || { echo "not Debian, so the routers cannot be installed"; return; }
  if ! bash scripts/setup.sh >&2; then
    : >"$reports/broken"
    echo "the packages of the interop tests could not be installed"
    return
  fi
  ip netns add "$probe" 2>"$reports/netns" || { echo "no network namespaces: $(cat "$reports/netns")"; return; }
  ip netns del "$probe"
}

# Packages are fetched and unpacked while the unit tests, which need none of them, compute and wait; then the virtual machines,
# which hardly depend on time, do their work, one after the other. What is said there is told later. It has a process group of
# its own, which ends with this.
set -m
{
  obstacle >"$reports/why"
  [ -s "$reports/why" ] || vitest vm --project interop --no-file-parallelism test/vm
} </dev/null >"$reports/beside" 2>&1 &
beside=$!
set +m
vitest unit --project unit || status=1
wait $beside || status=1
beside=
cat "$reports/beside"

files=("$reports/unit.json")
complete=
why=$(cat "$reports/why")
if [ -z "$why" ]; then
  complete=--complete
  files+=("$reports/vm.json" "$reports/interop.json")
  vitest interop --project interop test/interop test/netns test/package || status=1
else
  # A report that will be missing: here that is a failure.
  [ ! -e "$reports/broken" ] || files+=("$reports/interop.json")
  printf '\nSkipped: %s\n' "$why"
  find test/interop test/netns test/vm -name '*.test.ts' 2>/dev/null | sort | sed 's/^/  /'
fi

echo
node scripts/tally.mjs $complete "${files[@]}" || status=1
exit $status
