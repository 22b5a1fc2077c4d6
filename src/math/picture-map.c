/*
 * Colour maps: a few colours each, linear between them in RGB. Viridis and inferno are the
 * published maps (perceptually uniform, public domain), sampled at every eighth of their length;
 * between the samples they differ from the originals by less than an eye sees.
 */
#include <stddef.h>
#include <string.h>
#include "math/picture.h"

#define MAPS 5
#define STOPS 9

static const struct {
    const char *name;
    uint8_t stop[STOPS][3];
} maps[MAPS] = {
    {"gray",
     {{0, 0, 0},
      {32, 32, 32},
      {64, 64, 64},
      {96, 96, 96},
      {128, 128, 128},
      {159, 159, 159},
      {191, 191, 191},
      {223, 223, 223},
      {255, 255, 255}}},
    {"inverted",
     {{255, 255, 255},
      {223, 223, 223},
      {191, 191, 191},
      {159, 159, 159},
      {127, 127, 127},
      {96, 96, 96},
      {64, 64, 64},
      {32, 32, 32},
      {0, 0, 0}}},
    {"viridis",
     {{68, 1, 84},
      {71, 45, 123},
      {59, 82, 139},
      {44, 114, 142},
      {33, 145, 140},
      {40, 174, 128},
      {94, 201, 98},
      {173, 220, 48},
      {253, 231, 37}}},
    {"inferno",
     {{0, 0, 4},
      {32, 12, 74},
      {87, 16, 110},
      {138, 34, 106},
      {188, 55, 84},
      {228, 89, 51},
      {249, 142, 9},
      {250, 201, 51},
      {252, 255, 164}}},
    {"hot",
     {{10, 0, 0},
      {94, 0, 0},
      {178, 0, 0},
      {255, 7, 0},
      {255, 91, 0},
      {255, 175, 0},
      {255, 255, 6},
      {255, 255, 131},
      {255, 255, 255}}},
};

bool picture_map(const char *name, uint8_t ret_rgb[256 * 3])
{
    size_t m = 0;

    while (m < MAPS && strcmp(maps[m].name, name) != 0) {
        m++;
    }
    if (m == MAPS) {
        return false;
    }
    for (unsigned i = 0; i < 256; i++) {
        unsigned at = i * (STOPS - 1), left = at / 255 < STOPS - 1 ? at / 255 : STOPS - 2;
        unsigned part = at - left * 255;
        for (unsigned c = 0; c < 3; c++) {
            unsigned a = maps[m].stop[left][c], b = maps[m].stop[left + 1][c];
            ret_rgb[3 * i + c] = (uint8_t)((a * (255 - part) + b * part + 127) / 255);
        }
    }
    return true;
}
