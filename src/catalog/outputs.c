/* Initial statuses from disk. Two listings a subfolder, and one for each folder of slices. */
#include "catalog/outputs.h"

#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/json.h"

struct outputs {
    char *rec;
    json_t *folders; /* path -> object whose keys are the names in it */
};

struct outputs *outputs_new(const char *rec, struct err *err)
{
    struct outputs *o = mem_zero(sizeof *o, err);
    if (o) {
        o->rec = mem_strdup(rec, err);
        o->folders = json_object();
    }
    if (o && (!o->rec || !o->folders)) {
        (void)err_set(err, ERR_NOMEM, "out of memory");
        outputs_free(o);
        o = NULL;
    }
    return o;
}

void outputs_free(struct outputs *o)
{
    if (o) {
        json_decref(o->folders);
        mem_free(o->rec);
        mem_free(o);
    }
}

/* The names in a folder; a missing one is empty. Borrowed; NULL when memory is out. */
static json_t *names_in(struct outputs *o, const char *path)
{
    json_t *names = json_object_get(o->folders, path);
    if (names) {
        return names;
    }
    names = json_object();
    DIR *dir = opendir(path);
    struct dirent *e;
    bool ok = names != NULL;
    while (dir && ok && (e = readdir(dir))) {
        /* A name that is no UTF-8 is none of ours. */
        ok = !str_utf8(e->d_name) || json_object_set_new(names, e->d_name, json_true()) == 0;
    }
    if (dir) {
        (void)closedir(dir);
    }
    if (!ok) {
        json_decref(names);
        return NULL;
    }
    return json_object_set_new(o->folders, path, names) == 0 ? names : NULL;
}

static bool has_name(struct outputs *o, const char *folder, const char *name, bool *ret,
                     struct err *err)
{
    json_t *names = names_in(o, folder);
    if (!names) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    *ret = json_object_get(names, name) != NULL;
    return true;
}

/* The last number behind an underscore: recon_00063.tiff -> 63. */
static bool slice_number(const char *name, int64_t *ret)
{
    const char *p = strrchr(name, '_');
    char digits[24];
    size_t n = p ? strspn(p + 1, "0123456789") : 0;
    if (n == 0 || n >= sizeof digits || p[1 + n] != '.') {
        return false;
    }
    memcpy(digits, p + 1, n);
    digits[n] = '\0';
    return num_int64(digits, ret);
}

struct slices {
    size_t n;
    bool numbered;
    int64_t first, last;
};

static void look_at_slices(const char *path, struct slices *ret)
{
    *ret = (struct slices){.numbered = true};
    DIR *dir = opendir(path);
    struct dirent *e;
    while (dir && (e = readdir(dir))) {
        const char *ext = path_ext(e->d_name);
        int64_t number;
        if (e->d_name[0] == '.' ||
            (strcasecmp(ext, ".tiff") != 0 && strcasecmp(ext, ".tif") != 0)) {
            continue;
        }
        if (!slice_number(e->d_name, &number)) {
            ret->numbered = false;
        } else {
            ret->first = ret->n == 0 || number < ret->first ? number : ret->first;
            ret->last = ret->n == 0 || number > ret->last ? number : ret->last;
        }
        ret->n++;
    }
    if (dir) {
        (void)closedir(dir);
    }
}

static void full_status(const char *path, const char *was, char *out, size_t size)
{
    struct slices s;
    if (str_starts(was, "Full ") && isdigit((unsigned char)was[5])) {
        (void)snprintf(out, size, "%s", was);
        return;
    }
    look_at_slices(path, &s);
    if (s.n && s.numbered) {
        (void)snprintf(out, size, "Full %" PRId64 "-%" PRId64, s.first, s.last);
    } else if (s.n) {
        (void)snprintf(out, size, "Done full");
    }
}

static bool try_status(struct outputs *o, const char *sub, const char *stem, const char *was,
                       char *out, size_t size, struct err *err)
{
    bool there = false;
    struct slices s;
    char *parent = mem_printf(err, "%s/try_center%s%s", o->rec, *sub ? "/" : "", sub);
    char *path = parent ? path_join(parent, stem, err) : NULL;
    bool ok = path && has_name(o, parent, stem, &there, err);
    if (ok && there && strcmp(was, "Done try") != 0) {
        look_at_slices(path, &s);
        there = s.n > 0;
    }
    if (ok && there) {
        (void)snprintf(out, size, "Done try");
    }
    mem_free(path);
    mem_free(parent);
    return ok;
}

bool outputs_status(struct outputs *o, const char *name, const char *was, char *out, size_t size,
                    struct err *err)
{
    bool folder = false, file = false;
    char *stem = path_stem(name, err);
    char *sub = stem ? path_dir(name, err) : NULL;
    if (sub && !strcmp(sub, ".")) {
        *sub = '\0';
    }
    char *parent = sub ? path_join(o->rec, *sub ? sub : ".", err) : NULL;
    char *full = parent ? mem_printf(err, "%s_rec", stem) : NULL;
    char *volume = full ? mem_printf(err, "%s.h5", full) : NULL;
    char *path = volume ? path_join(parent, full, err) : NULL;
    bool ok =
        path && has_name(o, parent, full, &folder, err) && has_name(o, parent, volume, &file, err);
    out[0] = '\0';
    if (ok && folder) {
        full_status(path, was, out, size);
    }
    if (ok && !*out && file) {
        (void)snprintf(out, size, "Done full");
    }
    if (ok && !*out) {
        ok = try_status(o, sub, stem, was, out, size, err);
    }
    if (ok && !*out) {
        (void)snprintf(out, size, "Ready");
    }
    mem_free(path);
    mem_free(volume);
    mem_free(full);
    mem_free(parent);
    mem_free(sub);
    mem_free(stem);
    return ok;
}
