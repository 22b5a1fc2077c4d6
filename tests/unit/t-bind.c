/* Binding: parameters by precedence, the centre, outputs and staging, fingerprints. */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "os/file.h"
#include "plan/batch.h"
#include "plan/bind.h"

static const char descriptor[] =
    "{\"name\":\"t.full\",\"schema-version\":\"0.5\",\"inputs\":["
    "{\"id\":\"rotation_axis\",\"type\":\"Number\",\"optional\":true},"
    "{\"id\":\"finder\",\"type\":\"String\",\"default-value\":\"m\"},"
    "{\"id\":\"width\",\"type\":\"Number\",\"default-value\":50,\"minimum\":0},"
    "{\"id\":\"format\",\"type\":\"String\",\"default-value\":\"tiff\",\"value-choices\":[\"tiff\","
    "\"h5\"]}],"
    "\"custom\":{\"gantry\":{\"models\":{\"finder\":{\"format\":\"h5\"}},\"step\":true,\"version\":"
    "3,\"phase\":\"full\",\"bind\":{\"rotation_"
    "axis\":\"cor\"},\"outputs\":["
    "{\"id\":\"volume\",\"kind\":\"folder\",\"path\":\"{rec}/"
    "{name}_rec\",\"when\":{\"format\":\"tiff\"}},"
    "{\"id\":\"volume_h5\",\"kind\":\"file\",\"path\":\"{rec}/"
    "{name}_rec.h5\",\"when\":{\"format\":\"h5\"}}]}}}";

struct fixture {
    char *dir;
    struct tools *tools;
    json_t *job;
    struct bind in;
};

static int setup(void **state)
{
    struct err err = {0};
    struct fixture *f = mem_zero(sizeof *f, &err);
    f->dir = test_folder("bind");
    char *path = mem_printf(&err, "%s/t.json", f->dir);
    assert_ok(file_put(path, descriptor, sizeof descriptor - 1, &err), err);
    mem_free(path);
    const char *folders[] = {f->dir, NULL};
    f->tools = tools_load(folders, &err);
    assert_non_null(f->tools);
    f->job = json_pack("{s:s, s:s, s:{s:i}}", "id", "full", "tool", "t.full", "args", "width", 40);
    f->in = (struct bind){.run = 1,
                          .task = 2,
                          .attempt = 77,
                          .item = 3,
                          .n = 1,
                          .item_name = "sub/s 01.h5",
                          .series = "s",
                          .level = "scan",
                          .project_name = "p",
                          .root = "/data/p",
                          .rec = "/data/p_rec",
                          .home = "/h",
                          .imaging = "/i",
                          .user = "u",
                          .tool = tools_find(f->tools, "t.full"),
                          .job = f->job,
                          .centre = 12.5,
                          .seed = NAN,
                          .dir = "/a/1/2.1",
                          .threads = 1,
                          .gpu = -1,
                          .input_size = 10,
                          .input_mtime_ns = 20};
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    tools_free(f->tools);
    json_decref(f->job);
    assert_ok(file_remove_tree(f->dir, &err), err);
    mem_free(f->dir);
    mem_free(f);
    return 0;
}

static void test_outputs_and_centre(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    struct bound b;
    assert_ok(bind_task(&f->in, &b, &err), err);
    const json_t *output = json_array_get(b.outputs, 0);
    assert_int_equal(json_array_size(b.outputs), 1);
    assert_string_equal(json_get_text(output, "final", ""), "/data/p_rec/sub/s 01_rec");
    assert_string_equal(json_get_text(output, "staging", ""),
                        "/data/p_rec/sub/.gantry-77/s 01_rec");
    assert_true(json_get_double(b.params, "rotation_axis", 0) == 12.5);
    assert_true(json_get_double(b.params, "width", 0) == 40);
    bound_fini(&b);
    f->in.centre = NAN;
    assert_false(bind_task(&f->in, &b, &err));
    assert_int_equal(err.code, ERR_USAGE);
}

static void test_later_parameters_win(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    struct bound b;
    json_t *item = json_pack("{s:i, s:s}", "width", 30, "foreign", "x"),
           *run = json_pack("{s:i}", "width", 20), *task = json_pack("{s:s}", "format", "h5");
    f->in.item_params = item;
    assert_ok(bind_task(&f->in, &b, &err), err);
    assert_int_equal(json_get_int(b.params, "width", 0), 30);
    assert_null(json_object_get(b.params, "foreign"));
    bound_fini(&b);
    f->in.run_params = run;
    f->in.task_params = task;
    assert_ok(bind_task(&f->in, &b, &err), err);
    assert_int_equal(json_get_int(b.params, "width", 0), 20);
    assert_string_equal(json_get_text(json_array_get(b.outputs, 0), "name", ""), "volume_h5");
    bound_fini(&b);
    json_decref(item);
    json_decref(run);
    json_decref(task);
}

