/* Which file was meant (REQUIREMENTS J2, J3): a slip of the pattern is nearer than another series.
 */
#include "test.h"

#include "engine/nearest.h"

static void nearer(const char *pattern, const char *meant, const char *other)
{
    double a = nearest_score(pattern, meant), b = nearest_score(pattern, other);
    if (!(a > b)) {
        print_message("%s: %s has %g, %s has %g\n", pattern, meant, a, other, b);
    }
    assert_true(a > b && a <= 1 && b >= 0);
}

static void t_scores(void **state)
{
    (void)state;
    nearer("t1*/s0__.nii", "t1_mpr/s003.nii", "flair_ax/x005.img");
    nearer("T1w.nii.gz", "t1w_corr.nii.gz", "FLAIR.nii.gz");
    nearer("anat/mprage*.nii", "anat/MPRAGE_2.nii.gz", "anat/flair.nii");
    nearer("ROIS/mask_brain.nii", "rois/mask-brain.nii", "rois/lesion.nii");
    assert_true(nearest_score("*", "anything") == 0);
    assert_true(nearest_score("", "") == 0);
    assert_true(nearest_score("abc", "abc") == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(t_scores)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
