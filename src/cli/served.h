/* Is this home served, and where: what `gantry doctor` and `gantry status` say. */
#ifndef GANTRY_CLI_SERVED_H
#define GANTRY_CLI_SERVED_H

#include "cli/command.h"

struct served {
    char url[300]; /* without the token; "" = there is no server */
    bool token;    /* one comes in by the token in the file, not by an account */
    char file[4200];
};

/* From the file that the server wrote, if the engine that lives is the one that wrote it. */
void served_find(const char *home, struct served *ret);

#endif
