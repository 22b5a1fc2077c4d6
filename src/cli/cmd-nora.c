/* `nora`: what scripts of NORA's users call, also from within jobs (REQUIREMENTS Q7, M6). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "catalog/cohort.h"
#include "cli/cli.h"
#include "cli/nora.h"
#include "cli/rows.h"
#include "report/studies.h"

static const char help[] =
    "usage: nora -p PROJECT ACTION   (the project may also stand in $DPXproject)\n"
    "\n"
    "  -s, --select SUBJECT [FILE...]      print the files, one path a line; without FILE the "
    "studies\n"
    "      --json, --byfilename            the same as JSON; per study, then per file name\n"
    "  -a, --add FILE... [--addtag TAGS]   take files into the catalog\n"
    "  -d, --del FILE... | SUBJECT FILE... take files off the catalog (the disk is not touched)\n"
    "  -o, --out SUBJECT FILE...           where output of these studies goes\n"
    "  -pa, --pathout SUBJECT FOLDER...    the same for a folder\n"
    "      --addtag TAGS -s SUBJECT FILE...   (--rmtag)\n"
    "      --addtag_study TAGS PSID...        (--rmtag_study)\n"
    "      --addtag_patient TAGS PID...       (--rmtag_patient)\n"
    "      --tagstats                      how many have each tag\n"
    "  -l, --launch JSON, --launchfile FILE   {\"batch\": NAME, \"select\": SUBJECT}\n"
    "      --launch_autoexec PSID...       the project's own batch\n"
    "      --exportmeta SUBJECT FILE... --keys KEYS [--header_type full]   CSV of JSON side-cars\n"
    "      --import DICOM --patients_id PID [--studies_id SID] [--addtag_study TAGS] "
    "[--addtag_patient TAGS]\n"
    "      --batchimport FOLDER            each folder or ZIP in it is a study: PID or PID#SID\n"
    "      --importcsv FILE IDCOLUMN       attributes of subjects and studies\n"
    "      --projectlist\n"
    "\n"
    "SUBJECT: * 12* PID#SID PID#LATEST[n] PID#OLDEST[n] stag:T notstag:T ptag:T notptag:T "
    "PID#tag:T PIDLIST:a,b PSIDLIST:a#1,b#2\n"
    "FILE: NAME SUB/NAME ABS:/path tag:T reading:F [info]; SORT SORTDESC NTH(n); several are a "
    "union\n";

/* --- tags */

/* "a,b" -> ["a","b"] */
static json_t *split_tags(const char *text, struct err *err)
{
    json_t *list = json_array();
    while (list && *text) {
        size_t n = strcspn(text, ", ");
        if (n && json_array_append_new(list, json_stringn(text, n))) {
            json_decref(list);
            list = NULL;
            break;
        }
        text += n + (text[n] != '\0');
    }
    if (!json_array_size(list)) {
        (void)err_set(err, ERR_USAGE, "a tag is wanted, or several with commas between them");
        json_decref(list);
        return NULL;
    }
    return list;
}

static bool say_changed(struct cli *c, const json_t *answer, const char *word, size_t of,
                        struct err *err)
{
    int64_t n = json_get_int(answer, "changed", 0);
    if (c->json) {
        return cli_json(c, answer, err);
    }
    cli_print(c, "%" PRId64 " of %zu %s changed\n", n, of, word);
    return true;
}

bool nora_tag(struct cli *c, const struct choice *ch, const char *domain, json_t *ids,
              const char *tags, bool add, struct err *err)
{
    static const char *const words[] = {"files", "studies", "subjects"};
    const char *word = words[!strcmp(domain, "file") ? 0 : !strcmp(domain, "study") ? 1 : 2];
    size_t n = json_array_size(ids);
    json_t *list = ids ? split_tags(tags, err) : NULL;
    json_t *args = list
        ? json_pack("{s:I, s:s, s:O, s:O, s:b}", "project", (json_int_t)ch->project.id, "domain",
                    domain, "ids", ids, "tags", list, "add", (int)add)
        : NULL;
    json_t *answer = NULL;
    bool ok = args != NULL;
    if (ok && !n) {
        ok = err_set(err, ERR_NOTHING, "no %s to tag: the selector finds none", word);
    }
    ok = ok && (answer = rows_call(c, "tag.change", args, err)) &&
        say_changed(c, answer, word, n, err);
    json_decref(answer);
    json_decref(args);
    json_decref(list);
    json_decref(ids);
    return ok;
}

