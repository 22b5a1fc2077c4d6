/* codec/gzip: what is packed has gzip's frame and shrinks, a piece stands alone; a failed
 * allocation is an error. */
#include "test.h"

#include <string.h>
#include <zlib.h>
#include "codec/gzip.h"

static void t_frame(void **state)
{
    static char text[20000];
    struct err err = {0};
    void *packed = NULL;
    size_t n = 0;
    (void)state;
    memset(text, 'a', sizeof text);
    assert_ok(gzip_pack(text, sizeof text, 1, &packed, &n, &err), err);
    const unsigned char *b = packed;
    assert_true(n > 18 && n < 1000);
    assert_int_equal(b[0], 0x1f);
    assert_int_equal(b[1], 0x8b);
    assert_int_equal(b[2], 8);
    /* RFC 1952: the size stands in the last four bytes */
    assert_int_equal(b[n - 4] | b[n - 3] << 8 | b[n - 2] << 16, (int)sizeof text);
    mem_free(packed);
    assert_ok(gzip_pack("", 0, 9, &packed, &n, &err), err);
    mem_free(packed);
}

/* What a browser does: read on as far as there is. */
static size_t unpack(const char *bytes, size_t n, char *out, size_t most)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)bytes, .avail_in = (uInt)n};
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_out = (Bytef *)out;
    z.avail_out = (uInt)most;
    assert_int_equal(inflate(&z, Z_SYNC_FLUSH), Z_OK);
    assert_int_equal(z.avail_in, 0);
    (void)inflateEnd(&z);
    return most - z.avail_out;
}

/* Each reader may leave out pieces; a piece does not lean on what went before. */
static void t_pieces_stand_alone(void **state)
{
    static char noise[70000], out[200000], stream[200000];
    static const char *const words[] = {"one event, one event", "x", "one event, one event again"};
    struct err err = {0};
    char *piece[4];
    size_t length[4];
    (void)state;
    for (size_t i = 0; i < sizeof noise; i++) {
        noise[i] = (char)(i * i * 2654435761u >> 13);
    }
    struct gzip_pieces *g = gzip_pieces_new(1, &err);
    assert_ok(g, err);
    for (size_t i = 0; i < 4; i++) {
        assert_ok(gzip_piece(g, i < 3 ? words[i] : noise, i < 3 ? strlen(words[i]) : sizeof noise,
                             &piece[i], &length[i], &err),
                  err);
    }
    static const int orders[][3] = {{0, 2, 3}, {3, 0, 1}, {2, 1, 2}};
    for (size_t o = 0; o < 3; o++) {
        size_t n = GZIP_HEAD_BYTES, at = 0;
        memcpy(stream, GZIP_HEAD, GZIP_HEAD_BYTES);
        for (size_t i = 0; i < 3; i++) {
            memcpy(stream + n, piece[orders[o][i]], length[orders[o][i]]);
            n += length[orders[o][i]];
        }
        size_t got = unpack(stream, n, out, sizeof out);
        for (size_t i = 0; i < 3; i++) {
            int p = orders[o][i];
            size_t size = p < 3 ? strlen(words[p]) : sizeof noise;
            assert_memory_equal(out + at, p < 3 ? words[p] : noise, size);
            at += size;
        }
        assert_int_equal(at, got);
    }
    for (size_t i = 0; i < 4; i++) {
        mem_free(piece[i]);
    }
    gzip_pieces_free(g);
}

static bool make_piece(void *arg, struct err *err)
{
    char *piece = NULL;
    size_t n;
    struct gzip_pieces *g = gzip_pieces_new(1, err);
    bool ok = g && gzip_piece(g, arg, 5, &piece, &n, err);
    mem_free(ok ? piece : NULL);
    gzip_pieces_free(g);
    return ok;
}

static bool pack(void *arg, struct err *err)
{
    void *packed = NULL;
    size_t n;
    bool ok = gzip_pack(arg, 5, 1, &packed, &n, err);
    mem_free(ok ? packed : NULL);
    return ok;
}

static void t_memory(void **state)
{
    (void)state;
    test_every_failure(pack, "hello");
    test_every_failure(make_piece, "hello");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_frame),
        cmocka_unit_test(t_pieces_stand_alone),
        cmocka_unit_test(t_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
