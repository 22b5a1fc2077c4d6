/*
 * Recursive descent into a list of operations on a stack (the last operand on top). Each place of
 * the stack is a row of EXPRESSION_CHUNK numbers, so that an operation is one loop.
 */
#include "math/expression.h"

#include <ctype.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"

#define MOST_OPS 500
#define MOST_DEPTH 40 /* of the stack */
#define MOST_NESTED 80
#define MOST_TEXT 4000

enum op {
    OP_NUMBER,
    OP_INPUT,
    OP_NEG,
    OP_NOT,
    OP_ABS,
    OP_SQRT,
    OP_EXP,
    OP_LOG,
    OP_LOG10,
    OP_SIN,
    OP_COS,
    OP_FLOOR,
    OP_CEIL,
    OP_ROUND,
    OP_SIGN,
    OP_BIN,
    OP_ISNAN,
    OP_ISFINITE,
    OP_ADD,
    OP_SUB,
    OP_MUL,
    OP_DIV,
    OP_MOD,
    OP_POW,
    OP_MIN,
    OP_MAX,
    OP_THR,
    OP_UTHR,
    OP_EQ,
    OP_NE,
    OP_LT,
    OP_LE,
    OP_GT,
    OP_GE,
    OP_AND,
    OP_OR,
    OP_CLIP,
    OP_WHERE
};

struct step {
    enum op op;
    double number;
    size_t input;
};

struct expression {
    struct step step[MOST_OPS];
    size_t n;
    bool used[EXPRESSION_INPUTS];
    double *stack;
};

struct reader {
    struct expression *e;
    const char *text, *at;
    size_t inputs;
    size_t depth, deepest; /* of the stack */
    size_t nested;
    struct err *err;
};

static const struct {
    const char *name;
    enum op op;
    size_t least, most; /* how many operands */
} functions[] = {
    {"min", OP_MIN, 2, 64},    {"max", OP_MAX, 2, 64},          {"abs", OP_ABS, 1, 1},
    {"sqrt", OP_SQRT, 1, 1},   {"exp", OP_EXP, 1, 1},           {"log", OP_LOG, 1, 1},
    {"log10", OP_LOG10, 1, 1}, {"sin", OP_SIN, 1, 1},           {"cos", OP_COS, 1, 1},
    {"floor", OP_FLOOR, 1, 1}, {"ceil", OP_CEIL, 1, 1},         {"round", OP_ROUND, 1, 1},
    {"sign", OP_SIGN, 1, 1},   {"bin", OP_BIN, 1, 1},           {"thr", OP_THR, 2, 2},
    {"uthr", OP_UTHR, 2, 2},   {"clip", OP_CLIP, 3, 3},         {"where", OP_WHERE, 3, 3},
    {"isnan", OP_ISNAN, 1, 1}, {"isfinite", OP_ISFINITE, 1, 1},
};

static size_t operands(enum op op)
{
    return op <= OP_INPUT ? 0 : op < OP_ADD ? 1 : op < OP_CLIP ? 2 : 3;
}

/* ---- reading ---- */

static bool wrong(struct reader *r, const char *what)
{
    return err_set(r->err, ERR_USAGE, "expression '%.200s': %s at character %zu%s%.20s%s", r->text,
                   what, (size_t)(r->at - r->text) + 1, *r->at ? " ('" : "", r->at,
                   *r->at ? "')" : " (its end)");
}

static bool put(struct reader *r, enum op op, double number, size_t input)
{
    struct expression *e = r->e;
    size_t takes = operands(op);

    if (e->n == MOST_OPS || r->depth + 1 > MOST_DEPTH + takes) {
        return wrong(r, "too long or too deep");
    }
    e->step[e->n++] = (struct step){op, number, input};
    r->depth += 1;
    r->depth -= takes;
    r->deepest = r->depth > r->deepest ? r->depth : r->deepest;
    return true;
}

static void skip(struct reader *r)
{
    while (isspace((unsigned char)*r->at)) {
        r->at++;
    }
}

