#!/bin/sh
# fuzz.sh SECONDS [NAME...] - runs the targets that are built in $B, all unless named, one
# after the other, each for so long; goes on with a target that has found something until
# its time is over. What is found stays in $B/found, what is new in $B/corpus/NAME:
# `$B/tests/fuzz/NAME -merge=1 tests/corpus/NAME $B/corpus/NAME` keeps what adds to it.
# Ends non-zero when something was found.
cd "$(dirname "$0")/.." || exit 2
B=${B:-build-fuzz}
seconds=${1:-60}
[ $# -gt 0 ] && shift
if [ $# -eq 0 ]; then
    for f in tests/fuzz/*.c; do
        f=${f##*/}
        set -- "$@" "${f%.c}"
    done
fi
mkdir -p "$B/found"
# Leaks and lost handles inside libhdf5, when a file is damaged, are not ours to mend.
printf 'leak:libhdf5\n' >"$B/found/leaks"
export LSAN_OPTIONS="suppressions=$PWD/$B/found/leaks:print_suppressions=0"
export ASAN_OPTIONS="allocator_may_return_null=1:handle_abort=1"
export UBSAN_OPTIONS=print_stacktrace=1
status=0
for name; do
    work=$B/corpus/$name log=$B/found/$name.log runs=0 found=0 end=$(($(date +%s) + seconds))
    mkdir -p "$work" "tests/corpus/$name"
    words=tests/fuzz/$name.dict
    [ -f "$words" ] || words=
    while left=$((end - $(date +%s))) && [ "$left" -gt 0 ] && [ "$found" -lt 20 ]; do
        # Inputs are small: what asks for more than 256 MB at once asks for more than any of them justifies.
        "$B/tests/fuzz/$name" ${words:+"-dict=$words"} -max_total_time="$left" -max_len=8192 -timeout=10 -rss_limit_mb=1500 \
            -malloc_limit_mb=256 -print_final_stats=1 -verbosity=1 -artifact_prefix="$B/found/$name-" \
            "$work" "tests/corpus/$name" >"$log" 2>&1 && break
        found=$((found + 1))
        runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1 | grep . || echo 0)))
        grep -hE '^SUMMARY|runtime error|the fault was' "$log" | head -n 2
        mv "$log" "$B/found/$name-$found.log"
        status=1
    done
    [ -f "$log" ] && runs=$((runs + $(sed -n 's/^stat::number_of_executed_units: *//p' "$log" | tail -n 1 | grep . || echo 0)))
    printf '%-12s %9d executions, %4d inputs, %d found\n' "$name" "$runs" "$(find "$work" -type f | wc -l)" "$found"
    rm -f "$log"
done
exit $status
