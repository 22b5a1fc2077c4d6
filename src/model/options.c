/* The table of options, and a list of values with one text an option. */
#include "model/options.h"

#include <stdio.h>
#include <string.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/ini.h"
#include "os/file.h"

#define DAY 86400.0

const struct option_info option_table[] = {
    {"slots", OPTION_INT, 0, 1024, "0", "tasks that run at the same time; 0 = one for every core"},
    {"gpus", OPTION_TEXT, 0, 0, "auto", "GPUs to use: auto, none, or a list such as 0,1"},
    {"threads", OPTION_INT, 0, 1024, "0",
     "threads of one task; 0 = the cores shared out among the slots"},
    {"warm_workers", OPTION_BOOL, 0, 0, "yes",
     "a slot's process and the model it has loaded serve task after task; no = a new process for "
     "each"},
    {"timeout", OPTION_SECONDS, 0, 365 * DAY, "0", "a task that runs longer is ended; 0 = never"},
    {"stall", OPTION_SECONDS, 0, 365 * DAY, "-",
     "a task without progress and output for so long is ended; 0 = never, "
     "- = what the tool says"},
    {"mem_reserve", OPTION_BYTES, 0, 0, "1G",
     "memory left free when tasks that declare theirs are started"},
    {"disk_reserve", OPTION_BYTES, 0, 0, "0",
     "space left free on a disk; below it the queue waits"},
    {"disk_wait", OPTION_SECONDS, 0, 365 * DAY, "10m",
     "how long a run waits for room on a full disk before it ends with status 4 (resumable)"},
    {"undersized_percent", OPTION_NUMBER, 0, 100, "50",
     "scans below this share of their series' median are skipped; "
     "0 = off"},
    {"watch_poll", OPTION_SECONDS, 0.1, DAY, "10s",
     "how often scan --watch looks where the system does not tell"},
    {"watch_abort_after", OPTION_SECONDS, 1, 30 * DAY, "10m",
     "a scan that stopped growing for so long is flagged"},
    {"watch_settle", OPTION_SECONDS, 0, 30 * DAY, "30s",
     "a study that arrives is launched when nothing in it changed for so long"},
    {"max_delta", OPTION_NUMBER, 1, 1000, "50",
     "Fix COR Outliers: the largest deviation that is never flagged, pixels"},
    {"attempts_dir", OPTION_TEXT, 0, 0, "",
     "folder for attempts instead of .gantry beside the data"},
    {"keep_attempts", OPTION_BOOL, 0, 0, "no",
     "keep the folders of successful attempts instead of packing their logs"},
    {"licenses", OPTION_TEXT, 0, 0, "",
     "how many of each licence there are, such as matlab:2,idl:1; one not named counts as one"},
    {"setup", OPTION_TEXT, 0, 0, "",
     "shell lines run before every script and every external tool, such as module load fsl; a "
     "tool's, a batch's and a job's own come after them"},
    {"queues", OPTION_TEXT, 0, 0, "",
     "queues that jobs may name, each with the number of tasks at once in it: default, night:2; no "
     "number = as many as there are slots"},
    {"default_queue", OPTION_TEXT, 0, 0, "default", "the queue of jobs and batches that name none"},
    {"run_end_command", OPTION_TEXT, 0, 0, "",
     "a command (for bash) that is run at the end of every run, also a failed one: it gets the "
     "run as JSON on standard input, to mail it or pass it on"},
    {"run_end_url", OPTION_TEXT, 0, 0, "",
     "an address that gets the same JSON by POST at the end of every run (needs curl)"},
    {"overwrite", OPTION_BOOL, 0, 0, "no", "replace outputs that Gantry did not make"},
    {"roots", OPTION_TEXT, 0, 0, "",
     "folders below which the page may open new ones, separated by ':'; those of projects always"},
    {"server_name", OPTION_TEXT, 0, 0, "",
     "names under which the server is reached, such as tomo.example.org; needed behind a proxy"},
    {"trusted_proxy", OPTION_TEXT, 0, 0, "",
     "addresses (10.0.0.5, 10.1.0.0/16) whose X-Remote-User and X-Forwarded-* headers are "
     "believed"},
    {"session_hours", OPTION_INT, 1, 8760, "24",
     "a browser that was not used for so long signs in again"},
    {"rate_limit", OPTION_INT, 0, 1000000, "400",
     "requests a second from one address, with bursts of ten times as many; 0 = no limit"},
    {"upload_max", OPTION_BYTES, 0, 0, "2G",
     "the largest file that people may send through the page: a model, a mask"},
    {"volume_cache", OPTION_BYTES, 0, 0, "4G",
     "room in the home for images made ready for the page's viewer; the oldest go first"},
    {"privacy", OPTION_TEXT, 0, 0, "auto",
     "how PatientIDs of image series are stored: id, hash (a keyed digest), auto = hash once there "
     "are accounts"},
    {"tomolog.command", OPTION_TEXT, 0, 0, "tomolog",
     "the upload's program, looked for on PATH, or its path"},
    {"tomolog.presentation_url", OPTION_TEXT, 0, 0, "",
     "where the upload goes: the address of the Google presentation; no upload without it"},
    {"tomolog.beamline", OPTION_TEXT, 0, 0, "", "beamline for the upload, such as 2-bm"},
    {"tomolog.cloud", OPTION_TEXT, 0, 0, "",
     "service that keeps the upload's pictures, such as imgur or aps; blank = tomolog's own "
     "choice"},
    {"tomolog.idx", OPTION_INT, -1, 1e9, "-1", "x slice shown by the upload; -1 = the middle"},
    {"tomolog.idy", OPTION_INT, -1, 1e9, "-1", "y slice shown by the upload; -1 = the middle"},
    {"tomolog.idz", OPTION_INT, -1, 1e9, "-1", "z slice shown by the upload; -1 = the middle"},
    {"tomolog.min", OPTION_NUMBER, -1e30, 1e30, "",
     "black of the upload's slices; this or max blank = 5 % of each scan's middle slice"},
    {"tomolog.max", OPTION_NUMBER, -1e30, 1e30, "",
     "white of the upload's slices; this or min blank = 95 % of each scan's middle slice"},
    {"tomolog.note", OPTION_TEXT, 0, 0, "", "a note on every slide of the upload"},
    {NULL, OPTION_TEXT, 0, 0, NULL, NULL},
};

