/* Functions that have cost other people days do not compile here. Included by base/mem.h, so
 * everywhere. The headers that declare them come first, because a poisoned word may not even be
 * declared afterwards. */
#ifndef GANTRY_BASE_BANNED_H
#define GANTRY_BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __GNUC__
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gmtime localtime
#pragma GCC poison asctime system tmpnam mktemp gets
#endif

#endif
