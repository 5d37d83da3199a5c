/* primitive.c - running oneDNN's operations: the part its 2.x and 3.x
 * interfaces share. Assumes one thread drives the device. */
#include "onednn.h"

#include <stdlib.h>
#include <string.h>

static const char *status_text(dnnl_status_t status)
{
    switch (status) {
    case dnnl_success:
        return "success";
    case dnnl_out_of_memory:
        return "out of memory";
    case dnnl_invalid_arguments:
        return "invalid arguments";
    case dnnl_unimplemented:
        return "unimplemented";
    case dnnl_runtime_error:
        return "runtime error";
    case dnnl_not_required:
        return "not required";
    default:
        return "unknown status";
    }
}

void dnn_no_memory(const bk_host *host, size_t bytes)
{
    if (host->out_of_memory)
        host->out_of_memory(bytes);
    host->die(__FILE__, __LINE__, "no memory for %zu bytes", bytes);
}

void dnn_die(const dnn *d, const char *call, dnnl_status_t status, const char *file, int line)
{
    if (status == dnnl_out_of_memory && d->host->out_of_memory)
        d->host->out_of_memory(0);
    d->host->die(file, line, "oneDNN: %s: %s (status %d)", call, status_text(status), (int)status);
}

dnn *dnn_open(const bk_host *host)
{
    dnn *d = calloc(1, sizeof *d);
    if (!d)
        dnn_no_memory(host, sizeof *d);
    d->host = host;
    DNN_CHECK(d, dnnl_engine_create(&d->engine, dnnl_cpu, 0));
    DNN_CHECK(d, dnnl_stream_create(&d->stream, d->engine, dnnl_stream_default_flags));
    return d;
}

void dnn_close(dnn *d)
{
    if (!d)
        return;
    dnnl_stream_destroy(d->stream);
    dnnl_engine_destroy(d->engine);
    free(d);
}

dnn_desc dnn_want(const dnn_op *op, int what)
{
    return dnnl_primitive_desc_query_md(op->choice, dnnl_query_exec_arg_md, what);
}

size_t dnn_bytes(dnn_desc desc)
{
    return desc ? dnnl_memory_desc_get_size(desc) : 0;
}

int dnn_equal(dnn_desc a, dnn_desc b)
{
    return dnnl_memory_desc_equal(a, b);
}

const char *dnn_info(const dnn_op *op)
{
    const char *text = NULL;
    dnnl_status_t status = dnnl_primitive_desc_query(op->choice, dnnl_query_impl_info_str, 0, &text);
    return status == dnnl_success && text ? text : "ref";
}

/* invalid_arguments is how oneDNN refuses some orders it has no kernel for. */
dnn_op *dnn_make(const dnn *d, dnnl_status_t status, dnnl_primitive_desc_t choice, const char *call)
{
    if (status == dnnl_unimplemented || status == dnnl_invalid_arguments)
        return NULL;
    if (status != dnnl_success)
        dnn_die(d, call, status, __FILE__, __LINE__);
    dnn_op *op = calloc(1, sizeof *op);
    if (!op)
        dnn_no_memory(d->host, sizeof *op);
    op->choice = choice;
    if (strncmp(dnn_info(op), "ref", 3) == 0) {
        dnn_drop(op);
        return NULL;
    }
    return op;
}

void dnn_drop(dnn_op *op)
{
    if (!op)
        return;
    for (int i = 0; i < op->slots; i++)
        dnnl_memory_destroy(op->memory[i]);
    if (op->primitive)
        dnnl_primitive_destroy(op->primitive);
    dnnl_primitive_desc_destroy(op->choice);
    free(op);
}

/* A memory object is made once per argument and repointed when the address
 * changes: 2.x clears the padding of blocked orders each time it is told one. */
static dnnl_memory_t memory_at(const dnn *d, dnn_op *op, const dnn_arg *arg)
{
    void *p = (void *)(uintptr_t)arg->p, *old = NULL;
    for (int i = 0; i < op->slots; i++) {
        if (op->what[i] != arg->what)
            continue;
        DNN_CHECK(d, dnnl_memory_get_data_handle(op->memory[i], &old));
        if (old != p)
            DNN_CHECK(d, dnnl_memory_set_data_handle(op->memory[i], p));
        return op->memory[i];
    }
    if (op->slots == DNN_SLOTS)
        d->host->die(__FILE__, __LINE__, "oneDNN: %s has more than %d arguments", dnn_info(op), DNN_SLOTS);
    dnnl_memory_t *made = &op->memory[op->slots];
    DNN_CHECK(d, dnnl_memory_create(made, dnn_want(op, arg->what), d->engine, p));
    op->what[op->slots++] = arg->what;
    return *made;
}

void dnn_run(const dnn *d, dnn_op *op, const dnn_arg *args, int n)
{
    dnnl_exec_arg_t given[DNN_SLOTS];
    if (n > DNN_SLOTS)
        d->host->die(__FILE__, __LINE__, "oneDNN: %d arguments, at most %d", n, DNN_SLOTS);
    int used = 0;
    for (int i = 0; i < n; i++)
        if (args[i].what)
            given[used++] = (dnnl_exec_arg_t){args[i].what, memory_at(d, op, &args[i])};
    if (!op->primitive) /* code is generated only for what is run, not for what was asked its order */
        DNN_CHECK(d, dnnl_primitive_create(&op->primitive, op->choice));
    DNN_CHECK(d, dnnl_primitive_execute(op->primitive, d->stream, used, given));
}
