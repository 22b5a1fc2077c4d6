/*
 * The colour of a label in pictures and masks, the same wherever it is shown. A model's card may
 * say others.
 */
#ifndef GANTRY_MATH_LABEL_COLOUR_H
#define GANTRY_MATH_LABEL_COLOUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Red, green, blue. Label 0, the background, is black. The first ten are chosen, those behind them
 * go round the circle of hues by the golden angle, so that neighbours never look alike. */
void label_colour(size_t label, uint8_t ret[3]);

#define LABEL_COLOUR_TEXT 8 /* "#4c9be8" and the end */
void label_colour_text(const uint8_t colour[3], char ret[LABEL_COLOUR_TEXT]);
/* False when `text` is no "#rrggbb". */
bool label_colour_parse(const char *text, uint8_t ret[3]);

#endif
