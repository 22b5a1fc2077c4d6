/* What a set of DICOM files holds and says, for the tests of made and of real ones. */
#ifndef GANTRY_TESTS_DICOM_SAID_H
#define GANTRY_TESTS_DICOM_SAID_H

#include <string.h>
#include "image/dicom-series.h"

static inline struct dicom_set *open_set(const char *path, size_t n_series,
                                         const struct dicom_series **ret)
{
    struct err err = {0};
    struct dicom_set *set = dicom_set_open(path, NULL, &err);
    if (!set) {
        fail_msg("%s", err.text);
        return NULL;
    }
    assert_int_equal(dicom_set_series(set, ret), n_series);
    return set;
}

/* Does the first series say, of this code, something with these words? */
static inline const struct dicom_complaint *said(const struct dicom_series *s,
                                                 enum dicom_trouble code, const char *words)
{
    const char *all = "nothing";
    for (size_t i = 0; i < s->n_complaints; i++) {
        all = s->complaints[i].text;
        if (s->complaints[i].code == code && strstr(all, words)) {
            return &s->complaints[i];
        }
    }
    fail_msg("'%s' is not said; last: %s", words, all);
    return NULL;
}

#endif