/* What was said of files that are taken in. */
static bool say_added(struct cli *c, const json_t *answer, struct err *err)
{
    const json_t *outside = json_object_get(answer, "outside");
    size_t n = json_array_size(outside);
    for (size_t i = 0; i < n && i < 20; i++) {
        cli_note(c, "no file of a study of this project: '%s'",
                 json_string_value(json_array_get(outside, i)));
    }
    c->status = n ? 1 : c->status;
    return !c->json || cli_json(c, answer, err);
}

/* Takes `paths`. */
static bool add_paths(struct cli *c, int64_t project, json_t *paths, const char *tags,
                      struct err *err)
{
    json_t *args =
        paths ? json_pack("{s:I, s:O}", "project", (json_int_t)project, "paths", paths) : NULL;
    json_t *answer = NULL;
    bool ok = args && (!tags || json_put(args, "tags", json_string(tags), err)) &&
        (answer = rows_call(c, "file.add", args, err)) && say_added(c, answer, err);
    json_decref(answer);
    json_decref(args);
    json_decref(paths);
    return ok;
}

static bool tag_files(struct cli *c, const struct nora *n, bool add, struct err *err)
{
    const struct nora_words *who = nora_words(n, NORA_SELECT);
    const char *tags = nora_words(n, add ? NORA_ADDTAG : NORA_RMTAG)->words[0];
    struct choice ch;
    if (!who->given) {
        return err_set(err, ERR_USAGE,
                       "nora --%stag %s: which files? (-s SUBJECT FILE..., or "
                       "-a FILE...)",
                       add ? "add" : "rm", tags);
    }
    bool ok = choose(c, who->words, who->n, &ch, err);
    if (ok && !ch.files.len) {
        ok = err_set(err, ERR_USAGE,
                     "no file selector behind -s (--addtag_study TAG PSID tags studies)");
    }
    json_t *ids = ok ? choice_files(c, &ch, err) : NULL;
    cli_store_close(c);
    size_t staged = json_array_size(ch.staged);
    ok = ids != NULL;
    if (ok && staged && !add) {
        ok = err_set(err, ERR_USAGE, "a file that the job is still writing has no tags yet");
        json_decref(ids);
    } else if (ok && staged && !json_array_size(ids)) {
        json_decref(ids);
        ok = add_paths(c, ch.project.id, json_incref(ch.staged), tags, err);
    } else if (ok) {
        ok = (!staged || add_paths(c, ch.project.id, json_incref(ch.staged), tags, err)) &&
            nora_tag(c, &ch, "file", json_incref(ids), tags, add, err);
        json_decref(ids);
    }
    choice_fini(&ch);
    return ok;
}

/* TAGS SELECTOR... */
static bool tag_people(struct cli *c, const struct nora_words *w, bool subjects, bool add,
                       struct err *err)
{
    bool ok = true;
    for (size_t i = 1; ok && i < w->n; i++) {
        struct choice ch;
        ok = choose(c, &w->words[i], 1, &ch, err);
        json_t *ids = !ok ? NULL
            : subjects    ? choice_subjects(c, &ch, err)
                          : choice_studies(&ch, err);
        cli_store_close(c);
        ok = ids && nora_tag(c, &ch, subjects ? "subject" : "study", ids, w->words[0], add, err);
        choice_fini(&ch);
    }
    return ok;
}

static bool tag_stats(struct cli *c, struct err *err)
{
    static const char *const domains[] = {"file", "study", "subject"};
    static const char *const names[] = {"file", "study", "patient"};
    struct project project = {0};
    json_t *all = json_object();
    bool ok = all && choose_project(c, &project, err);
    for (size_t i = 0; ok && i < 3; i++) {
        json_t *rows = studies_tags(c->store, project.id, domains[i], err);
        json_t *counts = json_object(), *row;
        size_t k;
        ok = rows && counts;
        json_array_foreach(rows, k, row)
        {
            const char *tag = json_get_text(row, "tag", "");
            ok = ok && json_put(counts, tag, json_integer(json_get_int(row, "files", 0)), err);
            if (ok && !c->json) {
                cli_print(c, "%s\t%s\t%" PRId64 "\n", names[i], tag, json_get_int(row, "files", 0));
            }
        }
        json_decref(rows);
        ok = ok && json_put(all, names[i], json_incref(counts), err);
        json_decref(counts);
    }
    ok = ok && (!c->json || cli_json(c, all, err));
    json_decref(all);
    project_fini(&project);
    return ok;
}

/* --- files */

