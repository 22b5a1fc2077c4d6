/*
 * A predicted mask and the true one on the same voxels, ready to be compared. The truth may have
 * its axes in another order or turned round, as other programs write them: it is brought to the
 * prediction's order as long as both cover the same voxels of the patient.
 */
#ifndef GANTRY_STEPS_MASK_PAIR_H
#define GANTRY_STEPS_MASK_PAIR_H

#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "steps/job.h"

struct mask_pair {
    size_t n[3];
    double mm[3];
    uint16_t *predicted, *truth; /* columns fastest */
    bool turned;                 /* the truth's axes were */
};

/* ERR_FORMAT says which of the two is no mask (values that are no whole numbers from 0 to 65535,
 * several volumes), or how their voxels differ. `job` (may be NULL) shortens names in messages. */
bool mask_pair_read(struct mask_pair *ret, const struct job *job, const char *predicted,
                    const char *truth, struct err *err) CHECK_RESULT;
void mask_pair_fini(struct mask_pair *pair);

#endif
