/* A project in a scratch home, for the tests of the catalog. */
#ifndef GANTRY_CATALOG_FIXTURE_H
#define GANTRY_CATALOG_FIXTURE_H

#include "test.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include "catalog/apply.h"
#include "catalog/project.h"
#include "os/file.h"
#include "store/store.h"

struct fixture {
    char *home, *data;
    struct store *s;
    struct project p;
    struct err err;
};

static inline struct fixture *open_fixture(void)
{
    static struct fixture f;
    bool is_new = false;
    f = (struct fixture){.home = test_folder("home")};
    f.data = mem_printf(&f.err, "%s/data", f.home);
    assert_int_equal(mkdir(f.data, 0755), 0);
    f.s = store_open(f.home, STORE_WRITE, &f.err);
    assert_ok(f.s != NULL, f.err);
    assert_ok(project_add(f.s, f.data, NULL, &f.p, &is_new, &f.err), f.err);
    assert_true(is_new);
    return &f;
}

static inline void close_fixture(struct fixture *f)
{
    project_fini(&f->p);
    store_close(f->s);
    assert_ok(file_remove_tree(f->home, &f->err), f->err);
    mem_free(f->data);
    mem_free(f->home);
}

static inline void apply_text(struct fixture *f, const char *text)
{
    json_t *args = json_parse(text, strlen(text), "test", &f->err);
    assert_ok(args != NULL, f->err);
    assert_ok(json_put(args, "project", json_integer(f->p.id), &f->err), f->err);
    assert_ok(apply_scan(f->s, args, &f->err), f->err);
    json_decref(args);
}

/* A whole scan of `frames` of `angles` projections, 100 bytes each. */
static inline void add_scan(struct fixture *f, const char *name, int frames, int angles)
{
    char text[600];
    (void)snprintf(text, sizeof text,
                   "{\"files\":[{\"name\":\"%s\",\"kind\":\"hdf5\",\"size\":%d,\"mtime_ns\":1,"
                   "\"header\":{\"ok\":true,\"kind\":\"hdf5-projections\",\"frames\":%d,"
                   "\"angles\":%d,\"rows\":2,\"columns\":5,\"dtype\":\"uint8\","
                   "\"logical_bytes\":%d,\"complete\":%s,\"theta_ok\":true,\"reason\":\"\"}}]}",
                   name, frames * 100 + 50, frames, angles, frames * 100,
                   frames >= angles ? "true" : "false");
    apply_text(f, text);
}

static inline int64_t id_of(struct fixture *f, const char *name)
{
    int64_t id = 0;
    assert_ok(store_int(f->s, 0, &id, &f->err, "SELECT id FROM item WHERE name=?1", "s", name),
              f->err);
    assert_true(id > 0);
    return id;
}

#endif
