/*
 * nora --import: the series of DICOM as NIfTI into SUBJECT/STUDY/<series>/sNNN.nii.gz, each with
 * its side-car, by gantry-imaging. Whose they are is said by the caller: identifiers of patients
 * are not read. What is there already stays as it is.
 */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "cli/child.h"
#include "cli/nora.h"
#include "cli/rows.h"
#include "os/file.h"

struct import {
    struct cli *c;
    const struct nora *n;
    struct project project;
    json_t *who; /* selectors of the studies that got something */
    size_t series, kept, failed;
};

/* A word of a header as the name of a folder. */
static char *folder_name(const json_t *series, struct err *err)
{
    static const char *const keys[] = {"description", "series_description", "protocol",
                                       "study_description", "modality"};
    const char *text = "";
    for (size_t i = 0; !*text && i < sizeof keys / sizeof *keys; i++) {
        text = json_get_text(series, keys[i], "");
    }
    char *name = mem_strdup(*text ? text : "series", err);
    for (char *p = name; p && *p; p++) {
        bool fine = isalnum((unsigned char)*p) || *p == '-' || *p == '.' || (*p & 0x80);
        *p = fine && !(p == name && *p == '.') ? *p : '_';
    }
    return name;
}

static bool convert(struct import *m, const char *source, const char *folder, const json_t *series,
                    struct err *err)
{
    struct err why = {0};
    struct str said = STR_INIT;
    const char *uid = json_get_text(series, "uid", "");
    int64_t k = json_get_int(series, "number", 0);
    char *name = folder_name(series, err);
    char *into = name ? mem_printf(err, "%s/%s", folder, name) : NULL;
    char *out = into ? mem_printf(err, "%s/s%03" PRId64 ".nii.gz", into, k) : NULL;
    bool ok = out && file_mkdirs(into, 0777, err);
    if (ok && file_exists(out)) {
        m->kept++;
    } else if (ok) {
        const char *args[] = {"convert", source, out, "--series", uid, NULL};
        if (child_imaging(args, &said, &why)) {
            m->series++;
            if (!m->c->json) {
                cli_print(m->c, "%s\n", out);
            }
        } else { /* one bad series does not stop the others */
            m->failed++;
            cli_note(m->c, "series %" PRId64 ": %s", k, why.text);
            (void)rmdir(into); /* when nothing else is in it */
            (void)rmdir(folder);
        }
    }
    str_fini(&said);
    mem_free(out);
    mem_free(into);
    mem_free(name);
    return ok;
}

/* No slash, and no dot in front: it becomes the name of a folder. */
static bool fit(const char *what, const char *name, struct err *err)
{
    return (*name && *name != '.' && !strchr(name, '/') && str_utf8(name)) ||
        err_set(err, ERR_USAGE, "--import: '%s' cannot be %s: it names a folder", name, what);
}

static bool import_one(struct import *m, const char *source, const char *pid, const char *sid,
                       struct err *err)
{
    struct str text = STR_INIT;
    struct err why = {0};
    const char *args[] = {"info", source, NULL};
    const json_t *series;
    size_t i;
    if (!fit("a PID", pid, err) || !fit("a SID", sid, err)) {
        return false;
    }
    json_t *about = child_imaging(args, &text, &why) && str_ok(&text, &why)
        ? json_parse(str_text(&text), text.len, "gantry-imaging's answer", &why)
        : NULL;
    str_fini(&text);
    if (!about || !json_array_size(json_object_get(about, "series"))) {
        cli_note(m->c, "%s: %s", source, about ? "no series of DICOM" : why.text);
        json_decref(about);
        m->failed++;
        return true;
    }
    char *folder = mem_printf(err, "%s/%s/%s", m->project.root, pid, sid);
    bool ok = folder != NULL;
    json_array_foreach(json_object_get(about, "series"), i, series)
    {
        ok = ok && convert(m, source, folder, series, err);
    }
    struct str who = STR_INIT;
    pattern_escape(&who, pid);
    str_addc(&who, '#');
    pattern_escape(&who, sid);
    ok = ok && str_ok(&who, err) && json_array_append_new(m->who, json_string(str_text(&who))) == 0;
    str_fini(&who);
    mem_free(folder);
    json_decref(about);
    return ok;
}

