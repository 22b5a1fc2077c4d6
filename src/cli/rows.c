/* Project, refresh, selection: in this order, because a scan written a second ago is part of what
 * is selected. */
#include "cli/rows.h"

#include <stdio.h>
#include "base/mem.h"
#include "cli/resolve.h"

#define SHOWN_LINES 20
#define LEAST_SHOWN 200 /* reading fewer headers needs no counter */

void rows_say(const struct cli *c, const json_t *lines)
{
    size_t n = json_array_size(lines);
    for (size_t i = 0; i < n && i < SHOWN_LINES; i++) {
        cli_note(c, "%s", json_string_value(json_array_get(lines, i)));
    }
    if (n > SHOWN_LINES) {
        cli_note(c, "(+%zu more)", n - SHOWN_LINES);
    }
}

static void show_reading(void *arg, size_t done, size_t total)
{
    const struct cli *c = arg;
    if (c->terminal_err && total >= LEAST_SHOWN) {
        (void)fprintf(stderr, "\rreading headers %zu/%zu%s", done, total,
                      done >= total ? "\r\033[K" : "");
        (void)fflush(stderr);
    }
}

bool rows_refresh(struct cli *c, struct session *session, int64_t project, int64_t pct, bool all,
                  struct refresh_report *ret, struct err *err)
{
    const struct refresh how = {
        .home = c->home,
        .session = session,
        .project = project,
        .min_size_pct = pct,
        .all = all,
        .progress = show_reading,
        .arg = c,
    };
    return refresh_project(&how, ret, err);
}

bool rows_select(struct cli *c, char *const *selectors, size_t n, int scope, struct rows *ret,
                 struct err *err)
{
    struct refresh_report report;
    struct err why = {.code = ERR_NONE};
    *ret = (struct rows){.n = 0};
    if (!resolve_project(c, true, &ret->project, err)) {
        return false;
    }
    if (rows_refresh(c, NULL, ret->project.id, -1, false, &report, &why)) {
        rows_say(c, report.warnings);
        refresh_report_fini(&report);
    } else {
        cli_note(c, "the catalog could not be refreshed: %s", why.text);
    }
    cli_store_close(c);
    return cli_store(c, err) &&
        selector_items(c->store, ret->project.id, selectors, n, scope, &ret->ids, &ret->n, err);
}

void rows_fini(struct rows *r)
{
    project_fini(&r->project);
    mem_free(r->ids);
    *r = (struct rows){.n = 0};
}

bool rows_need(const struct rows *r, struct err *err)
{
    return r->n > 0 ||
        err_set(err, ERR_NOTHING, "No files selected: there is no scan in '%s' (gantry ls)",
                r->project.root);
}

json_t *rows_args(const struct rows *r, struct err *err)
{
    json_t *args = json_object(), *items = json_array();
    bool ok = args && items;
    for (size_t i = 0; ok && i < r->n; i++) {
        ok = json_array_append_new(items, json_integer(r->ids[i])) == 0;
    }
    ok = ok && json_object_set(args, "items", items) == 0 &&
        json_object_set_new(args, "project", json_integer(r->project.id)) == 0;
    json_decref(items);
    if (!ok) {
        json_decref(args);
        (void)err_set(err, ERR_NOMEM, "out of memory");
        return NULL;
    }
    return args;
}

json_t *rows_call(struct cli *c, const char *op, const json_t *args, struct err *err)
{
    json_t *answer = cli_call(c, op, args, err);
    rows_say(c, json_object_get(answer, "warnings"));
    return answer;
}
