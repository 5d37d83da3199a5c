#!/usr/bin/env python3
"""faiss_knn.py - seconds of faiss' exact search, for tests/bench to divide its own by.

Directions of random features; the bank is in the index before the clock starts. Of IndexFlatL2
and IndexFlatIP, which rank directions alike, the faster counts. Prints one number.

usage: faiss_knn.py QUERIES BANK WIDTH K THREADS
       faiss_knn.py --check
"""
import os
import sys
import time

THREADS = sys.argv[-1] if len(sys.argv) == 6 else "1"
for name in ("OPENBLAS_CORETYPE", "GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
    os.environ.pop(name, None)  # what suits this program's own libraries is not faiss' choice
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = THREADS

try:
    import faiss
    import numpy as np
except ImportError as e:
    print(f"{e}: pip install faiss-cpu numpy, or give the Python that has them as PEER")
    sys.exit(2)


def directions(seed, n, width):
    x = np.random.default_rng(seed).standard_normal((n, width), dtype=np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def seconds(index, queries, k):
    index.search(queries[:256], k)
    began = time.perf_counter()
    index.search(queries, k)
    return time.perf_counter() - began


def main():
    if sys.argv[1:] == ["--check"]:
        return print("ready")
    if len(sys.argv) != 6:
        sys.exit(__doc__.split("\n\n")[-1].strip())
    n, bank, width, k, threads = map(int, sys.argv[1:])
    faiss.omp_set_num_threads(threads)
    known, queries = directions(1, bank, width), directions(2, n, width)
    found = []
    for kind in (faiss.IndexFlatL2, faiss.IndexFlatIP):
        index = kind(width)
        index.add(known)
        found.append(seconds(index, queries, k))
    return print(min(found))


if __name__ == "__main__":
    main()
