/* job.json as a step sees it, names of slices, words for a shell. */
#include "test.h"

#include <math.h>
#include <string.h>
#include "steps/common.h"
#include "steps/job.h"
#include "steps/slices.h"
#include "steps/step.h"

static bool take(const char *text, struct job *job, struct err *err)
{
    json_t *root = json_parse(text, strlen(text), "job.json", err);
    assert_non_null(root);
    return job_take(root, JOB_WORKER, job, err);
}

static void all_is_read(void **state)
{
    (void)state;
    struct job job;
    struct err err = {0};
    assert_ok(take("{\"tool\":\"recon.try\",\"params\":{\"seed\":3},\"inputs\":[{\"name\":\"file\","
                   "\"path\":\"/d/a.h5\"}],"
                   "\"outputs\":[{\"name\":\"slices\",\"kind\":\"files\",\"final\":\"/r/"
                   "x\",\"staging\":\"/r/x/.g\"}],"
                   "\"threads\":3,\"resources\":{\"mem\":\"2G\"},\"home\":\"/h\",\"unknown\":1}",
                   &job, &err),
              err);
    assert_string_equal(job.tool, "recon.try");
    assert_string_equal(job.input, "/d/a.h5");
    assert_string_equal(job.item_name, "a.h5");
    assert_string_equal(job.home, "/h");
    assert_int_equal(job.threads, 3);
    assert_int_equal(job.mem, (int64_t)2 << 30);
    assert_string_equal(job_output_named(&job, "slices")->staging, "/r/x/.g");
    assert_null(job_output_named(&job, "cor"));
    assert_ok(job_value(&job, "x", job_number(NAN), &err), err);
    assert_true(json_is_null(json_object_get(job.values, "x")));
    job_fini(&job);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    const char *const wrong[][2] = {
        {"{}", "tool"},
        {"{\"tool\":\"t\",\"params\":{}}", "input"},
        {"{\"tool\":\"t\",\"inputs\":[{\"path\":\"/a\"}]}", "params"},
        {"{\"tool\":\"t\",\"inputs\":[{\"path\":\"/"
         "a\"}],\"params\":{},\"outputs\":[{\"name\":\"x\"}]}",
         "output 0"},
    };
    for (size_t i = 0; i < 4; i++) {
        struct job job;
        struct err err = {0};
        assert_false(take(wrong[i][0], &job, &err));
        assert_int_equal(err.code, ERR_FORMAT);
        assert_non_null(strstr(err.text, wrong[i][1]));
    }
}

static void slices_have_the_names_people_look_for(void **state)
{
    (void)state;
    struct err err = {0};
    double centre = 0;
    char *full = slices_full_path("/r", 12, &err), *trial = slices_try_path("/r", 7, 512.5, &err),
         *low = slices_try_path("/r", 7, 4.25, &err);
    assert_string_equal(full, "/r/recon_00012.tiff");
    assert_string_equal(trial, "/r/recon_slice0007_center512.50.tiff");
    assert_string_equal(low, "/r/recon_slice0007_center04.25.tiff");
    assert_true(slices_try_centre("recon_slice0007_center512.50.tiff", &centre) && centre == 512.5);
    assert_true(slices_try_centre("anything_center1024.tif", &centre) && centre == 1024);
    assert_false(slices_try_centre("recon_00012.tiff", &centre));
    assert_false(slices_try_centre("center_of_rotation.txt", &centre));
    assert_false(slices_try_centre("recon_center.tiff", &centre));
    assert_false(slices_try_centre("recon_center12x.tiff", &centre));
    mem_free(full);
    mem_free(trial);
    mem_free(low);
}

static void shell_words_are_unharmed(void **state)
{
    (void)state;
    struct str s = STR_INIT;
    common_shell_word(&s, "/a/b-1.h5");
    str_addc(&s, ' ');
    common_shell_word(&s, "it's $(x) \"y\"");
    str_addc(&s, ' ');
    common_shell_word(&s, "");
    assert_string_equal(str_text(&s), "/a/b-1.h5 'it'\\''s $(x) \"y\"' ''");
    str_fini(&s);
}

static void steps_are_found(void **state)
{
    (void)state;
    const char *const names[] = {"recon.try", "recon.cor", "recon.full"};
    for (size_t i = 0; i < 3; i++) {
        const struct step *step = step_find(names[i]);
        assert_non_null(step);
        assert_true(step->version >= 1 && step->run != NULL && step->output[0].id != NULL);
    }
    assert_null(step_find("recon"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_read),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(slices_have_the_names_people_look_for),
        cmocka_unit_test(shell_words_are_unharmed),
        cmocka_unit_test(steps_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
