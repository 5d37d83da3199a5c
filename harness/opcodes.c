/* opcodes.c - what each opcode of a pickle does, protocols 2 to 5. Opcodes that
 * PyTorch never writes, all text ones among them, are not there. */
#include "opcodes.h"

#include <string.h>

static int op_proto(pickle *p, int arg)
{
    uint64_t version;
    (void)arg;
    if (pickle_number(p, 1, &version) != 0)
        return -1;
    return version <= 5 ? 0 : pickle_fault(p, "an unknown pickle protocol");
}

static int op_frame(pickle *p, int arg)
{
    uint64_t n;
    (void)arg;
    if (pickle_number(p, 8, &n) != 0)
        return -1;
    return n <= p->content.n - p->at ? 0 : pickle_fault(p, "a frame longer than the file");
}

static int op_stop(pickle *p, int arg)
{
    (void)arg;
    p->stop = 1;
    return 0;
}

static int op_mark(pickle *p, int arg)
{
    (void)arg;
    return pickle_mark(p);
}

static int op_pop(pickle *p, int arg)
{
    (void)arg;
    if (pickle_depth(p) == 0 && p->nmarks) { /* what POP means to Python just above a mark */
        p->nmarks--;
        return 0;
    }
    return pickle_pop(p) ? 0 : -1;
}

static int op_pop_mark(pickle *p, int arg)
{
    value **items;
    size_t n;
    (void)arg;
    return pickle_pop_mark(p, &items, &n);
}

static int op_dup(pickle *p, int arg)
{
    (void)arg;
    return pickle_push(p, pickle_top(p));
}

static int op_empty(pickle *p, int kind)
{
    return pickle_push(p, pickle_value(p, (enum value_kind)kind, NULL));
}

static int push_int(pickle *p, int64_t i)
{
    value *v = pickle_value(p, VALUE_INT, NULL);
    if (v)
        v->whole = i;
    return pickle_push(p, v);
}

static int op_bool(pickle *p, int truth)
{
    return push_int(p, truth);
}

static int op_int(pickle *p, int width)
{
    uint64_t n;
    if (pickle_number(p, width, &n) != 0)
        return -1;
    return push_int(p, width == 4 ? (int32_t)n : (int64_t)n);
}

/* Two's complement of any length, lowest byte first. */
static int op_long(pickle *p, int width)
{
    uint64_t n, bits = 0;
    bytes raw;
    if (pickle_number(p, width, &n) != 0 || pickle_take(p, n, &raw) != 0)
        return -1;
    if (n > 8) {
        value *v = pickle_value(p, VALUE_LONG, NULL);
        if (v)
            v->text = raw;
        return pickle_push(p, v);
    }
    if (n && raw.at[n - 1] & 0x80)
        bits = UINT64_MAX;
    for (size_t i = (size_t)n; i-- > 0;)
        bits = bits << 8 | raw.at[i];
    return push_int(p, (int64_t)bits);
}

static int op_real(pickle *p, int arg)
{
    bytes raw;
    uint64_t bits = 0;
    (void)arg;
    if (pickle_take(p, 8, &raw) != 0)
        return -1;
    for (int i = 0; i < 8; i++) /* the one number with its highest byte first */
        bits = bits << 8 | raw.at[i];
    value *v = pickle_value(p, VALUE_REAL, NULL);
    if (v)
        memcpy(&v->real, &bits, sizeof bits);
    return pickle_push(p, v);
}

static int push_text(pickle *p, enum value_kind kind, int width)
{
    uint64_t n;
    bytes raw;
    if (pickle_number(p, width, &n) != 0 || pickle_take(p, n, &raw) != 0)
        return -1;
    value *v = pickle_value(p, kind, NULL);
    if (v)
        v->text = raw;
    return pickle_push(p, v);
}

static int op_text(pickle *p, int width)
{
    return push_text(p, VALUE_TEXT, width);
}

static int op_bytes(pickle *p, int width)
{
    return push_text(p, VALUE_BYTES, width);
}

static int gather(pickle *p, enum value_kind kind, value **items, size_t n)
{
    value *v = pickle_value(p, kind, NULL);
    if (!v || pickle_append(p, v, items, n) != 0)
        return -1;
    return pickle_push(p, v);
}

static int op_tuple(pickle *p, int n)
{
    if (pickle_depth(p) < (size_t)n)
        return pickle_fault(p, "an empty stack");
    p->stack.n -= (size_t)n;
    return gather(p, VALUE_TUPLE, p->stack.at + p->stack.n, (size_t)n);
}

static int op_gather_mark(pickle *p, int kind)
{
    value **items;
    size_t n;
    if (pickle_pop_mark(p, &items, &n) != 0)
        return -1;
    return gather(p, (enum value_kind)kind, items, n);
}

static int extend(pickle *p, int kind, value *const *items, size_t n)
{
    value *to = pickle_top(p);
    if (!to)
        return -1;
    if (to->kind == VALUE_OPAQUE)
        return 0;
    if ((int)to->kind != kind || (kind == VALUE_DICT && n % 2))
        return pickle_fault(p, "items for what is no container");
    return pickle_append(p, to, items, n);
}

