/* Projects: looked up by name or by the folder somebody stands in, and registered. */
#include "catalog/project.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"

#define COLUMNS                                                                                 \
    "id,name,root,rec,attempts,min_size_pct,layout,"                                            \
    "CASE WHEN layout<>'auto' THEN layout WHEN layout_found='' THEN 'scans' ELSE layout_found " \
    "END,autoexec"

/* A message that lists names stays one readable line. */
#define NAMES_SHOWN 300

void project_fini(struct project *p)
{
    mem_free(p->name);
    mem_free(p->root);
    mem_free(p->rec);
    mem_free(p->attempts);
    mem_free(p->layout);
    mem_free(p->layout_now);
    mem_free(p->autoexec);
    *p = (struct project){0};
}

/* Takes the first row of the query, if there is one, and ends it. */
static bool take_row(struct query *q, struct project *ret, bool *ret_found, struct err *err)
{
    struct project p = {0};
    struct err late;
    bool found = query_next(q), ok = true;
    if (found) {
        p.id = query_int(q, 0);
        p.name = mem_strdup(query_text(q, 1), err);
        p.root = p.name ? mem_strdup(query_text(q, 2), err) : NULL;
        p.rec = p.root ? mem_strdup(query_text(q, 3), err) : NULL;
        p.attempts = p.rec ? mem_strdup(query_text(q, 4), err) : NULL;
        p.min_size_pct = query_null(q, 5) ? -1 : query_int(q, 5);
        p.layout = p.attempts ? mem_strdup(query_text(q, 6), err) : NULL;
        p.layout_now = p.layout ? mem_strdup(query_text(q, 7), err) : NULL;
        p.autoexec = p.layout_now ? mem_strdup(query_text(q, 8), err) : NULL;
        ok = p.autoexec != NULL;
    }
    if (!query_end(q, ok ? err : &late) || !ok) {
        project_fini(&p);
        return false;
    }
    *ret_found = found;
    if (found) {
        *ret = p;
    }
    return true;
}

static bool unknown_name(struct store *s, const char *name, struct err *err)
{
    struct str known = STR_INIT;
    struct query *q = store_query(s, err, "SELECT name FROM project ORDER BY name", "");
    if (!q) {
        return false;
    }
    while (query_next(q)) {
        if (known.len < NAMES_SHOWN) {
            str_addf(&known, "%s%s", known.len ? ", " : "", query_text(q, 0));
        }
    }
    if (query_end(q, err)) {
        (void)err_set(err, ERR_NOTHING, "there is no project '%s' (%s%s)", name,
                      known.len ? "known: " : "none is registered: gantry init FOLDER",
                      str_text(&known));
    }
    str_fini(&known);
    return false;
}

/* A folder given where a name is wanted: the project it belongs to. */
static bool by_folder(struct store *s, const char *folder, struct project *ret, bool *ret_found,
                      struct err *err)
{
    char real[PATH_MAX];
    if (!strchr(folder, '/') && folder[0] != '.') {
        return true;
    }
    return !realpath(folder, real) || project_of_folder(s, real, ret, ret_found, err);
}

bool project_by_name(struct store *s, const char *name, struct project *ret, struct err *err)
{
    bool found = false;
    struct query *q =
        store_query(s, err, "SELECT " COLUMNS " FROM project WHERE name=?1", "s", name);
    return q && take_row(q, ret, &found, err) && (found || by_folder(s, name, ret, &found, err)) &&
        (found || unknown_name(s, name, err));
}

bool project_by_id(struct store *s, int64_t id, struct project *ret, struct err *err)
{
    bool found;
    struct query *q = store_query(s, err, "SELECT " COLUMNS " FROM project WHERE id=?1", "i", id);
    return q && take_row(q, ret, &found, err) &&
        (found || err_set(err, ERR_NOTHING, "there is no project number %lld", (long long)id));
}

bool project_of_folder(struct store *s, const char *folder, struct project *ret, bool *ret_found,
                       struct err *err)
{
    int64_t best = 0;
    size_t longest = 0;
    struct query *q = store_query(s, err, "SELECT id,root,rec FROM project", "");
    if (!q) {
        return false;
    }
    while (query_next(q)) {
        for (int column = 1; column <= 2; column++) {
            const char *root = query_text(q, column);
            if (path_within(folder, root) && strlen(root) > longest) {
                longest = strlen(root);
                best = query_int(q, 0);
            }
        }
    }
    if (!query_end(q, err)) {
        return false;
    }
    *ret_found = best != 0;
    return !best || project_by_id(s, best, ret, err);
}

