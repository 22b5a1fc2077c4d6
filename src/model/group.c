/* Two tables: words of items, states of tasks. */
#include "model/group.h"

#include <string.h>
#include "base/str.h"

static const char *const names[GROUP_COUNT] = {"idle",    "waiting", "running", "done",
                                               "partial", "failed",  "skipped"};

/* In the order in which they are tried; `whole` words have nothing behind them. */
static const struct {
    const char *word;
    bool whole;
    enum row_group group;
} words[] = {
    {"Ready", true, GROUP_IDLE},           {"Cancelled", false, GROUP_IDLE},
    {"Queued", true, GROUP_WAITING},       {"Running", false, GROUP_RUNNING},
    {"Inferring", false, GROUP_RUNNING},   {"Uploading", false, GROUP_RUNNING},
    {"Full failed", true, GROUP_FAILED},   {"Full", false, GROUP_DONE},
    {"Done full", true, GROUP_DONE},       {"Done try", true, GROUP_PARTIAL},
    {"Inferred", true, GROUP_PARTIAL},     {"Done", false, GROUP_DONE},
    {"Uploaded", true, GROUP_DONE},        {"Skipped", false, GROUP_SKIPPED},
    {"Upload failed", true, GROUP_FAILED},
};

const char *group_name(enum row_group g)
{
    return (unsigned)g < GROUP_COUNT ? names[g] : "?";
}

enum row_group group_named(const char *name)
{
    int i = 0;
    while (i < GROUP_COUNT && strcmp(names[i], name) != 0) {
        i++;
    }
    return (enum row_group)i;
}

enum row_group group_of_status(const char *word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (words[i].whole ? !strcmp(word, words[i].word) : str_starts(word, words[i].word)) {
            return words[i].group;
        }
    }
    return str_ends(word, "failed") || str_ends(word, "Failed") ? GROUP_FAILED : GROUP_IDLE;
}

enum row_group group_of_state(enum task_state state)
{
    static const enum row_group groups[TASK_STATES] = {
        [TASK_WAITING] = GROUP_WAITING,   [TASK_READY] = GROUP_WAITING,
        [TASK_HELD] = GROUP_WAITING,      [TASK_RUNNING] = GROUP_RUNNING,
        [TASK_SUSPENDED] = GROUP_PARTIAL, [TASK_DONE] = GROUP_DONE,
        [TASK_CACHED] = GROUP_DONE,       [TASK_FAILED] = GROUP_FAILED,
        [TASK_CANCELLED] = GROUP_IDLE,    [TASK_BLOCKED] = GROUP_SKIPPED,
        [TASK_UNKNOWN] = GROUP_RUNNING,
    };
    return (unsigned)state < TASK_STATES ? groups[state] : GROUP_IDLE;
}