static void test_fingerprint(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    struct bound a, b;
    assert_ok(bind_task(&f->in, &a, &err), err);
    f->in.threads = 8; /* not part of what was made */
    f->in.attempt = 78;
    f->in.gpu = 1;
    assert_ok(bind_task(&f->in, &b, &err), err);
    assert_string_equal(a.fingerprint, b.fingerprint);
    bound_fini(&b);
    f->in.input_mtime_ns++;
    assert_ok(bind_task(&f->in, &b, &err), err);
    assert_string_not_equal(a.fingerprint, b.fingerprint);
    bound_fini(&b);
    f->in.input_mtime_ns--;
    f->in.item_name = "sub/s 02.h5";
    assert_ok(bind_task(&f->in, &b, &err), err);
    assert_string_not_equal(a.fingerprint, b.fingerprint);
    bound_fini(&a);
    bound_fini(&b);
}

/* DESIGN 8: a model is loaded once. Steps that ask one, and only while they do, may share a
 * process; it makes no other work of them. */
static void test_steps_that_ask_a_model_may_be_warm(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    struct bound cold, warm;
    json_t *h5 = json_pack("{s:s}", "format", "h5"),
           *none = json_pack("{s:s, s:s}", "format", "h5", "finder", "none");
    const struct {
        bool option;
        const json_t *params;
        bool warm;
    } cases[] = {{true, NULL, false}, {false, h5, false}, {true, h5, true}, {true, none, false}};
    f->in.run_params = h5;
    assert_ok(bind_task(&f->in, &cold, &err), err);
    for (size_t i = 0; i < 4; i++) {
        f->in.warm = cases[i].option;
        f->in.run_params = cases[i].params;
        assert_ok(bind_task(&f->in, &warm, &err), err);
        assert_int_equal(strstr(str_text(&warm.job), ",\"warm\":true,") != NULL, cases[i].warm);
        if (cases[i].params == h5) {
            assert_string_equal(warm.fingerprint, cold.fingerprint);
        }
        bound_fini(&warm);
    }
    bound_fini(&cold);
    json_decref(h5);
    json_decref(none);
}

/* One value, or any of several; several parameters together. */
static void test_conditions(void **state)
{
    (void)state;
    static const struct {
        const char *when, *params;
        bool met;
    } cases[] = {
        {"{}", "{}", true},
        {"{\"m\":\"ai\"}", "{\"m\":\"ai\"}", true},
        {"{\"m\":\"ai\"}", "{}", false},
        {"{\"m\":[\"ai\",\"auto\"]}", "{\"m\":\"ai\"}", true},
        {"{\"m\":[\"ai\",\"auto\"]}", "{\"m\":\"auto\"}", true},
        {"{\"m\":[\"ai\",\"auto\"]}", "{\"m\":\"vo\"}", false},
        {"{\"m\":[\"ai\",\"auto\"]}", "{}", false},
        {"{\"m\":[]}", "{\"m\":\"vo\"}", false},
        {"{\"m\":[\"ai\",\"auto\"],\"a\":\"auto\"}", "{\"m\":\"ai\",\"a\":\"manual\"}", false},
    };
    struct err err = {0};
    assert_true(tool_applies(NULL, NULL));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *when = json_parse(cases[i].when, strlen(cases[i].when), "when", &err),
               *params = json_parse(cases[i].params, strlen(cases[i].params), "params", &err);
        assert_true(when && params);
        assert_int_equal(tool_applies(when, params), cases[i].met);
        json_decref(when);
        json_decref(params);
    }
}

