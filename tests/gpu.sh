#!/bin/sh
# gpu.sh [OUT [PART...]] - what is to be seen on a machine with a GPU, from an
# unpacked bundle (`make bundle`) or a built tree. Parts: checks, sanitize, demo,
# bench, peer; all of them when none is named, each within ten minutes. Leaves in OUT
# (default: gpu) checks.csv, a log of each check, measurements by the name of the
# card, and prints "N passed, N failed" last.
# cuDNN and cuBLAS may lie in the system, in LD_LIBRARY_PATH, or in a Python package.
# DEVICE: another device than cuda; BENCH, PEER: the names that those are to measure.
out=${1:-gpu}
[ $# -gt 0 ] && shift
parts=${*:-checks sanitize demo bench peer}
for part in $parts; do
    case $part in
    checks | sanitize | demo | bench | peer) ;;
    *)
        echo "gpu.sh: there is no part \`$part\`: checks, sanitize, demo, bench, peer" >&2
        exit 2
        ;;
    esac
done
mkdir -p "$out" || exit 2
out=$(cd "$out" && pwd)
cd "$(dirname "$0")/.." || exit 2
B=${B:-build}
DEVICE=${DEVICE:-cuda}
CMOCKA_MESSAGE_OUTPUT=TAP
PATH=$PATH:/usr/local/cuda/bin # compute-sanitizer
OODBENCH_CACHE=$out/measured # what cuDNN was found to be fastest at
export B DEVICE CMOCKA_MESSAGE_OUTPUT PATH OODBENCH_CACHE
scratch=$(mktemp -d "${TMPDIR:-/tmp}/oodbench-gpu.XXXXXX") || exit 2
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

# --- The libraries that the backend needs. ---

