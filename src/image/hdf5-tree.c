/*
 * A walk over the links of every group, iteratively by name order, with bounds on depth, on nodes
 * and on the bytes of a value: a file can hold anything, also loops of hard links.
 */
#include "image/hdf5-tree.h"
#include <hdf5.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/str.h"
#include "image/hdf5-error.h"

#define MAX_DEPTH 16
#define MAX_NODES 5000u
#define MAX_SEEN 50000u /* looked at, whether or not they have the text */
#define MAX_ATTRIBUTES 200u
#define MAX_VALUES 16u    /* larger arrays are told by their shape */
#define MAX_TEXT 400u     /* bytes of a text that are shown */
#define MAX_STRING 65536u /* longer fixed-size strings are not read */
#define NAME_SIZE 512u

struct walk {
    json_t *nodes;
    const char *text;
    size_t seen;
    bool truncated;
    bool failed; /* memory is out */
    char path[4096];
};

/* ---- types and values ---- */

static void type_name(hid_t type, char *out, size_t size)
{
    size_t bits = H5Tget_size(type) * 8;

    switch (H5Tget_class(type)) {
    case H5T_INTEGER:
        snprintf(out, size, "%sint%zu", H5Tget_sign(type) == H5T_SGN_NONE ? "u" : "", bits);
        break;
    case H5T_FLOAT:
        snprintf(out, size, "float%zu", bits);
        break;
    case H5T_STRING:
        snprintf(out, size, "text");
        break;
    case H5T_ENUM:
        snprintf(out, size, "enum");
        break;
    case H5T_COMPOUND:
        snprintf(out, size, "compound of %d", H5Tget_nmembers(type));
        break;
    case H5T_REFERENCE:
        snprintf(out, size, "reference");
        break;
    default:
        snprintf(out, size, "other");
        break;
    }
}

/* Text as JSON: cut, and bytes that are not UTF-8 replaced. */
static json_t *text_value(const char *bytes, size_t length)
{
    char text[MAX_TEXT + 4];
    size_t n = strnlen(bytes, length);
    bool cut = n > MAX_TEXT;

    n = cut ? MAX_TEXT : n;
    memcpy(text, bytes, n);
    while (cut && n > 0 && ((unsigned char)text[n - 1] & 0xc0) == 0x80) {
        n--; /* not within a character */
    }
    n -= cut && n > 0 && (unsigned char)text[n - 1] >= 0xc0;
    memcpy(text + n, cut ? "..." : "", cut ? 4 : 1);
    if (!str_utf8(text)) {
        for (char *at = text; *at != '\0'; at++) {
            *at = (unsigned char)*at < 0x80 ? *at : '?';
        }
    }
    return json_string(text);
}

static json_t *real_value(double value)
{
    return isfinite(value) ? json_real(value)
                           : json_string(isnan(value)    ? "nan"
                                             : value > 0 ? "inf"
                                                         : "-inf");
}

/* Reads from an attribute or a data set. */
static bool read_into(hid_t object, bool attribute, hid_t type, void *out)
{
    return attribute ? H5Aread(object, type, out) >= 0
                     : H5Dread(object, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out) >= 0;
}

static json_t *numbers(hid_t object, bool attribute, bool real, size_t count, bool scalar)
{
    double d[MAX_VALUES] = {0};
    long long i[MAX_VALUES] = {0};
    json_t *list;

    if (!read_into(object, attribute, real ? H5T_NATIVE_DOUBLE : H5T_NATIVE_LLONG,
                   real ? (void *)d : (void *)i)) {
        return json_null();
    }
    if (scalar) {
        return real ? real_value(d[0]) : json_integer(i[0]);
    }
    list = json_array();
    for (size_t k = 0; list != NULL && k < count; k++) {
        if (json_array_append_new(list, real ? real_value(d[k]) : json_integer(i[k])) != 0) {
            json_decref(list);
            list = NULL;
        }
    }
    return list;
}

static json_t *join(json_t *list, json_t *value)
{
    if (list == NULL || json_array_append_new(list, value) != 0) {
        json_decref(list);
        return NULL;
    }
    return list;
}