/* A model counts where the tool uses it, and there by what it is, not by its name alone. */
static void test_models_are_part_of_it(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    struct bound a, b;
    json_t *h5 = json_pack("{s:s}", "format", "h5");
    f->in.models = model_sums_new(f->dir, &err);
    assert_non_null(f->in.models);
    assert_ok(bind_task(&f->in, &a, &err), err);
    assert_null(strstr(a.basis, "models"));
    bound_fini(&a);
    f->in.run_params = h5;
    assert_ok(bind_task(&f->in, &a, &err), err);
    assert_non_null(strstr(a.basis, "\"models\":{\"finder\":\"\"}"));
    char *folder = mem_printf(&err, "%s/models/m", f->dir),
         *card = mem_printf(&err, "%s/model.json", folder);
    static const char text[] =
        "{\"gantry\":1,\"name\":\"m\",\"version\":\"1\",\"task\":\"cor\",\"input\":{"
        "\"modality\":\"CT\",\"channels\":1},\"output\":{\"activation\":\"none\"},"
        "\"licence\":\"MIT\",\"source\":\"x\",\"checksum\":\"sha256:"
        "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\"}";
    assert_ok(file_mkdirs(folder, 0755, &err) && file_put(card, text, strlen(text), &err), err);
    assert_ok(bind_task(&f->in, &b, &err), err);
    assert_string_not_equal(a.fingerprint, b.fingerprint);
    model_sums_free(f->in.models);
    bound_fini(&a);
    bound_fini(&b);
    mem_free(folder);
    mem_free(card);
    json_decref(h5);
}

static void test_batches_are_checked(void **state)
{
    static const char *const bad[] = {
        "{}",
        "{\"gantry\":1,\"name\":\"b\",\"jobs\":[]}",
        "{\"gantry\":1,\"name\":\"b\",\"jobs\":[{\"id\":\"a\",\"tool\":\"no.such\"}]}",
        "{\"gantry\":1,\"name\":\"b\",\"jobs\":[{\"id\":\"a\",\"tool\":\"t.full\",\"argz\":{}}]}",
        "{\"gantry\":1,\"name\":\"b\",\"jobs\":[{\"id\":\"a\",\"tool\":\"t.full\",\"args\":{"
        "\"width\":-1}}]}",
        "{\"gantry\":1,\"name\":\"b\",\"jobs\":[{\"id\":\"a\",\"tool\":\"t.full\",\"args\":{"
        "\"format\":\"bmp\"}}]}",
        "{\"gantry\":1,\"name\":\"b\",\"jobs\":[{\"id\":\"a\",\"tool\":\"t.full\",\"args\":{\"o1\":"
        "{\"OUT\":\"a*.txt\"}}}]}",
        "{\"gantry\":1,\"name\":\"b\",\"jobs\":[{\"id\":\"a\",\"tool\":\"t.full\"},{\"id\":\"a\","
        "\"tool\":\"t.full\"}]}",
        /* its outputs would leave derivatives/ */
        "{\"gantry\":1,\"name\":\"../b\",\"level\":\"study\",\"jobs\":[{\"id\":\"a\",\"tool\":"
        "\"t.full\"}]}",
    };
    struct err err = {0};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_t *batch = json_loads(bad[i], 0, NULL);
        assert_non_null(batch);
        assert_false(batch_check(batch, f->tools, &err));
        json_decref(batch);
    }
    json_t *good = json_loads(
        "{\"gantry\":1,\"name\":\"b\",\"jobs\":[{\"id\":\"a\",\"tool\":\"t.full\"}]}", 0, NULL);
    json_t *phases = json_pack("[s]", "full"), *wrong = json_pack("[s]", "upload"), *cut;
    assert_ok(batch_check(good, f->tools, &err), err);
    cut = batch_phases(good, phases, f->tools, &err);
    assert_non_null(cut);
    assert_null(batch_phases(good, wrong, f->tools, &err));
    assert_int_equal(err.code, ERR_USAGE);
    json_decref(cut);
    json_decref(good);
    json_decref(phases);
    json_decref(wrong);
}

/* G9: a job that is off runs only when it is named. */
static void test_jobs_that_are_off(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    json_t *batch =
        json_loads("{\"gantry\":1,\"name\":\"b\",\"jobs\":[{\"id\":\"a\",\"tool\":\"t.full\"},"
                   "{\"id\":\"z\",\"tool\":\"t.full\",\"off\":true}]}",
                   0, NULL);
    json_t *named = json_pack("[s]", "z"), *cut;
    assert_ok(batch_check(batch, f->tools, &err), err);
    cut = batch_phases(batch, NULL, f->tools, &err);
    assert_int_equal(json_array_size(json_object_get(cut, "jobs")), 1);
    assert_string_equal(json_get_text(json_array_get(json_object_get(cut, "jobs"), 0), "id", ""),
                        "a");
    json_decref(cut);
    cut = batch_phases(batch, named, f->tools, &err);
    assert_string_equal(json_get_text(json_array_get(json_object_get(cut, "jobs"), 0), "id", ""),
                        "z");
    json_decref(cut);
    json_decref(named);
    json_decref(batch);
}

