/* gantry-imaging model-unpack FILE.zip FOLDER: the model that a ZIP holds (its card, its network,
 * the detector beside them), without whatever else lies in there. */
#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/zip-file.h"
#include "os/file.h"
#include "steps/command.h"

extern const struct command command_word_model_unpack;

#define CARD "model.json"

/* The card with the fewest slashes, which must be one: a detector's lies below. */
static bool find_card(const struct zip_archive *zip, const char *file, size_t *ret_prefix,
                      const char **ret_name, struct err *err)
{
    size_t fewest = SIZE_MAX;
    const char *other = NULL;
    for (size_t i = 0; i < zip_archive_count(zip); i++) {
        struct zip_entry_info entry;
        size_t slashes = 0;

        zip_archive_entry(zip, i, &entry);
        for (const char *c = entry.name; *c != '\0'; c++) {
            slashes += *c == '/';
        }
        if (!entry.plain || strcmp(path_base(entry.name), CARD) != 0 || slashes > fewest) {
            continue;
        }
        other = slashes == fewest ? entry.name : NULL;
        if (other == NULL) {
            fewest = slashes;
            *ret_prefix = strlen(entry.name) - strlen(CARD);
            *ret_name = entry.name;
        }
    }
    if (fewest == SIZE_MAX) {
        return err_set(err, ERR_NOTHING, "'%s' has no " CARD ": a model is a card and a network",
                       file);
    }
    return other == NULL ||
        err_set(err, ERR_FORMAT,
                "'%s' holds several models, '%.100s' and '%.100s': add one at a time", file,
                *ret_name, other);
}

/* model.json, model.onnx, or one of the two in a folder there; nothing hidden. */
static bool wanted(const char *name)
{
    const char *slash = strchr(name, '/');
    const char *base = slash != NULL ? slash + 1 : name;

    return name[0] != '.' && strchr(base, '/') == NULL &&
        (strcmp(base, CARD) == 0 || strcmp(base, "model.onnx") == 0);
}

static bool write_entry(struct zip_archive *zip, size_t i, const struct zip_entry_info *entry,
                        const char *path, struct err *err)
{
    char *bytes = mem_array(entry->size + 1, 1, err);
    char *parent = bytes != NULL ? path_dir(path, err) : NULL;
    bool good = parent != NULL && file_mkdirs(parent, 0755, err) &&
        zip_archive_read(zip, i, bytes, err) &&
        file_write(path, bytes, (size_t)entry->size, false, err);

    mem_free(parent);
    mem_free(bytes);
    return good;
}

static bool unpack(const char *file, const char *folder, struct err *err)
{
    const struct zip_limits limits = {10000, (uint64_t)8 << 30, (uint64_t)16 << 30, 1100};
    struct zip_archive *zip = zip_archive_open(file, &limits, err);
    const char *card = NULL;
    size_t prefix = 0;
    bool good = zip != NULL && find_card(zip, file, &prefix, &card, err);

    for (size_t i = 0; good && card != NULL && i < zip_archive_count(zip); i++) {
        struct zip_entry_info entry;

        zip_archive_entry(zip, i, &entry);
        if (entry.plain && strncmp(entry.name, card, prefix) == 0 && wanted(entry.name + prefix)) {
            char *path = path_join(folder, entry.name + prefix, err);
            good = path != NULL && write_entry(zip, i, &entry, path, err);
            mem_free(path);
        }
    }
    zip_archive_close(zip);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};

    if (argc != 2) {
        err_set(&err, ERR_USAGE, "usage: gantry-imaging model-unpack FILE.zip FOLDER");
        return command_fail(&err);
    }
    return unpack(argv[0], argv[1], &err) ? 0 : command_fail(&err);
}

const struct command command_word_model_unpack = {
    .name = "model-unpack",
    .usage = "FILE.zip FOLDER",
    .help = "take the model out of a ZIP",
    .run = run,
};
