/* What a folder's images say of its layout. */
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include "base/mem.h"
#include "base/path.h"
#include "base/str.h"
#include "discover/cohort-walk.h"

static size_t slashes(const char *name)
{
    size_t n = 0;
    for (; *name; name++) {
        n += *name == '/';
    }
    return n;
}

const char *cohort_guess(const char *root, const struct found_list *found)
{
    struct stat st;
    size_t deepest = 0, images = 0;
    bool bids = false;
    for (size_t i = 0; i < found->n && !bids; i++) {
        const struct found *f = &found->files[i];
        if (strcmp(f->kind, "nifti") != 0) {
            continue;
        }
        size_t depth = slashes(f->name);
        deepest = depth > deepest ? depth : deepest;
        bids = depth && str_starts(f->name, "sub-");
        images++;
    }
    if (images && !bids) {
        char *path = path_join(root, "dataset_description.json", err_ignore("then it is none"));
        bids = path && stat(path, &st) == 0 && S_ISREG(st.st_mode);
        mem_free(path);
    }
    return bids ? LAYOUT_BIDS : deepest > 1 ? LAYOUT_USUAL : deepest ? LAYOUT_SINGLE : LAYOUT_SCANS;
}
