/*
 * The seven colour classes of a row (REQUIREMENTS X22), from its status word or its task's state.
 * The page, the counts and the filters all use this one table.
 */
#ifndef GANTRY_MODEL_GROUP_H
#define GANTRY_MODEL_GROUP_H

#include "model/state.h"

enum row_group {
    GROUP_IDLE,    /* nothing was done, nothing is asked: Ready, Cancelled */
    GROUP_WAITING, /* grey */
    GROUP_RUNNING, /* blue */
    GROUP_DONE,    /* green */
    GROUP_PARTIAL, /* amber: try or infer is there, full is not */
    GROUP_FAILED,  /* red */
    GROUP_SKIPPED, /* grey */
    GROUP_COUNT
};

const char *group_name(enum row_group g);
/* GROUP_COUNT when the name is unknown. */
enum row_group group_named(const char *name);
/* Of an item's status word (DESIGN 11). An unknown word is idle. */
enum row_group group_of_status(const char *word);
enum row_group group_of_state(enum task_state state);

#endif
