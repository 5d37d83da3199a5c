#!/bin/sh
# run.sh - runs every test program under $B/tests and counts. Prints a program's
# cases only when one failed (all of them with V=1); the last line is the count.
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
export B
CMOCKA_MESSAGE_OUTPUT=TAP
export CMOCKA_MESSAGE_OUTPUT
scratch=$(mktemp -d "${TMPDIR:-/tmp}/oodbench-test.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
TMPDIR=$scratch OODBENCH_CACHE=$scratch/measured
export TMPDIR OODBENCH_CACHE

passed=0 failed=0 skipped=0
run() { # run NAME COMMAND...
    name=$1
    shift
    log=$scratch/log
    began=$(date +%s)
    timeout 900 "$@" >"$log" 2>"$log.err"
    rc=$?
    # cmocka's skip is "ok N - name # SKIP" or "not ok N # SKIP" depending on its version.
    counts=$(awk '/^(not )?ok .*# *SKIP/ { s++; next } /^ok / { p++ } /^not ok / { f++ } END { print p + 0, f + 0, s + 0 }' "$log")
    # shellcheck disable=SC2086
    set -- $counts
    if [ $(($1 + $2 + $3)) -eq 0 ] || { [ $rc -ne 0 ] && [ "$2" -eq 0 ]; }; then
        set -- "$1" $(($2 + 1)) "$3" # ended early, or counted nothing: that is a failure
        echo "$name ended with status $rc after $1 passed cases" >>"$log"
    fi
    passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
    printf '%-28s %5d passed %3d failed %3d skipped  %3d s\n' "$name" "$1" "$2" "$3" $(($(date +%s) - began))
    if [ "$2" -gt 0 ]; then
        grep -v '^ok ' "$log"
        tail -n 40 "$log.err"
    elif [ -n "${V:-}" ]; then
        cat "$log"
    fi
}
for source in tests/*.c tests/double/*.c; do
    run "${source%.c}" "$B/${source%.c}"
done
# Tests of the device that is asked for, once more on the emulated card; the others
# that know DEVICE run there by hand in the same way.
for test in fused kmeans net; do
    [ -n "${DEVICE:-}" ] || run "tests/$test on cuda-emulated" env DEVICE=cuda "B=$B/tests/emulator" "$B/tests/$test"
done
rm -rf "$scratch/log" "$scratch/log.err" "$scratch/measured"
left=$(find "$scratch" -mindepth 1 | head -n 5)
if [ -n "$left" ]; then
    printf 'files left behind:\n%s\n' "$left"
    failed=$((failed + 1))
fi
if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