static int op_add(pickle *p, int kind)
{
    size_t n = kind == VALUE_DICT ? 2 : 1;
    if (pickle_depth(p) < n)
        return pickle_fault(p, "an empty stack");
    p->stack.n -= n;
    return extend(p, kind, p->stack.at + p->stack.n, n);
}

static int op_add_mark(pickle *p, int kind)
{
    value **items;
    size_t n;
    if (pickle_pop_mark(p, &items, &n) != 0)
        return -1;
    return extend(p, kind, items, n);
}

static int op_put(pickle *p, int width)
{
    uint64_t i;
    return pickle_number(p, width, &i) == 0 ? pickle_remember(p, i) : -1;
}

static int op_memoize(pickle *p, int arg)
{
    (void)arg;
    return pickle_remember(p, p->memo.n);
}

static int op_get(pickle *p, int width)
{
    uint64_t i;
    if (pickle_number(p, width, &i) != 0)
        return -1;
    if (i >= p->memo.n || !p->memo.at[i])
        return pickle_fault(p, "a memo number nothing was stored under");
    return pickle_push(p, p->memo.at[i]);
}

static int op_global(pickle *p, int arg)
{
    bytes module, name;
    (void)arg;
    if (pickle_line(p, &module) != 0 || pickle_line(p, &name) != 0)
        return -1;
    return pickle_push(p, p->reader->global(p, module, name));
}

static int op_stack_global(pickle *p, int arg)
{
    value *name = pickle_pop(p), *module = name ? pickle_pop(p) : NULL;
    (void)arg;
    if (!module)
        return -1;
    if (module->kind != VALUE_TEXT || name->kind != VALUE_TEXT)
        return pickle_fault(p, "a global without a name");
    return pickle_push(p, p->reader->global(p, module->text, name->text));
}

static int op_call(pickle *p, int arg)
{
    value *args = pickle_pop(p), *what = args ? pickle_pop(p) : NULL;
    (void)arg;
    if (!what)
        return -1;
    if (args->kind != VALUE_TUPLE || what->kind != VALUE_GLOBAL)
        return pickle_fault(p, "a call of what is no function");
    return pickle_push(p, p->reader->call(p, what, args));
}

/* Sets attributes, such as a state dict's _metadata. */
static int op_build(pickle *p, int arg)
{
    value *state = pickle_pop(p), *v = state ? pickle_top(p) : NULL;
    (void)arg;
    if (!v)
        return -1;
    if (v->kind == VALUE_GLOBAL)
        return pickle_fault(p, "attributes for a function");
    return p->reader->build ? p->reader->build(p, v, state) : 0;
}

static int op_persistent(pickle *p, int arg)
{
    value *id = pickle_pop(p);
    (void)arg;
    return id ? pickle_push(p, p->reader->persistent(p, id)) : -1;
}

const opcode opcodes[256] = {
    [0x80] = {op_proto, 0},
    [0x95] = {op_frame, 0},
    ['.'] = {op_stop, 0},
    ['('] = {op_mark, 0},
    ['0'] = {op_pop, 0},
    ['1'] = {op_pop_mark, 0},
    ['2'] = {op_dup, 0},
    ['N'] = {op_empty, VALUE_NONE},
    [0x88] = {op_bool, 1},
    [0x89] = {op_bool, 0},
    ['J'] = {op_int, 4},
    ['K'] = {op_int, 1},
    ['M'] = {op_int, 2},
    [0x8a] = {op_long, 1},
    [0x8b] = {op_long, 4},
    ['G'] = {op_real, 0},
    ['U'] = {op_text, 1}, /* str of Python 2 */
    ['T'] = {op_text, 4},
    [0x8c] = {op_text, 1},
    ['X'] = {op_text, 4},
    [0x8d] = {op_text, 8},
    ['C'] = {op_bytes, 1},
    ['B'] = {op_bytes, 4},
    [0x8e] = {op_bytes, 8},
    [0x96] = {op_bytes, 8},
    [']'] = {op_empty, VALUE_LIST},
    ['}'] = {op_empty, VALUE_DICT},
    [')'] = {op_empty, VALUE_TUPLE},
    [0x8f] = {op_empty, VALUE_OPAQUE}, /* a set */
    [0x85] = {op_tuple, 1},
    [0x86] = {op_tuple, 2},
    [0x87] = {op_tuple, 3},
    ['t'] = {op_gather_mark, VALUE_TUPLE},
    ['l'] = {op_gather_mark, VALUE_LIST},
    [0x91] = {op_gather_mark, VALUE_OPAQUE}, /* a frozenset */
    [0x90] = {op_add_mark, VALUE_OPAQUE},
    ['a'] = {op_add, VALUE_LIST},
    ['e'] = {op_add_mark, VALUE_LIST},
    ['s'] = {op_add, VALUE_DICT},
    ['u'] = {op_add_mark, VALUE_DICT},
    ['q'] = {op_put, 1},
    ['r'] = {op_put, 4},
    [0x94] = {op_memoize, 0},
    ['h'] = {op_get, 1},
    ['j'] = {op_get, 4},
    ['c'] = {op_global, 0},
    [0x93] = {op_stack_global, 0},
    ['R'] = {op_call, 0},
    [0x81] = {op_call, 0}, /* cls.__new__(cls, *args) */
    ['b'] = {op_build, 0},
    ['Q'] = {op_persistent, 0},
};
