/* catalog/pattern and catalog/filter: any text is read or refused, twice alike; what is read
 * matches or not, and an escaped text matches itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/mem.h"
#include "catalog/filter.h"
#include "catalog/pattern-terms.h"
#include "catalog/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const names[] = {"",     "s003.nii", "T1_mpr",   "a b",
                                    "100%", "ä日",      "\xff\x80", "#"};
#define N_NAMES (sizeof names / sizeof *names)

static void match_all(const char *pattern)
{
    for (size_t i = 0; i < N_NAMES; i++) {
        (void)pattern_match(pattern, names[i]);
        (void)pattern_match(names[i], pattern);
    }
    (void)pattern_wild(pattern);
}

static void read_subject(const char *text)
{
    struct err err = {0};
    struct subject_term t;
    if (subject_parse(text, &t, &err)) {
        match_all(t.pid ? t.pid : "");
        match_all(t.value ? t.value : "");
        subject_fini(&t);
    } else if (!err.text[0]) {
        abort();
    }
}

static void read_files(const char *text)
{
    struct err err = {0};
    struct terms t;
    if (!terms_parse(text, &t, &err)) {
        if (!err.text[0]) {
            abort();
        }
        return;
    }
    for (size_t i = 0; i < t.n; i++) {
        char *prefix = t.list[i].name ? pattern_prefix(t.list[i].name, &err) : NULL;
        match_all(t.list[i].name ? t.list[i].name : "");
        mem_free(prefix);
    }
    terms_fini(&t);
}

static void read_filter(const char *text)
{
    struct err err = {0};
    struct filter *f = filter_parse(text, &err);
    for (size_t i = 0; f && i < N_NAMES; i++) {
        const struct filter_row row = {.pid = names[i],
                                       .sid = names[N_NAMES - 1 - i],
                                       .sdesc = "x",
                                       .stags = "/a/b/",
                                       .ptags = "/",
                                       .ftags = "//",
                                       .jobs = {.failed = 1}};
        bool once = filter_match(f, &row);
        if (once != filter_match(f, &row)) {
            abort();
        }
    }
    filter_free(f);
}

/* Made to mean exactly this text, and no other. */
static void escape(const char *text)
{
    struct err err = {0};
    struct str pattern = STR_INIT, path = STR_INIT;
    char **words = NULL;
    size_t n = 0;
    pattern_escape(&pattern, text);
    if (str_ok(&pattern, &err) &&
        (!pattern_match(str_text(&pattern), text) || pattern_wild(str_text(&pattern)))) {
        abort();
    }
    str_add(&path, "/");
    str_add(&path, text);
    struct str selector = STR_INIT;
    pattern_add_path(&selector, str_text(&path));
    struct terms t;
    if (str_ok(&path, &err) && pattern_words(str_text(&selector), &words, &n, &err)) {
        if (n != 1 || !terms_parse(str_text(&selector), &t, &err) || t.list[0].kind != TERM_PATH ||
            strcmp(t.list[0].name, str_text(&path)) != 0) {
            abort();
        }
        terms_fini(&t);
        pattern_words_free(words, n);
    } else {
        abort();
    }
    str_fini(&selector);
    str_fini(&pattern);
    str_fini(&path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = size < 4096 ? mem_strndup((const char *)data, size, NULL) : NULL;
    if (text) {
        match_all(text);
        read_subject(text);
        read_files(text);
        read_filter(text);
        escape(text);
    }
    mem_free(text);
    return 0;
}