#define OPTION_COUNT (sizeof option_table / sizeof option_table[0] - 1)

struct options {
    char *value[OPTION_COUNT]; /* NULL = not set */
};

static const struct option_info *lookup(const char *key)
{
    for (const struct option_info *i = option_table; i->key; i++) {
        if (!strcmp(i->key, key)) {
            return i;
        }
    }
    return NULL;
}

const char *option_type_name(enum option_type type)
{
    static const char *const names[] = {"integer", "number", "seconds", "bytes", "bool", "text"};
    return names[type];
}

const struct option_info *option_find(const char *key, struct err *err)
{
    const struct option_info *info = lookup(key);
    if (!info) {
        /* The most likely slip is a word of the table with a dash, or a part of one. */
        for (const struct option_info *i = option_table; i->key; i++) {
            if (strstr(i->key, key) || strstr(key, i->key)) {
                (void)err_set(err, ERR_USAGE, "there is no option '%s'; did you mean '%s'?", key,
                              i->key);
                return NULL;
            }
        }
        (void)err_set(err, ERR_USAGE, "there is no option '%s' (gantry config show lists them)",
                      key);
    }
    return info;
}

static bool to_bool(const char *text, bool *ret)
{
    static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!strcmp(words[i], text)) {
            *ret = i % 2 == 1;
            return true;
        }
    }
    return false;
}

