/* `gantry info`: what a file is. */
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

static void print_row(struct cli *c, const json_t *row)
{
    char bytes[32];
    char *shown = cli_shown(json_get_text(row, "path", ""), err_ignore("shown without it"));
    num_show_bytes(json_get_int(row, "size", 0), bytes, sizeof bytes);
    cli_print(c, "%s: %s, %s\n", shown ? shown : "", json_get_text(row, "kind", "other"), bytes);
    if (json_object_get(row, "frames")) {
        num_show_bytes(json_get_int(row, "logical_bytes", 0), bytes, sizeof bytes);
        cli_print(c,
                  "  projections  %" PRId64 " of %" PRId64 ", %" PRId64 " rows x %" PRId64
                  " columns, %s, %s\n",
                  json_get_int(row, "frames", 0), json_get_int(row, "angles", 0),
                  json_get_int(row, "rows", 0), json_get_int(row, "columns", 0),
                  json_get_text(row, "dtype", ""), bytes);
        cli_print(c, "  angles       %.6g to %.6g degrees\n",
                  json_get_double(row, "theta_first", 0), json_get_double(row, "theta_last", 0));
        cli_print(c, "  flats, darks %" PRId64 ", %" PRId64 "\n", json_get_int(row, "n_white", 0),
                  json_get_int(row, "n_dark", 0));
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
    (void)close(fd);
    (void)(getcwd(here, sizeof here) == NULL);
    char *path = path_absolute(here, c->args[0], err);
    json_t *row = path ? read_header(c, path, err) : NULL;
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
    .summary = "What a file is: kind, shape, angles, and what is wrong with it",
    .usage = "FILE",
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
