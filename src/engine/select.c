/* One rule after the other, the first that speaks against an item is its reason. */
#include "engine/select.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"
#include "catalog/cor.h"
#include "catalog/pattern.h"
#include "engine/study.h"
#include "plan/batch.h"

/* Skipped items that a refusal names. */
#define SKIPPED_NAMED 4

bool select_has_phase(const struct engine *e, const json_t *job, const char *phase)
{
    const struct tool *tool = batch_tool(job, e->tools);
    return tool && str_equal(json_get_text(tool->gantry, "phase", NULL), phase);
}

/* Does the batch need a centre that nothing in it finds? Try and full do (C2), unless infer runs
 * too or `auto` is asked. */
static bool centre_wanted(const struct engine *e, const json_t *batch, const json_t *params)
{
    size_t i;
    json_t *job;
    bool wanted = false;
    if (str_equal(json_get_text(params, "rotation_axis_auto", NULL), "auto") ||
        json_is_number(json_object_get(params, "rotation_axis"))) {
        return false;
    }
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        const struct tool *tool = batch_tool(job, e->tools);
        if (select_has_phase(e, job, "infer")) {
            return false;
        }
        wanted = wanted || select_has_phase(e, job, "try") || (tool && tool_needs_centre(tool));
    }
    return wanted;
}

/* Does a level have no file of its own kind, but arguments that name files? */
static bool has_arguments(const char *level)
{
    return study_level(level) || !strcmp(level, "series");
}

/* Does the tool say that it works on studies (or subjects, or series)? */
static bool works_on(const struct tool *tool, const char *kind)
{
    const char *level = json_get_text(tool->gantry, "level", "scan");
    return !json_object_get(tool->gantry, "takes") && (study_level(level) || !strcmp(level, kind));
}

/* Does a job take files of some kind by itself (ZIPs of DICOM)? */
static bool takes_files(const struct engine *e, const json_t *batch)
{
    size_t i;
    json_t *job;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        const struct tool *tool = batch_tool(job, e->tools);
        if (tool && json_object_get(tool->gantry, "takes")) {
            return true;
        }
    }
    return false;
}

/* A batch works on items of its own level; a scan, or a file that a job takes, is an item too. */
static const char *wrong_level(const struct selection *sel, const char *level)
{
    if (!strcmp(level, "series") || !strcmp(sel->level, "series")) {
        return !strcmp(level, sel->level)  ? NULL
            : strcmp(level, "series") != 0 ? "is no series: the batch works on series"
                                           : "is a series, and the batch works on something else";
    }
    if (study_level(level)) {
        return !strcmp(level, sel->level) ? NULL
            : study_level(sel->level)
            ? (!strcmp(level, "study") ? "is a study, and the batch works on subjects"
                                       : "is a subject, and the batch works on studies")
            : "is no scan: the batch's level is scan";
    }
    return !study_level(sel->level) || takes_files(sel->engine, sel->batch)
        ? NULL
        : "is no study: the batch works on studies and subjects";
}

/* Why an item of this kind is nothing for the batch; NULL when it is. A step takes scans unless its
 * descriptor says otherwise. */
static const char *unfit(const struct engine *e, const json_t *batch, const char *kind)
{
    size_t i, k;
    json_t *job, *take;
    json_array_foreach(json_object_get(batch, "jobs"), i, job)
    {
        const struct tool *tool = batch_tool(job, e->tools);
        const json_t *takes = tool ? json_object_get(tool->gantry, "takes") : NULL;
        bool fits = has_arguments(kind) && tool && works_on(tool, kind);
        if (!tool || (strcmp(tool->kind, "step") && !json_object_get(tool->gantry, "reads"))) {
            continue;
        }
        json_array_foreach(takes, k, take)
        {
            fits = fits || str_equal(json_string_value(take), kind);
        }
        if (!fits && (takes || strcmp(kind, "hdf5-projections"))) {
            return takes ? "is not a kind of file that this batch takes" : "has no projections";
        }
    }
    return NULL;
}

/* The same; what was asked last is known: most selections are of one kind. */
static const char *unfit_kind(struct selection *sel, const char *kind)
{
    if (strcmp(kind, sel->judged_kind) != 0 || !sel->judged_kind[0]) {
        (void)snprintf(sel->judged_kind, sizeof sel->judged_kind, "%s", kind);
        sel->judged = unfit(sel->engine, sel->batch, kind);
    }
    return sel->judged;
}

