/*
 * Whose is it, and of what day, where headers do not tell. In this order: BIDS (sub-X below it, the
 * day from sub-X[_ses-Y]_scans.tsv), the layout of the project when it is a pattern, the folder
 * above one whose name is a day, and else SUBJECT/STUDY/.../file below the data set's place. A day
 * in a folder's or the file's name counts where nothing else tells it.
 */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/dataset-scan.h"
#include "codec/csv.h"
#include "model/layout.h"
#include "os/file.h"

/* One line a file of a session. */
#define SCANS_MAX ((size_t)8 << 20)

/* A path's components; the text is cut up. */
struct parts {
    char *text;
    const char *part[LAYOUT_LEVELS + 1];
    size_t n; /* with the file itself; deeper ones are not looked at */
};

static bool parts_of(const char *path, struct parts *ret, struct err *err)
{
    ret->n = 0;
    ret->text = mem_strdup(path, err);
    for (char *at = ret->text; at && ret->n < LAYOUT_LEVELS + 1;) {
        char *end = strchr(at, '/');
        ret->part[ret->n++] = at;
        if (end) {
            *end = '\0';
        }
        at = end ? end + 1 : NULL;
    }
    return ret->text != NULL;
}

/* --- BIDS */

/* acq_time of `name` (relative to the folder of the table) as a day. */
static void day_of(const char *table, const char *name, char ret[11])
{
    struct err none = {.code = ERR_NONE};
    struct csv csv = {.n = 0};
    size_t length = 0, time = 0, file = 0;
    char *text = file_exists(table) ? file_read(table, SCANS_MAX, &length, &none) : NULL;
    if (text && csv_parse_any(text, length, table, &csv, &none) && csv.n > 1) {
        for (size_t i = 0; i < csv.rows[0].n; i++) {
            time = !strcmp(csv_field(&csv.rows[0], i), "acq_time") ? i + 1 : time;
            file = !strcmp(csv_field(&csv.rows[0], i), "filename") ? i + 1 : file;
        }
    }
    for (size_t i = 1; time && file && i < csv.n; i++) {
        const char *when = csv_field(&csv.rows[i], time - 1);
        if (!strcmp(csv_field(&csv.rows[i], file - 1), name) && strlen(when) >= 10 &&
            strspn(when, "0123456789-") >= 10) {
            (void)snprintf(ret, 11, "%.10s", when);
        }
    }
    csv_fini(&csv);
    mem_free(text);
}

/* `at`: which part is sub-X. */
static bool bids_day(const char *root, const char *path, const struct parts *p, size_t at,
                     char ret[11], struct err *err)
{
    bool session = at + 2 < p->n && str_starts(p->part[at + 1], "ses-");
    const char *below = path;
    for (size_t i = 0; i <= at + session && below; i++) {
        below = strchr(below, '/');
        below = below ? below + 1 : NULL;
    }
    if (!below) {
        return true;
    }
    char *table = mem_printf(err, "%s/%.*s%s%s%s_scans.tsv", root, (int)(below - path), path,
                             p->part[at], session ? "_" : "", session ? p->part[at + 1] : "");
    bool ok = table != NULL;
    if (ok) {
        day_of(table, below, ret);
    }
    mem_free(table);
    return ok;
}

/* --- the rest */

static bool by_layout(const char *layout, const struct parts *p, struct layout_names *names)
{
    struct layout l;
    struct err none = {.code = ERR_NONE};
    if (!layout_parse(layout, &l, &none) || l.kind != LAYOUT_KIND_PATTERN || p->n <= l.n) {
        return false;
    }
    for (size_t i = 0; i < l.n; i++) {
        if (!layout_level(&l, i, p->part[i], names)) {
            return false;
        }
    }
    return true;
}

static bool put_missing(json_t *row, const char *key, const char *value, struct err *err)
{
    return !*value || *json_get_text(row, key, "") || json_put(row, key, json_string(value), err);
}

static bool put_who(json_t *row, const char *root, const char *layout, const char *place,
                    const struct parts *p, char day[11], struct err *err)
{
    const char *path = json_get_text(row, "path", "");
    struct layout_names names = {.pid = ""};
    struct parts below = {.n = 0};
    for (size_t i = 0; i + 1 < p->n; i++) {
        if (str_starts(p->part[i], "sub-")) {
            return bids_day(root, path, p, i, day, err) &&
                put_missing(row, "patient", p->part[i], err);
        }
    }
    if (by_layout(layout, p, &names)) {
        return put_missing(row, "patient", names.pid, err);
    }
    for (size_t i = 1; i + 1 < p->n; i++) {
        layout_date(p->part[i], day);
        if (*day) {
            return put_missing(row, "patient", p->part[i - 1], err);
        }
        day[0] = '\0';
    }
    const char *rest = !strcmp(place, ".") ? path : path_below(path, place);
    bool ok = !rest || parts_of(rest, &below, err);
    if (ok && rest && below.n > 2) {
        ok = put_missing(row, "patient", below.part[0], err);
    }
    mem_free(below.text);
    return ok;
}

bool dataset_who(json_t *row, const char *root, const char *layout, const char *place,
                 struct err *err)
{
    const char *path = json_get_text(row, "path", "");
    struct parts p;
    char day[11] = "";
    if (!strcmp(path, ".")) {
        return true;
    }
    bool ok = parts_of(path, &p, err) && put_who(row, root, layout, place, &p, day, err);
    for (size_t i = ok ? p.n : 0; i-- > 0 && !*day;) {
        layout_date(p.part[i], day);
    }
    ok = ok && put_missing(row, "date", day, err);
    mem_free(p.text);
    return ok;
}