/* The next sign or word, if it is this one. A word must end there. */
static bool take(struct reader *r, const char *word)
{
    size_t n = strlen(word);

    skip(r);
    if (strncmp(r->at, word, n) != 0 ||
        (isalpha((unsigned char)word[0]) &&
         (isalnum((unsigned char)r->at[n]) || r->at[n] == '_'))) {
        return false;
    }
    r->at += n;
    return true;
}

static bool read_any(struct reader *r);

static bool read_call(struct reader *r, size_t which)
{
    size_t count = 0;

    if (!take(r, "(")) {
        return wrong(r, "'(' is missing");
    }
    do {
        if (!read_any(r) ||
            (++count > 2 && functions[which].most > 3 && !put(r, functions[which].op, 0, 0))) {
            return false;
        }
    } while (take(r, ",") && count < functions[which].most);
    if (!take(r, ")")) {
        return wrong(r, count == functions[which].most ? "too many operands" : "')' is missing");
    }
    if (count < functions[which].least) {
        return wrong(r, "too few operands");
    }
    /* min(a, b, c) has become "a b c min" above; the first pair is still to be done. */
    return put(r, functions[which].op, 0, 0);
}

static bool read_word(struct reader *r)
{
    size_t n = 0;

    while (isalnum((unsigned char)r->at[n]) || r->at[n] == '_') {
        n++;
    }
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (strlen(functions[i].name) == n && !strncmp(functions[i].name, r->at, n)) {
            r->at += n;
            return read_call(r, i);
        }
    }
    if (n == 2 && r->at[0] == 'f' && r->at[1] >= '1' && r->at[1] <= '9') {
        size_t input = (size_t)(r->at[1] - '1');
        if (input >= r->inputs) {
            return wrong(r, "there is no such image");
        }
        r->at += 2;
        r->e->used[input] = true;
        return put(r, OP_INPUT, 0, input);
    }
    if (take(r, "pi")) {
        return put(r, OP_NUMBER, 3.14159265358979323846, 0);
    }
    if (take(r, "nan")) {
        return put(r, OP_NUMBER, NAN, 0);
    }
    return take(r, "inf") ? put(r, OP_NUMBER, INFINITY, 0) : wrong(r, "an unknown word");
}

static bool read_number(struct reader *r)
{
    double value = 0;
    size_t n = strspn(r->at, "0123456789.");
    char text[80];

    if ((r->at[n] == 'e' || r->at[n] == 'E') && n > 0) {
        size_t sign = n + 1 + (r->at[n + 1] == '+' || r->at[n + 1] == '-');
        size_t digits = strspn(r->at + sign, "0123456789");
        n = digits ? sign + digits : n;
    }
    if (n == 0 || n >= sizeof text) {
        return wrong(r, "a number, a name or '(' is missing");
    }
    memcpy(text, r->at, n);
    text[n] = '\0';
    if (!num_double(text, &value)) {
        return wrong(r, "no number");
    }
    r->at += n;
    return put(r, OP_NUMBER, value, 0);
}

static bool read_primary(struct reader *r)
{
    skip(r);
    if (take(r, "(")) {
        return read_any(r) && (take(r, ")") || wrong(r, "')' is missing"));
    }
    return isalpha((unsigned char)*r->at) ? read_word(r) : read_number(r);
}

static bool read_unary(struct reader *r);

static bool read_power(struct reader *r)
{
    if (!read_primary(r)) {
        return false;
    }
    return take(r, "**") || take(r, "^") ? read_unary(r) && put(r, OP_POW, 0, 0) : true;
}

static bool read_unary(struct reader *r)
{
    bool good;

    if (++r->nested > MOST_NESTED) {
        return wrong(r, "nested too deep");
    }
    skip(r);
    if (take(r, "-")) {
        good = read_unary(r) && put(r, OP_NEG, 0, 0);
    } else if (take(r, "+")) {
        good = read_unary(r);
    } else if (r->at[0] == '!' && r->at[1] != '=') {
        r->at++;
        good = read_unary(r) && put(r, OP_NOT, 0, 0);
    } else {
        good = read_power(r);
    }
    r->nested--;
    return good;
}

