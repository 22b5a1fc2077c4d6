/* A prefix says which text a word is held against; without one any of the names will do. */
#include "catalog/series-select.h"

#include <string.h>
#include "base/num.h"
#include "base/path.h"
#include "base/str.h"
#include "catalog/selector.h"

static const char *const prefixes[] = {"patient:", "modality:", "date:", "uid:", NULL};

bool series_word_check(const char *word, struct err *err)
{
    int64_t id;
    if (!word[0]) {
        return err_set(err, ERR_USAGE, "a selector of series is empty");
    }
    if (str_starts(word, "id:")) {
        return (num_int64(word + 3, &id) && id > 0) ||
            err_set(err, ERR_USAGE, "'%.100s': id: and the number of a series", word);
    }
    for (size_t i = 0; prefixes[i]; i++) {
        if (!strcmp(word, prefixes[i])) {
            return err_set(err, ERR_USAGE, "'%s': what stands behind it?", word);
        }
    }
    return true;
}

static void lower(const char *from, char *to, size_t size)
{
    size_t n = 0;
    for (; from[n] && n + 1 < size; n++) {
        to[n] = from[n] >= 'A' && from[n] <= 'Z' ? (char)(from[n] + 'a' - 'A') : from[n];
    }
    to[n] = '\0';
}

static bool like(const char *pattern, const char *text)
{
    char a[300], b[300];
    lower(pattern, a, sizeof a);
    lower(text, b, sizeof b);
    return text[0] && selector_glob(a, b);
}

bool series_word_matches(const char *word, const struct series_names *s)
{
    const char *texts[] = {s->patient, s->modality, s->date, s->uid};
    int64_t id;
    if (str_starts(word, "id:")) {
        return num_int64(word + 3, &id) && id == s->id;
    }
    for (size_t i = 0; prefixes[i]; i++) {
        if (str_starts(word, prefixes[i])) {
            return like(word + strlen(prefixes[i]), texts[i]);
        }
    }
    const char *names[] = {s->name, s->path, path_base(s->path), s->stem, path_base(s->stem)};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(word, names[i]) || selector_glob(word, names[i])) {
            return true;
        }
    }
    return false;
}
