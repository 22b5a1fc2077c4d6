/* Every key is checked for its type and range here, so that nothing behind this has to. */
#include "steps/look-request.h"
#include <math.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"

/* Larger numbers than any detector has, small enough that sums of a few cannot overflow. */
#define NUMBER_MAX ((int64_t)1 << 40)
#define SIDE_MAX 100000
#define STAGING_MAX 64

static const char *const keys[] = {"id",    "what",  "root", "rec",    "name",  "staging", "kind",
                                   "path",  "index", "row",  "centre", "lo",    "hi",      "format",
                                   "level", "map",   "max",  "flat",   "shift", "x0",      "y0",
                                   "x1",    "y1",    "text", "etag",   NULL};
static const char *const whats[] = {"slice",    "stack",    "histogram", "profile",
                                    "metadata", "pictures", NULL};
static const char *const kinds[] = {"try", "full", "raw", "sinogram", "file", NULL};
static const char *const formats[] = {"png", "raw", "raw8", NULL};

static bool get_word(const json_t *json, const char *key, const char *const *words, int fallback,
                     int *ret, struct err *err)
{
    const json_t *value = json_object_get(json, key);
    const char *text = json_string_value(value);

    *ret = fallback;
    for (int i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret = i;
            return true;
        }
    }
    return value == NULL ? true
                         : err_set(err, ERR_USAGE, "%s: '%.40s' is not known", key,
                                   text != NULL ? text : "(no text)");
}

static bool get_int(const json_t *json, const char *key, int64_t low, int64_t high,
                    int64_t fallback, int64_t *ret, struct err *err)
{
    const json_t *value = json_object_get(json, key);

    *ret = fallback;
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_integer(value) || json_integer_value(value) < low ||
        json_integer_value(value) > high) {
        return err_set(err, ERR_USAGE, "%s must be a whole number from %lld to %lld", key,
                       (long long)low, (long long)high);
    }
    *ret = json_integer_value(value);
    return true;
}

static bool get_number(const json_t *json, const char *key, double fallback, double *ret,
                       struct err *err)
{
    const json_t *value = json_object_get(json, key);

    *ret = fallback;
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_number(value) || !isfinite(json_number_value(value))) {
        return err_set(err, ERR_USAGE, "%s must be a number", key);
    }
    *ret = json_number_value(value);
    return true;
}

static bool get_text(const json_t *json, const char *key, const char **ret, struct err *err)
{
    const json_t *value = json_object_get(json, key);

    *ret = NULL;
    if (value == NULL || json_is_null(value)) {
        return true;
    }
    if (!json_is_string(value)) {
        return err_set(err, ERR_USAGE, "%s must be a text", key);
    }
    *ret = json_string_value(value);
    return true;
}

/* Is ".." one of the parts of a path? */
static bool climbs(const char *path)
{
    for (const char *at = path; at != NULL; at = strchr(at, '/')) {
        at += *at == '/';
        if (strncmp(at, "..", 2) == 0 && (at[2] == '/' || at[2] == '\0')) {
            return true;
        }
    }
    return false;
}

static bool good_folder(const char *path)
{
    return path != NULL && path[0] == '/' && !climbs(path);
}

static bool check_paths(const struct look_request *q, struct err *err)
{
    size_t i;
    const json_t *name;

    if (q->kind == LOOK_FILE && q->what == LOOK_PICTURES) {
        return err_set(err, ERR_USAGE, "pictures are asked for of a scan, not of a file");
    }
    if (q->kind == LOOK_FILE) {
        return good_folder(q->path) ? true
                                    : err_set(err, ERR_USAGE, "path must be an absolute path");
    }
    if (!good_folder(q->root) || !good_folder(q->rec)) {
        return err_set(err, ERR_USAGE, "root and rec must be absolute paths");
    }
    if (q->name == NULL || q->name[0] == '\0' || q->name[0] == '/' || climbs(q->name)) {
        return err_set(err, ERR_PERM, "name must be a path below root");
    }
    if (q->staging != NULL &&
        (!json_is_array(q->staging) || json_array_size(q->staging) > STAGING_MAX)) {
        return err_set(err, ERR_USAGE, "staging must be a list of names");
    }
    json_array_foreach(q->staging, i, name)
    {
        const char *text = json_string_value(name);

        if (text == NULL || !str_starts(text, ".gantry-") || strchr(text, '/') != NULL) {
            return err_set(err, ERR_USAGE, "staging must be a list of names");
        }
    }
    return true;
}

static bool get_place(const json_t *json, struct look_request *q, struct err *err)
{
    q->staging = json_object_get(json, "staging");
    return get_text(json, "root", &q->root, err) && get_text(json, "rec", &q->rec, err) &&
        get_text(json, "name", &q->name, err) && get_text(json, "path", &q->path, err) &&
        get_int(json, "index", 0, NUMBER_MAX, LOOK_ANY, &q->index, err) &&
        get_int(json, "row", -1, NUMBER_MAX, LOOK_ANY, &q->row, err) &&
        get_number(json, "centre", NAN, &q->centre, err) && check_paths(q, err);
}

static bool get_look(const json_t *json, struct look_request *q, struct err *err)
{
    int64_t max = 0;
    int64_t level = -1;

    q->flat = json_get_bool(json, "flat", false);
    if (!get_number(json, "lo", NAN, &q->lo, err) || !get_number(json, "hi", NAN, &q->hi, err) ||
        !get_int(json, "level", 0, 1, -1, &level, err) || !get_text(json, "map", &q->map, err) ||
        !get_int(json, "max", 0, SIDE_MAX, 0, &max, err) ||
        !get_int(json, "shift", -SIDE_MAX, SIDE_MAX, 0, &q->shift, err) ||
        !get_number(json, "x0", 0, &q->from[0], err) ||
        !get_number(json, "y0", 0, &q->from[1], err) ||
        !get_number(json, "x1", 0, &q->to[0], err) || !get_number(json, "y1", 0, &q->to[1], err) ||
        !get_text(json, "text", &q->text, err) || !get_text(json, "etag", &q->etag, err)) {
        return false;
    }
    q->max = (size_t)max;
    q->level = (int)level;
    if (isnan(q->lo) != isnan(q->hi)) {
        return err_set(err, ERR_USAGE, "lo and hi go together");
    }
    return true;
}

bool look_request_parse(const char *line, size_t length, struct look_request *ret, struct err *err)
{
    int what = 0;
    int kind = 0;
    int format = 0;

    *ret = (struct look_request){.centre = NAN, .lo = NAN, .hi = NAN, .level = -1};
    ret->json = json_parse(line, length, "request", err);
    if (ret->json == NULL) {
        return false;
    }
    if (!json_is_object(ret->json)) {
        return err_set(err, ERR_USAGE, "a request is an object");
    }
    ret->id = json_get_int(ret->json, "id", 0);
    if (!json_only_keys(ret->json, keys, "request", err) ||
        !get_word(ret->json, "what", whats, LOOK_SLICE, &what, err) ||
        !get_word(ret->json, "kind", kinds, LOOK_FULL, &kind, err) ||
        !get_word(ret->json, "format", formats, LOOK_PNG, &format, err)) {
        return false;
    }
    ret->what = (enum look_what)what;
    ret->kind = (enum look_kind)kind;
    ret->format = (enum look_format)format;
    return get_place(ret->json, ret, err) && get_look(ret->json, ret, err);
}

void look_request_fini(struct look_request *q)
{
    json_decref(q->json);
    q->json = NULL;
}
