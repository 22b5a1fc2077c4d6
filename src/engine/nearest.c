/* Dice's coefficient over pairs of letters, the best few kept. */
#include "engine/nearest.h"

#include <ctype.h>
#include <string.h>
#include "base/mem.h"
#include "base/str.h"

#define KEEP 2         /* as many as a message has room for */
#define NEAR 0.3       /* less has hardly a letter in common */
#define FILES_MAX 3000 /* looked at: a message must not cost more than the task */
#define STUDIES_MAX 4  /* of a reference to many */
#define PAIRS 256

struct best {
    char *name;
    double score;
};

static size_t pairs_of(const char *text, uint16_t *ret)
{
    size_t n = 0;
    unsigned char last = 0;
    for (; *text && n < PAIRS; text++) {
        unsigned char c = (unsigned char)tolower((unsigned char)*text);
        if (c == '*' || c == '_' || c == '\\') {
            last = 0; /* a wildcard says nothing */
            continue;
        }
        if (last) {
            ret[n++] = (uint16_t)(last << 8 | c);
        }
        last = c;
    }
    return n;
}

double nearest_score(const char *pattern, const char *name)
{
    uint16_t a[PAIRS], b[PAIRS];
    size_t n = pairs_of(pattern, a), m = pairs_of(name, b), hits = 0;
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < m; k++) {
            if (a[i] == b[k]) {
                b[k] = 0; /* each counts once */
                hits++;
                break;
            }
        }
    }
    return n + m ? 2.0 * (double)hits / (double)(n + m) : 0;
}

/* Against each of several patterns; modifiers and tags are none. */
static double score_any(const char *patterns, const char *name)
{
    double best = 0;
    for (const char *p = patterns + strspn(patterns, " "); *p; p += strspn(p, " ")) {
        char word[256];
        size_t n = strcspn(p, " "), keep = n < sizeof word - 1 ? n : sizeof word - 1;
        memcpy(word, p, keep);
        word[keep] = '\0';
        /* a pattern without a folder means the name alone */
        const char *slash = strchr(word, '/') ? NULL : strrchr(name, '/');
        double score = nearest_score(word, slash ? slash + 1 : name);
        best = score > best ? score : best;
        p += n;
    }
    return best;
}

static bool offer(struct best *list, const char *name, double score, struct err *err)
{
    size_t at = 0;
    while (at < KEEP && list[at].name && list[at].score >= score) {
        at++;
    }
    if (at == KEEP || score < NEAR) {
        return true;
    }
    char *own = mem_strdup(name, err);
    if (!own) {
        return false;
    }
    mem_free(list[KEEP - 1].name);
    memmove(&list[at + 1], &list[at], (KEEP - 1 - at) * sizeof *list);
    list[at] = (struct best){own, score};
    return true;
}

static bool look_at(struct store *s, int64_t study, const char *patterns, struct best *list,
                    int *left, struct err *err)
{
    struct query *q = store_query(
        s, err,
        "SELECT CASE WHEN sub='' THEN name ELSE sub||'/'||name END FROM file WHERE study_id=?1 AND "
        "gone=0 ORDER BY sub,name LIMIT ?2",
        "ii", study, (int64_t)*left);
    bool ok = q != NULL;
    while (ok && query_next(q)) {
        const char *name = query_text(q, 0);
        (*left)--;
        ok = offer(list, name, score_any(patterns, name), err);
    }
    return q && query_end(q, ok ? err : err_ignore("the first error stays")) && ok;
}

char *nearest_files(struct store *s, const int64_t *studies, size_t n, const char *patterns,
                    struct err *err)
{
    struct best list[KEEP] = {{NULL, 0}};
    struct str out = STR_INIT;
    int left = FILES_MAX;
    bool ok = true;
    for (size_t i = 0; ok && i < n && i < STUDIES_MAX && left > 0; i++) {
        ok = look_at(s, studies[i], patterns, list, &left, err);
    }
    if (ok && left == FILES_MAX && n > 0) {
        str_add(&out, "it has no files in the catalog");
    }
    for (size_t i = 0; i < KEEP; i++) {
        if (list[i].name) {
            str_addf(&out, "%s%s", i ? ", " : "nearest: ", list[i].name);
        }
        mem_free(list[i].name);
    }
    str_add(&out, "");
    char *text = ok ? str_take(&out, err) : NULL;
    str_fini(&out);
    return text;
}
