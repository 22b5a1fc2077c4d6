/* Parameters of the reconstruction steps: defaults, ranges, and refusals by name. */
#include "test.h"

#include <math.h>
#include <string.h>
#include "steps/params.h"

static bool read(const char *text, struct recon_params *ret, struct err *err)
{
    json_t *params = json_parse(text, strlen(text), "params", err);
    bool good = params && params_read(params, ret, err);
    json_decref(params);
    return good;
}

static void refused(const char *text, enum err_code code, const char *word)
{
    struct recon_params p;
    struct err err = {0};
    if (read(text, &p, &err)) {
        fail_msg("%s was accepted", text);
    }
    assert_int_equal(err.code, code);
    if (!strstr(err.text, word)) {
        fail_msg("'%s' does not say '%s'", err.text, word);
    }
}

static void defaults_are_tomocupys(void **state)
{
    (void)state;
    struct recon_params p;
    struct err err = {0};
    assert_ok(read("{}", &p, &err), err);
    assert_true(isnan(p.axis) && isnan(p.seed) && !p.axis_auto);
    assert_true(p.search_width == 50 && p.search_step == 0.5);
    assert_int_equal(p.nsinos, 1);
    assert_true(p.nsino[0] == 0.5);
    assert_int_equal(p.filter, FILTER_PARZEN);
    assert_int_equal(p.algorithm, RECON_FOURIERREC);
    assert_int_equal(p.method, AXIS_AUTO);
    assert_true(p.minus_log && !p.hdf5);
    assert_true(p.end_row == -1 && p.end_proj == -1 && p.end_column == -1 && p.start_row == 0);
    assert_int_equal(p.keep_try, 21);
    assert_int_equal(p.blocked, 0);
}

static void values_arrive(void **state)
{
    (void)state;
    struct recon_params p;
    struct err err = {0};
    assert_ok(
        read("{\"rotation_axis\":295.9,\"nsino\":[0,0.9,17],\"minus_log\":false,\"binning\":2,"
             "\"save_format\":\"h5\",\"blocked_views\":\"[[0,1.2],[3,3.14]]\",\"keep_try\":\"all\","
             "\"seed\":null,"
             "\"fbp_filter\":\"ramp\",\"end_row\":\"12\",\"rotation_axis_method\":\"pc\"}",
             &p, &err),
        err);
    assert_true(p.axis == 295.9 && p.nsinos == 3 && p.nsino[2] == 17);
    assert_true(!p.minus_log && p.binning == 2 && p.hdf5 && p.keep_try == -1 && p.end_row == 12);
    assert_true(p.blocked == 2 && p.blocked_rad[1][1] == 3.14);
    assert_int_equal(p.filter, FILTER_RAMP);
    assert_int_equal(p.method, AXIS_PC);
    assert_ok(read("{\"rotation_axis\":-1,\"dezinger\":0,\"remove_stripe_method\":\"none\",\"fw_"
                   "level\":7}",
                   &p, &err),
              err);
    assert_true(isnan(p.axis)); /* tomocupy's -1 */
}

static void what_is_wrong_is_named(void **state)
{
    (void)state;
    refused("{\"rotation_axs\":1}", ERR_USAGE, "rotation_axs");
    refused("{\"rotation_axis\":\"abc\"}", ERR_USAGE, "rotation_axis");
    refused("{\"binning\":1.5}", ERR_USAGE, "binning");
    refused("{\"binning\":9}", ERR_USAGE, "0 to 3");
    refused("{\"center_search_step\":0}", ERR_USAGE, "center_search_step");
    refused("{\"fbp_filter\":\"rampp\"}", ERR_USAGE, "parzen");
    refused("{\"minus_log\":\"perhaps\"}", ERR_USAGE, "minus_log");
    refused("{\"nsino\":\"\"}", ERR_USAGE, "nsino");
    refused("{\"nsino\":-0.5}", ERR_USAGE, "nsino");
    refused("{\"nsino\":1.5}", ERR_USAGE, "nsino");
    refused("{\"blocked_views\":\"[1]\"}", ERR_USAGE, "blocked_views");
    refused("{\"blocked_views\":\"[2,1]\"}", ERR_USAGE, "blocked_views");
    refused("{\"keep_try\":0}", ERR_USAGE, "keep_try");
}

static void what_is_not_built_is_named(void **state)
{
    (void)state;
    refused("{\"remove_stripe_method\":\"fw\"}", ERR_UNSUPPORTED, "remove_stripe_method = fw");
    refused("{\"retrieve_phase_method\":\"paganin\"}", ERR_UNSUPPORTED, "retrieve_phase_method");
    refused("{\"file_type\":\"double_fov\"}", ERR_UNSUPPORTED, "double_fov");
    refused("{\"dezinger\":3}", ERR_UNSUPPORTED, "dezinger");
    refused("{\"flat_linear\":true}", ERR_UNSUPPORTED, "flat_linear");
    refused("{\"rotate_proj_angle\":1.5}", ERR_UNSUPPORTED, "rotate_proj_angle");
    refused("{\"dtype\":\"float16\"}", ERR_UNSUPPORTED, "float16");
    refused("{\"reconstruction_algorithm\":\"lprec\"}", ERR_UNSUPPORTED, "lprec");
    refused("{\"rotation_axis_method\":\"sift\"}", ERR_UNSUPPORTED, "sift");
    refused("{\"save_format\":\"zarr\"}", ERR_UNSUPPORTED, "zarr");
}

static void flags_are_noted(void **state)
{
    (void)state;
    struct err err = {0};
    json_t *params = json_object();
    bool noted = false;
    assert_ok(params_set(params, "nsino-per-chunk", "8", &noted, &err), err);
    assert_true(noted);
    assert_int_equal(json_object_size(params), 0);
    assert_ok(params_set(params, "fbp-filter", "shepp", &noted, &err), err);
    assert_true(!noted);
    assert_string_equal(json_get_text(params, "fbp_filter", ""), "shepp");
    assert_false(params_set(params, "no-such", "8", &noted, &err));
    json_decref(params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_tomocupys), cmocka_unit_test(values_arrive),
        cmocka_unit_test(what_is_wrong_is_named), cmocka_unit_test(what_is_not_built_is_named),
        cmocka_unit_test(flags_are_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
