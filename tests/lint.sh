#!/bin/sh
# lint.sh - format, warnings of gcc and clang, static analysis, the direction of
# includes, exported symbols, sizes. Prints each finding; ends non-zero on any.
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
findings=0
say() {
    printf '%s\n' "$*"
    findings=$((findings + 1))
}
scratch=$(mktemp -d "${TMPDIR:-/tmp}/oodbench-lint.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT

sources=$(git ls-files -co --exclude-standard '*.c' '*.h' | sort)
code=$(printf '%s\n' "$sources" | grep '\.c$')
cpp=$(git ls-files -co --exclude-standard '*.cu' '*.cpp' '*.hpp' | sort)
headers=$(printf '%s\n' "$sources" | grep '\.h$')
flags="-std=c11 -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
       -Wwrite-strings -Wundef -Werror $(pkg-config --cflags hdf5-serial yaml-0.1 spng libjpeg libzip lapacke libcrypto)
       -Itests/emulator/include"
cppflags="-std=c++17 -Wall -Wextra -Wno-unknown-pragmas -Werror -Itests/emulator/include"
major=$(sh .ci/onednn-major)
other=$([ "$major" = 2 ] && echo kernels/cpu/onednn3.c || echo kernels/cpu/onednn2.c)

# Format.
# shellcheck disable=SC2086
clang-format --dry-run -Werror $sources $cpp 2>"$scratch/format" || { cat "$scratch/format"; say "clang-format: run clang-format -i on the files above"; }

# Warnings, twice, and in double; each header alone.
check() { # check NAME COMMAND...: fails when the command does
    name=$1
    shift
    "$@" >"$scratch/out" 2>&1 || { cat "$scratch/out"; say "$name"; }
}
for f in $code; do
    [ "$f" = "$other" ] && continue
    case $f in kernels/wire/*) continue ;; esac # mpicc and nvcc see these, in the build, where they are
    for cc in gcc clang; do
        # shellcheck disable=SC2086
        check "$f: $cc" $cc $flags -fsyntax-only "$f"
    done
done
for f in $(printf '%s\n' "$cpp" | grep -v '\.hpp$'); do
    for cc in g++ clang++; do
        # shellcheck disable=SC2086
        check "$f: $cc" $cc $cppflags -fsyntax-only -x c++ "$f"
    done
done
for f in $headers; do
    printf '#include "%s"\nextern int nothing_else;\n' "$f" >"$scratch/alone.c"
    case $f in
    kernels/cuda/*) alone="g++ $cppflags -x c++" ;; # for the .cu files; the .c files are seen above
    *) alone="gcc $flags" ;;
    esac
    # shellcheck disable=SC2086
    check "$f: does not compile alone" $alone -I. -fsyntax-only "$scratch/alone.c"
done
check "kernels/backend.h: not C++" g++ -fsyntax-only -x c++ kernels/backend.h

# Static analysis, but for the tests, which misuse things on purpose. (PARAM asks
# for the type of a field by way of a null pointer that is never followed.)
if command -v cppcheck >/dev/null 2>&1; then
    # shellcheck disable=SC2086,SC2046
    check cppcheck cppcheck -q -j 2 --std=c11 --enable=warning,performance,portability --inline-suppr \
        --suppress=missingIncludeSystem \
        --suppress=invalidPointerCast --suppress=nullPointer:methods/*.c --error-exitcode=1 $(printf '%s\n' "$code" | grep -v '^tests/')
else
    say "cppcheck is missing: apt-get install cppcheck"
fi
for f in .ci/* $(git ls-files -co --exclude-standard '*.sh'); do
    check "$f: shellcheck" shellcheck -s sh "$f"
done

# Includes point one way (README, "Where things are").
direction() { # direction FOLDER FORBIDDEN-PATTERN
    # shellcheck disable=SC2046
    grep -nE "^#include \"[^\"]*($2)" $(printf '%s\n' "$sources" | grep "^$1/") /dev/null >"$scratch/out" &&
        { cat "$scratch/out"; say "$1 must not include what matches $2"; }
}
direction kernels 'harness/|methods/|datasets/|tests/'
direction methods 'kernels/|datasets/|tests/|engine\.h|models\.h'
direction harness 'tests/|\.c"'
direction datasets 'methods/|tests/|tensor\.h|net\.h|\.c"'

# Sizes: a file is one idea.
for f in $sources $cpp; do
    most=500
    case $f in
    kernels/ref.c) most=750 ;;
    methods/method.h) most=160 ;;
    tests/*) most=900 ;;
    *.h) most=240 ;;
    esac
    n=$(wc -l <"$f")
    [ "$n" -le $most ] || say "$f: $n lines, at most $most"
    head -n 1 "$f" | grep -q "^/\* $(basename "$f") - " || say "$f: does not open with /* $(basename "$f") - what it is for */"
done

# Exported symbols: the host's are the ones that method.h and what it includes declare;
# a backend has one, a method has one.
if [ -x "$B/oodbench" ]; then
    nm -D --defined-only "$B/oodbench" | awk '{ print $3 }' | grep -E '^(tx|ad|nn|run|samples)_' | sort >"$scratch/have"
    sed -n 's/^ *\([a-z_0-9]*\);$/\1/p' tests/exports.txt | sort >"$scratch/want"
    diff "$scratch/want" "$scratch/have" >"$scratch/out" || { cat "$scratch/out"; say "$B/oodbench does not export what tests/exports.txt lists"; }
    for so in "$B"/kernels/*.so; do
        [ "$(nm -D --defined-only "$so" | awk '{ print $3 }' | tr '\n' ' ')" = "bk_query " ] || say "$so exports more than bk_query"
    done
    for so in "$B"/methods/*.so; do
        [ "$(nm -D --defined-only "$so" | awk '{ print $3 }' | tr '\n' ' ')" = "method_entry " ] || say "$so exports more than method_entry"
    done
else
    say "$B/oodbench is not built: the exported symbols were not checked"
fi

# No shell: names from files are never a command's.
# shellcheck disable=SC2046
grep -nwE "(system|popen|execlp|execvp|execvpe|posix_spawnp|wordexp) *\(" $(printf '%s\n' "$code" | grep -v '^tests/') /dev/null >"$scratch/out" &&
    { cat "$scratch/out"; say "the program starts a shell, or looks for programs: spawn.h starts a file"; }
for f in plots/*.gp; do
    sed 's/\(^\| \)# .*//' "$f" | grep -nE 'system *\(|`' >"$scratch/out" && { cat "$scratch/out"; say "$f starts a shell"; }
done

# No method, data set or network is named in the harness.
names=$(printf '%s\n' methods/*.c | sed 's,.*/,,; s,\.c$,,' | tr '\n' '|' | sed 's/|$//')
grep -nwE "\"($names)\"" harness/*.c >"$scratch/out" && { cat "$scratch/out"; say "the harness names a method"; }

[ $findings -eq 0 ] && echo "lint: nothing found" || echo "lint: $findings findings"
[ $findings -eq 0 ]
