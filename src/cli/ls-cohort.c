/* Rows of studies come from report/studies; files are written one by one, because there may be a
 * million of them. */
#include "cli/ls-cohort.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "report/studies.h"
#include "model/found.h"

/* ["a", "b"] -> "a b", for the table. */
static bool tags_as_text(json_t *row, const char *key, struct err *err)
{
    struct str text = STR_INIT;
    const json_t *tag;
    size_t i;
    json_array_foreach(json_object_get(row, key), i, tag)
    {
        str_add(&text, i ? " " : "");
        str_add(&text, json_string_value(tag));
    }
    bool ok = str_ok(&text, err) && json_put(row, key, json_string(str_text(&text)), err);
    str_fini(&text);
    return ok;
}

static bool put_path(json_t *row, const char *root, struct err *err)
{
    char *path = path_join(root, json_get_text(row, "name", ""), err);
    bool ok = path && json_put(row, "path", json_string(path), err);
    mem_free(path);
    return ok;
}

static json_t *read_rows(struct cli *c, const struct rows *rows, bool subjects, struct err *err)
{
    struct str text = STR_INIT;
    json_t *ids = json_array(), *whole = NULL, *items = NULL;
    bool ok = ids || err_set(err, ERR_NOMEM, "out of memory");
    for (size_t i = 0; ok && i < rows->n; i++) {
        ok = json_array_append_new(ids, json_integer(rows->ids[i])) == 0 ||
            err_set(err, ERR_NOMEM, "out of memory");
    }
    struct studies_query q = {
        .project = rows->project.id,
        .subjects = subjects,
        .in = ids,
        .limit = INT64_MAX,
        .shape = STUDIES_OBJECTS,
    };
    str_addc(&text, '{');
    ok = ok && studies_write(c->store, &q, &text, err);
    str_addc(&text, '}');
    if (ok && str_ok(&text, err)) {
        whole = json_parse(text.buf, text.len, "the list of studies", err);
        items = json_incref(json_object_get(whole, "items"));
    }
    json_decref(whole);
    json_decref(ids);
    str_fini(&text);
    return items;
}

bool ls_studies(struct cli *c, const struct rows *rows, bool subjects, struct err *err)
{
    static const struct column of_study[] = {
        {"Subject", "pid", CELL_TEXT},     {"Study", "sid", CELL_TEXT},
        {"Date", "date", CELL_TEXT},       {"Files", "files", CELL_INT},
        {"Status", "status", CELL_STATUS}, {"Tags", "tags", CELL_TEXT},
        {NULL, NULL, CELL_TEXT},
    };
    static const struct column of_subject[] = {
        {"Subject", "pid", CELL_TEXT}, {"Studies", "studies", CELL_INT},
        {"Latest", "date", CELL_TEXT}, {"Files", "files", CELL_INT},
        {"Tags", "tags", CELL_TEXT},   {NULL, NULL, CELL_TEXT},
    };
    json_t *items = read_rows(c, rows, subjects, err), *row;
    bool ok = items != NULL;
    size_t i;
    json_array_foreach(items, i, row)
    {
        ok = ok &&
            (c->json ? subjects || put_path(row, rows->project.root, err)
                     : tags_as_text(row, "tags", err));
    }
    if (ok && c->json) {
        ok = cli_json(c, items, err);
    } else if (ok) {
        size_t n = json_array_size(items);
        ok = cli_table(c, items, subjects ? of_subject : of_study, err);
        cli_print(c, "%zu %s%s\n", n,
                  subjects     ? "subject"
                      : n == 1 ? "study"
                               : "studies",
                  subjects && n != 1 ? "s" : "");
    }
    json_decref(items);
    return ok;
}

/* Columns: id, place, sub, name, size, tags, mtime_ns, the study's folder, pid, sid. */
#define FILES                                                                                    \
    "SELECT f.id,f.place,f.sub,f.name,f.size,f.tags,f.mtime_ns,i.name,p.name,y.sid FROM file f " \
    "JOIN item i ON i.id=f.study_id JOIN study y ON y.item_id=f.study_id JOIN item p ON "        \
    "p.id=y.subject_id WHERE f.study_id=?1 AND f.gone=0 ORDER BY f.place,f.sub,f.name"

