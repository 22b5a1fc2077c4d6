/* UTF-8 text for terminals: shared by the files of cli/ that lay out lines. */
#ifndef GANTRY_CLI_TEXT_H
#define GANTRY_CLI_TEXT_H

#include <stddef.h>
#include <stdint.h>
#include "base/str.h"

/* Length of the UTF-8 sequence at `text` and its code point; 0 when it is none. */
size_t text_decode(const char *text, uint32_t *ret_point);
/* 0, 1 or 2 columns. */
size_t text_point_width(uint32_t point);
/* Append `text` with control characters, treacherous directions and broken UTF-8 escaped. */
void text_show(struct str *out, const char *text);

#endif
