/* `gantry dataset export`: the masks of a data set as an nnU-Net raw folder. */
#ifndef GANTRY_CLI_DATASET_EXPORT_H
#define GANTRY_CLI_DATASET_EXPORT_H

#include "cli/command.h"

struct dataset_export {
    int64_t dataset;
    const char *to; /* the folder to be made; it may be there when it is empty */
    bool drafts;    /* also masks that nobody has accepted yet */
};

/* Made aside and renamed: the folder is whole or not there. *ret: {"folder", "cases", "left_out",
 * "labels", "channel"}. ERR_NOTHING when no series has such a mask. */
bool dataset_export(struct cli *c, const struct dataset_export *how, json_t **ret,
                    struct err *err) CHECK_RESULT;

#endif