static bool read_product(struct reader *r)
{
    if (!read_unary(r)) {
        return false;
    }
    for (;;) {
        enum op op;
        if (take(r, "*")) {
            op = OP_MUL;
        } else if (take(r, "/")) {
            op = OP_DIV;
        } else if (take(r, "%")) {
            op = OP_MOD;
        } else {
            return true;
        }
        if (!read_unary(r) || !put(r, op, 0, 0)) {
            return false;
        }
    }
}

static bool read_sum(struct reader *r)
{
    if (!read_product(r)) {
        return false;
    }
    for (;;) {
        bool plus = take(r, "+");
        if (!plus && !take(r, "-")) {
            return true;
        }
        if (!read_product(r) || !put(r, plus ? OP_ADD : OP_SUB, 0, 0)) {
            return false;
        }
    }
}

static bool comparison(struct reader *r, enum op *ret)
{
    static const struct {
        const char *sign;
        enum op op;
    } signs[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<=", OP_LE},
                 {">=", OP_GE}, {"<", OP_LT},  {">", OP_GT}};

    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++) {
        if (take(r, signs[i].sign)) {
            *ret = signs[i].op;
            return true;
        }
    }
    return false;
}

static bool read_comparison(struct reader *r)
{
    enum op op, second;
    const char *at;

    if (!read_sum(r) || !comparison(r, &op)) {
        return r->err->code == ERR_NONE;
    }
    if (!read_sum(r) || !put(r, op, 0, 0)) {
        return false;
    }
    at = r->at;
    if (comparison(r, &second)) {
        r->at = at;
        return wrong(r, "comparisons cannot be chained (write a < x && x < b)");
    }
    return true;
}

static bool read_not(struct reader *r)
{
    if (!take(r, "not")) {
        return read_comparison(r);
    }
    if (++r->nested > MOST_NESTED) {
        return wrong(r, "nested too deep");
    }
    bool good = read_not(r) && put(r, OP_NOT, 0, 0);
    r->nested--;
    return good;
}

static bool read_and(struct reader *r)
{
    if (!read_not(r)) {
        return false;
    }
    while (take(r, "&&") || take(r, "and")) {
        if (!read_not(r) || !put(r, OP_AND, 0, 0)) {
            return false;
        }
    }
    return true;
}

static bool read_any(struct reader *r)
{
    if (++r->nested > MOST_NESTED) {
        return wrong(r, "nested too deep");
    }
    if (!read_and(r)) {
        return false;
    }
    while (take(r, "||") || take(r, "or")) {
        if (!read_and(r) || !put(r, OP_OR, 0, 0)) {
            return false;
        }
    }
    r->nested--;
    return true;
}

struct expression *expression_new(const char *text, size_t inputs, struct err *err)
{
    struct expression *e = mem_zero(sizeof *e, err);
    struct err inner = {ERR_NONE, ""};
    struct reader r = {.e = e,
                       .text = text,
                       .at = text,
                       .inputs = inputs < EXPRESSION_INPUTS ? inputs : EXPRESSION_INPUTS,
                       .err = &inner};
    bool good = e != NULL;

    if (good && strlen(text) > MOST_TEXT) {
        good = err_set(&inner, ERR_USAGE, "an expression of more than %d characters", MOST_TEXT);
    }
    good = good && read_any(&r);
    skip(&r);
    if (good && *r.at != '\0') {
        good = wrong(&r, "an operator is missing");
    }
    if (good) {
        e->stack = mem_array(r.deepest * EXPRESSION_CHUNK, sizeof *e->stack, &inner);
        good = e->stack != NULL;
    }
    if (!good) {
        if (e) {
            (void)err_set(err, inner.code, "%s", inner.text);
        }
        expression_free(e);
        e = NULL;
    }
    return e;
}

void expression_free(struct expression *e)
{
    if (e) {
        mem_free(e->stack);
        mem_free(e);
    }
}

bool expression_uses(const struct expression *e, size_t i)
{
    return i < EXPRESSION_INPUTS && e->used[i];
}

bool expression_is_mask(const struct expression *e)
{
    enum op last = e->step[e->n - 1].op;

    return last == OP_NOT || last == OP_BIN || last == OP_ISNAN || last == OP_ISFINITE ||
        (last >= OP_EQ && last <= OP_OR);
}