static bool skip(struct selection *sel, int64_t id, const char *name, const char *reason,
                 struct err *err)
{
    json_t *row =
        json_pack("{s:I, s:s, s:s}", "id", (json_int_t)id, "name", name, "reason", reason);
    return (row && json_array_append_new(sel->skipped, row) == 0) ||
        err_set(err, ERR_NOMEM, "out of memory");
}

/* An item's own parameters may contradict the run's (start_row here, end_row there). */
static bool check_own(const struct selection *sel, const char *name, const char *own,
                      struct err *err)
{
    if (!strcmp(own, "{}")) {
        return true;
    }
    json_t *all = json_parse(own, strlen(own), "item parameters", err);
    bool ok = all && json_object_update(all, (json_t *)sel->params) == 0 &&
        batch_check_order(sel->batch, all, sel->engine->tools, err);
    json_decref(all);
    return ok || err_wrap(err, "%s", name);
}

/* One item of the selection: taken, skipped with its reason, or missing a centre. */
static bool judge(struct selection *sel, const struct query *q, int64_t id, bool centre,
                  double top_bar, struct err *err)
{
    const char *name = query_text(q, 0), *level = query_text(q, 9),
               *wrong = unfit_kind(sel, has_arguments(level) ? level : query_text(q, 7)),
               *misfit = wrong_level(sel, level);
    enum cor_from from;
    bool asked = launch_enable_has(&sel->enable, id), switched = !query_null(q, 4);
    bool flagged = query_int(q, 3) != 0, enabled = asked || (switched && query_int(q, 4) == 1),
         disabled = switched && !enabled;
    if (misfit) {
        return skip(sel, id, name, misfit, err);
    }
    if (disabled) {
        return skip(sel, id, name, "disabled by hand", err);
    }
    if (!query_int(q, 1) && !enabled) {
        return skip(sel, id, name, query_text(q, 2), err);
    }
    if (wrong && !enabled) {
        return skip(sel, id, name, query_text(q, 2)[0] ? query_text(q, 2) : wrong, err);
    }
    if (flagged && !enabled) {
        return skip(sel, id, name, query_text(q, 5)[0] ? query_text(q, 5) : "Skipped (small)", err);
    }
    if (!check_own(sel, name, query_text(q, 8), err)) {
        return false;
    }
    bool there = true;
    if (!launch_reads_there(&sel->reads, name, &there, err)) {
        return false;
    }
    if (!there) {
        char reason[60];
        (void)snprintf(reason, sizeof reason, "has no %s output", sel->reads.from);
        return skip(sel, id, name, reason, err);
    }
    json_t *own = centre ? json_loads(query_text(q, 8), 0, NULL) : NULL;
    bool given = json_is_number(json_object_get(own, "rotation_axis"));
    json_decref(own);
    if (centre && !given && !isfinite(cor_effective(query_double(q, 6), top_bar, &from))) {
        return (json_array_append_new(sel->missing, json_string(name)) == 0 &&
                json_array_append_new(sel->missing_ids, json_integer(id)) == 0) ||
            err_set(err, ERR_NOMEM, "out of memory");
    }
    sel->ids[sel->n++] = id;
    return !asked || json_array_append_new(sel->enable.taken, json_integer(id)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

/* Ids of what was asked for, each once: items as they are given, then studies by selectors. */
static bool wanted_ids(struct store *s, const json_t *args, const char *level, int64_t **ret,
                       size_t *ret_n, struct err *err)
{
    json_t *items = json_object_get(args, "items"), *word, *id;
    int64_t project = json_get_int(args, "project", 0), *all, *more = NULL;
    size_t n = 0, i, n_more = 0;
    bool ok = (all = mem_array(json_array_size(items) + 1, sizeof *all, err)) != NULL;
    json_array_foreach(items, i, id)
    {
        if (ok) {
            all[n++] = json_integer_value(id);
        }
    }
    json_array_foreach(json_object_get(args, "studies"), i, word)
    {
        const char *selector = json_string_value(word);
        ok = ok && (selector || err_set(err, ERR_USAGE, "studies: a list of selectors is wanted"));
        ok = ok &&
            (!strcmp(level, "subject")
                 ? pattern_subjects(s, project, selector, &more, &n_more, err)
                 : pattern_studies(s, project, selector, &more, &n_more, err));
        int64_t *grown = ok ? mem_resize(all, n + n_more + 1, sizeof *all, err) : NULL;
        ok = grown != NULL;
        if (ok) {
            all = grown;
            memcpy(all + n, more, n_more * sizeof *all);
            n += n_more;
        }
        mem_free(more);
        more = NULL;
    }
    *ret = all;
    *ret_n = n;
    return ok;
}

struct id_set {
    int64_t *ids;
    size_t n;
};

/* Is it new? Open addressing; `ids` has room for twice as many, 0 = free. */
static bool first_time(struct id_set *set, int64_t id)
{
    size_t at = (size_t)((uint64_t)id * 0x9E3779B97F4A7C15U % set->n);
    while (set->ids[at] && set->ids[at] != id) {
        at = (at + 1) % set->n;
    }
    bool fresh = set->ids[at] != id;
    set->ids[at] = id;
    return fresh;
}

static bool judge_id(struct store *s, struct selection *sel, int64_t project, int64_t id,
                     bool centre, double top_bar, struct err *err)
{
    struct query *q = store_query(
        s, err,
        "SELECT name,readable,reason,auto_skip,enabled,skip_reason,cor,kind,params,level FROM item "
        "WHERE id=?1 AND project_id=?2 AND gone=0",
        "ii", id, project);
    if (!q) {
        return false;
    }
    bool found = query_next(q);
    bool ok = found
        ? judge(sel, q, id, centre, top_bar, err)
        : err_set(err, ERR_USAGE, "there is no item %lld in this project", (long long)id);
    struct err late;
    return query_end(q, ok ? err : &late) && ok;
}

bool select_items(struct engine *e, struct store *s, const json_t *args, const json_t *batch,
                  const json_t *params, struct selection *sel, struct err *err)
{
    bool centre = centre_wanted(e, batch, params);
    int64_t project = json_get_int(args, "project", 0), *ids = NULL;
    size_t n = 0;
    *sel = (struct selection){.engine = e,
                              .batch = batch,
                              .params = params,
                              .level = json_get_text(batch, "level", "scan"),
                              .skipped = json_array(),
                              .missing = json_array(),
                              .missing_ids = json_array()};
    struct id_set seen = {NULL, 0};
    bool ok = sel->skipped && sel->missing && sel->missing_ids &&
        wanted_ids(s, args, sel->level, &ids, &n, err) &&
        (sel->ids = mem_array(n + 1, sizeof *sel->ids, err)) &&
        (seen.ids = mem_array(2 * n + 1, sizeof *seen.ids, err)) &&
        launch_reads_open(e, s, project, batch, &sel->reads, err) &&
        launch_enable_open(args, &sel->enable, err);
    seen.n = 2 * n + 1;
    for (size_t i = 0; ok && i < n; i++) {
        ok = !first_time(&seen, ids[i]) ||
            judge_id(s, sel, project, ids[i], centre, json_get_double(args, "cor", NAN), err);
    }
    mem_free(ids);
    mem_free(seen.ids);
    return ok;
}

bool select_nothing(const struct selection *sel, struct err *err)
{
    size_t n = json_array_size(sel->skipped), i;
    struct str names = STR_INIT;
    for (i = 0; i < n && i < SKIPPED_NAMED; i++) {
        const json_t *row = json_array_get(sel->skipped, i);
        str_addf(&names, "%s%s (%s)", i ? ", " : ": ", json_get_text(row, "name", "?"),
                 json_get_text(row, "reason", ""));
    }
    if (n > i) {
        str_addf(&names, " (+%zu more)", n - i);
    }
    (void)err_set(err, ERR_NOTHING, "nothing to run: %zu selected, all of them skipped%s", n,
                  str_text(&names));
    str_fini(&names);
    return false;
}

void select_close(struct selection *sel)
{
    json_decref(sel->skipped);
    json_decref(sel->missing);
    json_decref(sel->missing_ids);
    mem_free(sel->ids);
    launch_reads_close(&sel->reads);
    launch_enable_close(&sel->enable);
    *sel = (struct selection){.ids = NULL};
}
