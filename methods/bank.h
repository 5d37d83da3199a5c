/* bank.h - a matrix with a row for every training sample, made a tile at a time: a
 * million samples are there once, as the bank, and never as what it is made of. */
#ifndef BANK_H
#define BANK_H

#include "method.h"

enum { BANK_TILE = 4096 };

/* How many rows the tile that begins at row `first` has. */
static inline int64_t bank_tile(int64_t first, int64_t n)
{
    return n - first < BANK_TILE ? n - first : BANK_TILE;
}

/* rows: [n,cols] of the n samples it is shown, cols always the same. */
static inline tensor *bank_of(run *r, tensor *(*rows)(samples *part))
{
    tensor *bank = NULL;
    int64_t n = samples_count(run_split(r, RUN_TRAIN));
    for (int64_t first = 0; first < n; first += BANK_TILE) {
        tx_open();
        tensor *part = rows(run_part(r, RUN_TRAIN, first, bank_tile(first, n)));
        if (!bank)
            bank = tx_keep(tx_full(DIMS(n, tx_cols(part)), 0));
        tx_assign(tx_slice(bank, first, tx_rows(part)), part);
        tx_close();
    }
    return bank;
}

#endif
