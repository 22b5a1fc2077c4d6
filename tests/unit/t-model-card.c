/* model.json (DESIGN 7): read strictly, every mistake named by file and key; settings (REQUIREMENTS
 * W14); registries. */
#include "test.h"

#include <math.h>
#include <string.h>
#include "codec/digest.h"
#include "model/model-find.h"
#include "os/file.h"

#define SUM "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static const char good[] =
    "{\"gantry\":1,\"name\":\"lungs-1\",\"version\":\"2.0\",\"description\":\"d\","
    "\"architecture\":\"small\",\"demonstration\":true,\"scores\":{\"AUC\":0.98},"
    "\"task\":\"segmentation\",\"input\":{\"modality\":\"CT\",\"orientation\":\"LPS\","
    "\"spacing\":[1.5,1.5,3],\"window\":[-1000,400],\"normalisation\":\"window\","
    "\"patch\":[96,80,64],\"channels\":1},\"output\":{\"labels\":[\"air\",\"lung\"],"
    "\"threshold\":0.4,\"activation\":\"softmax\"},\"settings\":{"
    "\"overlap\":{\"type\":\"number\",\"default\":0.5,\"minimum\":0,\"maximum\":0.9},"
    "\"n\":{\"type\":\"integer\",\"default\":3},\"on\":{\"type\":\"boolean\",\"default\":false},"
    "\"how\":{\"type\":\"choice\",\"default\":\"a\",\"choices\":[\"a\",\"b\"],\"help\":\"h\"}},"
    "\"licence\":\"MIT\",\"source\":\"here\",\"checksum\":\"sha256:" SUM "\"}";

static json_t *value_of(const char *text)
{
    struct err err = {0};
    json_t *root = json_parse(text, strlen(text), "test", &err);
    if (!root) {
        fail_msg("%s", err.text);
    }
    return root;
}

static void all_is_read(void **state)
{
    (void)state;
    struct err err = {0};
    struct model_card c;
    json_t *root = value_of(good);
    assert_ok(model_card_parse(root, "/m/model.json", &c, &err), err);
    json_decref(root);
    assert_string_equal(c.name, "lungs-1");
    assert_string_equal(c.version, "2.0");
    assert_string_equal(c.onnx, "/m/model.onnx");
    assert_string_equal(c.architecture, "small");
    assert_true(c.demonstration && c.task == MODEL_SEGMENTATION && c.scaling == MODEL_WINDOW);
    assert_true(c.spacing_mm[2] == 3 && c.n_spacing == 3 && c.window[1] == 400);
    assert_true(c.patch[0] == 96 && c.patch[2] == 64 && c.n_patch == 3 && c.slices == 0);
    assert_true(c.n_labels == 2 && c.threshold == 0.4 && c.activation == MODEL_SOFTMAX);
    assert_string_equal(c.labels[1], "lung");
    assert_string_equal(c.checksum, SUM);
    model_card_fini(&c);
    model_card_fini(&c); /* a second time is harmless */
}

/* Puts `text` (JSON, or NULL to take the key away) at `path` ("input.patch"), and expects the
 * words. */
static void refused(const char *path, const char *text, const char *words)
{
    struct err err = {0};
    struct model_card c;
    json_t *root = value_of(good), *object = root;
    char part[60];
    (void)snprintf(part, sizeof part, "%s", path);
    char *key = part, *dot;
    while ((dot = strchr(key, '.')) != NULL) {
        *dot = '\0';
        object = json_object_get(object, key);
        key = dot + 1;
    }
    json_t *value = text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    assert_int_equal(text ? json_object_set_new(object, key, value) : json_object_del(object, key),
                     0);
    bool ok = model_card_parse(root, "model.json", &c, &err);
    json_decref(root);
    if (ok) {
        fail_msg("%s = %s was taken", path, text ? text : "(nothing)");
    }
    if (err.code != ERR_FORMAT || !strstr(err.text, words) || !strstr(err.text, "model.json")) {
        fail_msg("%s = %s: '%s' does not say '%s'", path, text ? text : "(nothing)", err.text,
                 words);
    }
}

