/* Words between slashes. */
#include "model/tags.h"

#include <string.h>

json_t *tags_list(const char *tags)
{
    json_t *list = json_array();
    while (list && *tags) {
        size_t n = strcspn(tags, "/");
        if (n && json_array_append_new(list, json_stringn(tags, n)) != 0) {
            json_decref(list);
            return NULL;
        }
        tags += n + (tags[n] == '/');
    }
    return list;
}
