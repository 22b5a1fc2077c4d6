/*
 * gantry-imaging check: are these outputs what their names claim? Each kind is looked into just far
 * enough to know that it is whole: directories of TIFFs and workbooks, HDF5's superblock, PNG's
 * chunks. A folder means every file in it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "codec/json.h"
#include "codec/png-file.h"
#include "codec/tiff-file.h"
#include "codec/xlsx.h"
#include "image/hdf5-volume.h"
#include "image/nifti.h"
#include "os/file.h"
#include "steps/command.h"

extern const struct command command_word_check;

#define LIST_MAX ((size_t)1 << 30)
#define MAX_DEPTH 32

static bool check_json(const char *path, struct err *err)
{
    json_t *value = json_read(path, err);

    json_decref(value);
    return value != NULL;
}

/* The header, and of a plain file its length. */
static bool check_nifti(const char *path, struct err *err)
{
    struct nifti_info info;

    return nifti_look(path, &info, err);
}

static const struct {
    const char *ext;
    bool (*check)(const char *path, struct err *err);
} checks[] = {
    {".tif", tiff_check},  {".tiff", tiff_check}, {".h5", hdf5_check},      {".hdf5", hdf5_check},
    {".hdf", hdf5_check},  {".nxs", hdf5_check},  {".png", png_check},      {".xlsx", xlsx_check},
    {".json", check_json}, {".nii", check_nifti}, {".nii.gz", check_nifti},
};

static bool check_file(const char *path, const struct stat *st, struct err *err)
{
    const char *ext = path_ext(path);

    if (!S_ISREG(st->st_mode)) {
        return err_set(err, ERR_FORMAT, "%s: not a plain file", path);
    }
    if (st->st_size == 0) {
        return err_set(err, ERR_FORMAT, "%s: empty file", path);
    }
    for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++) {
        if (strcasecmp(ext, checks[i].ext) == 0) {
            return checks[i].check(path, err);
        }
    }
    return true; /* text and what we do not know: it is there and not empty */
}

static bool check_path(const char *path, int depth, struct err *err)
{
    size_t count = 0;
    char **names;
    struct stat st;
    bool good;

    if (stat(path, &st) != 0) {
        return err_errno(err, errno, "%s", path);
    }
    if (!S_ISDIR(st.st_mode)) {
        return check_file(path, &st, err);
    }
    if (depth == MAX_DEPTH) {
        return err_set(err, ERR_FORMAT, "%s: folders nested too deep", path);
    }
    names = file_list(path, &count, err);
    good = names != NULL && (count > 0 || err_set(err, ERR_FORMAT, "%s: empty folder", path));
    for (size_t i = 0; good && i < count; i++) {
        char *below = path_join(path, names[i], err);

        good = below != NULL && check_path(below, depth + 1, err);
        mem_free(below);
    }
    file_list_free(names);
    return good;
}

/* Paths of a file, each ending in NUL. */
static bool check_list(const char *list, struct err *err)
{
    size_t length = 0;
    char *paths = file_read(strcmp(list, "-") == 0 ? "/dev/stdin" : list, LIST_MAX, &length, err);
    bool good = paths != NULL;

    for (char *at = paths; good && at < paths + length; at += strlen(at) + 1) {
        good = at[0] == '\0' || check_path(at, 0, err);
    }
    mem_free(paths);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    bool good = true;

    if (argc == 0) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging check PATH... | --list FILE");
        return command_fail(&err);
    }
    if (argc == 2 && strcmp(argv[0], "--list") == 0) {
        return check_list(argv[1], &err) ? 0 : command_fail(&err);
    }
    for (int i = 0; good && i < argc; i++) {
        good = check_path(argv[i], 0, &err);
    }
    return good ? 0 : command_fail(&err);
}

const struct command command_word_check = {
    .name = "check",
    .usage = "PATH... | --list FILE",
    .help = "are these files whole and what their names claim? (FILE holds paths that end in NUL)",
    .run = run,
};