static json_t *variable_texts(hid_t object, bool attribute, hid_t type, hid_t space, size_t count,
                              bool scalar)
{
    char *pointer[MAX_VALUES] = {NULL};
    hid_t memory = H5Tcopy(H5T_C_S1);
    json_t *value = scalar ? NULL : json_array();

    if (memory >= 0 && H5Tset_size(memory, H5T_VARIABLE) >= 0 &&
        H5Tset_cset(memory, H5Tget_cset(type)) >= 0 &&
        read_into(object, attribute, memory, pointer)) {
        for (size_t k = 0; k < count; k++) {
            json_t *one = text_value(pointer[k] != NULL ? pointer[k] : "", SIZE_MAX >> 1);

            value = scalar ? one : join(value, one);
        }
        H5Dvlen_reclaim(memory, space, H5P_DEFAULT, pointer);
    } else {
        json_decref(value);
        value = json_null();
    }
    hdf5_drop(memory);
    return value;
}

static json_t *fixed_texts(hid_t object, bool attribute, hid_t type, size_t count, bool scalar)
{
    size_t size = H5Tget_size(type);
    char *bytes = size == 0 || size > MAX_STRING
        ? NULL
        : mem_array(count, size, err_ignore("then the value is not shown"));
    json_t *value = scalar ? NULL : json_array();

    if (bytes != NULL && read_into(object, attribute, type, bytes)) {
        for (size_t k = 0; k < count; k++) {
            json_t *one = text_value(bytes + k * size, size);

            value = scalar ? one : join(value, one);
        }
    } else {
        json_decref(value);
        value = json_null();
    }
    mem_free(bytes);
    return value;
}

/* The value when it is small and of a kind that people read; else null. */
static json_t *value_of(hid_t object, bool attribute, hid_t type, hid_t space)
{
    hssize_t points = H5Sget_simple_extent_npoints(space);
    bool scalar = H5Sget_simple_extent_type(space) == H5S_SCALAR || points == 1;
    size_t count = points > 0 ? (size_t)points : 0;
    H5T_class_t class = H5Tget_class(type);
    json_t *value = NULL;

    if (count > 0 && count <= MAX_VALUES) {
        if (class == H5T_INTEGER || class == H5T_FLOAT) {
            value = numbers(object, attribute, class == H5T_FLOAT, count, scalar);
        } else if (class == H5T_STRING && H5Tis_variable_str(type) > 0) {
            value = variable_texts(object, attribute, type, space, count, scalar);
        } else if (class == H5T_STRING) {
            value = fixed_texts(object, attribute, type, count, scalar);
        }
    }
    H5Eclear2(H5E_DEFAULT);
    return value != NULL ? value : json_null();
}

static json_t *sizes(const hsize_t *dims, int rank)
{
    json_t *list = json_array();

    for (int i = 0; i < rank && list != NULL; i++) {
        list = join(list, json_integer((json_int_t)dims[i]));
    }
    return list;
}

/* ---- attributes ---- */

