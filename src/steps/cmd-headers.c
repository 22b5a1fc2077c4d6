/*
 * gantry-imaging headers: what many files are, from their headers alone. One line of JSON a file,
 * in order, written out before the next file is opened: after a crash the caller knows which file
 * it was and starts again behind it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "codec/json.h"
#include "codec/utf8.h"
#include "codec/zip-file.h"
#include "image/dicom-source.h"
#include "image/dicom.h"
#include "image/hdf5-scan.h"
#include "os/file.h"
#include "steps/command.h"
#include "steps/job.h"

extern const struct command command_word_headers;

/* A list of a million long paths. */
#define LIST_MAX ((size_t)1 << 30)
/* What identifies a study stands in front; private elements may be long. */
#define DICOM_HEAD ((size_t)1 << 18)

static bool put_all(int fd, const char *data, size_t size, struct err *err)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);

        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_errno(err, errno, "writing the list of headers");
        }
        data += n;
        size -= (size_t)n;
    }
    return true;
}

static bool put_scan(json_t *line, const struct hdf5_scan_info *info, struct err *err)
{
    bool scan = info->layout != SCAN_NONE;

    if (!json_put(line, "kind", json_string(scan ? "hdf5-projections" : "other"), err) ||
        !json_put(line, "reason", json_string(info->reason), err)) {
        return false;
    }
    if (!scan) {
        return true;
    }
    return json_put(line, "layout",
                    json_string(info->layout == SCAN_NXTOMO ? "nxtomo" : "exchange"), err) &&
        json_put(line, "frames", json_integer((json_int_t)info->frames), err) &&
        json_put(line, "angles", json_integer((json_int_t)info->angles), err) &&
        json_put(line, "rows", json_integer((json_int_t)info->rows), err) &&
        json_put(line, "columns", json_integer((json_int_t)info->columns), err) &&
        json_put(line, "dtype", json_string(info->dtype), err) &&
        json_put(line, "bytes_per_pixel", json_integer((json_int_t)info->pixel_bytes), err) &&
        json_put(line, "logical_bytes", json_integer(info->logical_bytes), err) &&
        json_put(line, "n_white", json_integer((json_int_t)info->n_white), err) &&
        json_put(line, "n_dark", json_integer((json_int_t)info->n_dark), err) &&
        json_put(line, "complete", json_boolean(info->complete), err) &&
        json_put(line, "unallocated", json_boolean(info->unallocated), err) &&
        json_put(line, "theta_ok", json_boolean(info->theta_ok), err) &&
        json_put(line, "theta_first", job_number(info->theta_first_deg), err) &&
        json_put(line, "theta_last", job_number(info->theta_last_deg), err) &&
        json_put(line, "usable", json_boolean(info->reason[0] == '\0'), err);
}

/* Whose a DICOM header is, and of which study. Patients' names are never read. */
static bool put_study(json_t *line, const struct dicom_header *h, struct err *err)
{
    return json_put(line, "patient_id", json_string(h->patient_id), err) &&
        json_put(line, "study_uid", json_string(h->study_uid), err) &&
        json_put(line, "study_description", json_string(h->study_description), err) &&
        json_put(line, "date", json_string(h->date), err) &&
        json_put(line, "modality", json_string(h->modality), err);
}

static bool is_study(enum dicom_found found, const struct dicom_header *h)
{
    return (found == DICOM_IMAGE || found == DICOM_OTHER || found == DICOM_SHORT) &&
        h->study_uid[0] != '\0';
}

