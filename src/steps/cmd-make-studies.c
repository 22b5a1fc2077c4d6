/*
 * gantry-imaging make-studies DIR: a folder of synthetic CT studies, a ZIP of DICOM each, with the
 * faults of real folders: one archive cut in the middle, one MR, one empty. With a number behind it
 * so many sound studies instead, every second one ill.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "codec/zip-make.h"
#include "os/file.h"
#include "steps/command.h"
#include "steps/synth-chest.h"

extern const struct command command_word_make_studies;

#define ARGUMENTS "DIR [COUNT [SLICES [SIDE]]]"
#define SLICES 48
#define SIDE 256

static const struct {
    const char *name;
    struct chest_study study;
    bool cut, empty;
} studies[] = {
    {"norma_1.zip", {1, false, false, SLICES, SIDE}, false, false},
    {"norma_2.zip", {2, false, false, SLICES, SIDE}, false, false},
    {"opacities_3.zip", {3, true, false, SLICES, SIDE}, false, false},
    {"opacities_4.zip", {4, true, false, SLICES, SIDE}, false, false},
    {"cut_5.zip", {5, false, false, SLICES, SIDE}, true, false},
    {"mr_6.zip", {6, false, true, SLICES, SIDE}, false, false},
    {"empty_7.zip", {7, false, false, 1, SIDE}, false, true},
};

static bool write_study(const char *path, const struct chest_study *study, struct err *err)
{
    struct zip_make *zip = zip_make_new(path, err);
    struct str file = STR_INIT;
    bool good = zip != NULL;

    for (size_t i = 0; good && i < study->slices; i++) {
        char name[40];

        snprintf(name, sizeof(name), "DICOM/IM%04zu.dcm", i + 1);
        str_clear(&file);
        good = synth_chest_dicom(study, i, &file, err) &&
            zip_make_add(zip, name, str_text(&file), file.len, err);
    }
    good = good && zip_make_save(zip, err);
    zip_make_free(zip);
    str_fini(&file);
    return good;
}

/* The first half only, as after a broken copy. */
static bool cut(const char *path, struct err *err)
{
    struct stat st;

    return (stat(path, &st) == 0 && truncate(path, st.st_size / 2) == 0) ||
        err_errno(err, errno, "%s", path);
}

/* The end record of an archive without entries (APPNOTE 4.3.16). */
static bool write_empty(const char *path, struct err *err)
{
    static const char end[22] = "PK\5\6";

    return file_write(path, end, sizeof(end), false, err);
}

static bool make(const char *dir, struct err *err)
{
    bool good = file_mkdirs(dir, 0777, err);

    for (size_t i = 0; good && i < sizeof(studies) / sizeof(studies[0]); i++) {
        char *path = path_join(dir, studies[i].name, err);

        good = path != NULL &&
            (studies[i].empty ? write_empty(path, err)
                              : write_study(path, &studies[i].study, err)) &&
            (!studies[i].cut || cut(path, err));
        mem_free(path);
    }
    return good;
}

static bool make_many(const char *dir, size_t count, size_t slices, size_t side, struct err *err)
{
    bool good = file_mkdirs(dir, 0777, err);

    for (size_t i = 0; good && i < count; i++) {
        const struct chest_study study = {(unsigned)i + 1, i % 2 == 1, false, slices, side};
        char *path = mem_printf(err, "%s/study_%04zu.zip", dir, i + 1);

        good = path != NULL && write_study(path, &study, err);
        mem_free(path);
    }
    return good;
}

/* COUNT, SLICES, SIDE, where they are given. */
static bool read_numbers(int n, char **words, int64_t ret[3], struct err *err)
{
    static const int64_t most[] = {10000, 2000, 2048};
    bool good = true;

    for (int i = 0; good && i < n; i++) {
        good = num_int64(words[i], &ret[i]) && ret[i] >= 1 && ret[i] <= most[i];
    }
    return good || err_set(err, ERR_USAGE, "usage: gantry-imaging make-studies " ARGUMENTS);
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};
    int64_t number[] = {1, SLICES, SIDE};
    bool good = (argc >= 1 && argc <= 4) ||
        err_set(&err, ERR_USAGE, "usage: gantry-imaging make-studies " ARGUMENTS);

    good = good && read_numbers(argc - 1, argv + 1, number, &err) &&
        (argc == 1
             ? make(argv[0], &err)
             : make_many(argv[0], (size_t)number[0], (size_t)number[1], (size_t)number[2], &err));
    return good ? 0 : command_fail(&err);
}

const struct command command_word_make_studies = {
    .name = "make-studies",
    .usage = ARGUMENTS,
    .help = "synthetic CT studies, a ZIP of DICOM each, with the faults of real folders",
    .run = run,
};
