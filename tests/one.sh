#!/bin/sh
# one.sh tests/NAME - runs one test program of $B for run.sh, prints its line (and its cases,
# when one failed or with V=1) in one piece, and leaves its counts in $COUNTS.
name=$1
case $name in
*-on-emulated-cuda) set -- env DEVICE=cuda "B=$B/tests/emulator" "$B/${name%-on-emulated-cuda}" ;;
*) set -- "$B/$name" ;;
esac
file=$COUNTS/$(printf %s "$name" | tr '/ ' '__')
mkdir -p "$file.tmp" || exit 1
TMPDIR=$file.tmp
export TMPDIR
log=$file.log
began=$(date +%s)
timeout 900 "$@" >"$log" 2>"$log.err"
rc=$?
# cmocka's skip is "ok N - name # SKIP" or "not ok N # SKIP" depending on its version.
numbers=$(awk '/^(not )?ok .*# *SKIP/ { s++; next } /^ok / { p++ } /^not ok / { f++ } END { print p + 0, f + 0, s + 0 }' "$log")
# shellcheck disable=SC2086
set -- $numbers
if [ $(($1 + $2 + $3)) -eq 0 ] || { [ $rc -ne 0 ] && [ "$2" -eq 0 ]; }; then
    set -- "$1" $(($2 + 1)) "$3" # ended early, or counted nothing: that is a failure
    echo "$name ended with status $rc after $1 passed cases" >>"$log"
fi
left=$(find "$file.tmp" -mindepth 1 | head -n 5)
if [ -n "$left" ]; then
    set -- "$1" $(($2 + 1)) "$3"
    printf '%s left files behind:\n%s\n' "$name" "$left" >>"$log"
fi
{
    printf '%-28s %5d passed %3d failed %3d skipped  %3d s\n' "$name" "$1" "$2" "$3" $(($(date +%s) - began))
    if [ "$2" -gt 0 ]; then
        grep -v '^ok ' "$log"
        tail -n 40 "$log.err"
    elif [ -n "${V:-}" ]; then
        cat "$log"
    fi
} >"$file.said"
cat "$file.said"
echo "$1 $2 $3" >"$file.counts"
