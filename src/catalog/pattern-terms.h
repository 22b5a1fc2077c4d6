/* Parsed selectors, for the files pattern*.c and their fuzz target only. */
#ifndef GANTRY_CATALOG_PATTERN_TERMS_H
#define GANTRY_CATALOG_PATTERN_TERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

enum subject_kind {
    SUBJECT_PID, /* pid and, behind the #, which studies */
    SUBJECT_STAG,
    SUBJECT_NOTSTAG,
    SUBJECT_PTAG,
    SUBJECT_NOTPTAG,
    SUBJECT_PIDLIST,
    SUBJECT_PSIDLIST
};
enum study_kind { STUDY_ANY, STUDY_SID, STUDY_LATEST, STUDY_OLDEST, STUDY_TAG };
struct subject_term {
    enum subject_kind kind;
    enum study_kind study;
    char *pid;     /* pattern; NULL = any subject */
    char *value;   /* tag, list, or the pattern of a SID */
    size_t offset; /* of LATEST and OLDEST */
};
bool subject_parse(const char *selector, struct subject_term *ret, struct err *err) CHECK_RESULT;
void subject_fini(struct subject_term *t);

enum term_kind { TERM_NAME, TERM_PATH, TERM_TAG, TERM_READING, TERM_INFO };
struct term {
    enum term_kind kind;
    bool placed; /* TERM_NAME: sub begins with derivatives/ */
    char *sub;   /* TERM_NAME: pattern of the folder */
    char *name;  /* pattern of the name; path, tag, or form */
};
#define TERMS_MAX 64 /* bits of a mask */
struct terms {
    struct term list[TERMS_MAX];
    size_t n;
    bool down;   /* SORTDESC */
    int64_t nth; /* 0 = all */
};
bool terms_parse(const char *selectors, struct terms *ret, struct err *err) CHECK_RESULT;
void terms_fini(struct terms *t);
/* The literal text that a pattern begins with, in lower-case ASCII, unescaped; caller frees. */
char *pattern_prefix(const char *pattern, struct err *err) CHECK_RESULT;
/* A pattern that has no wildcard, without its backslashes. In place. */
void pattern_unescape(char *text);

#endif