static bool find_two(void *arg, const char *name, const json_t *spec, json_t *rows, struct err *err)
{
    int *n = arg;
    (void)spec;
    if (*n == 0 && strcmp(name, "f2") != 0) {
        return err_set(err, ERR_FAILED, "input '%s' of P#S: nothing matches", name);
    }
    for (int i = 0; i < *n; i++) {
        char path[40];
        (void)snprintf(path, sizeof path, "/data/p/P/S/%s_%d.nii", name, i);
        (void)json_array_append_new(
            rows, json_pack("{s:s, s:i, s:i}", "path", path, "size", 5, "mtime_ns", 7));
    }
    return true;
}

/* L6, L7, L9, M8: files of a study come from the catalog, outputs lie in its folder without their
 * tags, arguments stand in the order of their numbers. */
static void test_arguments_of_a_study(void **state)
{
    struct err err = {0};
    struct fixture *f = *state;
    struct bound b;
    int n = 2;
    json_t *none = json_object();
    const struct tool tool = {.name = "s", .kind = "script", .gantry = none, .version = "1"};
    struct bind_study study = {
        .out = "/data/p/P/S/", .pid = "P", .sid = "S", .psid = "P#S", .find = find_two, .arg = &n};
    json_t *job = json_pack("{s:s, s:s, s:{s:s, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:s}, s:{s:f}}}",
                            "id", "j", "tool", "s", "args", "script", "true", "f10", "FILE", "x",
                            "f2", "FILE", "y", "o1", "OUT", " masks/a b.nii  TAG(m,n)", "p1",
                            "PATHOUT", "dir", "n1", "NUMERIC", 2.5);
    f->in.tool = &tool;
    f->in.job = job;
    f->in.study = &study;
    f->in.level = "study";
    f->in.item_name = "P/S";
    assert_ok(bind_task(&f->in, &b, &err), err);
    json_t *sent = json_parse(str_text(&b.job), b.job.len, "job", &err);
    assert_null(sent); /* whoever sends it closes it */
    assert_string_equal(json_get_text(json_array_get(b.outputs, 0), "final", ""),
                        "/data/p/P/S/masks/a b.nii");
    assert_string_equal(json_get_text(json_array_get(b.outputs, 1), "kind", ""), "folder");
    assert_int_equal(json_array_size(b.inputs), 4);
    assert_string_equal(json_get_text(json_array_get(b.inputs, 0), "name", ""), "f2");
    assert_string_equal(json_string_value(json_array_get(b.command, 4)), "/data/p/P/S/f2_0.nii");
    assert_string_equal(json_string_value(json_array_get(b.command, 5)), "/data/p/P/S/f10_0.nii");
    assert_non_null(strstr(str_text(&b.job), "\"DPXpsid\":\"P#S\""));
    assert_non_null(strstr(str_text(&b.job), "\"files\":[\"f2\",\"f10\"]"));
    bound_fini(&b);
    n = 0;
    assert_false(bind_task(&f->in, &b, &err));
    assert_int_equal(err.code, ERR_FAILED);
    n = 1;
    study.collect = true;
    assert_ok(bind_task(&f->in, &b, &err), err);
    assert_non_null(strstr(str_text(&b.job), "\"f2\":[\"/data/p/P/S/f2_0.nii\"]"));
    bound_fini(&b);
    json_decref(job);
    json_decref(none);
}

static void test_tags_of_outputs(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *path, *tags;
    } rows[] = {{"a.nii", "a.nii", ""},
                {"a b.nii TAG(x)", "a b.nii", "x"},
                {" d/a.nii \t TAG(x,y) ", "d/a.nii", "x,y"},
                {"TAG(x)", "TAG(x)", ""},
                {"aTAG(x)", "aTAG(x)", ""},
                {"a TAG(", "a", ""},
                {"", "", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bind_out out = bind_out(rows[i].spec);
        assert_int_equal(out.length, strlen(rows[i].path));
        assert_memory_equal(out.path, rows[i].path, out.length);
        assert_int_equal(out.tags_length, strlen(rows[i].tags));
        assert_memory_equal(out.tags, rows[i].tags, out.tags_length);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_outputs_and_centre, setup, teardown),
        cmocka_unit_test_setup_teardown(test_later_parameters_win, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fingerprint, setup, teardown),
        cmocka_unit_test_setup_teardown(test_steps_that_ask_a_model_may_be_warm, setup, teardown),
        cmocka_unit_test_setup_teardown(test_models_are_part_of_it, setup, teardown),
        cmocka_unit_test(test_conditions),
        cmocka_unit_test_setup_teardown(test_batches_are_checked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_jobs_that_are_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arguments_of_a_study, setup, teardown),
        cmocka_unit_test(test_tags_of_outputs),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
