/* From the text of a selector to its parts. */
#include "catalog/pattern-terms.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "catalog/pattern.h"

struct prefix {
    const char *text;
    int kind;
};
static const struct prefix subject_prefixes[] = {
    {"stag:", SUBJECT_STAG},         {"notstag:", SUBJECT_NOTSTAG}, {"ptag:", SUBJECT_PTAG},
    {"tag:", SUBJECT_PTAG},          {"notptag:", SUBJECT_NOTPTAG}, {"PIDLIST:", SUBJECT_PIDLIST},
    {"PSIDLIST:", SUBJECT_PSIDLIST},
};
static const struct prefix file_prefixes[] = {
    {"ABS:", TERM_PATH},
    {"tag:", TERM_TAG},
    {"ftag:", TERM_TAG},
    {"reading:", TERM_READING},
};

/* What stands behind the prefix that `text` begins with, in either case; NULL = it has none. */
static const char *behind(const struct prefix *list, size_t n, const char *text, int *ret_kind)
{
    for (size_t i = 0; i < n; i++) {
        size_t length = strlen(list[i].text);
        if (!strncasecmp(text, list[i].text, length)) {
            *ret_kind = list[i].kind;
            return text + length;
        }
    }
    return NULL;
}

static bool refuse_sql(const char *text, struct err *err)
{
    return strncasecmp(text, "SQL:", 4) != 0 ||
        err_set(err, ERR_USAGE,
                "SQL: is not available here: use tags (stag:, ptag:), PIDLIST: or PSIDLIST:");
}

/* "LATEST", "LATEST2": the word and perhaps a number. */
static bool offset_of(const char *text, const char *word, size_t *ret)
{
    size_t n = strlen(word);
    if (strncmp(text, word, n) != 0 || strspn(text + n, "0123456789") != strlen(text + n)) {
        return false;
    }
    if (strlen(text + n) > 9) {
        return false;
    }
    *ret = text[n] ? (size_t)strtoul(text + n, NULL, 10) : 0;
    return true;
}

/* What stands behind the # of PID#... */
static bool parse_study(const char *text, struct subject_term *t, struct err *err)
{
    if (!strncasecmp(text, "tag:", 4) || !strncasecmp(text, "stag:", 5)) {
        t->study = STUDY_TAG;
        text = strchr(text, ':') + 1;
        if (!*text) {
            return err_set(err, ERR_USAGE, "'#tag:': no tag stands behind the colon");
        }
    } else if (offset_of(text, "LATEST", &t->offset)) {
        t->study = STUDY_LATEST;
    } else if (offset_of(text, "OLDEST", &t->offset)) {
        t->study = STUDY_OLDEST;
    } else {
        t->study = STUDY_SID;
    }
    return (t->value = mem_strdup(text, err)) != NULL;
}

static const char *unescaped_hash(const char *text)
{
    const char *p = text;
    for (; *p && *p != '#'; p++) {
        p += *p == '\\' && p[1];
    }
    return *p ? p : NULL;
}

bool subject_parse(const char *selector, struct subject_term *ret, struct err *err)
{
    struct subject_term t = {0};
    int kind = SUBJECT_PID;
    const char *value = behind(subject_prefixes, sizeof subject_prefixes / sizeof *subject_prefixes,
                               selector, &kind);
    bool ok = refuse_sql(selector, err);
    t.kind = (enum subject_kind)kind;
    if (ok && value) {
        ok = (*value ||
              err_set(err, ERR_USAGE, "'%s': nothing stands behind the colon", selector)) &&
            (t.value = mem_strdup(value, err));
    } else if (ok && !*selector) {
        ok = err_set(err, ERR_USAGE, "an empty selector selects nothing (* means all subjects)");
    } else if (ok) {
        const char *hash = unescaped_hash(selector);
        size_t n = hash ? (size_t)(hash - selector) : strlen(selector);
        ok = (!n || (t.pid = mem_strndup(selector, n, err))) &&
            (!hash || parse_study(hash + 1, &t, err));
    }
    if (!ok) {
        subject_fini(&t);
        return false;
    }
    *ret = t;
    return true;
}

void subject_fini(struct subject_term *t)
{
    mem_free(t->pid);
    mem_free(t->value);
    *t = (struct subject_term){0};
}

