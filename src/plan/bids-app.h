/*
 * Tools that keep to the convention of BIDS Apps: `PROGRAM bids_dir out_dir participant
 * --participant-label X` for each subject, then `PROGRAM bids_dir out_dir group` once over all (a
 * job with "collect"). Arguments: program, or image (a container that starts the program itself);
 * name (the folder below derivatives/, else the job's id); options (a list of further words, or a
 * text parted by blanks).
 *
 * All participants write into one folder, so their outputs are made in place: of a participant
 * <out>/sub-X, which must hold something afterwards; of the group <out>.
 */
#ifndef GANTRY_PLAN_BIDS_APP_H
#define GANTRY_PLAN_BIDS_APP_H

#include "plan/bind-parts.h"

/* The command as words (its first is "" when an image is to be started), outputs into `outputs`.
 * NULL with err. */
json_t *bids_app_bind(const struct bind *in, const json_t *params, json_t *outputs, struct bound *b,
                      struct err *err) CHECK_RESULT;

#endif