static void relative_path(const struct query *q, struct str *out)
{
    static const int columns[] = {1, 7, 2};
    bool beside = !strcmp(query_text(q, 1), PLACE_BESIDE);
    const char *study = query_text(q, 7), *slash = strrchr(study, '/');
    if (beside && slash) {
        str_addn(out, study, (size_t)(slash - study) + 1);
    }
    for (size_t i = beside ? 2 : 0; i < sizeof columns / sizeof *columns; i++) {
        const char *folder = query_text(q, columns[i]);
        str_add(out, folder);
        str_add(out, *folder ? "/" : "");
    }
    str_add(out, query_text(q, 3));
}

static void add_tags(struct str *out, const char *tags)
{
    bool first = true;
    str_addc(out, '[');
    for (const char *p = tags; *p; p += *p == '/') {
        size_t n = strcspn(p, "/");
        if (n) {
            char tag[256];
            (void)snprintf(tag, sizeof tag, "%.*s", (int)n, p);
            str_add(out, first ? "" : ",");
            json_add_text(out, tag);
            first = false;
        }
        p += n;
    }
    str_addc(out, ']');
}

static void file_json(const struct query *q, const char *root, struct str *out)
{
    struct str path = STR_INIT;
    str_add(&path, root);
    str_addc(&path, '/');
    relative_path(q, &path);
    str_addf(out, "{\"id\":%" PRId64 ",\"path\":", query_int(q, 0));
    json_add_text(out, str_text(&path));
    static const char *const keys[] = {"place", "sub", "name"};
    for (int i = 0; i < 3; i++) {
        str_addf(out, ",\"%s\":", keys[i]);
        json_add_text(out, query_text(q, i + 1));
    }
    str_addf(out, ",\"size\":%" PRId64 ",\"mtime_ns\":%" PRId64 ",\"tags\":", query_int(q, 4),
             query_int(q, 6));
    add_tags(out, query_text(q, 5));
    str_clear(&path);
    str_add(&path, query_text(q, 8));
    str_addc(&path, '#');
    str_add(&path, query_text(q, 9));
    str_add(out, ",\"psid\":");
    json_add_text(out, str_text(&path));
    str_addc(out, '}');
    out->failed = out->failed || path.failed;
    str_fini(&path);
}

/* Lines rather than a table of aligned columns: each is written as it is read. */
static void file_line(const struct query *q, struct str *out)
{
    char size[32];
    num_show_bytes(query_int(q, 4), size, sizeof size);
    str_addf(out, "%10s  ", size);
    relative_path(q, out);
    for (const char *p = query_text(q, 5); *p; p += *p == '/') {
        size_t n = strcspn(p, "/");
        if (n) {
            str_addf(out, "  [%.*s]", (int)n, p);
        }
        p += n;
    }
}

static bool print_file(struct cli *c, const struct query *q, const char *root, bool first,
                       struct err *err)
{
    struct str line = STR_INIT;
    if (c->json) {
        str_add(&line, first ? "\n" : ",\n");
        file_json(q, root, &line);
    } else {
        file_line(q, &line);
    }
    bool ok = str_ok(&line, err);
    char *shown = ok && !c->json ? cli_shown(line.buf, err) : NULL;
    if (ok && c->json) {
        cli_print(c, "%s", line.buf);
    } else if (shown) {
        cli_print(c, "%s\n", shown);
    }
    ok = ok && (c->json || shown);
    mem_free(shown);
    str_fini(&line);
    return ok;
}

bool ls_files(struct cli *c, const struct rows *studies, struct err *err)
{
    size_t n = 0;
    bool ok = true;
    cli_print(c, "%s", c->json ? "[" : "");
    for (size_t i = 0; ok && i < studies->n; i++) {
        struct err late;
        struct query *q = store_query(c->store, err, FILES, "i", studies->ids[i]);
        ok = q != NULL;
        while (ok && query_next(q)) {
            ok = print_file(c, q, studies->project.root, n++ == 0, err);
        }
        ok = q && query_end(q, ok ? err : &late) && ok;
    }
    if (ok && c->json) {
        cli_print(c, "%s]\n", n ? "\n" : "");
    } else if (ok) {
        cli_print(c, "%zu file%s\n", n, n == 1 ? "" : "s");
    }
    return ok;
}
