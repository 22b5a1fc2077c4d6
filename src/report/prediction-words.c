/* From counts to words. */
#include "report/prediction-words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "model/state.h"

void prediction_count(struct prediction_counts *c, int state, int64_t n)
{
    c->total += n;
    switch (state) {
    case TASK_WAITING:
    case TASK_READY:
    case TASK_HELD:
        c->waiting += n;
        break;
    case TASK_DONE:
    case TASK_CACHED:
        c->good += n;
        break;
    case TASK_FAILED:
    case TASK_BLOCKED:
        c->failed += n;
        break;
    case TASK_CANCELLED:
        c->cancelled += n;
        break;
    default: /* running, suspended, unknown */
        c->running += n;
        break;
    }
}

const char *prediction_group(const struct prediction_counts *c)
{
    if (c->active) {
        return c->waiting == c->total ? "waiting" : "running";
    }
    return c->cancelled ? "cancelled" : c->failed ? "failed" : "done";
}

void prediction_state(const struct prediction_counts *c, char *ret, size_t size)
{
    const char *group = prediction_group(c);
    if (!strcmp(group, "failed")) {
        (void)snprintf(ret, size, "Failed (%" PRId64 " of %" PRId64 ")", c->failed, c->total);
        return;
    }
    (void)snprintf(ret, size, "%s",
                   !strcmp(group, "waiting")       ? "Queued"
                       : !strcmp(group, "running") ? "In Progress"
                       : !strcmp(group, "done")    ? "Completed"
                                                   : "Cancelled");
}

int prediction_progress(const struct prediction_counts *c)
{
    int64_t finished = c->good + c->failed + c->cancelled;
    return c->total > 0 ? (int)(finished * 100 / c->total) : 0;
}

const char *prediction_series_word(int state)
{
    switch (state) {
    case TASK_WAITING:
    case TASK_READY:
        return "Queued";
    case TASK_HELD:
        return "Held";
    case TASK_DONE:
    case TASK_CACHED:
        return "Completed";
    case TASK_FAILED:
    case TASK_BLOCKED:
        return "Failed";
    case TASK_CANCELLED:
        return "Cancelled";
    case TASK_SUSPENDED:
        return "Suspended";
    default:
        return "In Progress";
    }
}

const char *prediction_series_group(int state)
{
    struct prediction_counts one = {.active = !task_state_final((enum task_state)state)};
    prediction_count(&one, state, 1);
    return prediction_group(&one);
}

void prediction_span(double seconds, char *ret, size_t size)
{
    int64_t s = seconds > 1 ? (int64_t)(seconds + 0.5) : 1, minutes = (s + 30) / 60;
    if (s < 90) {
        (void)snprintf(ret, size, "%" PRId64 " s", s);
    } else if (minutes < 60) {
        (void)snprintf(ret, size, "%" PRId64 " min", minutes);
    } else {
        (void)snprintf(ret, size, "%" PRId64 " h %" PRId64 " min", minutes / 60, minutes % 60);
    }
}

/* 1,000,000 */
static void add_count(struct str *out, int64_t n)
{
    char digits[32];
    (void)snprintf(digits, sizeof digits, "%" PRId64, n);
    size_t len = strlen(digits);
    for (size_t i = 0; i < len; i++) {
        if (i > 0 && (len - i) % 3 == 0) {
            str_addc(out, ',');
        }
        str_addc(out, digits[i]);
    }
}

char *prediction_line(int64_t total, const json_t *misfits, double seconds, int slots,
                      struct err *err)
{
    struct str out = STR_INIT;
    const json_t *row;
    int64_t n = 0;
    char span[40];
    size_t i;
    add_count(&out, total);
    str_add(&out, " series");
    json_array_foreach((json_t *)misfits, i, row)
    {
        n += json_get_int(row, "n", 0);
    }
    if (n > 0) {
        str_add(&out, ", ");
        add_count(&out, n);
        str_add(&out, n == 1 ? " does not fit (" : " do not fit (");
        json_array_foreach((json_t *)misfits, i, row)
        {
            str_addf(&out, "%s%s", i ? ", " : "", json_get_text(row, "reason", ""));
        }
        str_addc(&out, ')');
    }
    if (seconds >= 0 && n < total) {
        prediction_span(seconds, span, sizeof span);
        str_addf(&out, ", about %s on %d slot%s", span, slots, slots == 1 ? "" : "s");
    }
    return str_take(&out, err);
}
