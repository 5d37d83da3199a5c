#!/bin/sh
# missing.sh OBJECT... - linker flags that make NULL of entries that no object has
# yet, while the backend grows: the tests then say which are lacking.
nm -u "$@" | sed -n 's/^ *U \(\(cuda\|norm\|conv\|plan\)_[a-z0-9_]*\)$/\1/p' | sort -u >"${TMPDIR:-/tmp}/missing.$$"
nm --defined-only "$@" | sed -n 's/^[0-9a-f]* [TDBRW] \([a-z0-9_]*\)$/\1/p' | sort -u |
    comm -23 "${TMPDIR:-/tmp}/missing.$$" - | sed 's/.*/-Wl,--defsym=&=0/'
rm -f "${TMPDIR:-/tmp}/missing.$$"