static bool is_folder(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

char *project_folder(const char *folder, struct err *err)
{
    char real[PATH_MAX];
    if (!realpath(folder, real)) {
        (void)err_errno(err, errno, "cannot use the folder '%s'", folder);
        return NULL;
    }
    if (!is_folder(real)) {
        (void)err_set(err, ERR_USAGE, "'%s' is not a folder", folder);
        return NULL;
    }
    if (!str_utf8(real)) {
        (void)err_set(err, ERR_USAGE, "the folder's name is not UTF-8: rename it to use it here");
        return NULL;
    }
    if (!strcmp(real, "/")) {
        (void)err_set(err, ERR_USAGE,
                      "the whole file system cannot be a project: name a data folder");
        return NULL;
    }
    char *data = mem_strdup(real, err);
    if (data && str_ends(data, "_rec")) {
        data[strlen(data) - strlen("_rec")] = '\0';
        if (!is_folder(data)) {
            mem_free(data);
            data = mem_strdup(real, err);
        }
    }
    return data;
}

/* <root>/.gantry/attempts, or below <root>_rec when nothing may be made in the data folder. */
static char *attempts_folder(const char *root, const char *rec, struct err *err)
{
    return mem_printf(err, "%s/.gantry/attempts", access(root, W_OK) == 0 ? root : rec);
}

/* The folder's own name, made unique. */
static char *free_name(struct store *s, const char *root, struct err *err)
{
    for (int n = 1; n < 10000; n++) {
        int64_t taken;
        char *name = n == 1 ? mem_strdup(path_base(root), err)
                            : mem_printf(err, "%s-%d", path_base(root), n);
        if (!name ||
            !store_int(s, 0, &taken, err, "SELECT count(*) FROM project WHERE name=?1", "s",
                       name)) {
            mem_free(name);
            return NULL;
        }
        if (!taken) {
            return name;
        }
        mem_free(name);
    }
    (void)err_set(err, ERR_EXISTS, "too many projects are named '%s': give --name",
                  path_base(root));
    return NULL;
}

static bool check_name(struct store *s, const char *name, const char *root, struct err *err)
{
    char *other = NULL;
    if (!*name || strchr(name, '/') || strpbrk(name, "\n\r\t")) {
        return err_set(err, ERR_USAGE,
                       "'%s' cannot be a project's name: it is empty, or has a slash or a line end",
                       name);
    }
    if (!store_text(s, &other, err, "SELECT root FROM project WHERE name=?1 AND root<>?2", "ss",
                    name, root)) {
        return false;
    }
    if (other) {
        (void)err_set(err, ERR_EXISTS, "the project '%s' is '%s' already: give another name", name,
                      other);
    }
    bool ok = !other;
    mem_free(other);
    return ok;
}

static bool insert_project(struct store *s, const char *root, const char *name, struct err *err)
{
    char *own = name ? mem_strdup(name, err) : free_name(s, root, err);
    char *rec = own ? mem_printf(err, "%s_rec", root) : NULL;
    char *attempts = rec ? attempts_folder(root, rec, err) : NULL;
    bool ok = attempts &&
        store_exec(s, err,
                   "INSERT INTO project(name,root,rec,attempts,created_us) "
                   "VALUES(?1,?2,?3,?4,?5)",
                   "ssssi", own, root, rec, attempts, clock_utc_us());
    mem_free(own);
    mem_free(rec);
    mem_free(attempts);
    return ok;
}

bool project_add(struct store *s, const char *folder, const char *name, struct project *ret,
                 bool *ret_new, struct err *err)
{
    int64_t id = 0;
    char *root = project_folder(folder, err);
    bool ok = root && (!name || check_name(s, name, root, err)) &&
        store_int(s, 0, &id, err, "SELECT id FROM project WHERE root=?1", "s", root);
    bool is_new = ok && !id;
    if (is_new) {
        ok = insert_project(s, root, name, err);
        id = ok ? store_last_id(s) : 0;
    } else if (ok && name) {
        ok = store_exec(s, err, "UPDATE project SET name=?2 WHERE id=?1", "is", id, name);
    }
    ok = ok && project_by_id(s, id, ret, err);
    mem_free(root);
    if (ok) {
        *ret_new = is_new;
    }
    return ok;
}

bool project_forget_unused(struct store *s, int64_t id, struct err *err)
{
    return store_exec(
               s, err,
               "DELETE FROM project WHERE id=?1 AND NOT EXISTS(SELECT 1 FROM item WHERE "
               "project_id=?1) AND NOT EXISTS(SELECT 1 FROM run WHERE project_id=?1) AND NOT "
               "EXISTS(SELECT 1 FROM dataset WHERE project_id=?1) AND NOT EXISTS(SELECT 1 "
               "FROM watch WHERE project_id=?1) AND NOT EXISTS(SELECT 1 FROM user_project "
               "WHERE project_id=?1)",
               "i", id) &&
        store_exec(s, err,
                   "DELETE FROM dicom_folder WHERE NOT EXISTS(SELECT 1 FROM project p WHERE "
                   "p.id=dicom_folder.project_id)",
                   "");
}
