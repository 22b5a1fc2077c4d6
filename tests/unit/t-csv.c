/* CSV: RFC 4180 in, RFC 4180 out. */
#include "test.h"

#include <string.h>
#include "base/mem.h"
#include "codec/csv.h"

static struct csv parsed(const char *text)
{
    struct csv csv;
    struct err err;
    assert_true(csv_parse(text, strlen(text), "test.csv", &csv, &err));
    return csv;
}

static void plain_rows(void **state)
{
    (void)state;
    struct csv csv = parsed("\xEF\xBB\xBF"
                            "Filename,COR\r\na.h5,1.5\n\nb.h5,\rc.h5");
    assert_int_equal(csv.n, 4);
    assert_string_equal(csv_field(&csv.rows[0], 0), "Filename");
    assert_string_equal(csv_field(&csv.rows[1], 1), "1.5");
    assert_int_equal(csv.rows[2].n, 2);
    assert_string_equal(csv_field(&csv.rows[2], 1), "");
    assert_string_equal(csv_field(&csv.rows[3], 0), "c.h5");
    assert_string_equal(csv_field(&csv.rows[3], 7), "");
    csv_fini(&csv);
}

/* What spreadsheets write: the first line says what stands between fields. */
static void other_separators(void **state)
{
    (void)state;
    static const char *const texts[] = {"a;b,c\n1;2", "a\tb,c;d\n1\t2", "\"a;x\",b\n1,2", "a\n1;2",
                                        "\"a;\nx\";b\n1;2"};
    static const size_t fields[] = {2, 2, 2, 1, 2};
    for (size_t i = 0; i < 5; i++) {
        struct csv csv;
        struct err err = {0};
        assert_true(csv_parse_any(texts[i], strlen(texts[i]), "t.csv", &csv, &err));
        assert_int_equal(csv.n, 2);
        assert_int_equal(csv.rows[0].n, fields[i]);
        assert_int_equal(csv.rows[1].n, fields[i]);
        csv_fini(&csv);
    }
}

static void quoted_fields(void **state)
{
    (void)state;
    struct csv csv = parsed("\"a,b\",\"say \"\"hi\"\"\",\"two\nlines\"\n,,\n");
    assert_int_equal(csv.n, 2);
    assert_string_equal(csv_field(&csv.rows[0], 0), "a,b");
    assert_string_equal(csv_field(&csv.rows[0], 1), "say \"hi\"");
    assert_string_equal(csv_field(&csv.rows[0], 2), "two\nlines");
    assert_int_equal(csv.rows[1].n, 3);
    csv_fini(&csv);
}

static void open_quote_is_an_error(void **state)
{
    (void)state;
    struct csv csv;
    struct err err;
    assert_false(csv_parse("a\nb,\"c\nd", 8, "test.csv", &csv, &err));
    assert_int_equal(err.code, ERR_FORMAT);
    assert_non_null(strstr(err.text, "test.csv, line 2"));
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    static const char *const words[] = {"plain", "a,b", "q\"q", "n\nn", "r\rr", "", " x ", "Ж"};
    struct str out = STR_INIT;
    for (size_t i = 0; i < 8; i++) {
        csv_add(&out, words[i], i == 0);
    }
    csv_end(&out);
    struct csv csv = parsed(str_text(&out));
    assert_int_equal(csv.n, 1);
    assert_int_equal(csv.rows[0].n, 8);
    for (size_t i = 0; i < 8; i++) {
        assert_string_equal(csv_field(&csv.rows[0], i), words[i]);
    }
    csv_fini(&csv);
    str_fini(&out);
}

static void every_failed_allocation_is_an_error(void **state)
{
    (void)state;
    for (size_t n = 1; n < 40; n++) {
        struct csv csv = {0};
        struct err err;
        (void)mem_fail_at(n);
        bool ok = csv_parse("a,\"b\"\nc,d\n", 10, "t", &csv, &err);
        (void)mem_fail_at(0);
        if (ok) {
            csv_fini(&csv);
            return;
        }
        assert_int_equal(err.code, ERR_NOMEM);
    }
    fail_msg("never succeeded");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_rows),
        cmocka_unit_test(other_separators),
        cmocka_unit_test(quoted_fields),
        cmocka_unit_test(open_quote_is_an_error),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(every_failed_allocation_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
