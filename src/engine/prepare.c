/* Reading what a task needs to be bound. */
#include "engine/prepare.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/cor.h"
#include "collect/cached.h"
#include "engine/series-bind.h"
#include "engine/study.h"
#include "plan/batch.h"

void item_row_fini(struct item_row *r)
{
    mem_free(r->name);
    mem_free(r->series);
    mem_free(r->level);
    json_decref(r->params);
    *r = (struct item_row){0};
}

static int item_size(const char *dtype)
{
    return str_ends(dtype, "8") ? 1 : str_ends(dtype, "16") ? 2 : 4;
}

static bool is_finder(const char *source)
{
    static const char *const finders[] = {"vo", "pc", "entropy", "ai", "auto", NULL};
    size_t i = 0;
    while (finders[i] && strcmp(finders[i], source) != 0) {
        i++;
    }
    return finders[i] != NULL;
}

bool item_row_take(const struct query *q, int first, struct item_row *ret, struct err *err)
{
    const char *params = query_text(q, first + 3);
    bool has = strcmp(params, "{}") != 0;
    struct item_row r = {.name = mem_strdup(query_text(q, first), err),
                         .series = mem_strdup(query_text(q, first + 1), err),
                         .level = mem_strdup(query_text(q, first + 2), err),
                         .params = has ? json_parse(params, strlen(params), "item parameters", err)
                                       : NULL,
                         .cor = query_double(q, first + 4),
                         .cor_found = is_finder(query_text(q, first + 5)),
                         .scan = {query_int(q, first + 6), query_int(q, first + 7),
                                  query_int(q, first + 8), item_size(query_text(q, first + 9))},
                         .size = query_int(q, first + 10),
                         .mtime_ns = query_int(q, first + 11)};
    if (!r.name || !r.series || !r.level || (has && !r.params)) {
        item_row_fini(&r);
        return false;
    }
    *ret = r;
    return true;
}

static bool read_row(struct store *s, int64_t item, struct item_row *r, struct err *err)
{
    struct query *q =
        store_query(s, err, "SELECT " ITEM_ROW_COLUMNS " FROM item i WHERE i.id=?1", "i", item);
    if (!q) {
        return false;
    }
    bool found = query_next(q), ok = !found || item_row_take(q, 0, r, err);
    struct err late;
    return query_end(q, ok ? err : &late) && ok &&
        (found || err_bug(err, "a task without its item"));
}

/* What earlier jobs of the item give: their retry parameters are inherited, a finder's centre beats
 * the row. */
static bool read_earlier(struct store *s, const struct prepare *in, json_t *task_params,
                         double *centre, struct err *err)
{
    struct query *q = store_query(s, err,
                                  "SELECT id,params,result,state FROM task WHERE item_id=?1 AND "
                                  "run_id=?2 AND id<=?3 ORDER BY id",
                                  "iii", in->item, in->run->id, in->task);
    if (!q) {
        return false;
    }
    while (query_next(q)) {
        const char *params = query_text(q, 1), *result = query_text(q, 2);
        int64_t state = query_int(q, 3);
        json_t *p = strcmp(params, "{}") != 0 ? json_loads(params, 0, NULL) : NULL;
        json_t *r = query_int(q, 0) < in->task && (state == TASK_DONE || state == TASK_CACHED) &&
                strcmp(result, "{}") != 0
            ? json_loads(result, 0, NULL)
            : NULL;
        if (p) {
            (void)json_object_update(task_params, p);
        }
        double cor = json_get_double(r, "cor", NAN);
        *centre = isfinite(cor) ? cor : *centre;
        json_decref(p);
        json_decref(r);
    }
    return query_end(q, err);
}

static bool known_path(void *arg, const char *path)
{
    return cached_path_known(arg, path);
}

char *prepare_dir(const struct active *run, int64_t task, int n, struct err *err)
{
    return mem_printf(err, "%s/%" PRId64 "/%" PRId64 ".%d", run->attempts, run->id, task, n);
}

/* C8: where a search starts: the row, the series' mean, the top bar, nothing. */
static bool find_seed(struct store *s, const struct active *run, const struct item_row *r,
                      double *ret_seed, bool *ret_found, struct err *err)
{
    double mean = NAN, top_bar = json_get_double(run->options, "cor", NAN);
    int64_t donors = 0;
    enum cor_from from;
    if (!isfinite(r->cor) && !cor_series_mean(s, run->project, r->series, &mean, &donors, err)) {
        return false;
    }
    *ret_seed = cor_seed(r->cor, mean, top_bar, &from);
    if (isfinite(*ret_seed) && r->scan.columns > 0 &&
        !(*ret_seed >= 0 && *ret_seed < (double)r->scan.columns)) {
        *ret_seed =
            NAN; /* off the detector: one slip in the table must not mislead a whole series */
    }
    *ret_found = (from == COR_FROM_ROW && r->cor_found) || from == COR_FROM_SERIES;
    return true;
}

