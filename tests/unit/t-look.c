/* The picture helper's parts: requests, the cache, where slices are found (issue 3, part 5; X21).
 */
#include "test.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include "os/file.h"
#include "steps/look-answer.h"
#include "steps/slices.h"

static bool parses(const char *line, struct look_request *q, struct err *err)
{
    return look_request_parse(line, strlen(line), q, err);
}

static void requests(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "[]",
        "null",
        "{\"id\":1}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"../x.h5\"}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"a/../../x.h5\"}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"/etc/passwd\"}",
        "{\"id\":1,\"root\":\"d\",\"rec\":\"/r\",\"name\":\"x.h5\"}",
        "{\"id\":1,\"root\":\"/d/..\",\"rec\":\"/r\",\"name\":\"x.h5\"}",
        "{\"id\":1,\"kind\":\"file\",\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"x.h5\"}",
        "{\"id\":1,\"kind\":\"file\",\"path\":\"/a/../b\"}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"x\",\"staging\":[\"../x\"]}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"x\",\"staging\":[\".gantry-1/..\"]}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"x\",\"index\":-1}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"x\",\"index\":1e300}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"x\",\"max\":1000000}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"x\",\"lo\":1}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"x\",\"what\":\"exec\"}",
        "{\"id\":1,\"root\":\"/d\",\"rec\":\"/r\",\"name\":\"x\",\"odd\":1}",
    };
    struct look_request q;
    struct err err = {0};
    assert_ok(parses("{\"id\":7,\"what\":\"profile\",\"kind\":\"try\",\"root\":\"/d\",\"rec\":\"/"
                     "d_rec\",\"name\":\"a..b/x.h5\",\"centre\":12.5,\"lo\":0,\"hi\":1,\"x1\":3,"
                     "\"staging\":[\".gantry-12\"]}",
                     &q, &err),
              err);
    assert_true(q.id == 7 && q.what == LOOK_PROFILE && q.kind == LOOK_TRY && q.centre == 12.5);
    assert_true(q.index == LOOK_ANY && q.level == -1 && q.to[0] == 3 && q.hi == 1);
    look_request_fini(&q);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        memset(&err, 0, sizeof err);
        if (parses(bad[i], &q, &err)) {
            fail_msg("taken: %s", bad[i]);
        }
        assert_true(err.text[0] != '\0');
        look_request_fini(&q);
    }
}

static void cache(void **state)
{
    (void)state;
    struct err err = {0};
    struct look_cache *c = look_cache_new(10 * 100 * sizeof(float), &err);
    char key[16];
    for (int i = 0; i < 30; i++) {
        struct look_slice *s = look_cache_room(c, 10, 10, &err);
        assert_non_null(s);
        (void)snprintf(key, sizeof key, "%d", i);
        assert_ok(look_cache_keep(c, s, key, &err), err);
        assert_true(look_cache_bytes(c) <= 10 * 100 * sizeof(float));
        assert_non_null(look_cache_find(c, "0")); /* used all the time: stays */
    }
    assert_non_null(look_cache_find(c, "29"));
    assert_null(look_cache_find(c, "15"));
    assert_null(look_cache_room(c, 0, 10, &err));
    assert_null(look_cache_room(c, SIZE_MAX / 2, 10, &err));
    assert_null(look_cache_room(c, 1u << 20, 1u << 20, &err));
    struct look_slice *large = look_cache_room(c, 100, 100, &err); /* more than all: alone */
    assert_non_null(large);
    assert_ok(look_cache_keep(c, large, "large", &err), err);
    assert_null(look_cache_find(c, "0"));
    look_cache_free(c);
}

struct place {
    char *folder, *root, *rec;
    json_t *json;
    struct look_request q;
};

static void write_slice(struct place *p, const char *folder, const char *name, float value)
{
    struct err err = {0};
    float pixels[4 * 4];
    for (size_t i = 0; i < 16; i++) {
        pixels[i] = value;
    }
    char *dir = mem_printf(&err, "%s/%s", p->rec, folder);
    char *path = mem_printf(&err, "%s/%s", dir, name);
    assert_ok(file_mkdirs(dir, 0777, &err), err);
    assert_ok(slices_write(path, pixels, 4, &err), err);
    mem_free(path);
    mem_free(dir);
}

static void ask(struct place *p, const char *more)
{
    struct err err = {0};
    char *line =
        mem_printf(&err, "{\"id\":1,\"root\":\"%s\",\"rec\":\"%s\",\"name\":\"sub/x.h5\"%s%s}",
                   p->root, p->rec, more[0] ? "," : "", more);
    look_request_fini(&p->q);
    assert_ok(parses(line, &p->q, &err), err);
    mem_free(line);
}

/* The value of the (constant) slice that is found; NaN with `err` when there is none. */
static float found(struct place *p, struct look *look, const char *more, struct look_place *at,
                   struct err *err)
{
    float value = NAN;
    ask(p, more);
    memset(err, 0, sizeof *err);
    if (look_find(look->finder, &p->q, at, err)) {
        struct look_slice *s = look_load(look, &p->q, at, err);
        value = s ? *(float *)s->pixels.bytes : NAN;
    }
    look_place_fini(at);
    return value;
}

static void set_up(struct place *p)
{
    struct err err = {0};
    memset(p, 0, sizeof *p);
    p->folder = test_folder("look");
    p->root = mem_printf(&err, "%s/d", p->folder);
    p->rec = mem_printf(&err, "%s/d_rec", p->folder);
    assert_ok(file_mkdirs(p->root, 0777, &err), err);
}

