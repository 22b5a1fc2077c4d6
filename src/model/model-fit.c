/* One rule after the other; the first that speaks against a series is its reason. */
#include "model/model-fit.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* MRI is MR; a model of "any" takes everything, and so does one of several ("CT/MR"). */
static bool same_modality(const char *wanted, const char *has)
{
    static const char separators[] = " ,/|+";
    if (!wanted[0] || !strcasecmp(wanted, "any")) {
        return true;
    }
    while (*wanted) {
        size_t n = strcspn(wanted, separators), m = strlen(has);
        size_t a = n == 3 && !strncasecmp(wanted, "MRI", 3) ? 2 : n;
        size_t b = m == 3 && !strcasecmp(has, "MRI") ? 2 : m;
        if (a == b && a > 0 && !strncasecmp(wanted, has, a)) {
            return true;
        }
        wanted += n;
        wanted += strspn(wanted, separators);
    }
    return false;
}

bool model_fits(const struct model_card *card, const struct series_facts *f, char *reason,
                size_t size)
{
    int64_t least = card->slices_min > 0 ? (int64_t)card->slices_min : 1;
    if (f->problem[0]) {
        (void)snprintf(reason, size, "unreadable");
    } else if (f->modality[0] && !same_modality(card->modality, f->modality)) {
        (void)snprintf(reason, size, "%.16s", f->modality);
    } else if (f->times > 1) {
        (void)snprintf(reason, size, "of %" PRId64 " time points", f->times);
    } else if (f->slices > 0 && f->slices < least) {
        (void)snprintf(reason, size, "with %" PRId64 " slice%s", f->slices,
                       f->slices == 1 ? "" : "s");
    } else {
        return true;
    }
    return false;
}