bool option_check(const struct option_info *info, const char *value, struct err *err)
{
    double number = 0;
    int64_t whole = 0;
    bool flag;
    if (!strcmp(value, info->fallback)) {
        return true;
    }
    switch (info->type) {
    case OPTION_INT:
        if (!num_int64(value, &whole) || (double)whole < info->min || (double)whole > info->max) {
            return err_set(err, ERR_USAGE, "%s: '%s' is not a whole number from %.0f to %.0f",
                           info->key, value, info->min, info->max);
        }
        break;
    case OPTION_NUMBER:
        if (!num_double(value, &number) || number < info->min || number > info->max) {
            return err_set(err, ERR_USAGE, "%s: '%s' is not a number from %g to %g", info->key,
                           value, info->min, info->max);
        }
        break;
    case OPTION_SECONDS:
        if (!num_seconds(value, &number) || number < info->min || number > info->max) {
            return err_set(err, ERR_USAGE,
                           "%s: '%s' is not a time such as 90, 10m or 2h (at least %g s)",
                           info->key, value, info->min);
        }
        break;
    case OPTION_BYTES:
        if (!num_bytes(value, &whole)) {
            return err_set(err, ERR_USAGE, "%s: '%s' is not a size such as 512M or 2G", info->key,
                           value);
        }
        break;
    case OPTION_BOOL:
        if (!to_bool(value, &flag)) {
            return err_set(err, ERR_USAGE, "%s: '%s' is neither yes nor no", info->key, value);
        }
        break;
    case OPTION_TEXT:
        if (strpbrk(value, "\r\n")) {
            return err_set(err, ERR_USAGE, "%s: the value must be one line", info->key);
        }
        break;
    }
    return true;
}

static bool take_entry(void *arg, const char *key, const char *value, struct err *err)
{
    struct options *o = arg;
    const struct option_info *info = option_find(key, err);
    if (!info || !option_check(info, value, err)) {
        return false;
    }
    char **slot = &o->value[info - option_table];
    if (*slot) {
        return err_set(err, ERR_USAGE, "%s is set twice", key);
    }
    *slot = mem_strdup(value, err);
    return *slot != NULL;
}

static char *config_path(const char *home, struct err *err)
{
    return path_join(home, "config.ini", err);
}

struct options *options_load(const char *home, struct err *err)
{
    struct options *o = mem_zero(sizeof *o, err);
    char *path = config_path(home, err);
    char *text = NULL;
    size_t length = 0;
    bool ok = o && path;
    if (ok && file_exists(path)) {
        text = file_read(path, 0, &length, err);
        ok = text && ini_parse(text, length, path, take_entry, o, err);
    }
    mem_free(text);
    mem_free(path);
    if (!ok) {
        options_free(o);
        return NULL;
    }
    return o;
}

void options_free(struct options *o)
{
    for (size_t i = 0; o && i < OPTION_COUNT; i++) {
        mem_free(o->value[i]);
    }
    mem_free(o);
}

bool options_given(const struct options *o, const char *key)
{
    const struct option_info *info = lookup(key);
    return info && o->value[info - option_table];
}

const char *options_text(const struct options *o, const char *key)
{
    const struct option_info *info = lookup(key);
    if (!info) {
        return "";
    }
    const char *value = o->value[info - option_table];
    return value ? value : info->fallback;
}

int64_t options_int(const struct options *o, const char *key)
{
    const char *text = options_text(o, key);
    int64_t value = 0;
    return num_int64(text, &value) || num_bytes(text, &value) ? value : 0;
}

double options_number(const struct options *o, const char *key)
{
    const char *text = options_text(o, key);
    double value = 0;
    return num_double(text, &value) || num_seconds(text, &value) ? value : 0;
}

bool options_bool(const struct options *o, const char *key)
{
    bool value = false;
    return to_bool(options_text(o, key), &value) && value;
}

bool options_save(const char *home, const char *key, const char *value, struct err *err)
{
    const struct option_info *info = option_find(key, err);
    char *path = NULL, *text = NULL, *changed = NULL;
    bool ok = false;
    size_t length = 0;
    if (!info || (value && !option_check(info, value, err))) {
        return false;
    }
    path = config_path(home, err);
    if (!path) {
        goto out;
    }
    text = file_exists(path) ? file_read(path, 0, &length, err) : mem_strdup("", err);
    if (!text) {
        goto out;
    }
    changed = ini_with(text, key, value, err);
    ok = changed && file_write(path, changed, strlen(changed), true, err);
out:
    mem_free(changed);
    mem_free(text);
    mem_free(path);
    return ok;
}