/* One entry of a ZIP: its study goes to `studies`, each once; a ZIP within is looked into. */
static bool add_study(struct dicom_source *s, struct dicom_reader *r, size_t member, uint8_t *bytes,
                      json_t *studies, struct err *err)
{
    struct dicom_header h = {.common = {.has_position = false}};
    struct err why = {ERR_NONE, ""};
    size_t n = 0, i;
    json_t *known;
    bool good = true, fresh = true;

    if (!dicom_source_head(r, member, bytes, DICOM_HEAD, &n, &why)) {
        return true; /* not to be read: then not among them */
    }
    if (n >= 4 && memcmp(bytes, "PK\3\4", 4) == 0 && dicom_source_may_grow(s, member)) {
        err_waive(dicom_source_grow(s, r, member, &why));
        return true;
    }
    if (is_study(dicom_header_parse(bytes, n, dicom_source_size(s, member), &h, &why), &h)) {
        json_array_foreach(studies, i, known)
        {
            fresh = fresh && strcmp(json_get_text(known, "study_uid", ""), h.study_uid) != 0;
        }
        json_t *study = fresh ? json_object() : NULL;
        good = !fresh ||
            (study != NULL && put_study(study, &h, err) && json_array_append(studies, study) == 0);
        json_decref(study);
    }
    dicom_header_fini(&h);
    return good || (err->code == ERR_NONE ? err_set(err, ERR_NOMEM, "out of memory") : false);
}

/* The DICOM studies in a ZIP; what cannot be read is not among them. */
static bool put_studies(const char *path, json_t *line, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    struct dicom_source *s = dicom_source_open(path, NULL, &why);
    struct dicom_reader *r = s != NULL ? dicom_reader_new(s, &why) : NULL;
    uint8_t *bytes = mem_array(DICOM_HEAD, 1, err);
    json_t *studies = json_array();
    bool good = bytes != NULL && studies != NULL;

    for (size_t i = 0; good && r != NULL && i < dicom_source_count(s); i++) {
        good = add_study(s, r, i, bytes, studies, err);
    }
    dicom_reader_free(r);
    dicom_source_close(s);
    mem_free(bytes);
    return json_put(line, "studies", studies, good ? err : err_ignore("the first error stays")) &&
        good;
}

/* A ZIP is looked at as far as its directory goes: is it whole, is there anything in it? What it
 * holds is read when somebody works on it, or asks for the studies. */
static bool describe_zip(const char *path, bool studies, json_t *line, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    struct zip_archive *zip = zip_archive_open(path, NULL, &why);
    size_t skip = strncmp(why.text, path, strlen(path)) == 0 ? strlen(path) : 0;
    bool good;

    if (zip != NULL && zip_archive_count(zip) == 0) {
        zip_archive_close(zip);
        zip = NULL;
        err_set(&why, ERR_FORMAT, "an empty ZIP");
    }
    good = json_put(line, "ok", json_boolean(zip != NULL), err) &&
        json_put(line, "kind", json_string("dicom-zip"), err);
    if (good && zip == NULL) {
        struct str clean = STR_INIT;

        utf8_clean(&clean, why.text + skip + (skip > 0 ? strspn(why.text + skip, ": ") : 0),
                   SIZE_MAX);
        good = json_put(line, "code", json_string(err_name(why.code)), err) &&
            json_put(line, "reason", json_string(str_text(&clean)), err);
        str_fini(&clean);
    }
    good = good && (zip == NULL || !studies || put_studies(path, line, err));
    zip_archive_close(zip);
    return good;
}

/* One file of a DICOM study. *ret_is = false when it is no DICOM. */
static bool describe_dicom(const char *path, json_t *line, bool *ret_is, struct err *err)
{
    struct dicom_header h = {.common = {.has_position = false}};
    struct err why = {ERR_NONE, ""};
    uint8_t *bytes = mem_array(DICOM_HEAD, 1, err);
    int fd = bytes != NULL ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    struct stat st;
    ssize_t n = fd >= 0 && fstat(fd, &st) == 0 ? read(fd, bytes, DICOM_HEAD) : 0;
    bool good = bytes != NULL;
    enum dicom_found found =
        n > 0 ? dicom_header_parse(bytes, (size_t)n, (uint64_t)st.st_size, &h, &why) : DICOM_NOT;

    *ret_is = good && is_study(found, &h);
    if (*ret_is) {
        good = json_put(line, "ok", json_true(), err) &&
            json_put(line, "kind", json_string("dicom"), err) && put_study(line, &h, err);
    }
    dicom_header_fini(&h);
    if (fd >= 0) {
        (void)close(fd);
    }
    mem_free(bytes);
    return good;
}

