/* Ten colours that stay apart for most colour-blind people, then hues by the golden angle. */
#include "math/label-colour.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define TURN 0.618033988749895 /* of the circle: 1 / the golden ratio */
#define SATURATION 0.6
#define BRIGHT 0.88

static const uint8_t chosen[][3] = {{0, 0, 0},      {76, 155, 232},  {232, 104, 76},
                                    {92, 184, 92},  {240, 195, 60},  {166, 107, 212},
                                    {60, 200, 200}, {232, 107, 168}, {156, 122, 77},
                                    {139, 195, 74}, {121, 134, 203}};

#define CHOSEN (sizeof(chosen) / sizeof(chosen[0]))

void label_colour(size_t label, uint8_t ret[3])
{
    if (label < CHOSEN) {
        memcpy(ret, chosen[label], 3);
        return;
    }
    double hue = fmod((double)(label - CHOSEN) * TURN, 1);
    for (size_t c = 0; c < 3; c++) {
        double away = fabs(fmod(hue + 1 - (double)c / 3, 1) * 6 - 3) - 1; /* of this primary */
        double part = away < 0 ? 0 : away > 1 ? 1 : away;
        ret[c] = (uint8_t)lround(255 * BRIGHT * (1 - SATURATION * (1 - part)));
    }
}

void label_colour_text(const uint8_t colour[3], char ret[LABEL_COLOUR_TEXT])
{
    (void)snprintf(ret, LABEL_COLOUR_TEXT, "#%02x%02x%02x", colour[0], colour[1], colour[2]);
}

static bool digit(char c, unsigned *ret)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char *at = c != '\0' ? strchr(digits, c) : NULL;

    *ret = at != NULL ? (unsigned)(at - digits) % 16 : 0;
    return at != NULL;
}

bool label_colour_parse(const char *text, uint8_t ret[3])
{
    uint8_t colour[3] = {0, 0, 0};
    bool good = text != NULL && text[0] == '#' && strlen(text) == 7;

    for (size_t c = 0; good && c < 3; c++) {
        unsigned high = 0;
        unsigned low = 0;
        good = digit(text[1 + 2 * c], &high) && digit(text[2 + 2 * c], &low);
        colour[c] = (uint8_t)(high * 16 + low);
    }
    if (good) {
        memcpy(ret, colour, 3);
    }
    return good;
}
