/* The last name that was said of a label holds. */
#include "steps/region-names.h"

#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "os/file.h"

#define MOST_BYTES ((size_t)16 << 20)

static bool whole(const char *word, size_t length, int32_t *ret)
{
    char text[24];
    int64_t value;

    if (length == 0 || length >= sizeof(text)) {
        return false;
    }
    snprintf(text, sizeof(text), "%.*s", (int)length, word);
    if (!num_int64(text, &value) || value < INT32_MIN || value > INT32_MAX) {
        return false;
    }
    *ret = (int32_t)value;
    return true;
}

static struct region_label *find(const struct region_names *names, int32_t label)
{
    for (size_t i = 0; i < names->n; i++) {
        if (names->list[i].label == label) {
            return &names->list[i];
        }
    }
    return NULL;
}

static bool add(struct region_names *names, int32_t label, const char *name, size_t length,
                struct err *err)
{
    struct region_label *row = find(names, label);

    if (row == NULL && names->n == REGIONS_MOST) {
        return err_set(err, ERR_FORMAT, "more than %d labels", REGIONS_MOST);
    }
    if (row == NULL && names->n == names->room) {
        size_t room = names->room > 0 ? 2 * names->room : 64;
        struct region_label *list = mem_resize(names->list, room, sizeof(*list), err);
        if (list == NULL) {
            return false;
        }
        names->list = list;
        names->room = room;
    }
    row = row != NULL ? row : &names->list[names->n++];
    row->label = label;
    snprintf(row->name, sizeof(row->name), "%.*s",
             (int)(length < REGION_NAME ? length : REGION_NAME), name);
    for (char *c = row->name; *c != '\0'; c++) {
        *c = strchr(" \t,;\"'=", *c) != NULL || (unsigned char)*c < 0x20 ? '_' : *c;
    }
    str_utf8_mend(row->name);
    return true;
}

/* The field number `n` of a line; its length, 0 when there is none. */
static size_t field(const char *line, size_t length, const char *between, size_t n,
                    const char **ret)
{
    const char *end = line + length;
    const char *at = line;
    bool blanks = between[0] == ' '; /* several count as one */

    for (size_t i = 0;; i++) {
        while (blanks && at < end && strchr(between, *at) != NULL) {
            at++;
        }
        const char *stop = at;
        while (stop < end && strchr(between, *stop) == NULL) {
            stop++;
        }
        if (i == n || stop >= end) {
            *ret = at;
            return i == n ? (size_t)(stop - at) : 0;
        }
        at = stop + 1;
    }
}

static bool is_word(const char *at, size_t length, const char *word)
{
    return strlen(word) == length && strncmp(at, word, length) == 0;
}

/* Which fields of a table with a heading are label and name; false when it is no such heading. */
static bool read_heading(const char *line, size_t length, size_t *ret_label, size_t *ret_name)
{
    bool label = false;
    bool name = false;

    for (size_t i = 0; i < 50; i++) {
        const char *at;
        size_t n = field(line, length, "\t", i, &at);
        if (!label && (is_word(at, n, "index") || is_word(at, n, "label"))) {
            *ret_label = i;
            label = true;
        } else if (is_word(at, n, "name")) {
            *ret_name = i;
            name = true;
        }
    }
    return label && name;
}

bool region_names_file(struct region_names *names, const char *path, struct err *err)
{
    size_t length = 0;
    size_t label_field = 0;
    size_t name_field = 1;
    size_t before = names->n;
    char *text = file_read(path, MOST_BYTES, &length, err);
    const char *between = " \t";
    bool good = text != NULL;
    bool first = true;

    for (const char *at = text; good && *at != '\0'; first = false) {
        size_t n = strcspn(at, "\r\n");
        const char *word;
        const char *name;
        int32_t label;

        if (first && read_heading(at, n, &label_field, &name_field)) {
            between = "\t";
        } else if (n > 0 && at[0] != '#') {
            size_t head = field(at, n, between, label_field, &word);
            size_t named = field(at, n, between, name_field, &name);
            good = named == 0 || !whole(word, head, &label) || add(names, label, name, named, err);
        }
        at += n;
        at += strspn(at, "\r\n");
    }
    mem_free(text);
    if (good && names->n == before) {
        good = err_set(err, ERR_FORMAT, "holds no row of a label and its name");
    }
    return good || err_wrap(err, "names '%s'", path_base(path));
}

static bool by_name(const struct region_names *names, const char *word, size_t length, int32_t *ret)
{
    for (size_t i = 0; i < names->n; i++) {
        if (is_word(word, length, names->list[i].name)) {
            *ret = names->list[i].label;
            return true;
        }
    }
    return false;
}

bool region_names_wanted(struct region_names *names, const char *text, struct regions *regions,
                         struct err *err)
{
    static const char between[] = " ,;\t";

    for (const char *at = text + strspn(text, between); *at != '\0';) {
        size_t length = strcspn(at, between);
        const char *equals = memchr(at, '=', length);
        size_t head = equals != NULL ? (size_t)(equals - at) : length;
        int32_t label;

        if (!whole(at, head, &label) && (equals != NULL || !by_name(names, at, head, &label))) {
            return err_set(err, ERR_USAGE,
                           "labels: '%.*s' is neither a whole number nor a name of the table",
                           (int)(length < 60 ? length : 60), at);
        }
        if ((equals != NULL && !add(names, label, equals + 1, length - head - 1, err)) ||
            !regions_add(regions, label, err)) {
            return false;
        }
        at += length;
        at += strspn(at, between);
    }
    return regions->n > 0 || err_set(err, ERR_USAGE, "labels: there is none");
}

void region_name(const struct region_names *names, int32_t label, char ret[REGION_NAME])
{
    const struct region_label *row = find(names, label);

    if (row != NULL && row->name[0] != '\0') {
        snprintf(ret, REGION_NAME, "%s", row->name);
    } else {
        snprintf(ret, REGION_NAME, "label%d", (int)label);
    }
}

void region_names_fini(struct region_names *names)
{
    mem_free(names->list);
    names->list = NULL;
    names->n = names->room = 0;
}