static void every_mistake_is_named(void **state)
{
    (void)state;
    static const char *const wrong[][3] = {
        {"colour", "1", "unknown key 'colour' in a model's card"},
        {"gantry", "2", "needs \"gantry\": 1"},
        {"name", NULL, "name is missing"},
        {"name", "\"../x\"", "does not begin with a dot: '../x'"},
        {"name", "\"a b\"", "letters, digits"},
        {"version", NULL, "version is missing"},
        {"version", "1.5", "version must be"},
        {"task", "\"magic\"", "task must be one of classification segmentation cor detection"},
        {"demonstration", "1", "demonstration must be true or false"},
        {"scores", "{\"AUC\":\"high\"}", "scores must be"},
        {"input", "1", "input is missing (an object)"},
        {"input.colour", "1", "unknown key 'colour' in input"},
        {"input.modality", NULL, "input.modality is missing"},
        {"input.orientation", "\"LLS\"", "input.orientation must be three letters"},
        {"input.orientation", "\"LP\"", "input.orientation must be three letters"},
        {"input.orientation", "\"LPSA\"", "input.orientation must be three letters"},
        {"input.spacing", "[1,0]", "input.spacing must be"},
        {"input.spacing", "\"1\"", "input.spacing must be"},
        {"input.slices", "64", "input.spacing does not go with slices"},
        {"input.window", "[400,-1000]", "input.window must go from the lower"},
        {"input.window", "[1,2,3]", "input.window must be two numbers"},
        {"input.window", NULL, "input.window is missing"},
        {"input.normalisation", "\"log\"", "input.normalisation must be one of none unit"},
        {"input.patch", "[0]", "input.patch must be 1 to 3 whole numbers"},
        {"input.patch", "[1,2,3,4]", "input.patch must be 1 to 3 whole numbers"},
        {"input.patch", "64", "input.patch must be 1 to 3 whole numbers"},
        {"input.patch", "[4294967297]", "input.patch must be 1 to 3 whole numbers"},
        {"input.slices", "1.5", "input.slices must be a whole number"},
        {"input.channels", NULL, "input.channels is missing"},
        {"output", NULL, "output is missing (an object)"},
        {"output.activation", NULL, "output.activation is missing"},
        {"output.labels", "[1]", "output.labels must be"},
        {"output.threshold", "\"high\"", "output.threshold must be a number"},
        {"settings", "[]", "settings must be an object"},
        {"settings.overlap", "1", "settings.overlap must be an object"},
        {"settings.overlap.default", "2",
         "settings.overlap.default must be a number from 0 to 0.9"},
        {"settings.overlap.default", NULL, "settings.overlap.default is missing"},
        {"settings.overlap.type", "\"float\"", "settings.overlap.type must be one of number"},
        {"settings.overlap.minimum", "\"0\"", "settings.overlap.minimum must be a number"},
        {"settings.overlap.unit", "\"mm\"", "unknown key 'unit' in settings.overlap"},
        {"settings.how.default", "\"c\"", "settings.how.default must be one of a b"},
        {"settings.how.choices", "[1]", "settings.how.choices must be texts"},
        {"licence", NULL, "licence is missing"},
        {"source", "\"\"", "source must be a text"},
        {"detector", "1", "detector must be a text"},
        {"detector", "\"nodules\"", "detector goes with task classification only"},
        {"checksum", "\"md5:00\"", "checksum must be \"sha256:\""},
        {"checksum", "\"sha256:00\"", "checksum must be \"sha256:\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        refused(wrong[i][0], wrong[i][1], wrong[i][2]);
    }
}

static void settings_are_checked(void **state)
{
    (void)state;
    static const char *const wrong[][2] = {
        {"{\"overlap\":1}", "setting 'overlap' of model 'lungs-1' must be a number from 0 to 0.9"},
        {"{\"overlap\":\"x\"}", "must be a number"},
        {"{\"n\":1.5}", "must be a whole number"},
        {"{\"on\":1}", "must be true or false"},
        {"{\"how\":\"c\"}", "must be one of a b"},
        {"{\"speed\":1}", "has no setting 'speed'"},
    };
    struct err err = {0};
    struct model_card c;
    json_t *root = value_of(good), *given = value_of("{\"overlap\":0,\"how\":\"b\"}");
    assert_ok(model_card_parse(root, "model.json", &c, &err), err);
    json_t *all = model_settings(&c, given, &err);
    assert_non_null(all);
    assert_true(model_setting(all, "overlap", 9) == 0 && model_setting(all, "n", 9) == 3 &&
                model_setting(all, "absent", 9) == 9);
    assert_string_equal(json_get_text(all, "how", ""), "b");
    json_decref(all);
    json_decref(given);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        given = value_of(wrong[i][0]);
        assert_null(model_settings(&c, given, &err));
        assert_int_equal(err.code, ERR_USAGE);
        assert_non_null(strstr(err.text, wrong[i][1]));
        json_decref(given);
    }
    model_card_fini(&c);
    json_decref(root);
}