/* What an item brings that is no file by itself; `bind` is NULL for a scan. */
struct names {
    struct study study;
    struct series_bind series;
    const struct bind_study *bind;
};

static bool names_open(struct store *s, const struct prepare *in, const char *level,
                       const json_t *job, struct names *ret, struct err *err)
{
    const json_t *collected = json_get_bool(job, "collect", false)
        ? json_object_get(in->run->options, "collected")
        : NULL;
    if (study_level(level)) {
        ret->bind = &ret->study.bind;
        return study_open(s, in->run, in->item, collected, &ret->study, err);
    }
    if (!strcmp(level, "series")) {
        ret->bind = &ret->series.bind;
        return series_bind_open(s, in->run, in->item, collected, &ret->series, err);
    }
    return true;
}

static void names_close(struct names *n)
{
    study_close(&n->study);
    series_bind_close(&n->series);
}

bool prepare_task(struct engine *e, struct store *s, const struct prepare *in, struct bound *ret,
                  struct err *err)
{
    const json_t *job = json_array_get(json_object_get(in->run->batch, "jobs"), (size_t)in->job);
    const struct tool *tool = batch_tool(job, e->tools);
    struct item_row own = {.cor = NAN};
    const struct item_row *r = in->row ? in->row : &own;
    double centre = NAN, seed = NAN;
    bool seed_found = false;
    enum cor_from from;
    json_t *task_params = json_object();
    struct names names = {.bind = NULL};
    bool ok = tool ||
        err_set(err, ERR_USAGE, "there is no tool '%s' any more", json_get_text(job, "tool", "?"));
    ok = ok && (in->row || read_row(s, in->item, &own, err));
    ok = ok && (in->task == 0 || in->plain || read_earlier(s, in, task_params, &centre, err));
    if (ok && !isfinite(centre)) {
        centre = cor_effective(r->cor, json_get_double(in->run->options, "cor", NAN), &from);
    }
    ok = ok && (!tool_takes_seed(tool) || find_seed(s, in->run, r, &seed, &seed_found, err));
    ok = ok && names_open(s, in, r->level, job, &names, err);
    if (ok) {
        struct bind b = {
            .study = names.bind,
            .run = in->run->id,
            .task = in->task,
            .attempt = in->attempt,
            .item = in->item,
            .n = in->n,
            .item_name = r->name,
            .series = r->series,
            .level = r->level,
            .project_name = in->run->project_name,
            .root = in->run->root,
            .rec = in->run->rec,
            .home = e->home,
            .imaging = e->imaging,
            .user = in->run->user,
            .tool = tool,
            .job = job,
            .batch_options = json_object_get(in->run->batch, "options"),
            .item_params = r->params,
            .run_params = in->run->params,
            .run_options = in->run->options,
            .task_params = task_params,
            .centre = centre,
            .seed = seed,
            .seed_found = seed_found,
            .scan = r->scan,
            .input_size = r->size,
            .input_mtime_ns = r->mtime_ns,
            .hash = json_get_bool(in->run->options, "hash", false),
            .only_plan = in->run->id == 0, /* a preview's run is not in the store */
            .dir = in->dir,
            .threads = in->threads,
            .gpu = in->gpu,
            .warm = options_bool(e->options, "warm_workers"),
            .setup = options_text(e->options, "setup"),
            .models = e->models,
            .known = known_path,
            .arg = s,
        };
        ok = bind_task(&b, ret, err);
    }
    names_close(&names);
    item_row_fini(&own);
    json_decref(task_params);
    return ok;
}

bool prepare_without_centre(struct engine *e, struct store *s, const struct prepare *in,
                            struct bound *ret, struct err *err)
{
    struct active run = *in->run;
    struct prepare with = *in;
    run.options = json_copy(in->run->options);
    with.run = &run;
    bool ok = run.options && json_object_set_new(run.options, "cor", json_real(0)) == 0 &&
        prepare_task(e, s, &with, ret, err);
    json_decref(run.options);
    return ok;
}
