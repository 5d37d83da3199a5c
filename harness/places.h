/* places.h - every call of tensor.h notes the line it stands on, so that a
 * message can name it. The end of tensor.h; nothing to read for using tensors.
 *
 * Places are a stack, since arguments are calls themselves: a call's own place
 * is on top again when its arguments have been evaluated. */
#ifndef PLACES_H
#define PLACES_H

#include "tensor.h"

void tx_here_(const char *file, int line);
tensor *tx_done_(tensor *t);
double tx_done_value_(double value);

#define TX_NOTED_(call) (tx_here_(__FILE__, __LINE__), tx_done_(call))
#define TX_NOTED_VALUE_(call) (tx_here_(__FILE__, __LINE__), tx_done_value_(call))
#define TX_NOTED_VOID_(call) (tx_here_(__FILE__, __LINE__), call, (void)tx_done_(NULL))

#define tx_open(...) TX_NOTED_VOID_(tx_open(__VA_ARGS__))
#define tx_close(...) TX_NOTED_VOID_(tx_close(__VA_ARGS__))
#define tx_keep(...) TX_NOTED_(tx_keep(__VA_ARGS__))
#define tx_full(...) TX_NOTED_(tx_full(__VA_ARGS__))
#define tx_from(...) TX_NOTED_(tx_from(__VA_ARGS__))
#define tx_index(...) TX_NOTED_(tx_index(__VA_ARGS__))
#define tx_copy(...) TX_NOTED_(tx_copy(__VA_ARGS__))
#define tx_read(...) TX_NOTED_VOID_(tx_read(__VA_ARGS__))
#define tx_item(...) TX_NOTED_VALUE_(tx_item(__VA_ARGS__))
#define tx_add(...) TX_NOTED_(tx_add(__VA_ARGS__))
#define tx_sub(...) TX_NOTED_(tx_sub(__VA_ARGS__))
#define tx_mul(...) TX_NOTED_(tx_mul(__VA_ARGS__))
#define tx_div(...) TX_NOTED_(tx_div(__VA_ARGS__))
#define tx_affine(...) TX_NOTED_(tx_affine(__VA_ARGS__))
#define tx_map(...) TX_NOTED_(tx_map(__VA_ARGS__))
#define tx_clamp(...) TX_NOTED_(tx_clamp(__VA_ARGS__))
#define tx_within(...) TX_NOTED_(tx_within(__VA_ARGS__))
#define tx_sum(...) TX_NOTED_(tx_sum(__VA_ARGS__))
#define tx_mean(...) TX_NOTED_(tx_mean(__VA_ARGS__))
#define tx_rowsum(...) TX_NOTED_(tx_rowsum(__VA_ARGS__))
#define tx_colsum(...) TX_NOTED_(tx_colsum(__VA_ARGS__))
#define tx_spread(...) TX_NOTED_(tx_spread(__VA_ARGS__))
#define tx_lse(...) TX_NOTED_(tx_lse(__VA_ARGS__))
#define tx_reshape(...) TX_NOTED_(tx_reshape(__VA_ARGS__))
#define tx_slice(...) TX_NOTED_(tx_slice(__VA_ARGS__))
#define tx_embed(...) TX_NOTED_(tx_embed(__VA_ARGS__))
#define tx_concat(...) TX_NOTED_(tx_concat(__VA_ARGS__))
#define tx_slice_cols(...) TX_NOTED_(tx_slice_cols(__VA_ARGS__))
#define tx_embed_cols(...) TX_NOTED_(tx_embed_cols(__VA_ARGS__))
#define tx_concat_cols(...) TX_NOTED_(tx_concat_cols(__VA_ARGS__))
#define tx_pick(...) TX_NOTED_(tx_pick(__VA_ARGS__))
#define tx_place(...) TX_NOTED_(tx_place(__VA_ARGS__))
#define tx_take(...) TX_NOTED_(tx_take(__VA_ARGS__))
#define tx_put(...) TX_NOTED_(tx_put(__VA_ARGS__))
#define tx_matmul(...) TX_NOTED_(tx_matmul(__VA_ARGS__))
#define tx_conv(...) TX_NOTED_(tx_conv(__VA_ARGS__))
#define tx_conv_x(...) TX_NOTED_(tx_conv_x(__VA_ARGS__))
#define tx_conv_w(...) TX_NOTED_(tx_conv_w(__VA_ARGS__))
#define tx_maxpool(...) TX_NOTED_(tx_maxpool(__VA_ARGS__))
#define tx_avgpool(...) TX_NOTED_(tx_avgpool(__VA_ARGS__))
#define tx_avgpool_t(...) TX_NOTED_(tx_avgpool_t(__VA_ARGS__))
#define tx_log_softmax(...) TX_NOTED_(tx_log_softmax(__VA_ARGS__))
#define tx_batchnorm(...) TX_NOTED_(tx_batchnorm(__VA_ARGS__))
#define tx_topk(...) TX_NOTED_(tx_topk(__VA_ARGS__))
#define tx_nearest(...) TX_NOTED_(tx_nearest(__VA_ARGS__))
#define tx_quantile(...) TX_NOTED_VALUE_(tx_quantile(__VA_ARGS__))
#define tx_eigh(...) TX_NOTED_(tx_eigh(__VA_ARGS__))
#define tx_principal(...) TX_NOTED_(tx_principal(__VA_ARGS__))
#define tx_pinv(...) TX_NOTED_(tx_pinv(__VA_ARGS__))
#define tx_kmeans(...) TX_NOTED_(tx_kmeans(__VA_ARGS__))
#define tx_assign(...) TX_NOTED_VOID_(tx_assign(__VA_ARGS__))
#define tx_axpy(...) TX_NOTED_VOID_(tx_axpy(__VA_ARGS__))
#define ad_leaf(...) TX_NOTED_(ad_leaf(__VA_ARGS__))
#define ad_detach(...) TX_NOTED_(ad_detach(__VA_ARGS__))
#define ad_grad(...) TX_NOTED_VOID_(ad_grad(__VA_ARGS__))
#define ad_backward(...) TX_NOTED_VOID_(ad_backward(__VA_ARGS__))
#define tx_scale(...) TX_NOTED_(tx_scale(__VA_ARGS__))
#define tx_relu(...) TX_NOTED_(tx_relu(__VA_ARGS__))
#define tx_exp(...) TX_NOTED_(tx_exp(__VA_ARGS__))
#define tx_sqrt(...) TX_NOTED_(tx_sqrt(__VA_ARGS__))
#define tx_sign(...) TX_NOTED_(tx_sign(__VA_ARGS__))
#define tx_square(...) TX_NOTED_(tx_square(__VA_ARGS__))
#define tx_argmax(...) TX_NOTED_(tx_argmax(__VA_ARGS__))
#define tx_rowmax(...) TX_NOTED_(tx_rowmax(__VA_ARGS__))
#define tx_rowmin(...) TX_NOTED_(tx_rowmin(__VA_ARGS__))
#define tx_rownorm(...) TX_NOTED_(tx_rownorm(__VA_ARGS__))
#define tx_flat(...) TX_NOTED_(tx_flat(__VA_ARGS__))
#define tx_unit_rows(...) TX_NOTED_(tx_unit_rows(__VA_ARGS__))
#define tx_nll(...) TX_NOTED_(tx_nll(__VA_ARGS__))

#endif