static bool add_attribute(json_t *to, hid_t object, hsize_t index)
{
    char name[NAME_SIZE] = "";
    hid_t attribute =
        H5Aopen_by_idx(object, ".", H5_INDEX_NAME, H5_ITER_NATIVE, index, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = attribute < 0 ? -1 : H5Aget_type(attribute);
    hid_t space = type < 0 ? -1 : H5Aget_space(attribute);
    bool good = true;

    if (space >= 0 && H5Aget_name(attribute, sizeof(name), name) > 0 && str_utf8(name)) {
        good = json_object_set_new(to, name, value_of(attribute, true, type, space)) == 0;
    }
    hdf5_drop(space);
    hdf5_drop(type);
    hdf5_drop(attribute);
    H5Eclear2(H5E_DEFAULT);
    return good;
}

static bool add_attributes(json_t *node, hid_t object)
{
    json_t *to = NULL;
    H5O_info_t info;
    bool good = true;

    if (H5Oget_info2(object, &info, H5O_INFO_NUM_ATTRS) < 0 || info.num_attrs == 0) {
        H5Eclear2(H5E_DEFAULT);
        return true;
    }
    to = json_object();
    for (hsize_t i = 0; to != NULL && good && i < info.num_attrs && i < MAX_ATTRIBUTES; i++) {
        good = add_attribute(to, object, i);
    }
    return to != NULL && json_object_set_new(node, "attributes", to) == 0 && good;
}

/* ---- nodes ---- */

static json_t *filters_of(hid_t plist)
{
    int count = H5Pget_nfilters(plist);
    json_t *list = json_array();

    for (int i = 0; i < count && i < 8 && list != NULL; i++) {
        char name[64] = "";
        unsigned flags;
        unsigned config;
        size_t values = 0;
        int id =
            H5Pget_filter2(plist, (unsigned)i, &flags, &values, NULL, sizeof(name), name, &config);
        const char *known = hdf5_filter_name(id);

        list = join(list, json_string(known[0] != '\0' ? known : str_utf8(name) ? name : "?"));
    }
    return list;
}

/* Are the values within this file? External files and virtual sources are not opened. */
static bool within_file(hid_t plist)
{
    return H5Pget_layout(plist) != H5D_VIRTUAL && H5Pget_external_count(plist) == 0;
}

static bool fill_dataset(json_t *node, hid_t data)
{
    hsize_t dims[H5S_MAX_RANK];
    hid_t type = H5Dget_type(data);
    hid_t space = H5Dget_space(data);
    hid_t plist = H5Dget_create_plist(data);
    char name[40] = "";
    bool good = true;

    if (type >= 0 && space >= 0 && plist >= 0) {
        int rank = H5Sget_simple_extent_dims(space, dims, NULL);

        type_name(type, name, sizeof(name));
        good = json_object_set_new(node, "dtype", json_string(name)) == 0 &&
            json_object_set_new(node, "shape", sizes(dims, rank)) == 0 &&
            json_object_set_new(node, "bytes",
                                json_integer((json_int_t)H5Dget_storage_size(data))) == 0;
        if (good && H5Pget_layout(plist) == H5D_CHUNKED) {
            rank = H5Pget_chunk(plist, H5S_MAX_RANK, dims);
            good = json_object_set_new(node, "chunk", sizes(dims, rank)) == 0;
        }
        if (good && H5Pget_nfilters(plist) > 0) {
            good = json_object_set_new(node, "filters", filters_of(plist)) == 0;
        }
        if (good && within_file(plist)) {
            good = json_object_set_new(node, "value", value_of(data, false, type, space)) == 0;
        }
    }
    hdf5_drop(plist);
    hdf5_drop(space);
    hdf5_drop(type);
    H5Eclear2(H5E_DEFAULT);
    return good;
}

/* Does the node say `text` anywhere? */
static bool has_text(const json_t *node, const char *text)
{
    char *all = json_dumps(node, JSON_COMPACT);
    bool has = all != NULL && strcasestr(all, text) != NULL;

    mem_free(all);
    return has;
}

static void add_node(struct walk *w, json_t *node)
{
    if (node == NULL) {
        w->failed = true;
    } else if (w->text != NULL && !has_text(node, w->text)) {
        json_decref(node);
    } else if (json_array_size(w->nodes) >= MAX_NODES) {
        w->truncated = true;
        json_decref(node);
    } else if (json_array_append_new(w->nodes, node) != 0) {
        w->failed = true;
    }
}

static json_t *new_node(const struct walk *w, const char *kind)
{
    return json_pack("{s:o, s:s}", "path", text_value(w->path, sizeof(w->path)), "kind", kind);
}

static void add_object(struct walk *w, hid_t object, H5I_type_t type)
{
    json_t *node = new_node(w,
                            type == H5I_GROUP         ? "group"
                                : type == H5I_DATASET ? "dataset"
                                                      : "other");

    if (node != NULL &&
        ((type == H5I_DATASET && !fill_dataset(node, object)) || !add_attributes(node, object))) {
        json_decref(node);
        node = NULL;
    }
    add_node(w, node);
}

/* A link that is not hard: where it points, not what is there. */
static void add_link(struct walk *w, hid_t group, const char *name, const H5L_info_t *info)
{
    char value[1024] = "";
    const char *file = "";
    const char *target = value;
    json_t *node = new_node(w, "link");

    if (info->type == H5L_TYPE_EXTERNAL && info->u.val_size < sizeof(value) &&
        H5Lget_val(group, name, value, sizeof(value), H5P_DEFAULT) >= 0) {
        unsigned flags;

        if (H5Lunpack_elink_val(value, info->u.val_size, &flags, &file, &target) < 0) {
            file = target = "";
        }
    } else if (info->type == H5L_TYPE_SOFT && info->u.val_size < sizeof(value)) {
        (void)H5Lget_val(group, name, value, sizeof(value), H5P_DEFAULT);
    }
    if (node != NULL) {
        char both[2100];

        snprintf(both, sizeof(both), "%s%s%s", file, file[0] != '\0' ? ":" : "", target);
        if (json_object_set_new(node, "target", text_value(both, sizeof(both))) != 0) {
            json_decref(node);
            node = NULL;
        }
    }
    H5Eclear2(H5E_DEFAULT);
    add_node(w, node);
}

static void walk_group(struct walk *w, hid_t group, int depth);

static void walk_entry(struct walk *w, hid_t group, hsize_t index, int depth)
{
    size_t above = strlen(w->path);
    char name[NAME_SIZE] = "";
    H5L_info_t info;
    ssize_t length = H5Lget_name_by_idx(group, ".", H5_INDEX_NAME, H5_ITER_INC, index, name,
                                        sizeof(name), H5P_DEFAULT);

    if (length <= 0 || (size_t)length >= sizeof(name) ||
        above + (size_t)length + 2 > sizeof(w->path) ||
        H5Lget_info(group, name, &info, H5P_DEFAULT) < 0) {
        H5Eclear2(H5E_DEFAULT);
        w->truncated = true;
        return;
    }
    snprintf(w->path + above, sizeof(w->path) - above, "%s%s", above > 1 ? "/" : "", name);
    if (info.type != H5L_TYPE_HARD) {
        add_link(w, group, name, &info);
    } else {
        hid_t object = H5Oopen(group, name, H5P_DEFAULT);

        if (object >= 0) {
            H5I_type_t type = H5Iget_type(object);

            add_object(w, object, type);
            if (type == H5I_GROUP) {
                walk_group(w, object, depth + 1);
            }
        } else {
            add_node(w, new_node(w, "other"));
        }
        hdf5_drop(object);
        H5Eclear2(H5E_DEFAULT);
    }
    w->path[above] = '\0';
}

static void walk_group(struct walk *w, hid_t group, int depth)
{
    H5G_info_t info;

    if (H5Gget_info(group, &info) < 0) {
        H5Eclear2(H5E_DEFAULT);
        return;
    }
    for (hsize_t i = 0; i < info.nlinks && !w->failed; i++) {
        if (depth > MAX_DEPTH || ++w->seen > MAX_SEEN || json_array_size(w->nodes) >= MAX_NODES) {
            w->truncated = true;
            return;
        }
        walk_entry(w, group, i, depth);
    }
}

json_t *hdf5_tree(const char *path, const char *text, struct err *err)
{
    struct walk w = {.text = text != NULL && text[0] != '\0' ? text : NULL, .path = "/"};
    struct stat st;
    json_t *tree = NULL;
    hid_t file;

    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode)) {
        err_set(err, ERR_IO, "%s: not a file that can be read", path);
        return NULL;
    }
    file = H5Fopen(path, H5F_ACC_RDONLY, H5P_DEFAULT);
    if (file < 0) {
        file = H5Fopen(path, H5F_ACC_RDONLY | H5F_ACC_SWMR_READ, H5P_DEFAULT);
    }
    if (file < 0) {
        hdf5_fail(err, ERR_FORMAT, "%s: not a whole HDF5 file", path);
        return NULL;
    }
    w.nodes = json_array();
    if (w.nodes != NULL) {
        add_object(&w, file, H5I_GROUP);
        walk_group(&w, file, 1);
        tree = w.failed ? NULL
                        : json_pack("{s:O, s:b}", "nodes", w.nodes, "truncated", (int)w.truncated);
    }
    json_decref(w.nodes);
    hdf5_drop(file);
    H5Eclear2(H5E_DEFAULT);
    if (tree == NULL) {
        err_set(err, ERR_NOMEM, "out of memory");
    }
    return tree;
}