folders() { # where they may be, the first that has one wins
    printf '%s\n' "${LD_LIBRARY_PATH:-}" | tr ':' '\n'
    ldconfig -p 2>/dev/null | sed -n 's,^.* => \(/.*\)/libcu[^/]*$,\1,p' | sort -u
    python3 -c 'import sys; print("\n".join(sys.path))' 2>/dev/null | while read -r p; do
        printf '%s\n' "$p"/nvidia/*/lib
    done
    printf '%s\n' /usr/local/cuda*/lib64 /usr/local/cuda*/targets/*/lib /opt/*/lib /opt/*/lib64 \
        /opt/*/.venv/lib/python3*/site-packages/nvidia/*/lib /usr/lib/python3*/site-packages/nvidia/*/lib \
        /usr/local/lib/python3*/*-packages/nvidia/*/lib "$HOME"/.local/lib/python3*/site-packages/nvidia/*/lib
}
folders | awk 'length && !seen[$0]++' >"$scratch/folders"
given=${LD_LIBRARY_PATH:-}
ours=$given
for library in libcudnn.so.9 libcublas.so.13 libcublasLt.so.13 libnvrtc.so.13; do
    where=
    while read -r folder; do
        if [ -z "$where" ] && [ -e "$folder/$library" ]; then
            where=$folder
        fi
    done <"$scratch/folders"
    echo "$library: ${where:-not found}"
    case ":$ours:" in
    *":$where:"*) ;;
    *) ours=$where${ours:+:$ours} ;;
    esac
done
export LD_LIBRARY_PATH="$ours"
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader 2>/dev/null || echo "nvidia-smi: none here"
"$B/oodbench" devices | tee "$out/devices.txt"
if ! grep -q "^$DEVICE *ready" "$out/devices.txt"; then
    echo "gpu.sh: $DEVICE is not ready, see above"
    echo "0 passed, 1 failed"
    exit 1
fi
card=$(sed -n "s/^$DEVICE *ready *\(NVIDIA \)\{0,1\}\([^,]*\),.*/\2/p" "$out/devices.txt" | tr 'A-Z ' 'a-z-')

# --- Checks, each a row of checks.csv. ---

passed=0 failed=0 skipped=0
[ -s "$out/checks.csv" ] || echo name,passed,failed,skipped,seconds >"$out/checks.csv"

count() { # count NAME PASSED FAILED SKIPPED BEGAN
    passed=$((passed + $2)) failed=$((failed + $3)) skipped=$((skipped + $4))
    seconds=$(($(date +%s) - $5))
    grep -v "^$1," "$out/checks.csv" >"$scratch/checks"
    echo "$1,$2,$3,$4,$seconds" >>"$scratch/checks"
    cp "$scratch/checks" "$out/checks.csv"
    printf '%-24s %5d passed %3d failed %3d skipped  %3d s\n' "$1" "$2" "$3" "$4" "$seconds"
    [ "$3" -eq 0 ] || grep -A 3 '^not ok\|ERROR\|rror:' "$out/$1.log" | head -n 20
}

check() { # check NAME SECONDS COMMAND...: its cases, or itself where it prints none
    name=$1 limit=$2 began=$(date +%s)
    shift 2
    timeout -k 5 "$limit" "$@" >"$out/$name.log" 2>&1
    rc=$?
    # shellcheck disable=SC2046
    set -- $(awk '/^(not )?ok .*# *SKIP/ { s++; next } /^ok / { p++ } /^not ok / { f++ } END { print p + 0, f + 0, s + 0 }' "$out/$name.log")
    if [ $rc -eq 0 ] && [ $(($1 + $2 + $3)) -eq 0 ]; then
        set -- 1 0 0
    elif [ $rc -ne 0 ] && [ "$2" -eq 0 ]; then
        set -- "$1" 1 "$3"
        echo "ERROR: ended with status $rc (124: after $limit s)" >>"$out/$name.log"
    fi
    count "$name" "$1" "$2" "$3" "$began"
}

skip() { # skip NAME WHY
    echo "$2" >"$out/$1.log"
    echo "$1: $2"
    count "$1" 0 0 1 "$(date +%s)"
}

# --- The parts. ---

part_checks() {
    check backend 240 "$B/tests/backend"
    check plan 90 "$B/tests/plan"
    check bend 90 "$B/tests/bend"
    for test in fused second net kmeans method training; do
        check "$test" 90 "$B/tests/$test"
    done
    check descriptors 90 "$B/tests/descriptors" # of this cuDNN
    same_bytes
    # shellcheck disable=SC2016
    check no-notes 10 sh -c '! grep "cannot be captured\|does not work here\|cannot be kept" "$@"' sh \
        "$out"/training-?.log
}

# The same training twice: the same bytes of the checkpoint, of the results and of
# what training reports, but for seconds and memory.
same_bytes() {
    for turn in 1 2; do
        check "training-$turn" 150 "$B/oodbench" run results/demo.yml --device "$DEVICE" --train ce --epochs 1 \
            --epoch_steps 100 --score msp,knn --out "$scratch/$turn"
        cat "$scratch/$turn"/weights/*.safetensors >"$scratch/$turn.weights" 2>/dev/null
        awk -F, 'FNR == 1 { for (i = 1; i <= NF; i++) out[i] = $i ~ /_s$|_mb$/ }
            { for (i = 1; i <= NF; i++) printf "%s,", out[i] ? "" : $i; print "" }' \
            "$scratch/$turn/results.csv" "$scratch/$turn"/cache/*-train.csv >"$scratch/$turn.csv" 2>/dev/null
    done
    for what in weights csv; do
        # shellcheck disable=SC2016
        check "same-$what" 10 sh -c '[ -s "$1" ] && cmp "$1" "$2"' sh "$scratch/1.$what" "$scratch/2.$what"
    done
}

part_sanitize() {
    if ! command -v compute-sanitizer >/dev/null 2>&1; then
        skip sanitize "there is no compute-sanitizer here"
        return
    fi
    # What cuDNN and cuBLAS ask the driver in vain is no error of ours; ours are all checked.
    sanitize="env SMALL=1 compute-sanitizer --report-api-errors no --error-exitcode 9 --tool"
    # shellcheck disable=SC2086
    for tool in memcheck racecheck; do
        check $tool-backend 120 $sanitize $tool "$B/tests/backend"
        check $tool-plan 60 $sanitize $tool "$B/tests/plan"
        check $tool-bend 60 $sanitize $tool "$B/tests/bend"
    done
    # shellcheck disable=SC2086
    check synccheck-backend 100 $sanitize synccheck "$B/tests/backend"
}

part_demo() {
    check demo 300 "$B/oodbench" run results/demo.yml --device "$DEVICE" --out "$out/demo"
    if [ -n "${OODBENCH_DATA:-}" ]; then
        check cifar10 240 "$B/oodbench" run results/cifar10-resnet20.yml --device "$DEVICE" --out "$out/cifar10"
    fi
    rm -rf "$out"/demo/cache "$out"/cifar10/cache
}

part_bench() {
    # shellcheck disable=SC2086
    check bench 560 "$B/tests/bench/bench" --device "$DEVICE" --out "$out/$card.csv" \
        ${BENCH:-resnet18 nearest resnet20 knn vim pipeline-stream metrics}
    cat "$out/bench.log"
}

# Both sides' rows of one name, and how many times as fast ours is.
part_peer() {
    if ! LD_LIBRARY_PATH=$given python3 -c 'import torch' 2>/dev/null; then
        skip peer "python3 has no torch here"
        return
    fi
    # shellcheck disable=SC2086
    check peer 590 env LD_LIBRARY_PATH="$given" python3 tests/peer/torch_resnet18.py --out "$out/$card-torch.csv" \
        --seconds 480 ${PEER:-}
    cat "$out/peer.log"
    [ -s "$out/$card.csv" ] && [ -s "$out/$card-torch.csv" ] || return
    awk -F, 'BEGIN { print "name,unit,ours,torch,ratio" } FNR == 1 { next }
        NR == FNR { torch[$4] = $7; next }
        $4 in torch { printf "%s,%s,%.6g,%.6g,%.3f\n", $4, $6, $7, torch[$4], $6 == "s" ? torch[$4] / $7 : $7 / torch[$4] }' \
        "$out/$card-torch.csv" "$out/$card.csv" | tee "$out/$card-ratios.csv"
}

for part in $parts; do
    "part_$part"
done
echo "everything is in $out"
if [ $skipped -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
else
    echo "$passed passed, $failed failed"
fi
[ $failed -eq 0 ] && [ $passed -gt 0 ]
