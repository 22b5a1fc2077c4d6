/* Ours without what we set ourselves. What belongs to the attempt alone stands in front:
 * GANTRY_ATTEMPT_DIR first, so that it is found in huge environments too. */
#include "worker/env.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"

extern char **environ;

/* Of the job's variables, those that say which task this is. */
static bool tells_attempt(const char *name)
{
    static const char *const names[] = {"GANTRY_TASK",    "GANTRY_RUN", "GANTRY_ITEM",
                                        "GANTRY_PROJECT", "DPXproject", "DPXpsid",
                                        "DPXpid",         "DPXsid"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(name, names[i])) {
            return true;
        }
    }
    return false;
}

static bool add(struct env *e, char *owned, struct err *err)
{
    if (!owned) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (e->n + 2 > e->cap) {
        char **grown = mem_resize(e->list, e->cap ? e->cap * 2 : 64, sizeof *grown, err);
        if (!grown) {
            mem_free(owned);
            return false;
        }
        e->list = grown;
        e->cap = e->cap ? e->cap * 2 : 64;
    }
    e->list[e->n++] = owned;
    e->list[e->n] = NULL;
    return true;
}

static bool set(struct env *e, const char *name, const char *value, struct err *err)
{
    return add(e, mem_printf(err, "%s=%s", name, value), err);
}

/* The job's variables: those that tell the attempt, or the others. */
static bool set_all(struct env *e, const json_t *job_env, bool tell, struct err *err)
{
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)job_env, name, value)
    {
        if (tells_attempt(name) == tell && !set(e, name, json_string_value(value), err)) {
            return false;
        }
    }
    return true;
}

/* A folder that holds nothing but `nora` and `gantry`, so that a job's script finds them and
 * everything else stays where its user has it. NULL when there is none. */
static char *job_programs(struct err *err)
{
    static const char *const places[] = {"job-bin", "../libexec/gantry-jobs"};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        char *path = path_near_program(places[i], err);
        if (!path || file_exists(path)) {
            return path;
        }
        mem_free(path);
    }
    return NULL;
}

/* `line` is PATH=... of our own environment. */
static bool add_path(struct env *e, const char *line, struct err *err)
{
    err->code = ERR_NONE;
    char *folder = job_programs(err);
    if (!folder) {
        return err->code == ERR_NONE && add(e, mem_strdup(line, err), err);
    }
    const char *old = line + strlen("PATH=");
    bool ok = add(e, mem_printf(err, "PATH=%s%s%s", folder, *old ? ":" : "", old), err);
    mem_free(folder);
    return ok;
}

bool env_make(const struct attempt *a, struct env *ret, struct err *err)
{
    const json_t *own = json_object_get(a->job, "env");
    char number[32];
    struct env e = {0};
    (void)snprintf(number, sizeof number, "%" PRId64, a->id);
    bool ok = set(&e, "GANTRY_ATTEMPT_DIR", a->dir, err) &&
        set(&e, "GANTRY_ATTEMPT", number, err) && set_all(&e, own, true, err);
    e.own = e.n;
    ok = ok && set_all(&e, own, false, err);
    for (char **p = environ; ok && *p; p++) {
        char key[128];
        size_t n = strcspn(*p, "=");
        (void)snprintf(key, sizeof key, "%.*s", (int)(n < 127 ? n : 127), *p);
        if (strcmp(key, "GANTRY_ATTEMPT") != 0 && strcmp(key, "GANTRY_ATTEMPT_DIR") != 0 &&
            !json_object_get(own, key)) {
            ok = !strcmp(key, "PATH") ? add_path(&e, *p, err) : add(&e, mem_strdup(*p, err), err);
        }
    }
    if (!ok) {
        env_fini(&e);
        return false;
    }
    *ret = e;
    return true;
}

bool env_alike(const struct env *a, const struct env *b)
{
    bool same = a->n - a->own == b->n - b->own;
    for (size_t i = 0; same && i < a->n - a->own; i++) {
        same = !strcmp(a->list[a->own + i], b->list[b->own + i]);
    }
    return same;
}

void env_fini(struct env *e)
{
    for (size_t i = 0; i < e->n; i++) {
        mem_free(e->list[i]);
    }
    mem_free(e->list);
    *e = (struct env){0};
}
