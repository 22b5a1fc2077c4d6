/*
 * Tags of a row are one text whose members are exact: "/a/b/", and "/" when there is none, so that
 * SQL finds one with instr(tags, '/a/').
 */
#ifndef GANTRY_MODEL_TAGS_H
#define GANTRY_MODEL_TAGS_H

#include "codec/json.h"

/* ["a", "b"]; NULL when memory runs out. */
json_t *tags_list(const char *tags) CHECK_RESULT;

#endif