static bool select_files(struct cli *c, const struct nora *n, struct err *err)
{
    const struct nora_words *w = nora_words(n, NORA_SELECT);
    struct choice ch;
    size_t found = 0;
    bool ok = choose(c, w->words, w->n, &ch, err) &&
        choice_print(c, &ch, nora_has(n, NORA_BYFILENAME), &found, err);
    if (ok && !found) {
        cli_note(c, "nothing matches %s%s%s", w->words[0], ch.files.len ? " " : "",
                 str_text(&ch.files));
    }
    choice_fini(&ch);
    return ok;
}

static bool add_files(struct cli *c, const struct nora *n, struct err *err)
{
    const struct nora_words *w = nora_words(n, NORA_ADD);
    struct project project = {0};
    char *here = realpath(".", NULL);
    json_t *paths = json_array();
    bool ok = here && paths && choose_project(c, &project, err);
    for (size_t i = 0; ok && i < w->n; i++) {
        char *path = path_absolute(here, w->words[i], err);
        char *real = path && !path_below(path, project.root) ? realpath(path, NULL) : NULL;
        ok = path &&
            (json_array_append_new(paths, json_string(real ? real : path)) == 0 ||
             err_set(err, ERR_USAGE, "the name '%s' is not valid UTF-8", path));
        free(real);
        mem_free(path);
    }
    cli_store_close(c);
    ok = ok &&
        add_paths(c, project.id, json_incref(paths),
                  nora_has(n, NORA_ADDTAG) ? nora_words(n, NORA_ADDTAG)->words[0] : NULL, err);
    json_decref(paths);
    project_fini(&project);
    free(here);
    return ok;
}

/* The rows go, the files stay. */
static bool drop_files(struct cli *c, const struct nora *n, struct err *err)
{
    const struct nora_words *w = nora_words(n, NORA_DEL);
    struct choice ch;
    json_t *ids = NULL, *args = NULL, *answer = NULL;
    bool paths = *w->words[0] == '/';
    const char **words = mem_array(w->n + 1, sizeof *words, err);
    if (!words) {
        return false;
    }
    words[0] = "*";
    memcpy(words + 1, w->words, w->n * sizeof *words);
    bool ok = choose(c, paths ? words : words + 1, paths ? w->n + 1 : w->n, &ch, err) &&
        (ch.files.len ||
         err_set(err, ERR_USAGE, "nora --del wants files: paths, or SUBJECT FILE..."));
    ok = ok && (ids = choice_files(c, &ch, err)) &&
        (json_array_size(ids) || err_set(err, ERR_NOTHING, "no such file in the catalog")) &&
        (args = json_pack("{s:I, s:O}", "project", (json_int_t)ch.project.id, "ids", ids));
    cli_store_close(c);
    ok = ok && (answer = rows_call(c, "file.drop", args, err));
    if (ok && c->json) {
        ok = cli_json(c, answer, err);
    } else if (ok) {
        cli_print(c, "%" PRId64 " files taken off the list\n", json_get_int(answer, "dropped", 0));
    }
    json_decref(answer);
    json_decref(args);
    json_decref(ids);
    choice_fini(&ch);
    mem_free(words);
    return ok;
}

/* In a BIDS tree outputs stand below the batch's name: within a job that of its run. */
static bool batch_name(struct cli *c, char **ret, struct err *err)
{
    const char *run = getenv("GANTRY_RUN");
    int64_t id = run ? strtoll(run, NULL, 10) : 0;
    *ret = NULL;
    return store_text(c->store, ret, err, "SELECT name FROM run WHERE id=?1", "i", id) &&
        (*ret || (*ret = mem_strdup("nora", err)));
}

static bool print_out(struct cli *c, const struct nora_words *w, struct err *err)
{
    struct choice ch;
    char *batch = NULL;
    json_t *list = json_array();
    bool ok = choose(c, w->words, 1, &ch, err) && batch_name(c, &batch, err) &&
        (ch.n || err_set(err, ERR_NOTHING, "no study matches '%s'", w->words[0]));
    for (size_t i = 0; ok && i < ch.n; i++) {
        char *folder = cohort_out_folder(c->store, ch.studies[i], batch, err);
        for (size_t k = 1; folder && k < w->n; k++) {
            char *path = path_absolute(folder, w->words[k], err);
            ok = ok && path && json_array_append_new(list, json_string(path)) == 0;
            if (ok && !c->json) {
                cli_print(c, "%s\n", path);
            }
            mem_free(path);
        }
        ok = ok && folder;
        mem_free(folder);
    }
    ok = ok && (!c->json || cli_json(c, list, err));
    json_decref(list);
    mem_free(batch);
    choice_fini(&ch);
    return ok;
}

/* --- the rest */

