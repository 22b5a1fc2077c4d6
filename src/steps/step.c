/* Finding a step in the generated table. */
#include "steps/step.h"
#include <string.h>

const struct step *step_find(const char *name)
{
    for (size_t i = 0; step_table[i] != NULL; i++) {
        if (strcmp(step_table[i]->name, name) == 0) {
            return step_table[i];
        }
    }
    return NULL;
}