/* All that is said about one path; trouble with the file is part of the answer, not an error. */
static bool describe(const char *path, bool studies, json_t *line, struct err *err)
{
    struct err why = {ERR_NONE, ""};
    struct hdf5_scan *scan = NULL;
    struct str clean = STR_INIT;
    struct stat st;
    bool there = stat(path, &st) == 0, dicom = false;
    bool good;

    utf8_clean(&clean, path, SIZE_MAX);
    good = json_put(line, "path", json_string(str_text(&clean)), err) &&
        json_put(line, "size", json_integer(there ? (json_int_t)st.st_size : 0), err) &&
        json_put(line, "mtime_ns",
                 json_integer(
                     there ? (json_int_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : 0),
                 err);
    if (good && strcasecmp(path_ext(path), ".zip") == 0) {
        str_fini(&clean);
        return describe_zip(path, studies, line, err);
    }
    if (good) {
        scan = hdf5_scan_open(path, &why);
        str_clear(&clean);
        /* The reason stands beside the path: it need not repeat it. */
        size_t skip = strncmp(why.text, path, strlen(path)) == 0 ? strlen(path) : 0;
        utf8_clean(&clean, why.text + skip + (skip > 0 ? strspn(why.text + skip, ": ") : 0),
                   SIZE_MAX);
        good = json_put(line, "ok", json_boolean(scan != NULL), err);
    }
    if (good && scan == NULL) {
        good = describe_dicom(path, line, &dicom, err);
    }
    if (good && scan != NULL) {
        good = put_scan(line, hdf5_scan_info(scan), err);
    } else if (good && !dicom) {
        good = json_put(line, "kind", json_string("other"), err) &&
            json_put(line, "code", json_string(err_name(why.code)), err) &&
            json_put(line, "reason", json_string(str_text(&clean)), err);
    }
    hdf5_scan_close(scan);
    str_fini(&clean);
    return good;
}

static bool write_line(const char *path, bool studies, int fd, struct err *err)
{
    json_t *line = json_object();
    char *text = NULL;
    bool good = false;

    if (line == NULL) {
        return err_set(err, ERR_NOMEM, "out of memory");
    }
    if (describe(path, studies, line, err)) {
        text = json_dumps(line, JSON_COMPACT);
        good = text != NULL || err_set(err, ERR_NOMEM, "out of memory");
    }
    if (text != NULL) {
        size_t length = strlen(text);

        text[length] = '\n'; /* the terminator's place: a line goes out in one write */
        good = put_all(fd, text, length + 1, err);
    }
    mem_free(text);
    json_decref(line);
    return good;
}

static bool headers(const char *list, const char *out, bool studies, struct err *err)
{
    size_t length = 0;
    char *paths = file_read(strcmp(list, "-") == 0 ? "/dev/stdin" : list, LIST_MAX, &length, err);
    int fd = -1;
    bool good = false;

    if (paths == NULL) {
        return false;
    }
    fd = strcmp(out, "-") == 0 ? dup(STDOUT_FILENO)
                               : open(out, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0) {
        err_errno(err, errno, "%s", out);
        goto out;
    }
    good = true;
    for (char *at = paths; good && at < paths + length; at += strlen(at) + 1) {
        good = at[0] == '\0' || write_line(at, studies, fd, err);
    }
out:
    if (fd >= 0 && close(fd) != 0 && good) {
        good = err_errno(err, errno, "%s", out);
    }
    mem_free(paths);
    return good;
}

static int run(int argc, char **argv)
{
    struct err err = {ERR_NONE, ""};

    bool studies = argc == 5 && strcmp(argv[4], "--studies") == 0;

    if ((argc != 4 && !studies) || strcmp(argv[0], "--list") != 0 ||
        strcmp(argv[2], "--out") != 0) {
        err_set(&err, ERR_USAGE,
                "usage: gantry-imaging headers --list FILE --out FILE [--studies]");
        return command_fail(&err);
    }
    return headers(argv[1], argv[3], studies, &err) ? 0 : command_fail(&err);
}

const struct command command_word_headers = {
    .name = "headers",
    .usage = "--list FILE --out FILE [--studies]",
    .help = "describe the files named in FILE (paths end in NUL), one line of JSON each, appended; "
            "--studies: of ZIPs also the DICOM studies in them",
    .run = run,
};
