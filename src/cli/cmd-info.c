/* `gantry info`: what a file is. HDF5 goes the way of the catalog (headers), all else is asked of
 * gantry-imaging info. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "cli/child.h"
#include "cli/command.h"
#include "os/file.h"

/* One header through gantry-imaging, which wants lists in files. */
static json_t *read_header(struct cli *c, const char *path, struct err *err)
{
    char *list = mem_printf(err, "%s/info-%ld.list", c->home, (long)getpid());
    char *out = mem_printf(err, "%s/info-%ld.out", c->home, (long)getpid());
    char *text = NULL;
    json_t *row = NULL;
    size_t length = 0;
    if (list && out && file_write(list, path, strlen(path) + 1, false, err)) {
        const char *args[] = {"headers", "--list", list, "--out", out, NULL};
        text = child_imaging(args, NULL, err) ? file_read(out, 0, &length, err) : NULL;
        row = text ? json_parse(text, length, "gantry-imaging's answer", err) : NULL;
        (void)unlink(list);
        (void)unlink(out);
    }
    mem_free(text);
    mem_free(out);
    mem_free(list);
    return row;
}

/* Does the file begin like HDF5 (at byte 0, 512, 1024 or 2048)? */
static bool is_hdf5(int fd)
{
    static const char mark[8] = {'\x89', 'H', 'D', 'F', '\r', '\n', '\x1a', '\n'};
    char bytes[sizeof mark];
    for (off_t at = 0; at <= 2048; at = at ? 2 * at : 512) {
        if (pread(fd, bytes, sizeof bytes, at) == sizeof bytes &&
            memcmp(bytes, mark, sizeof mark) == 0) {
            return true;
        }
    }
    return false;
}

/* What gantry-imaging says about anything that is no HDF5. */
static json_t *read_image(const char *path, struct err *err)
{
    const char *args[] = {"info", path, NULL};
    struct str text = STR_INIT;
    json_t *row = NULL;
    if (child_imaging(args, &text, err) && str_ok(&text, err)) {
        row = json_parse(str_text(&text), text.len, "gantry-imaging's answer", err);
    }
    str_fini(&text);
    return row;
}

/* Text of a file: shown as a path is, so that no control character reaches the terminal. */
static void print_text(struct cli *c, const char *before, const char *text)
{
    char *shown = cli_shown(text, err_ignore("shown without it"));
    cli_print(c, "%s%s\n", before, shown ? shown : "");
    mem_free(shown);
}

static void print_scan(struct cli *c, const json_t *row)
{
    char bytes[32];
    num_show_bytes(json_get_int(row, "logical_bytes", 0), bytes, sizeof bytes);
    cli_print(c,
              "  projections  %" PRId64 " of %" PRId64 ", %" PRId64 " rows x %" PRId64
              " columns, %s, %s\n",
              json_get_int(row, "frames", 0), json_get_int(row, "angles", 0),
              json_get_int(row, "rows", 0), json_get_int(row, "columns", 0),
              json_get_text(row, "dtype", ""), bytes);
    cli_print(c, "  angles       %.6g to %.6g degrees\n", json_get_double(row, "theta_first", 0),
              json_get_double(row, "theta_last", 0));
    cli_print(c, "  flats, darks %" PRId64 ", %" PRId64 "\n", json_get_int(row, "n_white", 0),
              json_get_int(row, "n_dark", 0));
}

/* "512 x 512 x 300" */
static void add_list(struct str *out, const json_t *list, size_t most)
{
    size_t i;
    const json_t *value;
    json_array_foreach(list, i, value)
    {
        if (i < most) {
            str_addf(out, "%s%.5g", i ? " x " : "", json_number_value(value));
        }
    }
}

/* Shape, type, place and range: the same keys for NIfTI and for a series of DICOM. */
static void print_volume(struct cli *c, const json_t *row)
{
    const json_t *shape = json_object_get(row, "shape");
    const json_t *range = json_object_get(row, "range");
    double slope = json_get_double(row, "slope", 1);
    double intercept = json_get_double(row, "intercept", 0);
    struct str line = STR_INIT;
    add_list(&line, shape, 3);
    if (json_array_size(shape) > 3) {
        str_addf(&line, ", %" JSON_INTEGER_FORMAT " times",
                 json_integer_value(json_array_get(shape, 3)));
    }
    cli_print(c, "  voxels       %s, %s\n", str_text(&line), json_get_text(row, "dtype", ""));
    str_clear(&line);
    add_list(&line, json_object_get(row, "spacing_mm"), 3);
    cli_print(c, "  spacing      %s mm, %s\n", str_text(&line),
              json_get_text(row, "orientation", "???"));
    if (range) {
        cli_print(c, "  range        %.6g to %.6g", json_number_value(json_array_get(range, 0)),
                  json_number_value(json_array_get(range, 1)));
        if (slope != 1 || intercept != 0) {
            cli_print(c, " (stored x %.6g %c %.6g)", slope, intercept < 0 ? '-' : '+',
                      intercept < 0 ? -intercept : intercept);
        }
        cli_print(c, "\n");
    }
    if (json_object_get(row, "not_finite")) {
        cli_print(c, "  not finite   %" PRId64 " voxels\n", json_get_int(row, "not_finite", 0));
    }
    str_fini(&line);
}

