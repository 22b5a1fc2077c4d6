/*
 * `gantry browse`: one folder's folders for the page's "Open folder...", confined to --root. In a
 * process of its own, because a disk that hangs must not hold the engine. Not for people.
 */
#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "cli/command.h"
#include "discover/walk.h"
#include "os/confine.h"
#include "os/file.h"

#define MOST_FOLDERS 5000
#define MOST_COUNTED 20000 /* names looked at to count a folder's scans */
#define MOST_ROOTS 256

static const struct opt options[] = {
    {0, "root", OPT_TEXT, "FOLDER", "a folder below which may be looked", false},
    {0, NULL, OPT_FLAG, NULL, NULL, false},
};

/* How many files in the folder look like scans; those further down are not looked for. */
static int64_t count_scans(const char *path)
{
    int64_t n = 0, looked = 0;
    DIR *d = opendir(path);
    for (const struct dirent *e; d && (e = readdir(d)) && looked < MOST_COUNTED; looked++) {
        const char *kind = e->d_type == DT_DIR ? NULL : walk_kind(e->d_name);
        n += kind && !strcmp(kind, "hdf5");
    }
    if (d) {
        (void)closedir(d);
    }
    return n;
}

static bool add_folder(json_t *list, const char *name, const char *path, struct err *err)
{
    struct stat st;
    if (!str_utf8(name) || stat(path, &st) != 0 || !S_ISDIR(st.st_mode)) {
        return true;
    }
    json_t *row = json_pack("{s:s, s:s, s:I}", "name", name, "path", path, "scans",
                            (json_int_t)count_scans(path));
    return json_array_append_new(list, row) == 0 || err_set(err, ERR_NOMEM, "out of memory");
}

static bool list_folder(const char *folder, const char *const *roots, size_t n_roots, json_t *list,
                        struct err *err)
{
    size_t n = 0;
    char **names = file_list(folder, &n, err);
    bool ok = names != NULL;
    for (size_t i = 0; ok && i < n && json_array_size(list) < MOST_FOLDERS; i++) {
        if (names[i][0] == '.' || walk_skips_folder(names[i])) {
            continue;
        }
        char *path = path_join(folder, names[i], err);
        /* a link that leads out is not offered */
        char *real = path ? confine_path(roots, n_roots, path, err_ignore("then left out")) : NULL;
        ok = path && (!real || add_folder(list, names[i], path, err));
        mem_free(real);
        mem_free(path);
    }
    file_list_free(names);
    return ok;
}

static bool is_folder(const char *path, struct err *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return err_errno(err, errno, "cannot look at '%s'", path);
    }
    return S_ISDIR(st.st_mode) || err_set(err, ERR_USAGE, "'%s' is not a folder", path);
}

/* The parent, as long as one may look there too. */
static json_t *parent_of(const char *folder, const char *const *roots, size_t n, struct err *err)
{
    char *up = path_dir(folder, err);
    char *real = up ? confine_path(roots, n, up, err_ignore("then there is none")) : NULL;
    json_t *value = real ? json_string(real) : json_null();
    mem_free(real);
    mem_free(up);
    return value;
}

static json_t *listing(struct cli *c, struct err *err)
{
    const char *roots[MOST_ROOTS];
    size_t n = cli_count(c, "root");
    n = n < MOST_ROOTS ? n : MOST_ROOTS;
    for (size_t i = 0; i < n; i++) {
        roots[i] = cli_nth(c, "root", i);
    }
    json_t *list = json_array(), *parent = NULL, *doc = NULL;
    char *folder = c->n_args ? confine_path(roots, n, c->args[0], err) : NULL;
    bool ok = list && (folder || !c->n_args);
    if (ok && folder) {
        ok = is_folder(folder, err) && list_folder(folder, roots, n, list, err) &&
            (parent = parent_of(folder, roots, n, err));
    } else if (ok) { /* without a path: where one may begin */
        parent = json_null();
        for (size_t i = 0; ok && i < n; i++) {
            ok = add_folder(list, roots[i], roots[i], err);
        }
    }
    if (ok) {
        doc = json_pack("{s:s?, s:O, s:O, s:I}", "path", folder, "parent", parent, "folders", list,
                        "scans", (json_int_t)(folder ? count_scans(folder) : 0));
        (void)(doc || err_set(err, ERR_NOMEM, "out of memory"));
    }
    json_decref(parent);
    json_decref(list);
    mem_free(folder);
    return doc;
}

/* A refusal is an answer too: its code would be lost in an exit status. */
static bool run(struct cli *c, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    json_t *doc = listing(c, &why);
    if (!doc) {
        doc = json_pack("{s:s, s:s}", "code", err_name(why.code), "error", why.text);
    }
    bool ok = (doc || err_set(err, ERR_NOMEM, "out of memory")) && cli_json(c, doc, err);
    json_decref(doc);
    return ok;
}

const struct command command_browse = {
    .name = "browse",
    .group = GROUP_SETUP,
    .summary = "Folders that may be opened, for the page",
    .usage = "--root FOLDER... [PATH]",
    .options = options,
    .max_args = 1,
    .hidden = true,
    .no_home = true,
    .run = run,
};
