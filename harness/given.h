/* given.h - features, logits and labels that were computed elsewhere, in one file
 * (HDF5, .npz, .safetensors, or what torch.save() wrote) or in a folder of .npy.
 *
 * An array is called SET/PIECE; `.` and `_` separate as well as `/`. SET is train,
 * val or test, of the in-distribution data, or near/NAME, far/NAME, ood/NAME
 * (as far/NAME), csid/NAME, tune/NAME; PIECE is features [n,D], logits [n,C] or
 * labels [n]. head/weight [C,D] and head/bias [C] are the last linear layer. Of CLIP's,
 * image_features are features and text_features, without a SET, the head's weight.
 * Functions return 0, or -1 with fault() set. */
#ifndef GIVEN_H
#define GIVEN_H

#include <stddef.h>
#include <stdint.h>

typedef struct given_array { /* as a reader found it */
    char *name;              /* in the file: "near/tin/features" */
    int real;                /* floats; else whole numbers */
    int dims;
    int64_t shape[4];
    int64_t index; /* the reader's own */
} given_array;

enum given_role { GIVEN_TRAIN, GIVEN_VAL, GIVEN_TEST, GIVEN_NEAR, GIVEN_FAR, GIVEN_CSID, GIVEN_TUNE, GIVEN_HEAD };
enum given_piece { GIVEN_FEATURES, GIVEN_LOGITS, GIVEN_LABELS, GIVEN_WEIGHT, GIVEN_BIAS, GIVEN_PIECES };

typedef struct given_set {
    enum given_role role;
    char *name; /* "tin"; "" of train, val, test and the head */
    int64_t n;
    const given_array *at[GIVEN_PIECES]; /* NULL: not given */
} given_set;

typedef struct given {
    char *path, *name; /* name: its last part, for messages */
    const struct given_reader *reader;
    void *open; /* the reader's */
    given_array *arrays;
    given_set *sets; /* without the head, in order of role, then as the file has them */
    given_set head;
    int narrays, nsets;
    int64_t width, classes; /* 0: neither features nor head; 0: neither logits nor head */
    double cosine; /* > 0: rows of features and head are of length one, logits are this times their product */
} given;

/* cosine: as above, or 0. Names, types and shapes are checked, values are not. What is
 * no part of the layout is mentioned on standard error if `tell`. */
int given_open(given **g, const char *path, double cosine, int tell);
void given_close(given *g);

/* NULL: not given. name: "" for train, val, test, head. */
const given_set *given_find(const given *g, enum given_role role, const char *name);
const char *given_role_name(enum given_role role); /* "far" */

/* g->classes or, when neither logits nor head say, one more than the largest label. */
int given_count_classes(const given *g, int64_t *classes);

/* Rows [first, first + n) of an array, dense: float or int64_t. */
int given_floats(const given *g, const given_array *a, int64_t first, int64_t n, float *out);
int given_integers(const given *g, const given_array *a, int64_t first, int64_t n, int64_t *out);

/* All of an array as scorers see it, to be freed: with `cosine` rows of length one. */
int given_matrix(const given *g, const given_array *a, float **out);
int given_labels(const given *g, const given_set *s, int32_t **out);

/* Every value that scorers may look at: finite, labels among the classes, logits those
 * that the head gives. */
int given_check(const given *g);

/* Of all bytes, 64 hex digits. */
int given_digest(const given *g, char digest[65]);

#endif
