#!/bin/sh
# soak.sh - the long form of the tests of faults, one after the other, each saying how
# far it is: hundreds of kills, a disk that fails at each of its calls, memory that is
# refused at each request, three nights;
# commands and cells under valgrind, where that is installed. What goes wrong is
# printed; ends non-zero when something did.
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
OODBENCH_SOAK=1
OODBENCH_CACHE=$(mktemp -d "${TMPDIR:-/tmp}/oodbench-soak.XXXXXX") || exit 1
export B OODBENCH_SOAK OODBENCH_CACHE
trap 'rm -rf "$OODBENCH_CACHE"' EXIT
failed=0
[ $# -gt 0 ] || set -- faults damage hostile memcheck alloc kill disk soak
for test in "$@"; do
    echo "== $test"
    "$B/tests/$test" || failed=$((failed + 1))
done
[ $failed -eq 0 ] && echo "soak: nothing was lost" || echo "soak: $failed programs failed"
[ $failed -eq 0 ]
