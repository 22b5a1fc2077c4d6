/* A table of the few words that are in use. An entry holds as long as the folders in which models
 * are looked for, and the cards that were read, have their times and sizes. */
#include "model/model-sum.h"

#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "model/model-card.h"
#include "model/model-find.h"
#include "os/file.h"

#define WORDS 8
#define CARDS 2 /* a model's and its detector's */
#define SEEN (2 + CARDS)

struct stamp {
    uint64_t inode;
    int64_t size, mtime_ns;
};

struct entry {
    char *word;
    char *card[CARDS]; /* paths; NULL: none */
    struct stamp seen[SEEN];
    char sum[DIGEST_HEX];
};

struct model_sums {
    struct model_places places;
    struct entry entry[WORDS];
    size_t next; /* to be replaced when all are taken */
};

struct model_sums *model_sums_new(const char *home, struct err *err)
{
    struct model_sums *s = mem_zero(sizeof *s, err);
    if (s && !model_places_init(&s->places, home, err)) {
        mem_free(s);
        return NULL;
    }
    return s;
}

static void forget_cards(struct entry *e)
{
    for (size_t i = 0; i < CARDS; i++) {
        mem_free(e->card[i]);
        e->card[i] = NULL;
    }
    e->sum[0] = '\0';
}

static void clear(struct entry *e)
{
    mem_free(e->word);
    forget_cards(e);
    *e = (struct entry){.word = NULL};
}

void model_sums_free(struct model_sums *sums)
{
    if (sums) {
        for (size_t i = 0; i < WORDS; i++) {
            clear(&sums->entry[i]);
        }
        model_places_fini(&sums->places);
        mem_free(sums);
    }
}

static struct stamp stamp_of(const char *path)
{
    struct stat st;
    if (!path || stat(path, &st) != 0) {
        return (struct stamp){0, -1, 0};
    }
    return (struct stamp){st.st_ino, st.st_size,
                          (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec};
}

static void look(const struct model_sums *s, const struct entry *e, struct stamp ret[SEEN])
{
    ret[0] = stamp_of(s->places.own);
    ret[1] = stamp_of(s->places.ships);
    for (size_t i = 0; i < CARDS; i++) {
        ret[2 + i] = stamp_of(e->card[i]);
    }
}

static bool unchanged(const struct model_sums *s, const struct entry *e)
{
    struct stamp now[SEEN];
    bool same = true;
    look(s, e, now);
    for (size_t i = 0; i < SEEN; i++) {
        same = same && now[i].inode == e->seen[i].inode && now[i].size == e->seen[i].size &&
            now[i].mtime_ns == e->seen[i].mtime_ns;
    }
    return same;
}

/* The cards of the model in `folder`, and their digest. */
static bool read_cards(const char *folder, struct entry *e, struct err *err)
{
    struct model_card card, second = {.root = NULL};
    struct str both = STR_INIT;
    char *inner = NULL;
    if (!model_card_read(folder, &card, err)) {
        return false;
    }
    bool ok = !card.detector ||
        ((inner = path_join(folder, card.detector, err)) && model_card_read(inner, &second, err));
    if (ok) {
        e->card[0] = card.file;
        e->card[1] = second.file;
        card.file = second.file = NULL;
        json_add_value(&both, card.root);
        if (second.root) {
            json_add_value(&both, second.root);
        }
        ok = str_ok(&both, err);
    }
    if (ok) {
        digest_text(str_text(&both), both.len, e->sum);
    }
    str_fini(&both);
    mem_free(inner);
    model_card_fini(&card);
    model_card_fini(&second);
    return ok;
}

static bool fill(const struct model_sums *s, const char *word, struct entry *e, struct err *err)
{
    struct err why = {.code = ERR_NONE};
    char *folder = word[0] ? model_find(s->places.registries, word, &why)
                           : model_ct_classifier(s->places.registries, &why);
    bool ok = folder && read_cards(folder, e, &why);
    look(s, e, e->seen);
    if (ok) { /* which they are is known now; what counts is read after their stamps were taken */
        forget_cards(e);
        ok = read_cards(folder, e, &why);
    }
    ok = ok || why.code != ERR_NOMEM;
    mem_free(folder);
    e->word = ok ? mem_strdup(word, err) : NULL;
    if (!ok) {
        *err = why;
    }
    return e->word != NULL;
}

bool model_sum(struct model_sums *sums, const char *word, char ret[DIGEST_HEX], struct err *err)
{
    size_t i = 0;
    ret[0] = '\0';
    if (!strcmp(word, "none")) {
        return true;
    }
    while (i < WORDS && !str_equal(sums->entry[i].word, word)) {
        i++;
    }
    if (i == WORDS) {
        i = sums->next;
        sums->next = (sums->next + 1) % WORDS;
    }
    struct entry *e = &sums->entry[i];
    /* A model that was not found may be mended anywhere: it is looked for again. */
    if (!e->word || !e->sum[0] || strcmp(e->word, word) != 0 || !unchanged(sums, e)) {
        clear(e);
        if (!fill(sums, word, e, err)) {
            clear(e);
            return false;
        }
    }
    memcpy(ret, e->sum, DIGEST_HEX);
    return true;
}
