/* What selectors found, on standard output: row by row, because it may be a million of them. */
#include <inttypes.h>
#include <string.h>
#include "base/mem.h"
#include "cli/choose.h"
#include "model/tags.h"

struct printer {
    struct cli *c;
    const struct project *project;
    bool by_filename;
    size_t n;
    int64_t study;  /* whose names these are */
    json_t *names;  /* pid, sid, psid, date, sdesc, tags, subject_tags, attrs of it */
    json_t *folder; /* by_filename: name -> rows of the study so far */
};

static json_t *study_row(struct store *s, int64_t study, const char *root, struct err *err)
{
    json_t *rows = store_rows(
        s, err,
        "SELECT i.id,p.name AS pid,y.sid,p.name||'#'||y.sid AS "
        "psid,y.date,y.sdesc,y.files,?2||'/'||i.name AS path,i.tags,p.tags AS subject_tags,"
        "i.attrs AS attrs_json,p.attrs AS subject_attrs_json FROM study y JOIN item i ON "
        "i.id=y.item_id JOIN item p ON p.id=y.subject_id WHERE y.item_id=?1",
        "is", study, root);
    json_t *row = json_incref(json_array_get(rows, 0));
    json_decref(rows);
    static const char *const tags[] = {"tags", "subject_tags"};
    bool ok = row != NULL;
    for (size_t i = 0; ok && i < 2; i++) {
        ok = json_put(row, tags[i], tags_list(json_get_text(row, tags[i], "/")), err);
    }
    if (!ok) {
        json_decref(row);
        return NULL;
    }
    return row;
}

static bool print_row(struct printer *p, const json_t *row, struct err *err)
{
    char *text = json_text(row, err);
    if (text) {
        cli_print(p->c, "%s\n%s", p->n ? "," : "[", text);
    }
    mem_free(text);
    return text != NULL;
}

/* One study's object of names is complete. */
static bool flush_folder(struct printer *p, struct err *err)
{
    char *text = NULL, *key = NULL;
    if (!p->folder) {
        return true;
    }
    json_t *name = json_incref(json_object_get(p->names, "psid"));
    bool ok = (key = json_text(name, err)) && (text = json_text(p->folder, err));
    if (ok) {
        cli_print(p->c, "%s\n%s:%s", p->n ? "," : "{", key, text);
        p->n++;
    }
    mem_free(text);
    mem_free(key);
    json_decref(name);
    json_decref(p->folder);
    p->folder = NULL;
    return ok;
}

static bool enter_study(struct printer *p, int64_t study, struct err *err)
{
    if (p->study == study && p->names) {
        return true;
    }
    bool ok = !p->by_filename || flush_folder(p, err);
    json_decref(p->names);
    p->names = ok ? study_row(p->c->store, study, p->project->root, err) : NULL;
    p->study = study;
    return p->names != NULL;
}

static json_t *file_row(const struct printer *p, const struct pattern_file *f, struct err *err)
{
    json_t *row = json_pack(
        "{s:I, s:s, s:s, s:s, s:s, s:I, s:o, s:O, s:O, s:O}", "id", (json_int_t)f->id, "path",
        f->path, "place", f->place, "sub", f->sub, "name", f->name, "size", (json_int_t)f->size,
        "tags", tags_list(f->tags), "psid", json_object_get(p->names, "psid"), "pid",
        json_object_get(p->names, "pid"), "sid", json_object_get(p->names, "sid"));
    if (!row) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return row;
}

static bool add_to_folder(struct printer *p, const char *name, json_t *row, struct err *err)
{
    json_t *list;
    p->folder = p->folder ? p->folder : json_object();
    list = json_object_get(p->folder, name);
    if (!list && p->folder && json_put(p->folder, name, json_array(), err)) {
        list = json_object_get(p->folder, name);
    }
    return list && (json_array_append(list, row) == 0 || err_set(err, ERR_NOMEM, "out of memory"));
}

static bool print_file(void *arg, const struct pattern_file *f, struct err *err)
{
    struct printer *p = arg;
    if (!p->c->json && !p->by_filename) {
        cli_print(p->c, "%s\n", f->path);
        p->n++;
        return true;
    }
    json_t *row = NULL;
    bool ok = enter_study(p, f->study, err) &&
        (row = f->id ? file_row(p, f, err) : json_incref(p->names));
    if (ok && p->by_filename) {
        ok = add_to_folder(p, f->id ? f->name : "[info]", row, err);
    } else if (ok) {
        ok = print_row(p, row, err);
        p->n++;
    }
    json_decref(row);
    return ok;
}

static bool print_study(struct printer *p, int64_t study, struct err *err)
{
    if (!enter_study(p, study, err)) {
        return false;
    }
    bool ok = true;
    if (p->c->json || p->by_filename) {
        ok = print_row(p, p->names, err);
    } else {
        cli_print(p->c, "%s\n", json_get_text(p->names, "psid", ""));
    }
    p->n++;
    return ok;
}

bool choice_print(struct cli *c, const struct choice *ch, bool by_filename, size_t *ret_n,
                  struct err *err)
{
    bool files = ch->files.len > 0, ok = true;
    struct printer p = {.c = c, .project = &ch->project, .by_filename = by_filename && files};
    if (files) {
        ok = pattern_files(c->store, ch->project.id, ch->studies, ch->n, str_text(&ch->files),
                           print_file, &p, err);
    }
    for (size_t i = 0; ok && !files && i < ch->n; i++) {
        ok = print_study(&p, ch->studies[i], err);
    }
    ok = ok && (!p.by_filename || flush_folder(&p, err));
    json_decref(p.folder);
    json_decref(p.names);
    if (ok && p.by_filename) {
        cli_print(c, p.n ? "\n}\n" : "{}\n");
    } else if (ok && c->json) {
        cli_print(c, p.n ? "\n]\n" : "[]\n");
    }
    *ret_n = p.n;
    return ok;
}