static char *put_model(const char *registry, const char *name, const char *card)
{
    struct err err = {0};
    char *folder = mem_printf(&err, "%s/%s", registry, name),
         *file = mem_printf(&err, "%s/%s/model.json", registry, name),
         *onnx = mem_printf(&err, "%s/%s/model.onnx", registry, name);
    assert_ok(file_mkdirs(folder, 0755, &err), err);
    assert_ok(file_put(file, card, strlen(card), &err), err);
    assert_ok(file_put(onnx, "bytes", 5, &err), err);
    mem_free(file);
    mem_free(onnx);
    return folder;
}

static void registries_in_order(void **state)
{
    (void)state;
    struct err err = {0};
    char *base = test_folder("models"), *own = mem_printf(&err, "%s/own", base),
         *ships = mem_printf(&err, "%s/ships", base);
    const char *const registries[] = {own, ships, NULL};
    mem_free(put_model(ships, "lungs-1", good));
    mem_free(put_model(ships, "broken", "{"));
    char *mine = put_model(own, "lungs-1", good);
    json_t *rows = model_list(registries, &err);
    assert_int_equal(json_array_size(rows), 3);
    assert_string_equal(json_get_text(json_array_get(rows, 0), "name", ""), "broken");
    assert_non_null(strstr(json_get_text(json_array_get(rows, 0), "problem", ""), "model.json"));
    assert_int_equal(json_get_int(json_array_get(rows, 1), "registry", 9), 0);
    assert_false(json_get_bool(json_array_get(rows, 1), "hidden", true));
    assert_true(json_get_bool(json_array_get(rows, 2), "hidden", false));
    json_decref(rows);
    char *found = model_find(registries, "lungs-1", &err);
    assert_string_equal(found, mine);
    mem_free(found);
    found = model_find(registries, mine, &err); /* a path */
    assert_string_equal(found, mine);
    mem_free(found);
    assert_null(model_find(registries, "lungs", &err));
    assert_string_equal(err.text, "there is no model 'lungs' (there are: broken, lungs-1)");
    assert_int_equal(err.code, ERR_NOTHING);
    assert_null(model_find(registries, "/nowhere/at/all", &err));
    assert_null(model_find(registries, "..", &err));
    struct model_card c;
    assert_ok(model_card_read(mine, &c, &err), err);
    assert_false(model_card_verify(&c, &err));
    assert_non_null(strstr(err.text, "is damaged or not the model"));
    model_card_fini(&c);
    assert_false(model_card_read(base, &c, &err));
    assert_int_equal(err.code, ERR_NOTHING);
    assert_ok(file_remove_tree(base, &err), err);
    mem_free(mine);
    mem_free(own);
    mem_free(ships);
    mem_free(base);
}

static void sums(void **state)
{
    (void)state;
    char hex[DIGEST_SHA256_HEX];
    digest_sha256("abc", 3, hex); /* FIPS 180-2, B.1 */
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static bool attempt(void *arg, struct err *err)
{
    struct model_card c;
    bool ok = model_card_parse(arg, "model.json", &c, err);
    if (ok) {
        model_card_fini(&c);
    }
    return ok;
}

static void no_memory_is_an_error(void **state)
{
    (void)state;
    json_t *root = value_of(good);
    test_every_failure(attempt, root);
    json_decref(root);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_is_read),
        cmocka_unit_test(every_mistake_is_named),
        cmocka_unit_test(settings_are_checked),
        cmocka_unit_test(registries_in_order),
        cmocka_unit_test(sums),
        cmocka_unit_test(no_memory_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
