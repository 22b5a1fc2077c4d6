/* Functions that have cost other people days do not compile here. Included by base/mem.h, so
 * everywhere. */
#ifndef GANTRY_BASE_BANNED_H
#define GANTRY_BASE_BANNED_H

#ifdef __GNUC__
#pragma GCC poison strcpy strcat sprintf vsprintf strtok atoi atol atof gmtime localtime ctime \
    asctime system tmpnam mktemp gets
#endif

#endif