/* ---- working out ---- */

static double modulo(double a, double b)
{
    double m = fmod(a, b);

    return m != 0 && (m < 0) != (b < 0) ? m + b : m;
}

#define EACH(value)                  \
    for (size_t i = 0; i < n; i++) { \
        double a = x[i];             \
        x[i] = (value);              \
    }                                \
    break

static void one(enum op op, double *x, size_t n)
{
    switch (op) {
    case OP_NEG:
        EACH(-a);
    case OP_NOT:
        EACH(a == 0);
    case OP_ABS:
        EACH(fabs(a));
    case OP_SQRT:
        EACH(sqrt(a));
    case OP_EXP:
        EACH(exp(a));
    case OP_LOG:
        EACH(log(a));
    case OP_LOG10:
        EACH(log10(a));
    case OP_SIN:
        EACH(sin(a));
    case OP_COS:
        EACH(cos(a));
    case OP_FLOOR:
        EACH(floor(a));
    case OP_CEIL:
        EACH(ceil(a));
    case OP_ROUND:
        EACH(rint(a)); /* half to even, as numpy */
    case OP_SIGN:
        EACH(isnan(a) ? a : (double)((a > 0) - (a < 0)));
    case OP_BIN:
        EACH(a != 0);
    case OP_ISNAN:
        EACH(isnan(a) != 0);
    case OP_ISFINITE:
        EACH(isfinite(a) != 0);
    default:
        break;
    }
}

#define PAIR(value)                  \
    for (size_t i = 0; i < n; i++) { \
        double a = x[i], b = y[i];   \
        x[i] = (value);              \
    }                                \
    break

static void two(enum op op, double *x, const double *y, size_t n)
{
    switch (op) {
    case OP_ADD:
        PAIR(a + b);
    case OP_SUB:
        PAIR(a - b);
    case OP_MUL:
        PAIR(a * b);
    case OP_DIV:
        PAIR(a / b);
    case OP_MOD:
        PAIR(modulo(a, b));
    case OP_POW:
        PAIR(pow(a, b));
    case OP_MIN: /* NaN wins, as in numpy.minimum */
        PAIR(isnan(a) || a < b ? a : b);
    case OP_MAX:
        PAIR(isnan(a) || a > b ? a : b);
    case OP_THR:
        PAIR(a >= b ? a : 0);
    case OP_UTHR:
        PAIR(a <= b ? a : 0);
    case OP_EQ:
        PAIR(a == b);
    case OP_NE:
        PAIR(a != b);
    case OP_LT:
        PAIR(a < b);
    case OP_LE:
        PAIR(a <= b);
    case OP_GT:
        PAIR(a > b);
    case OP_GE:
        PAIR(a >= b);
    case OP_AND:
        PAIR(a != 0 && b != 0);
    case OP_OR:
        PAIR(a != 0 || b != 0);
    default:
        break;
    }
}

static void three(enum op op, double *x, const double *y, const double *z, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        double a = x[i];
        if (op == OP_WHERE) {
            x[i] = a != 0 ? y[i] : z[i];
        } else {
            x[i] = a < y[i] ? y[i] : a > z[i] ? z[i] : a;
        }
    }
}

void expression_run(struct expression *e, const double *const *input, size_t n, double *ret)
{
    size_t depth = 0;

    for (size_t s = 0; s < e->n; s++) {
        const struct step *step = &e->step[s];
        size_t takes = operands(step->op);
        double *x = e->stack + (depth - takes) * EXPRESSION_CHUNK;
        if (step->op == OP_NUMBER) {
            for (size_t i = 0; i < n; i++) {
                x[i] = step->number;
            }
        } else if (step->op == OP_INPUT) {
            memcpy(x, input[step->input], n * sizeof *x);
        } else if (takes == 1) {
            one(step->op, x, n);
        } else if (takes == 2) {
            two(step->op, x, x + EXPRESSION_CHUNK, n);
        } else {
            three(step->op, x, x + EXPRESSION_CHUNK, x + 2 * EXPRESSION_CHUNK, n);
        }
        depth += 1 - takes;
    }
    memcpy(ret, e->stack, n * sizeof *ret);
}
