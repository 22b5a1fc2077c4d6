/* Refresh first, so that a scan written a second ago is part of what is selected. */
#include "cli/pick.h"

#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "catalog/selector.h"
#include "cli/pick-series.h"
#include "cli/resolve.h"
#include "cli/rows.h"
#include "engine/refresh.h"

#define SHOWN_WARNINGS 20
#define LEAST_SHOWN 200 /* reading fewer headers needs no counter */

static void show_reading(void *arg, size_t done, size_t total)
{
    struct cli *c = arg;
    if (c->terminal_err && total >= LEAST_SHOWN) {
        (void)fprintf(stderr, "\rreading headers %zu/%zu%s", done, total,
                      done >= total ? "\r\033[K" : "");
        (void)fflush(stderr);
    }
}

bool pick_refresh(struct cli *c, struct session *session, int64_t project, struct err *err)
{
    struct refresh_report report = {0};
    struct refresh how = {
        .home = c->home,
        .session = session,
        .project = project,
        .min_size_pct = -1,
        .progress = show_reading,
        .arg = c,
    };
    if (!refresh_project(&how, &report, err)) {
        return false;
    }
    size_t n = json_array_size(report.warnings);
    for (size_t i = 0; i < n && i < SHOWN_WARNINGS; i++) {
        cli_note(c, "%s", json_string_value(json_array_get(report.warnings, i)));
    }
    if (n > SHOWN_WARNINGS) {
        cli_note(c, "(+%zu more; gantry ls shows each with its reason)", n - SHOWN_WARNINGS);
    }
    refresh_report_fini(&report);
    return true;
}

/* Of the rows that were selected, those that are ZIPs of DICOM. */
static bool keep_zips(struct store *s, int64_t *ids, size_t *n, struct err *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < *n; i++) {
        int64_t zip = 0;
        if (!store_int(s, 0, &zip, err, "SELECT kind='dicom-zip' FROM item WHERE id=?1", "i",
                       ids[i])) {
            return false;
        }
        if (zip) {
            ids[kept++] = ids[i];
        }
    }
    *n = kept;
    return true;
}

/* Is there any study of a cohort in the project? Then those are the items of level study. */
static bool has_studies(struct store *s, int64_t project, bool *ret, struct err *err)
{
    int64_t any = 0;
    bool ok = store_int(s, 0, &any, err,
                        "SELECT 1 FROM item WHERE project_id=?1 AND level='study' AND gone=0 "
                        "LIMIT 1",
                        "i", project);
    *ret = any == 1;
    return ok;
}

static bool nothing_there(const char *level, const char *root, bool cohort, struct err *err)
{
    if (!strcmp(level, "scan")) {
        return err_set(err, ERR_NOTHING, "No files selected: there is no scan in '%s' (gantry ls)",
                       root);
    }
    if (!strcmp(level, "series")) {
        return err_set(err, ERR_NOTHING,
                       "No series selected: in '%s' there are none (gantry dataset add NAME PATH)",
                       root);
    }
    return cohort || !strcmp(level, "subject")
        ? err_set(err, ERR_NOTHING, "No %s selected in '%s' (gantry ls --level %s)", level, root,
                  level)
        : err_set(err, ERR_NOTHING,
                  "No study selected: in '%s' there is no study of a cohort and no ZIP of DICOM "
                  "(gantry ls)",
                  root);
}

bool pick_items(struct cli *c, struct session *session, char *const *selectors, size_t n,
                const char *level, struct pick *ret, struct err *err)
{
    int64_t *ids = NULL;
    size_t n_ids = 0;
    struct pick p = {.ids = NULL};
    bool studies = !strcmp(level, "study"), cohort = false;
    if (!resolve_project(c, true, &p.project, err)) {
        return false;
    }
    int64_t project = p.project.id;
    /* series come from data sets, which are read when they are told to be */
    bool series = !strcmp(level, "series");
    bool ok = series || pick_refresh(c, session, project, err);
    if (ok) {
        cli_store_close(c);
        ok = cli_store(c, err) && has_studies(c->store, project, &cohort, err);
    }
    if (ok && series) {
        ok = pick_series(c->store, project, selectors, n, &ids, &n_ids, err);
    } else if (ok && (!strcmp(level, "subject") || (studies && cohort))) {
        struct rows rows = {.project = p.project};
        ok = rows_studies(c, !studies, selectors, n, &rows, err);
        ids = rows.ids;
        n_ids = rows.n;
    } else if (ok) {
        ok = selector_items(c->store, project, selectors, n, studies ? SELECT_FILES : SELECT_SCANS,
                            &ids, &n_ids, err) &&
            (!studies || keep_zips(c->store, ids, &n_ids, err));
    }
    ok = ok && (n_ids > 0 || nothing_there(level, p.project.root, cohort, err));
    p.ids = ok ? json_array() : NULL;
    for (size_t i = 0; ok && i < n_ids; i++) {
        if (!p.ids || json_array_append_new(p.ids, json_integer(ids[i]))) {
            ok = err_set(err, ERR_NOMEM, "out of memory");
        }
    }
    mem_free(ids);
    if (!ok) {
        pick_fini(&p);
        return false;
    }
    *ret = p;
    return true;
}

void pick_fini(struct pick *p)
{
    json_decref(p->ids);
    p->ids = NULL;
    project_fini(&p->project);
}
