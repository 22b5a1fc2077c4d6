/* From the words of a command line to studies, and to the text of file selectors. */
#include "cli/choose.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "cli/resolve.h"

bool choose_project(struct cli *c, struct project *ret, struct err *err)
{
    return resolve_project(c, false, ret, err) && cli_store(c, err);
}

/* Is it something that a task writes aside: FOLDER/.gantry-17/NAME? */
static bool is_staged(const char *path)
{
    const char *at = strstr(path, "/.gantry-");
    size_t n = at ? strspn(at + 9, "0123456789") : 0;
    return n && at[9 + n] == '/';
}

/* The path as the catalog knows it: below the project's root, links resolved where need be. */
static char *known_path(const struct project *p, const char *path, struct err *err)
{
    char real[PATH_MAX];
    char *absolute = path_absolute("/", path, err);
    if (absolute && !path_below(absolute, p->root) && realpath(absolute, real)) {
        mem_free(absolute);
        absolute = mem_strdup(real, err);
    }
    return absolute;
}

static bool add_path(struct choice *ch, const char *word, struct err *err)
{
    char *path = known_path(&ch->project, word, err);
    bool ok = path != NULL;
    if (ok) {
        pattern_add_path(&ch->files, path);
    }
    if (ok && is_staged(path)) {
        ok = json_array_append_new(ch->staged, json_string(path)) == 0 ||
            err_set(err, ERR_USAGE, "the name '%s' is not valid UTF-8", path);
    }
    mem_free(path);
    return ok;
}

static bool add_files(struct choice *ch, const char *word, struct err *err)
{
    if (*word == '/') {
        return add_path(ch, word, err);
    }
    str_add(&ch->files, ch->files.len ? " " : "");
    str_add(&ch->files, word);
    return true;
}

/* The one word, taken apart at its blanks: who, and which files. */
static bool split_one(struct choice *ch, const char *word, char **ret_who, struct err *err)
{
    char **words = NULL;
    size_t n = 0;
    bool ok = pattern_words(word, &words, &n, err);
    if (ok && n > 1) {
        const char *rest = strpbrk(word + strspn(word, " \t\n"), " \t\n");
        char quote = word[strspn(word, " \t\n")];
        if (quote == '"' || quote == '\'') { /* a subject in quotes */
            rest = strchr(strchr(word, quote) + 1, quote);
            rest = rest ? rest + 1 : "";
        }
        str_add(&ch->files, rest ? rest + strspn(rest, " \t\n") : "");
    }
    *ret_who = ok ? mem_strdup(n ? words[0] : "", err) : NULL;
    pattern_words_free(words, n);
    return ok && *ret_who;
}

bool choose(struct cli *c, const char *const *words, size_t n, struct choice *ret, struct err *err)
{
    struct choice ch = {.files = STR_INIT, .staged = json_array()};
    char *who = NULL;
    *ret = ch;
    if (!n) {
        return err_set(err, ERR_USAGE, "say which subjects: '*' means all");
    }
    if (!choose_project(c, &ret->project, err)) {
        return false;
    }
    bool ok;
    if (n == 1 && *words[0] == '/') {
        ok = add_path(ret, words[0], err) && (who = mem_strdup("*", err));
    } else if (n == 1) {
        /* Names of people have blanks: what is there as it stands is not taken apart. */
        ok = !strpbrk(words[0], " \t\n") ||
            pattern_studies(c->store, ret->project.id, words[0], &ret->studies, &ret->n, err);
        ok = ok &&
            (ret->n ? (who = mem_strdup(words[0], err)) != NULL
                    : split_one(ret, words[0], &who, err));
        mem_free(ret->studies);
        ret->studies = NULL;
    } else {
        ok = (who = mem_strdup(words[0], err)) != NULL;
    }
    for (size_t i = 1; ok && i < n; i++) {
        ok = add_files(ret, words[i], err);
    }
    ok = ok && str_ok(&ret->files, err) &&
        (!ret->files.len || pattern_check_files(str_text(&ret->files), err)) &&
        pattern_studies(c->store, ret->project.id, who, &ret->studies, &ret->n, err);
    mem_free(who);
    return ok;
}

void choice_fini(struct choice *ch)
{
    project_fini(&ch->project);
    mem_free(ch->studies);
    str_fini(&ch->files);
    json_decref(ch->staged);
    *ch = (struct choice){.n = 0};
}

static bool note_id(void *arg, const struct pattern_file *file, struct err *err)
{
    return !file->id || json_array_append_new(arg, json_integer(file->id)) == 0 ||
        err_set(err, ERR_NOMEM, "out of memory");
}

json_t *choice_files(struct cli *c, const struct choice *ch, struct err *err)
{
    json_t *ids = json_array();
    if (ids &&
        !pattern_files(c->store, ch->project.id, ch->studies, ch->n, str_text(&ch->files), note_id,
                       ids, err)) {
        json_decref(ids);
        return NULL;
    }
    return ids;
}

json_t *choice_studies(const struct choice *ch, struct err *err)
{
    json_t *ids = json_array();
    for (size_t i = 0; ids && i < ch->n; i++) {
        if (json_array_append_new(ids, json_integer(ch->studies[i]))) {
            json_decref(ids);
            ids = NULL;
        }
    }
    if (!ids) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
    }
    return ids;
}

json_t *choice_subjects(struct cli *c, const struct choice *ch, struct err *err)
{
    json_t *ids = json_array();
    int64_t last = 0;
    bool ok = ids != NULL;
    for (size_t i = 0; ok && i < ch->n; i++) {
        int64_t subject = 0;
        ok = store_int(c->store, 0, &subject, err, "SELECT subject_id FROM study WHERE item_id=?1",
                       "i", ch->studies[i]);
        /* studies come by subject */
        if (ok && subject && subject != last) {
            ok = json_array_append_new(ids, json_integer(subject)) == 0 ||
                err_set(err, ERR_NOMEM, "out of memory");
        }
        last = subject;
    }
    if (!ok) {
        json_decref(ids);
        return NULL;
    }
    return ids;
}
