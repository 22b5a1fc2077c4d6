/* A few places; the oldest goes. */
#include "api/recent.h"

#include <string.h>
#include "base/clock.h"
#include "base/mem.h"

#define PLACES 8
#define SHARE 20

struct kept {
    char *key, *text;
    int64_t until_us;
};

struct recent {
    struct api *api;
    struct kept kept[PLACES];
};

static void clear(struct kept *k)
{
    mem_free(k->key);
    mem_free(k->text);
    *k = (struct kept){.key = NULL};
}

void recent_forget(struct api *api)
{
    for (size_t i = 0; api->recent && i < PLACES; i++) {
        clear(&api->recent->kept[i]);
    }
}

static void recent_end(void *arg)
{
    struct recent *recent = arg;
    recent_forget(recent->api);
    recent->api->recent = NULL;
    mem_free(recent);
}

static struct recent *recent_of(struct api *api)
{
    struct err *quiet = err_ignore("then nothing is kept");
    if (!api->recent) {
        struct recent *recent = mem_zero(sizeof *recent, quiet);
        if (!recent || !api_at_end(api, recent_end, recent, quiet)) {
            mem_free(recent);
            return NULL;
        }
        recent->api = api;
        api->recent = recent;
    }
    return api->recent;
}

bool recent_answer(struct request *q, struct reply *r, const char *key, bool *ret_done,
                   struct err *err)
{
    const struct recent *recent = q->api->recent;
    int64_t now = clock_mono_us();
    *ret_done = false;
    for (size_t i = 0; recent && i < PLACES; i++) {
        const struct kept *k = &recent->kept[i];
        if (k->key && k->until_us > now && !strcmp(k->key, key)) {
            char *copy = mem_strdup(k->text, err);
            *ret_done = true;
            return copy && reply_json_text(r, 200, copy, err);
        }
    }
    return true;
}

bool recent_keep(struct request *q, struct reply *r, const char *key, int64_t begun_us,
                 json_t *value, struct err *err)
{
    struct recent *recent = recent_of(q->api);
    struct err *quiet = err_ignore("then nothing is kept");
    int64_t now = clock_mono_us();
    char *text = value ? json_line(value, err) : NULL;
    json_decref(value);
    if (text && recent) {
        struct kept *place = &recent->kept[0];
        for (size_t i = 1; i < PLACES; i++) {
            place = recent->kept[i].until_us < place->until_us ? &recent->kept[i] : place;
        }
        clear(place);
        place->key = mem_strdup(key, quiet);
        place->text = mem_strdup(text, quiet);
        place->until_us = now + SHARE * (now - begun_us);
        if (!place->key || !place->text) {
            clear(place);
        }
    }
    return text && reply_json_text(r, 200, text, err);
}
