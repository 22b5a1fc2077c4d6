/* Down through objects as far as both sides have them. */
#include "engine/difference.h"

#include <stdio.h>
#include <string.h>

void difference(json_t *changes, const char *at, const json_t *was, const json_t *is)
{
    const char *key;
    json_t *value;
    char path[512];
    if (json_equal((json_t *)was, (json_t *)is)) {
        return;
    }
    if (json_is_object(was) && json_is_object(is)) {
        json_object_foreach((json_t *)was, key, value)
        {
            (void)snprintf(path, sizeof path, "%.250s%s%.250s", at, at[0] ? "." : "", key);
            difference(changes, path, value, json_object_get(is, key));
        }
        json_object_foreach((json_t *)is, key, value)
        {
            (void)snprintf(path, sizeof path, "%.250s%s%.250s", at, at[0] ? "." : "", key);
            if (!json_object_get(was, key)) {
                difference(changes, path, NULL, value);
            }
        }
        return;
    }
    (void)json_array_append_new(changes,
                                json_pack("{s:s, s:O?, s:O?}", "key", at, "old", was, "new", is));
}
