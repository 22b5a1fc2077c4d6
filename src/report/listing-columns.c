/* The page's rows as columns: one array a column, written straight into the text. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include "codec/json.h"
#include "model/state.h"
#include "report/listing-rows.h"
#include "report/live.h"

/* Which task says most, looked up once and kept until it changes. */
static bool read_task(struct listing *l, uint32_t row, struct err *err)
{
    struct live_task task;
    if (l->rest[row].task != TASK_NOT_READ) {
        return true;
    }
    if (!live_task_of(l->store, l->id[row], &task, err)) {
        return false;
    }
    l->rest[row].task = task.id;
    l->rest[row].attempt = (int32_t)task.n;
    l->rest[row].state = (int8_t)task.state;
    return true;
}

typedef void cell(const struct listing *l, uint32_t row, struct str *out);

static void cell_id(const struct listing *l, uint32_t row, struct str *out)
{
    str_add_int(out, l->id[row]);
}

static void cell_name(const struct listing *l, uint32_t row, struct str *out)
{
    json_add_text(out, l->names.buf + l->name_at[row]);
}

static void cell_series(const struct listing *l, uint32_t row, struct str *out)
{
    json_add_text(out, l->words.text[l->series[row]]);
}

static void cell_index(const struct listing *l, uint32_t row, struct str *out)
{
    str_add_int(out, l->index[row]);
}

static void cell_status(const struct listing *l, uint32_t row, struct str *out)
{
    json_add_text(out, l->words.text[l->status[row]]);
}

static void cell_group(const struct listing *l, uint32_t row, struct str *out)
{
    json_add_text(out, group_name((enum row_group)l->group[row]));
}

static void cell_state(const struct listing *l, uint32_t row, struct str *out)
{
    json_add_text(out,
                  l->rest[row].task ? task_state_name((enum task_state)l->rest[row].state) : "");
}

static void cell_cor(const struct listing *l, uint32_t row, struct str *out)
{
    json_add_real(out, l->cor[row]);
}

static void cell_source(const struct listing *l, uint32_t row, struct str *out)
{
    const char *source = l->words.text[l->rest[row].source];
    if (*source) {
        json_add_text(out, source);
    } else {
        str_add(out, "null");
    }
}

static void cell_confidence(const struct listing *l, uint32_t row, struct str *out)
{
    char text[24];
    if (isnan(l->confidence[row])) {
        str_add(out, "null");
    } else {
        str_addn(out, text,
                 (size_t)snprintf(text, sizeof text, "%.6g", (double)l->confidence[row]));
    }
}

static void cell_enabled(const struct listing *l, uint32_t row, struct str *out)
{
    str_add(out,
            l->flags[row] & ROW_ENABLED        ? "true"
                : l->flags[row] & ROW_DISABLED ? "false"
                                               : "null");
}

static void cell_skipped(const struct listing *l, uint32_t row, struct str *out)
{
    str_add(out, l->flags[row] & ROW_SKIPPED ? "true" : "false");
}

static void cell_auto_skip(const struct listing *l, uint32_t row, struct str *out)
{
    str_add(out, l->flags[row] & ROW_AUTO_SKIP ? "true" : "false");
}

static void cell_reason(const struct listing *l, uint32_t row, struct str *out)
{
    json_add_text(out, l->words.text[l->rest[row].reason]);
}

static void cell_size(const struct listing *l, uint32_t row, struct str *out)
{
    str_add_int(out, l->size[row]);
}

static void cell_shape(const struct listing *l, uint32_t row, struct str *out)
{
    const struct row_rest *r = &l->rest[row];
    if (!r->frames && !r->n_rows) {
        str_add(out, "null");
        return;
    }
    str_addc(out, '[');
    str_add_int(out, r->frames);
    str_addc(out, ',');
    str_add_int(out, r->n_rows);
    str_addc(out, ',');
    str_add_int(out, r->n_columns);
    str_addc(out, ']');
}

static void cell_tags(const struct listing *l, uint32_t row, struct str *out)
{
    json_add_text(out, l->words.text[l->tags[row]]);
}

static void cell_own(const struct listing *l, uint32_t row, struct str *out)
{
    str_add(out, l->flags[row] & ROW_OWN ? "true" : "false");
}

static void cell_changed(const struct listing *l, uint32_t row, struct str *out)
{
    str_add_int(out, l->changed[row]);
}

static void cell_task(const struct listing *l, uint32_t row, struct str *out)
{
    str_add_int(out, l->rest[row].task);
}

static const struct {
    const char *name;
    cell *write;
} cells[] = {
    {"id", cell_id},
    {"name", cell_name},
    {"series", cell_series},
    {"index", cell_index},
    {"status", cell_status},
    {"group", cell_group},
    {"state", cell_state},
    {"cor", cell_cor},
    {"cor_source", cell_source},
    {"confidence", cell_confidence},
    {"enabled", cell_enabled},
    {"skipped", cell_skipped},
    {"auto_skip", cell_auto_skip},
    {"skip_reason", cell_reason},
    {"size", cell_size},
    {"shape", cell_shape},
    {"tags", cell_tags},
    {"own", cell_own},
    {"changed_us", cell_changed},
    {"task", cell_task},
};

/* Where the running ones run and how far they are: a handful of rows, asked for one by one. */
static bool add_places(struct listing *l, const struct listing_page *page, struct str *out,
                       struct err *err)
{
    struct str progress = STR_INIT;
    bool ok = true;
    str_add(out, ",\"place\":[");
    for (size_t i = 0; ok && i < page->n; i++) {
        const struct row_rest *r = &l->rest[page->rows[i]];
        char place[64] = "";
        double done = NAN;
        ok = !r->task || (r->state != TASK_RUNNING && r->state != TASK_SUSPENDED) ||
            live_place(l->store, r->task, r->attempt, place, sizeof place, &done, err);
        str_add(out, i ? "," : "");
        json_add_text(out, place);
        str_add(&progress, i ? "," : "");
        json_add_real(&progress, done);
    }
    str_add(out, "],\"progress\":[");
    str_addn(out, str_text(&progress), progress.len);
    str_add(out, "]");
    ok = ok && str_ok(&progress, err);
    str_fini(&progress);
    return ok;
}

bool listing_columns(struct listing *l, const struct listing_page *page, struct str *out,
                     struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < page->n; i++) {
        ok = read_task(l, page->rows[i], err);
    }
    str_addc(out, '{');
    for (size_t c = 0; ok && c < sizeof cells / sizeof cells[0]; c++) {
        str_addf(out, "%s\"%s\":[", c ? "," : "", cells[c].name);
        for (size_t i = 0; i < page->n; i++) {
            if (i) {
                str_addc(out, ',');
            }
            cells[c].write(l, page->rows[i], out);
        }
        str_addc(out, ']');
    }
    ok = ok && add_places(l, page, out, err);
    str_addc(out, '}');
    return ok && str_ok(out, err);
}
