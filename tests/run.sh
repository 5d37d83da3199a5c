#!/bin/sh
# run.sh - runs every test program under $B/tests, as many at a time as there are
# processors, and counts. Prints a program's cases only when one failed (all of them
# with V=1); the last line is the count.
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
export B
CMOCKA_MESSAGE_OUTPUT=TAP
export CMOCKA_MESSAGE_OUTPUT
scratch=$(mktemp -d "${TMPDIR:-/tmp}/oodbench-test.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
COUNTS=$scratch/counts OODBENCH_CACHE=$scratch/measured
GOMP_SPINCOUNT=${GOMP_SPINCOUNT:-1000} # threads that wait leave the processor to other programs
export COUNTS OODBENCH_CACHE GOMP_SPINCOUNT
mkdir -p "$COUNTS"

# Those that take longest begin first.
programs() {
    for test in backend net bend plan training train frugal inputs properties; do
        [ ! -f "tests/$test.c" ] || echo "tests/$test"
    done
    # Tests of the device that is asked for, once more on the emulated card; the others
    # that know DEVICE run there by hand in the same way.
    for test in net fused kmeans; do
        [ -n "${DEVICE:-}" ] || echo "tests/$test-on-emulated-cuda"
    done
    for source in tests/*.c tests/double/*.c; do
        echo "${source%.c}"
    done
}
programs | awk '!seen[$1]++' >"$scratch/programs"
xargs -P "$(nproc)" -n 1 sh tests/one.sh <"$scratch/programs"

cat "$COUNTS"/*.counts >"$scratch/all"
set -- "$(wc -l <"$scratch/programs")" "$(wc -l <"$scratch/all")"
[ "$1" -eq "$2" ] || echo "$(($1 - $2)) test programs were not run"
awk -v lost=$(($1 - $2)) '{ p += $1; f += $2; s += $3 } END {
    f += lost
    printf "%d passed, %d failed%s\n", p, f, s ? ", " s " skipped" : ""
    exit f > 0 || p == 0
}' "$scratch/all"
