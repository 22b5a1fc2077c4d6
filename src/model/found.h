/* What a walk over a project's folder found: plain data that discover/ makes and catalog/ takes. */
#ifndef GANTRY_MODEL_FOUND_H
#define GANTRY_MODEL_FOUND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct found {
    char *name; /* path relative to the project's root, valid UTF-8 */
    const char
        *kind;    /* a constant: "hdf5" (the header decides further), "nifti", "dicom-zip", ... */
    int64_t size; /* bytes on disk */
    int64_t mtime_ns;
};

/* A name that promised input and was not taken. */
struct left_out {
    char *name;       /* as above; bytes that are no UTF-8 as \xNN */
    const char *kind; /* as above; NULL: a folder */
    const char *why;  /* a constant */
    bool link;        /* else its name is not UTF-8 */
};

struct found_list {
    struct found *files; /* sorted by name, byte by byte */
    size_t n, cap;
    char **unread; /* folders that could not be read, relative; what lies in them is not gone */
    size_t n_unread;
    char unread_why[160];  /* the first one's reason */
    struct left_out *left; /* the first of them */
    size_t n_left;
    size_t bad_names;      /* names that are not UTF-8: counted, left out */
    char bad_example[160]; /* the first one, escaped */
};

/* One file of a study. The strings belong to the study. */
struct found_file {
    const char *place, *sub, *name; /* as in the table file */
    int64_t size, mtime_ns;
};

/* One study's folder with everything in it, valid until the next is asked for. */
struct found_study {
    const char *name; /* its folder, relative to the project's root: item.name */
    const char *pid, *sid;
    const char *date, *sdesc; /* when headers tell them; NULL: go by the name */
    struct found_file *files; /* sorted by sub, name and place, byte by byte */
    size_t n;
    int64_t stirred_ns; /* when something in it last changed, by ctime: copying keeps mtime only */
    bool unread;        /* a folder in it could not be read: what is missing is not gone */
};

/* Layout dicom. A folder with files that may be DICOM, or a ZIP. */
#define FOUND_SAMPLES 64
struct found_folder {
    char *name; /* relative to the root; "" = the root itself */
    int64_t mtime_ns;
    bool zip;
    char **samples; /* some of its files, spread evenly over their names; of a ZIP none */
    size_t n_samples;
};
struct found_folders {
    struct found_folder *folders;
    size_t n;
};
/* A study whose folder headers tell. One that has no folder of its own has members: files below the
 * folder that `name` lies in, which are listed with the place PLACE_BESIDE; `name` is then where
 * its outputs go, and need not exist. */
#define PLACE_BESIDE ".."
struct found_place {
    char *name, *pid, *sid, *date, *sdesc;
    char **members;
    size_t n_members;
};

#endif