static const char *word(const struct nora *n, enum nora_option option, const char *fallback)
{
    const struct nora_words *w = nora_words(n, option);
    return w->n ? w->words[0] : fallback;
}

/* Every entry of a folder is a study of its own: PID or PID#SID. */
static bool import_batch(struct import *m, const char *source, struct err *err)
{
    struct dirent **list = NULL;
    int n = scandir(source, &list, NULL, alphasort);
    bool ok = n >= 0 || err_set(err, ERR_IO, "'%s' is no folder that can be read", source);
    for (int i = 0; i < n; i++) {
        const char *name = list[i]->d_name;
        size_t whole = strlen(name) - (str_ends(name, ".zip") ? strlen(".zip") : 0);
        size_t length = strcspn(name, "#");
        length = length < whole ? length : whole;
        bool wanted = ok && *name != '.';
        char *pid = wanted ? mem_strndup(name, length, err) : NULL;
        char *sid = !pid     ? NULL
            : length < whole ? mem_strndup(name + length + 1, whole - length - 1, err)
                             : mem_strdup(word(m->n, NORA_SID, "S1"), err);
        char *path = sid ? mem_printf(err, "%s/%s", source, name) : NULL;
        ok = ok && (!wanted || (path && import_one(m, path, pid, sid, err)));
        mem_free(path);
        mem_free(sid);
        mem_free(pid);
        free(list[i]);
    }
    free(list);
    return ok;
}

/* The studies are in the catalog now: their tags. */
static bool tag_new(struct import *m, bool subjects, struct err *err)
{
    const struct nora_words *tags =
        nora_words(m->n, subjects ? NORA_ADDTAG_PATIENT : NORA_ADDTAG_STUDY);
    const json_t *who;
    size_t i;
    bool ok = true;
    json_array_foreach(m->who, i, who)
    {
        const char *text = json_string_value(who);
        struct choice ch = {.n = 0};
        if (!ok || !tags->n) {
            break;
        }
        ok = choose(m->c, &text, 1, &ch, err);
        json_t *ids = !ok ? NULL
            : subjects    ? choice_subjects(m->c, &ch, err)
                          : choice_studies(&ch, err);
        cli_store_close(m->c);
        ok = ids &&
            nora_tag(m->c, &ch, subjects ? "subject" : "study", ids, tags->words[0], true, err);
        choice_fini(&ch);
    }
    return ok;
}

static bool say(struct import *m, struct err *err)
{
    m->c->status = m->failed ? 1 : 0;
    if (!m->c->json) {
        cli_print(m->c, "%zu series imported, %zu were there already\n", m->series, m->kept);
        return true;
    }
    json_t *all = json_pack("{s:I, s:I, s:I}", "imported", (json_int_t)m->series, "there",
                            (json_int_t)m->kept, "failed", (json_int_t)m->failed);
    bool ok = all ? cli_json(m->c, all, err) : err_set(err, ERR_NOMEM, "out of memory");
    json_decref(all);
    return ok;
}

bool nora_import(struct cli *c, const struct nora *n, struct err *err)
{
    struct import m = {.c = c, .n = n, .who = json_array()};
    struct rows rows = {.n = 0};
    bool batch = nora_has(n, NORA_BATCHIMPORT);
    const struct nora_words *from = nora_words(n, batch ? NORA_BATCHIMPORT : NORA_IMPORT);
    bool ok = m.who && choose_project(c, &m.project, err);
    if (ok && !batch && !nora_words(n, NORA_PID)->n) {
        ok = err_set(err, ERR_USAGE,
                     "--import: say whose it is: --patients_id PID [--studies_id SID] (identifiers "
                     "are not read from DICOM)");
    }
    cli_store_close(c);
    for (size_t i = 0; ok && i < from->n; i++) {
        ok = batch
            ? import_batch(&m, from->words[i], err)
            : import_one(&m, from->words[i], word(n, NORA_PID, ""), word(n, NORA_SID, "S1"), err);
    }
    ok = ok && rows_open(c, &rows, err) && tag_new(&m, false, err) && tag_new(&m, true, err) &&
        say(&m, err);
    rows_fini(&rows);
    json_decref(m.who);
    project_fini(&m.project);
    return ok;
}
