/* Tractograms (REQUIREMENTS P6): what is written is read again; running out of memory; which voxels
 * a line passes through. (Reading is compared with nibabel's in tests/e2e/test_streamlines.py.) */
#include "test.h"

#include <math.h>
#include <string.h>
#include <unistd.h>
#include "image/streamlines.h"

static const float line[9] = {1, 2, 3, 4, 5, 6, -7, 8.5f, 9};

static bool write_some(const char *path, struct err *err)
{
    struct streamlines_writer *w = streamlines_write_begin(path, "of a\ntest", err);
    bool ok = w && streamlines_write(w, line, 3, err) && streamlines_write(w, line, 0, err) &&
        streamlines_write(w, line + 3, 1, err);
    if (!ok) {
        streamlines_write_drop(w);
        return false;
    }
    return streamlines_write_end(w, err);
}

static bool round_trip(void *arg, struct err *err)
{
    static const size_t wanted[3] = {3, 0, 1};
    const char *path = arg;
    struct streamlines_info info;
    const float *points = NULL;
    size_t n = 0, count = 0;
    bool more = true;
    struct streamlines *s = write_some(path, err) ? streamlines_open(path, &info, err) : NULL;
    bool ok = s != NULL;
    while (ok && more) {
        ok = streamlines_next(s, &points, &n, &more, err);
        if (ok && more) {
            assert_int_equal(n, wanted[count]);
            assert_memory_equal(points, count == 2 ? line + 3 : line, 3 * n * sizeof *points);
            count++;
        }
    }
    if (ok) {
        assert_true(count == 3 && info.claimed == 3 && !info.has_grid);
        assert_string_equal(streamlines_complaint(s), "");
    }
    streamlines_close(s);
    return ok;
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    struct err err = {ERR_NONE, ""};
    char *folder = test_folder("tck"), *path = mem_printf(&err, "%s/a.tck", folder);
    assert_ok(round_trip(path, &err), err);
    assert_true(streamlines_sniff(path));
    test_every_failure(round_trip, path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_null(streamlines_open(path, NULL, &err));
    mem_free(path);
    mem_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_written_is_read)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