static bool list_projects(struct cli *c, struct err *err)
{
    json_t *rows, *row;
    size_t i;
    if (!cli_store(c, err)) {
        return false;
    }
    rows = store_rows(c->store, err, "SELECT id,name,root,layout_found FROM project ORDER BY name",
                      "");
    bool ok = rows != NULL;
    json_array_foreach(rows, i, row)
    {
        if (!c->json) {
            cli_print(c, "%s\n", json_get_text(row, "name", ""));
        }
    }
    ok = ok && (!c->json || cli_json(c, rows, err));
    json_decref(rows);
    return ok;
}

/* The same as `gantry attrs import FILE --id COLUMN`. */
static bool import_csv(struct cli *c, const struct nora *n)
{
    const struct nora_words *w = nora_words(n, NORA_IMPORTCSV);
    char *words[10] = {"gantry"};
    int k = 1;
    if (c->project) {
        words[k++] = "-p";
        words[k++] = (char *)(uintptr_t)c->project;
    }
    if (c->json) {
        words[k++] = "--json";
    }
    words[k++] = "attrs";
    words[k++] = "import";
    words[k++] = (char *)(uintptr_t)w->words[0];
    words[k++] = "--id";
    words[k++] = (char *)(uintptr_t)w->words[1];
    c->status = cli_main(k, words, c->hooks);
    return true;
}

static bool act(struct cli *c, const struct nora *n, struct err *err)
{
    if (nora_has(n, NORA_PROJECTLIST)) {
        return list_projects(c, err);
    }
    if (nora_has(n, NORA_TAGSTATS)) {
        return tag_stats(c, err);
    }
    if (nora_has(n, NORA_IMPORT) || nora_has(n, NORA_BATCHIMPORT)) {
        return nora_import(c, n, err);
    }
    if (nora_has(n, NORA_IMPORTCSV)) {
        return import_csv(c, n);
    }
    if (nora_has(n, NORA_EXPORTMETA)) {
        return nora_exportmeta(c, n, err);
    }
    if (nora_has(n, NORA_LAUNCH) || nora_has(n, NORA_LAUNCHFILE) || nora_has(n, NORA_AUTOEXEC)) {
        return nora_launch(c, n, err);
    }
    if (nora_has(n, NORA_OUT) || nora_has(n, NORA_PATHOUT)) {
        return print_out(c, nora_words(n, nora_has(n, NORA_OUT) ? NORA_OUT : NORA_PATHOUT), err);
    }
    if (nora_has(n, NORA_ADDTAG_STUDY) || nora_has(n, NORA_RMTAG_STUDY)) {
        bool add = nora_has(n, NORA_ADDTAG_STUDY);
        return tag_people(c, nora_words(n, add ? NORA_ADDTAG_STUDY : NORA_RMTAG_STUDY), false, add,
                          err);
    }
    if (nora_has(n, NORA_ADDTAG_PATIENT) || nora_has(n, NORA_RMTAG_PATIENT)) {
        bool add = nora_has(n, NORA_ADDTAG_PATIENT);
        return tag_people(c, nora_words(n, add ? NORA_ADDTAG_PATIENT : NORA_RMTAG_PATIENT), true,
                          add, err);
    }
    if (nora_has(n, NORA_ADD)) {
        return add_files(c, n, err);
    }
    if (nora_has(n, NORA_DEL)) {
        return drop_files(c, n, err);
    }
    if (nora_has(n, NORA_ADDTAG) || nora_has(n, NORA_RMTAG)) {
        return tag_files(c, n, nora_has(n, NORA_ADDTAG), err);
    }
    if (nora_has(n, NORA_SELECT)) {
        return select_files(c, n, err);
    }
    return err_set(err, ERR_USAGE, "nora: nothing to do (nora --help)");
}

static bool run(struct cli *c, struct err *err)
{
    struct nora n;
    const char *project = getenv("DPXproject");
    bool ok = nora_parse(c->argc, c->argv, &n, err);
    if (ok && (nora_has(&n, NORA_HELP) || !c->argc)) {
        cli_print(c, "%s", help);
    } else if (ok) {
        c->json = c->json || nora_has(&n, NORA_JSON);
        c->project = nora_has(&n, NORA_PROJECT) ? nora_words(&n, NORA_PROJECT)->words[0]
            : c->project                        ? c->project
            : project && *project               ? project
                                                : NULL;
        ok = act(c, &n, err);
    }
    nora_fini(&n);
    return ok;
}

const struct command command_nora = {
    .name = "nora",
    .group = GROUP_DATA,
    .summary = "What scripts written for NORA call; also on PATH within jobs",
    .usage = "-p PROJECT ACTION (gantry nora --help)",
    .options = NULL,
    .max_args = -1,
    .raw = true,
    .run = run,
};