static void print_complaints(struct cli *c, const json_t *row)
{
    size_t i;
    const json_t *text;
    json_array_foreach(json_object_get(row, "complaints"), i, text)
    {
        print_text(c, "  note         ", json_string_value(text));
    }
}

static void print_nifti(struct cli *c, const json_t *row)
{
    print_volume(c, row);
    cli_print(c, "  format       NIfTI-%" PRId64 "%s, place from its %s\n",
              json_get_int(row, "version", 1), json_get_bool(row, "packed", false) ? ", gzip" : "",
              json_get_text(row, "place", ""));
    if (json_get_double(row, "time_step_s", 0) > 0) {
        cli_print(c, "  time step    %.6g s\n", json_get_double(row, "time_step_s", 0));
    }
    if (json_get_text(row, "description", "")[0]) {
        print_text(c, "  description  ", json_get_text(row, "description", ""));
    }
    print_complaints(c, row);
}

static void print_series(struct cli *c, size_t number, const json_t *row)
{
    cli_print(c, "\n  series %zu: %s", number, json_get_text(row, "modality", "?"));
    if (json_get_int(row, "number", 0)) {
        cli_print(c, ", number %" PRId64, json_get_int(row, "number", 0));
    }
    cli_print(c, ", %" PRId64 " files\n", json_get_int(row, "files", 0));
    print_text(c, "  UID          ", json_get_text(row, "uid", ""));
    static const char *const words[][2] = {{"description", "  description  "},
                                           {"protocol", "  protocol     "},
                                           {"body_part", "  body part    "}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (json_get_text(row, words[i][0], "")[0]) {
            print_text(c, words[i][1], json_get_text(row, words[i][0], ""));
        }
    }
    if (json_object_get(row, "shape")) {
        print_volume(c, row);
    }
    print_complaints(c, row);
}

static void print_row(struct cli *c, const json_t *row)
{
    char bytes[32];
    const char *kind = json_get_text(row, "kind", "other");
    char *shown = cli_shown(json_get_text(row, "path", ""), err_ignore("shown without it"));
    num_show_bytes(json_get_int(row, "size", 0), bytes, sizeof bytes);
    cli_print(c, "%s: %s", shown ? shown : "", kind);
    cli_print(c, json_object_get(row, "size") ? ", %s\n" : "\n", bytes);
    if (json_object_get(row, "frames")) {
        print_scan(c, row);
    }
    if (strcmp(kind, "nifti") == 0 && json_get_bool(row, "ok", false)) {
        print_nifti(c, row);
    }
    if (json_object_get(row, "streamlines")) {
        cli_print(c, "  %" PRId64 " streamlines, %" PRId64 " points, %s\n",
                  json_get_int(row, "streamlines", 0), json_get_int(row, "points", 0),
                  json_get_text(row, "stored", ""));
        print_complaints(c, row);
    }
    size_t i;
    const json_t *series;
    json_array_foreach(json_object_get(row, "series"), i, series)
    {
        print_series(c, i + 1, series);
    }
    if (json_object_get(row, "series")) {
        cli_print(c, "\n");
        print_complaints(c, row);
    }
    if (json_get_text(row, "reason", "")[0]) {
        cli_print(c, "  %s\n", json_get_text(row, "reason", ""));
    }
    mem_free(shown);
}

static bool run(struct cli *c, struct err *err)
{
    char here[4096] = "/";
    int fd = open(c->args[0], O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        return err_errno(err, errno, "opening '%s'", c->args[0]);
    }
    bool hdf5 = is_hdf5(fd);
    (void)close(fd);
    (void)(getcwd(here, sizeof here) == NULL);
    char *path = path_absolute(here, c->args[0], err);
    json_t *row = !path ? NULL : hdf5 ? read_header(c, path, err) : read_image(path, err);
    bool ok = row != NULL;
    if (ok && c->json) {
        ok = cli_json(c, row, err);
    } else if (ok) {
        print_row(c, row);
    }
    json_decref(row);
    mem_free(path);
    return ok;
}

const struct command command_info = {
    .name = "info",
    .group = GROUP_DATA,
    .summary = "What a file is: kind, shape, geometry, and what is wrong with it",
    .usage = "FILE",
    .help =
        "FILE is a scan in HDF5, a NIfTI file, or DICOM: one file, a folder, or a ZIP (ZIPs in\n"
        "folders and in ZIPs too). For images: shape, spacing, orientation (the axes that column,\n"
        "row and slice numbers grow to), type, range of the values, and every complaint; for "
        "DICOM\n"
        "each series.\n",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
