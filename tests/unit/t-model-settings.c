/* model/model-settings and model/model-fit: forms, values against them, and which series fit
 * (REQUIREMENTS W3, W14; issue 6). */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include "model/model-card.h"
#include "model/model-fit.h"
#include "model/model-settings.h"

#define SUM "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* A segmentation's card with these settings and this output. */
static bool card_of(const char *settings, const char *output, struct model_card *ret,
                    struct err *err)
{
    char text[2000];
    (void)snprintf(text, sizeof text,
                   "{\"gantry\":1,\"name\":\"m\",\"version\":1,\"task\":\"segmentation\",\"input\":"
                   "{\"modality\":\"CT\",\"channels\":1,\"slices_min\":20},\"output\":{\"labels\":"
                   "[\"air\",\"lung\",\"nodule\"],%s},\"settings\":%s,\"licence\":\"MIT\","
                   "\"source\":\"s\",\"checksum\":\"" SUM "\"}",
                   output, settings);
    json_t *root = json_parse(text, strlen(text), "test", err);
    bool ok = root && model_card_parse(root, "model.json", ret, err);
    json_decref(root);
    return ok;
}

#define SOFT "\"activation\":\"softmax\""

static void refused(const char *settings, const char *output, const char *says)
{
    struct model_card c;
    struct err err = {0};
    assert_false(card_of(settings, output, &c, &err));
    if (!strstr(err.text, says)) {
        fail_msg("'%s': %s", says, err.text);
    }
}

static void t_forms_are_checked(void **state)
{
    (void)state;
    refused("{\"a\":{\"type\":\"colour\",\"default\":1}}", SOFT, "settings.a.type must be one of");
    refused("{\"a\":{\"type\":\"choice\",\"default\":\"x\"}}", SOFT,
            "settings.a.choices is missing");
    refused("{\"a\":{\"type\":\"choice\",\"choices\":[\"x\",\"\"],\"default\":\"x\"}}", SOFT,
            "must be texts");
    refused("{\"a\":{\"type\":\"choice\",\"choices\":\"x\",\"default\":\"x\"}}", SOFT,
            "must be a list of texts");
    refused("{\"a\":{\"type\":\"number\",\"minimum\":2,\"maximum\":1,\"default\":1}}", SOFT,
            "minimum is above the maximum");
    refused("{\"a\":{\"type\":\"number\",\"minimum\":2,\"default\":1}}", SOFT,
            "default must be a number from 2");
    refused("{\"a\":{\"type\":\"integer\",\"maximum\":2,\"default\":3}}", SOFT,
            "default must be a whole number of at most 2");
    refused("{\"a\":{\"type\":\"text\",\"default\":3}}", SOFT, "default must be a text");
    refused("{\"a\":{\"type\":\"labels\",\"default\":[\"bone\"]}}", SOFT,
            "must be a list of air lung nodule");
    refused("{\"a\":{\"type\":\"labels\",\"default\":[]}}", SOFT, "must be a list of");
    refused("{\"a\":{\"type\":\"number\",\"default\":1,\"label\":3}}", SOFT,
            "label must be a text");
    refused("{\"a\":{\"type\":\"number\",\"default\":1,\"unit\":\"HU\"}}", SOFT, "unit");
    refused("{\"slice_first\":{\"type\":\"integer\",\"default\":5},\"slice_last\":{\"type\":"
            "\"integer\",\"default\":3}}",
            SOFT, "slice_first.default lies behind");
    refused("{}", SOFT ",\"largest_only\":[\"air\"]", "output.largest_only");
    refused("{\"a\":3}", SOFT, "settings.a must be an object");
    refused("[]", SOFT, "settings must be an object");
    refused("{}", SOFT ",\"colours\":[\"red\"]", "output.colours");
    refused("{}", SOFT ",\"colours\":[\"#000000\",\"#00000g\",\"#000000\"]", "output.colours");
    refused("{}", SOFT ",\"largest_only\":[\"bone\"]", "output.largest_only");
    refused("{}", SOFT ",\"min_voxels\":0", "output.min_voxels");
}