bool pattern_check_subject(const char *selector, struct err *err)
{
    struct subject_term t;
    if (!subject_parse(selector, &t, err)) {
        return false;
    }
    subject_fini(&t);
    return true;
}

/* --- files */

/* SORT..., NTH(n): true when the word is one of them. */
static bool modifier(const char *word, struct terms *t, bool *ret_is, struct err *err)
{
    int64_t n = 0;
    *ret_is = true;
    if (!strcmp(word, "SORT") || !strcmp(word, "SORTASC")) {
        t->down = false;
    } else if (!strcmp(word, "SORTDESC")) {
        t->down = true;
    } else if (str_starts(word, "NTH(") && str_ends(word, ")")) {
        char number[24] = "";
        size_t length = strlen(word) - 5;
        if (length < sizeof number) {
            memcpy(number, word + 4, length);
        }
        if (!num_int64(number, &n) || !n || n > INT_MAX || n < -INT_MAX) {
            return err_set(err, ERR_USAGE, "'%s': NTH takes a number from 1, or from -1 (the last)",
                           word);
        }
        t->nth = n;
    } else {
        *ret_is = false;
    }
    return true;
}

/* SUB/NAME */
static bool parse_name(const char *word, struct term *t, struct err *err)
{
    while (str_starts(word, "./")) {
        word += 2;
    }
    const char *slash = strrchr(word, '/');
    const char *name = slash ? slash + 1 : word;
    t->kind = TERM_NAME;
    t->placed = str_starts(word, "derivatives/");
    t->sub = mem_strndup(word, slash ? (size_t)(slash - word) : 0, err);
    t->name = t->sub ? mem_strdup(*name ? name : "*", err) : NULL;
    return t->name != NULL;
}

static bool parse_word(const char *word, struct term *t, struct err *err)
{
    int kind = TERM_NAME;
    const char *value =
        behind(file_prefixes, sizeof file_prefixes / sizeof *file_prefixes, word, &kind);
    if (!strcmp(word, "[info]")) {
        t->kind = TERM_INFO;
        return true;
    }
    if (!refuse_sql(word, err)) {
        return false;
    }
    if (*word == '/') {
        kind = TERM_PATH;
        value = word;
    }
    if (!value) {
        return parse_name(word, t, err);
    }
    if (!*value) {
        return err_set(err, ERR_USAGE, "'%s': nothing stands behind the colon", word);
    }
    if (kind == TERM_PATH && *value != '/') {
        return err_set(err, ERR_USAGE, "'%s': ABS: takes an absolute path", word);
    }
    if (kind == TERM_READING && strchr(value, ',')) {
        return err_set(err, ERR_USAGE, "'%s': reading: takes the name of a form and no SQL", word);
    }
    t->kind = (enum term_kind)kind;
    t->name = mem_strdup(value, err);
    if (t->name && kind != TERM_READING) {
        pattern_unescape(t->name);
    }
    return t->name != NULL;
}

bool terms_parse(const char *selectors, struct terms *ret, struct err *err)
{
    char **words = NULL;
    size_t n = 0;
    *ret = (struct terms){0};
    bool ok = pattern_words(selectors, &words, &n, err);
    for (size_t i = 0; ok && i < n; i++) {
        bool is = false;
        ok = modifier(words[i], ret, &is, err);
        if (ok && !is) {
            ok = (ret->n < TERMS_MAX ||
                  err_set(err, ERR_USAGE, "more than %d file selectors", TERMS_MAX)) &&
                parse_word(words[i], &ret->list[ret->n++], err);
        }
    }
    ok = ok && (ret->n || err_set(err, ERR_USAGE, "'%s': no file is named", selectors));
    pattern_words_free(words, n);
    if (!ok) {
        terms_fini(ret);
    }
    return ok;
}

void terms_fini(struct terms *t)
{
    for (size_t i = 0; i < t->n; i++) {
        mem_free(t->list[i].sub);
        mem_free(t->list[i].name);
    }
    *t = (struct terms){0};
}

bool pattern_check_files(const char *selectors, struct err *err)
{
    struct terms t;
    if (!terms_parse(selectors, &t, err)) {
        return false;
    }
    terms_fini(&t);
    return true;
}
