/* api/child: a few at once, the others in the order they came, and no queue without an end (issue
 * 3: a server for many). The program is a shell here. */
#include "test.h"

#include <stdio.h>
#include <string.h>
#include "api/child.h"
#include "base/path.h"
#include "engine/engine.h"
#include "os/file.h"
#include "os/loop.h"

/* Says that it began and how many are at work with it; ends when it may. */
#define WORK                                                                        \
    "cd \"$1\"; : > \"at.$2\"; echo \"$2\" >> begun; ls | grep -c '^at' >> counts;" \
    "while [ ! -e go ]; do sleep 0.02; done; rm \"at.$2\"; echo '[]'"

struct seen {
    int done, failed;
};

static void done(void *arg, const json_t *answer, const struct err *err)
{
    struct seen *seen = arg;
    seen->done++;
    seen->failed += err->code != ERR_NONE || !answer;
}

static struct api_child *work(struct api *api, const char *folder, int i, struct seen *seen,
                              struct err *err)
{
    char number[16];
    (void)snprintf(number, sizeof number, "%d", i);
    const char *args[] = {"-c", WORK, "work", folder, number, NULL};
    struct child_hooks hooks = {.done = done, .arg = seen};
    return child_start(api, args, &hooks, err);
}

static char *read_in(const char *folder, const char *name)
{
    struct err err = {0};
    size_t n;
    char *path = path_join(folder, name, &err);
    char *text = file_exists(path) ? file_read(path, 100000, &n, &err) : mem_strdup("", &err);
    mem_free(path);
    assert_non_null(text);
    return text;
}

static int count_lines(const char *folder, const char *name)
{
    char *text = read_in(folder, name);
    int n = 0;
    for (const char *p = text; (p = strchr(p, '\n')); p++) {
        n++;
    }
    mem_free(text);
    return n;
}

static void put(const char *folder, const char *name)
{
    struct err err = {0};
    char *path = path_join(folder, name, &err);
    assert_ok(file_put(path, "", 0, &err), err);
    mem_free(path);
}

static void t_few_at_once(void **state)
{
    struct err err = {0};
    char *folder = test_folder("child"), program[] = "/bin/sh";
    struct engine engine = {.program = program};
    struct api api = {.engine = &engine, .loop = loop_new(&err)};
    struct api_child *all[CHILDREN_AT_ONCE + CHILDREN_WAITING];
    struct seen seen = {0, 0};
    const int most = CHILDREN_AT_ONCE + CHILDREN_WAITING;
    (void)state;
    assert_non_null(api.loop);
    for (int i = 0; i < most; i++) {
        all[i] = work(&api, folder, i, &seen, &err);
        assert_ok(all[i] != NULL, err);
    }
    assert_null(work(&api, folder, most, &seen, &err));
    assert_int_equal(err.code, ERR_UNREACHABLE); /* 503 */
    assert_null(strchr(err.text, '\n'));
    child_drop(
        all[CHILDREN_AT_ONCE]); /* its client left: it never begins, and there is room again */
    assert_ok(work(&api, folder, most, &seen, &err) != NULL, err);
    while (count_lines(folder, "counts") < CHILDREN_AT_ONCE) {
        loop_turn(api.loop, false);
    }
    put(folder, "go");
    while (seen.done < most) {
        loop_turn(api.loop, true);
    }
    assert_null(api.children);
    assert_int_equal(seen.failed, 0);
    char *begun = read_in(folder, "begun"), *counts = read_in(folder, "counts"), *next = begun;
    for (int i = 0; i < CHILDREN_AT_ONCE; i++) { /* first come */
        assert_true(strtol(next, &next, 10) < CHILDREN_AT_ONCE);
    }
    assert_null(strstr(begun, "\n8\n"));
    assert_int_equal(count_lines(folder, "begun"), most);
    next = counts;
    for (int i = 0; i < most; i++) {
        assert_in_range(strtol(next, &next, 10), 1, CHILDREN_AT_ONCE);
    }
    mem_free(counts);
    mem_free(begun);
    loop_free(api.loop);
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(folder);
}

/* What stays (a watch) takes nobody's turn, and the server ends with some at work and some waiting.
 */
static void t_what_stays_and_the_end(void **state)
{
    struct err err = {0};
    char *folder = test_folder("child"), program[] = "/bin/sh";
    struct engine engine = {.program = program};
    struct api api = {.engine = &engine, .loop = loop_new(&err)};
    struct seen seen = {0, 0};
    struct child_hooks stays = {.done = done, .arg = &seen, .stays = true};
    struct child_hooks counted = {.done = done, .arg = &seen};
    const char *args[] = {"-c", "exec sleep 1000", NULL};
    (void)state;
    assert_non_null(api.loop);
    for (int i = 0; i < CHILDREN_AT_ONCE + 2; i++) {
        assert_ok(child_start(&api, args, &stays, &err) != NULL, err);
    }
    put(folder, "go");
    assert_ok(work(&api, folder, 0, &seen, &err) != NULL, err);
    while (seen.done < 1) {
        loop_turn(api.loop, true);
    }
    assert_int_equal(seen.failed, 0);
    for (int i = 0; i < CHILDREN_AT_ONCE + 2; i++) {
        assert_ok(child_start(&api, args, &counted, &err) != NULL, err);
    }
    child_end_all(&api);
    assert_null(api.children);
    assert_int_equal(seen.done, 1);
    loop_turn(api.loop, false);
    loop_free(api.loop);
    assert_ok(file_remove_tree(folder, &err), err);
    mem_free(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_few_at_once),
        cmocka_unit_test(t_what_stays_and_the_end),
    };
    json_setup();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