static void good_card(const char *settings, const char *output, struct model_card *ret)
{
    struct err err = {0};
    assert_ok(card_of(settings, output, ret, &err), err);
}

static void t_values_are_checked(void **state)
{
    (void)state;
    struct err err = {0};
    struct model_card c;
    good_card(
        "{\"level\":{\"type\":\"number\",\"default\":1,\"minimum\":0},\"note\":{\"type\":"
        "\"text\",\"default\":\"\"},\"keep\":{\"type\":\"labels\",\"default\":[\"lung\"]},"
        "\"drop\":{\"type\":\"labels\",\"default\":[],\"minimum\":0},\"slice_first\":{\"type\":"
        "\"integer\",\"default\":0},\"slice_last\":{\"type\":\"integer\",\"default\":-1}}",
        SOFT, &c);
    static const struct {
        const char *given, *says; /* NULL: fine */
    } tries[] = {
        {"{}", NULL},
        {"{\"level\":7,\"note\":\"x\",\"keep\":[\"air\",\"nodule\"],\"drop\":[]}", NULL},
        {"{\"slice_first\":5}", NULL},
        {"{\"slice_first\":5,\"slice_last\":5}", NULL},
        {"{\"slice_first\":6,\"slice_last\":5}", "slice_first"},
        {"{\"level\":-1}", "setting 'level' of model 'm' must be a number from 0"},
        {"{\"level\":\"7\"}", "must be a number"},
        {"{\"level\":null}", "must be a number"},
        {"{\"keep\":[]}", "must be a list of air lung nodule"},
        {"{\"keep\":\"lung\"}", "must be a list of"},
        {"{\"keep\":[\"lung\",3]}", "must be a list of"},
        {"{\"overlap\":0.5}", "has no setting 'overlap' (it has level, note"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        json_t *given = json_loads(tries[i].given, 0, NULL);
        json_t *all = model_settings(&c, given, &err);
        if ((all != NULL) != (tries[i].says == NULL)) {
            fail_msg("%s: %s", tries[i].given, all ? "taken" : err.text);
        }
        if (!all && (err.code != ERR_USAGE || !strstr(err.text, tries[i].says))) {
            fail_msg("%s: %s", tries[i].given, err.text);
        }
        json_decref(all);
        json_decref(given);
    }
    model_card_fini(&c);
}

/* Whatever the card says, the form has the slice range and what the tools know of its task; its
 * own defaults hold, and the card's settings win. */
static void t_every_model_has_the_common_settings(void **state)
{
    (void)state;
    struct err err = {0};
    struct model_card c;
    good_card("{\"overlap\":{\"type\":\"number\",\"default\":0.25,\"maximum\":0.5}}",
              SOFT ",\"largest_only\":[\"lung\"],\"min_voxels\":9", &c);
    json_t *all = model_form_settings(&c, NULL, &err), *form = model_form(&c, &err);
    assert_ok(all && form, err);
    assert_true(json_get_double(all, "overlap", 0) == 0.25);
    assert_int_equal(json_get_int(all, "min_voxels", 0), 9);
    assert_int_equal(json_get_int(all, "slice_last", 0), -1);
    assert_int_equal(json_array_size(json_object_get(all, "labels")), 2);
    assert_int_equal(json_array_size(json_object_get(all, "largest_only")), 1);
    assert_null(json_object_get(all, "threshold")); /* softmax has none */
    assert_non_null(json_object_get(json_object_get(form, "labels"), "label"));
    json_decref(all);
    json_decref(form);
    json_t *given = json_pack("{s:f}", "overlap", 0.8);
    assert_null(model_form_settings(&c, given, &err));
    assert_non_null(strstr(err.text, "0.5"));
    json_decref(given);
    model_card_fini(&c);
    good_card("{}", "\"activation\":\"sigmoid\",\"threshold\":0.3,\"largest_only\":true", &c);
    all = model_form_settings(&c, NULL, &err);
    assert_ok(all != NULL, err);
    assert_true(json_get_double(all, "threshold", 0) == 0.3);
    assert_int_equal(json_array_size(json_object_get(all, "largest_only")), 2);
    json_decref(all);
    model_card_fini(&c);
}

static void t_a_tool_as_a_model(void **state)
{
    (void)state;
    struct err err = {0};
    struct model_card c;
    static const char text[] =
        "{\"gantry\":1,\"name\":\"m\",\"version\":1,\"task\":\"%s\",\"engine\":\"%s\",\"input\":{"
        "\"modality\":\"any\",\"channels\":1},\"output\":{\"activation\":\"none\"},\"licence\":"
        "\"MIT\",\"source\":\"s\"%s}";
    static const struct {
        const char *task, *engine, *more, *says;
    } tries[] = {
        {"classification", "tool:site.x", "", NULL},
        {"classification", "tool:", "", "engine must be onnx, or tool:"},
        {"classification", "torch", "", "engine must be onnx, or tool:"},
        {"cor", "tool:site.x", "", "rotation centres are found by a network"},
        {"classification", "onnx", "", "checksum is missing"},
        {"classification", "tool:site.x", ",\"checksum\":\"" SUM "\"", "not with a tool"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        char whole[900];
        (void)snprintf(whole, sizeof whole, text, tries[i].task, tries[i].engine, tries[i].more);
        json_t *root = json_loads(whole, 0, NULL);
        bool ok = model_card_parse(root, "model.json", &c, &err);
        if (ok != (tries[i].says == NULL) || (!ok && !strstr(err.text, tries[i].says))) {
            fail_msg("%s: %s", tries[i].engine, ok ? "taken" : err.text);
        }
        if (ok) {
            assert_string_equal(c.tool, "site.x");
            assert_null(c.onnx);
            assert_string_equal(c.checksum, "");
            json_t *form = model_form(&c, &err);
            assert_int_equal(json_object_size(form), 0);
            json_decref(form);
            model_card_fini(&c);
        }
        json_decref(root);
    }
}

static void t_series_that_fit(void **state)
{
    (void)state;
    struct model_card c = {.modality = "CT", .slices_min = 20};
    static const struct {
        const char *wanted;
        struct series_facts facts;
        const char *reason; /* NULL: it fits */
    } tries[] = {
        {"CT", {"CT", "", 512, 512, 300, 1}, NULL},
        {"CT", {"ct", "", 512, 512, 20, 1}, NULL},
        {"CT", {"", "", 512, 512, 300, 1}, NULL}, /* not known is no reason */
        {"CT", {"CT", "", 512, 512, 0, 1}, NULL},
        {"CT", {"MR", "", 512, 512, 300, 1}, "MR"},
        {"CT", {"CT", "", 512, 512, 12, 1}, "with 12 slices"},
        {"CT", {"CT", "", 512, 512, 1, 1}, "with 1 slice"},
        {"CT", {"CT", "", 64, 64, 30, 120}, "of 120 time points"},
        {"CT", {"MR", "two sizes of slices", 0, 0, 0, 0}, "unreadable"},
        {"MRI", {"MR", "", 64, 64, 30, 1}, NULL},
        {"MR", {"MRI", "", 64, 64, 30, 1}, NULL},
        {"CT/MR", {"MR", "", 64, 64, 30, 1}, NULL},
        {"CT, MR", {"PT", "", 64, 64, 30, 1}, "PT"},
        {"any", {"PT", "", 64, 64, 30, 1}, NULL},
        {"C", {"CT", "", 64, 64, 30, 1}, "CT"},
    };
    for (size_t i = 0; i < sizeof tries / sizeof *tries; i++) {
        char reason[80] = "";
        c.modality = tries[i].wanted;
        bool fits = model_fits(&c, &tries[i].facts, reason, sizeof reason);
        if (fits != (tries[i].reason == NULL) || (!fits && strcmp(reason, tries[i].reason) != 0)) {
            fail_msg("row %zu: %s", i, fits ? "fits" : reason);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_forms_are_checked),
        cmocka_unit_test(t_values_are_checked),
        cmocka_unit_test(t_every_model_has_the_common_settings),
        cmocka_unit_test(t_a_tool_as_a_model),
        cmocka_unit_test(t_series_that_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