static void tear_down(struct place *p)
{
    struct err err = {0};
    look_request_fini(&p->q);
    assert_ok(file_remove_tree(p->folder, &err), err);
    mem_free(p->folder);
    mem_free(p->root);
    mem_free(p->rec);
}

/* X21: any *center<number>.tif(f) is a try slice. */
static void try_slices(void **state)
{
    (void)state;
    struct look_place at;
    struct look look;
    struct place p;
    struct err err = {0};
    set_up(&p);
    assert_ok(look_open(&look, &err), err);
    assert_true(isnan(found(&p, &look, "\"kind\":\"try\"", &at, &err)));
    assert_int_equal(err.code, ERR_NOTHING);
    write_slice(&p, "try_center/sub/x", "recon_slice0005_center10.00.tiff", 1);
    write_slice(&p, "try_center/sub/x", "center10.50.tif", 2);
    write_slice(&p, "try_center/sub/x", "recon_slice0005_center11.00.TIFF", 3);
    write_slice(&p, "try_center/sub/x", "recon_slice0005_center11.50.tiff", 4);
    write_slice(&p, "try_center/sub/x", "other.tiff", 9);
    assert_true(found(&p, &look, "\"kind\":\"try\",\"centre\":11.4", &at, &err) == 4);
    assert_true(at.row == 5 && at.centre == 11.5 && at.next[0] == 10 && isnan(at.next[1]));
    assert_true(found(&p, &look, "\"kind\":\"try\",\"centre\":-99", &at, &err) == 1);
    assert_true(found(&p, &look, "\"kind\":\"try\",\"row\":6", &at, &err) != 1);
    assert_int_equal(err.code, ERR_NOTHING);
    char *txt = mem_printf(&err, "%s/try_center/sub/x/center_of_rotation.txt", p.rec);
    assert_ok(file_put(txt, "# found\n11.480000\n\n", 19, &err), err);
    assert_true(found(&p, &look, "\"kind\":\"try\"", &at, &err) == 4);
    mem_free(txt);
    look_close(&look);
    tear_down(&p);
}

/* Finished slices of a running attempt are there, the one being written is not. */
static void full_slices(void **state)
{
    (void)state;
    struct look_place at;
    struct look look;
    struct place p;
    struct err err = {0};
    set_up(&p);
    assert_ok(look_open(&look, &err), err);
    write_slice(&p, "sub/x_rec", "recon_00003.tiff", 3);
    write_slice(&p, "sub/x_rec", "recon_00004.tiff", 4);
    write_slice(&p, "sub/x_rec", "recon_00005.tif", 5);
    assert_true(found(&p, &look, "\"index\":5", &at, &err) == 5);
    assert_true(found(&p, &look, "", &at, &err) == 4);
    assert_true(at.index == 4 && !at.growing);
    (void)found(&p, &look, "\"index\":6", &at, &err);
    assert_int_equal(err.code, ERR_NOTHING);
    assert_non_null(strstr(err.text, "3 to 5"));
    write_slice(&p, "sub/.gantry-9/x_rec", "recon_00003.tiff", 30);
    char *half = mem_printf(&err, "%s/sub/.gantry-9/x_rec/recon_00004.tiff", p.rec);
    assert_ok(file_put(half, "II*\0\0\0\0\0", 8, &err), err);
    assert_true(found(&p, &look, "\"index\":3", &at, &err) == 3); /* whose attempt? not named */
    assert_true(found(&p, &look, "\"index\":3,\"staging\":[\".gantry-9\"]", &at, &err) == 30);
    assert_true(at.growing);
    (void)found(&p, &look, "\"index\":4,\"staging\":[\".gantry-9\"]", &at, &err);
    assert_int_equal(err.code, ERR_NOTHING);
    assert_non_null(strstr(err.text, "not there yet"));
    write_slice(&p, "sub/.gantry-9/x_rec", "recon_00005.tiff", 50);
    assert_true(found(&p, &look, "\"index\":5,\"staging\":[\".gantry-9\"]", &at, &err) == 50);
    mem_free(half);
    look_close(&look);
    tear_down(&p);
}

static void links_out(void **state)
{
    (void)state;
    struct look_place at;
    struct look look;
    struct place p;
    struct err err = {0};
    set_up(&p);
    assert_ok(look_open(&look, &err), err);
    write_slice(&p, "sub/x_rec", "recon_00003.tiff", 3);
    write_slice(&p, "../outside", "secret.tiff", 7);
    char *from = mem_printf(&err, "%s/outside/secret.tiff", p.folder);
    char *to = mem_printf(&err, "%s/sub/x_rec/recon_00004.tiff", p.rec);
    char *within = mem_printf(&err, "%s/sub/x_rec/recon_00005.tiff", p.rec);
    assert_int_equal(symlink(from, to), 0);
    assert_int_equal(symlink("recon_00003.tiff", within), 0);
    assert_true(isnan(found(&p, &look, "\"index\":4", &at, &err)));
    assert_int_equal(err.code, ERR_PERM);
    assert_true(found(&p, &look, "\"index\":5", &at, &err) == 3);
    mem_free(within);
    mem_free(to);
    mem_free(from);
    look_close(&look);
    tear_down(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests),    cmocka_unit_test(cache),     cmocka_unit_test(try_slices),
        cmocka_unit_test(full_slices), cmocka_unit_test(links_out),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
