/*
 * The files that a descriptor's path-templates promise (Boutiques "output-files"), once it is known
 * what stands for their value-keys. A command's job says with OUT or PATHOUT where its results go;
 * many programs take a name there and make others of it: "[OUT]_mask.nii.gz".
 *
 *   - a template with the key of an OUT argument lies in that argument's staging folder, and is
 *     published beside it; the argument itself is an output only if a template, or none, says so;
 *   - what lies in a PATHOUT folder comes with the folder;
 *   - a relative template means the folder that the command works in: then that is the staging
 *     folder of the item's outputs; with '*' it means several files;
 *   - a template that leads beside an input means files that the program writes there itself.
 */
#ifndef GANTRY_PLAN_PROMISED_H
#define GANTRY_PLAN_PROMISED_H

#include "plan/bind-parts.h"

/* After bind_arguments(). *ret_cwd: the folder that the command must work in; NULL when that is
 * all the same (mem_free). Tools that state their outputs under custom.gantry are left alone. */
bool promised_outputs(const struct bind *in, const struct bind_args *to, struct bound *b,
                      char **ret_cwd, struct err *err) CHECK_RESULT;

#endif
