/* The slot's warm process (DESIGN 8: "a model is loaded once; a crash costs only the task it was
 * on"; issue 4: warm workers): what it takes over for an attempt, what it leaves, and how it ends.
 * The process is this program again, which does what the item's name says. */
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/mem.h"
#include "codec/json.h"
#include "os/file.h"
#include "os/handover.h"
#include "os/proc.h"
#include "worker/warm.h"

#define BURNT ((size_t)64 << 20)

/* ---- the process ---- */

static int count_descriptors(void)
{
    int n = 0;
    DIR *d = opendir("/proc/self/fd");
    while (d && readdir(d)) {
        n++;
    }
    (void)closedir(d);
    return n;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value ? value : "-";
}

/* Everything that an attempt before might have left behind, and then leaves it behind. */
static void say(void)
{
    char cwd[4200], environ_text[65536] = "", mark[4200];
    mode_t mask = umask(0);
    struct sigaction term;
    int fd = open("/proc/self/environ", O_RDONLY);
    ssize_t n = read(fd, environ_text, sizeof environ_text - 1);
    (void)close(fd);
    (void)sigaction(SIGTERM, NULL, &term);
    (void)snprintf(mark, sizeof mark, "GANTRY_ATTEMPT_DIR=%s", variable("GANTRY_ATTEMPT_DIR"));
    printf("pid %ld task %s item %s\n", (long)getpid(), variable("GANTRY_TASK"),
           variable("GANTRY_ITEM"));
    printf("cwd %s umask %o spoilt %s term %s locale %s fds %d seen %s\n",
           getcwd(cwd, sizeof cwd) && !strcmp(cwd, variable("GANTRY_ATTEMPT_DIR")) ? "own" : cwd,
           mask, variable("SPOILT"), term.sa_handler == SIG_DFL ? "default" : "other",
           setlocale(LC_ALL, NULL), count_descriptors(),
           n > 0 && memmem(environ_text, (size_t)n, mark, strlen(mark) + 1) ? "yes" : "no");
    fprintf(stderr, "complaint of %s\n", variable("GANTRY_TASK"));
    printf("unfinished %s", variable("GANTRY_TASK"));
    (void)chdir("/tmp");
    (void)setenv("SPOILT", "1", 1);
    (void)signal(SIGTERM, SIG_IGN);
    (void)setlocale(LC_ALL, "C.UTF-8");
}

static void burn(void)
{
    /* mapped: an allocator (a sanitizer's above all) may keep what it was given back */
    char *block = mmap(NULL, BURNT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    volatile char *at = block;
    for (size_t round = 0; block != MAP_FAILED && round < 20; round++) {
        for (size_t i = 0; i < BURNT; i += 512) {
            at[i] = (char)(i + round);
        }
    }
    (void)munmap(block, BURNT);
}

static int serve(void)
{
    struct err err = {ERR_NONE, ""};
    struct handover *h = handover_open(&err);
    while (h && handover_take(h, &err)) {
        const char *what = variable("GANTRY_ITEM");
        int status = 0;
        if (!strcmp(what, "say")) {
            say();
        } else if (!strcmp(what, "burn")) {
            burn();
        } else if (!strcmp(what, "fail")) {
            status = 3;
        } else if (!strcmp(what, "crash")) {
            (void)signal(SIGSEGV, SIG_DFL);
            (void)raise(SIGSEGV);
        } else if (!strcmp(what, "hang")) {
            (void)pause();
        }
        mem_trim();
        if (!handover_done(h, status, &err)) {
            break;
        }
    }
    handover_close(h);
    return err.code == ERR_NONE ? 0 : 1;
}

/* ---- the slot ---- */

struct fixture {
    char base[400], self[4200];
    struct bell bell;
    struct warm warm;
    int attempts;
};

static int set_up(void **state)
{
    struct fixture *f = mem_zero(sizeof *f, NULL);
    sigset_t none;
    const char *tmp = getenv("GANTRY_TMP");
    ssize_t n = readlink("/proc/self/exe", f->self, sizeof f->self - 1);
    (void)sigemptyset(&none);
    (void)snprintf(f->base, sizeof f->base, "%s/warm-XXXXXX", tmp ? tmp : "/tmp");
    f->bell.fd = signalfd(-1, &none, SFD_NONBLOCK | SFD_CLOEXEC);
    f->warm.sock = -1;
    *state = f;
    return n > 0 && mkdtemp(f->base) ? 0 : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    struct err err;
    warm_end(&f->warm);
    (void)close(f->bell.fd);
    bool ok = file_remove_tree(f->base, &err);
    mem_free(f);
    return ok ? 0 : -1;
}

struct seen {
    json_t *result;
    char *log, *dir;
    pid_t pid; /* of the warm process afterwards */
};

static void seen_fini(struct seen *s)
{
    json_decref(s->result);
    mem_free(s->log);
    mem_free(s->dir);
}

/* One attempt; `word` is written into its control file before it starts. */
static struct seen attempt(struct fixture *f, const char *item, const char *gpus, const char *word)
{
    struct err err = {ERR_NONE, ""};
    struct seen s = {.result = NULL};
    int id = ++f->attempts;
    bool cold = !strcmp(item, "cold");
    char task[16];
    (void)snprintf(task, sizeof task, "%d", id);
    s.dir = mem_printf(&err, "%s/%d.1", f->base, id);
    json_t *job = json_pack(
        "{s:i, s:i, s:s, s:s, s:b, s:[s,s,s], s:s, s:{s:s, s:s, s:s}, s:[], s:f}", "gantry", 1,
        "attempt", id, "kind", cold ? "command" : "step", "imaging", f->self, "warm", (int)!cold,
        "command", cold ? "sh" : f->self, cold ? "-c" : "run", cold ? "echo cold $PPID" : s.dir,
        "setup", "", "env", "GANTRY_TASK", task, "GANTRY_ITEM", item, "CUDA_VISIBLE_DEVICES", gpus,
        "outputs", "timeout", strcmp(item, "hang") ? 0.0 : 0.2);
    assert_non_null(job);
    if (word) {
        char path[500];
        (void)snprintf(path, sizeof path, "%s/control", s.dir);
        assert_ok(file_mkdirs(s.dir, 0777, &err), err);
        assert_ok(file_put(path, word, strlen(word), &err), err);
    }
    assert_ok(attempt_run(s.dir, job, "{}", &f->bell, &f->warm, &s.result, &err), err);
    char *path = mem_printf(&err, "%s/log", s.dir);
    s.log = file_read(path, 0, NULL, &err);
    assert_non_null(s.log);
    mem_free(path);
    json_decref(job);
    s.pid = f->warm.pid;
    return s;
}

static const char *status(const struct seen *s)
{
    return json_get_text(s->result, "status", "?");
}

static void assert_in(const char *text, const char *part)
{
    if (!strstr(text, part)) {
        fail_msg("'%s' is not in:\n%s", part, text);
    }
}

/* ---- tests ---- */

static void one_process_as_if_new(void **state)
{
    struct fixture *f = *state;
    struct seen s[3];
    char *state_line[3];
    for (int i = 0; i < 3; i++) {
        char own[64];
        s[i] = attempt(f, "say", "", NULL);
        assert_string_equal(status(&s[i]), "done");
        (void)snprintf(own, sizeof own, "pid %ld task %d item say", (long)s[i].pid, i + 1);
        assert_in(s[i].log, own);
        (void)snprintf(own, sizeof own, "\te\tcomplaint of %d\n", i + 1);
        assert_in(s[i].log, own);
        (void)snprintf(own, sizeof own, "\to\tunfinished %d\n", i + 1);
        assert_in(s[i].log, own);
        size_t lines = 0;
        for (const char *p = s[i].log; (p = strchr(p, '\n')) != NULL; p++) {
            lines++;
        }
        assert_int_equal(lines, 4); /* and nobody else's */
        state_line[i] = strstr(s[i].log, "cwd own");
        assert_non_null(state_line[i]);
        *strchr(state_line[i], '\n') = '\0';
        assert_in(state_line[i], "spoilt - term default locale C");
        assert_in(state_line[i], "seen yes");
        assert_string_equal(state_line[i], state_line[0]);
        assert_int_equal(s[i].pid, s[0].pid);
    }
    for (int i = 0; i < 3; i++) { /* nothing of an attempt is held when it has ended */
        char *path = mem_printf(NULL, "%s/claim", s[i].dir);
        int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
        (void)close(fd);
        mem_free(path);
        char *mark = mem_printf(NULL, "GANTRY_ATTEMPT_DIR=%s", s[i].dir);
        pid_t found[4];
        assert_int_equal(proc_find_env(mark, found, 4), 0);
        mem_free(mark);
        seen_fini(&s[i]);
    }
}

static void figures_are_of_the_attempt(void **state)
{
    struct fixture *f = *state;
    struct seen first = attempt(f, "fail", "", NULL), burnt = attempt(f, "burn", "", NULL),
                after = attempt(f, "fail", "", NULL);
    int64_t high = json_get_int(burnt.result, "peak_bytes", 0),
            low = json_get_int(after.result, "peak_bytes", 0);
    assert_int_equal(burnt.pid, first.pid);
    assert_int_equal(after.pid, first.pid);
    assert_true(high > (int64_t)BURNT);
    if (proc_peak_reset(getpid())) {
        assert_true(low > 0 && low < high - (int64_t)BURNT / 2);
    }
    assert_true(json_get_int(burnt.result, "cpu_us", 0) >
                json_get_int(after.result, "cpu_us", INT64_MAX));
    assert_string_equal(status(&after), "failed");
    assert_int_equal(json_get_int(after.result, "exit", 0), 3);
    seen_fini(&first);
    seen_fini(&burnt);
    seen_fini(&after);
}

static void a_crash_costs_its_own_task(void **state)
{
    struct fixture *f = *state;
    struct seen before = attempt(f, "burn", "", NULL), crashed = attempt(f, "crash", "", NULL);
    assert_string_equal(status(&crashed), "failed");
    assert_int_equal(json_get_int(crashed.result, "signal", 0), SIGSEGV);
    assert_true(json_get_int(crashed.result, "cpu_us", INT64_MAX) <
                json_get_int(before.result, "cpu_us", 0));
    assert_int_equal(crashed.pid, 0);
    struct seen after = attempt(f, "say", "", NULL);
    assert_string_equal(status(&after), "done");
    assert_int_not_equal(after.pid, before.pid);

    (void)kill(after.pid, SIGKILL); /* while it is idle: nobody's task */
    struct seen last = attempt(f, "say", "", NULL);
    assert_string_equal(status(&last), "done");
    assert_int_not_equal(last.pid, after.pid);
    seen_fini(&before);
    seen_fini(&crashed);
    seen_fini(&after);
    seen_fini(&last);
}

static void cancel_and_timeout_end_it(void **state)
{
    struct fixture *f = *state;
    struct seen s = attempt(f, "say", "", NULL), late, cancelled;
    pid_t first = s.pid;
    cancelled = attempt(f, "hang", "", "cancel");
    assert_string_equal(status(&cancelled), "cancelled");
    assert_int_equal(cancelled.pid, 0);
    late = attempt(f, "hang", "", NULL);
    assert_string_equal(json_get_text(late.result, "code", ""), "timeout");
    assert_int_equal(late.pid, 0);
    seen_fini(&s);
    s = attempt(f, "say", "", NULL);
    assert_string_equal(status(&s), "done");
    assert_int_not_equal(s.pid, first);
    seen_fini(&s);
    seen_fini(&late);
    seen_fini(&cancelled);
}

static void another_environment_is_another_process(void **state)
{
    struct fixture *f = *state;
    struct seen zero = attempt(f, "say", "0", NULL), cold = attempt(f, "cold", "0", NULL),
                again = attempt(f, "say", "0", NULL), one = attempt(f, "say", "1", NULL);
    char own[40];
    (void)snprintf(own, sizeof own, "cold %ld", (long)getpid());
    assert_string_equal(status(&cold), "done");
    assert_in(cold.log, own); /* a process of its own, and the warm one stays */
    assert_true(proc_has_children(0) && proc_has_children(getpid()));
    if (file_exists("/proc/thread-self/children")) {
        assert_false(proc_has_children(one.pid)); /* the warm one is no stray */
    }
    assert_int_equal(again.pid, zero.pid);
    assert_int_not_equal(one.pid, zero.pid);
    assert_false(proc_start_time(zero.pid) > 0);
    seen_fini(&zero);
    seen_fini(&cold);
    seen_fini(&again);
    seen_fini(&one);
}

static void it_rests_and_ends(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(warm_next(&f->warm), -1);
    struct seen s = attempt(f, "say", "", NULL);
    assert_true(warm_next(&f->warm) > 60 * 1000);
    warm_rest(&f->warm);
    assert_int_equal(f->warm.pid, s.pid);
    f->warm.idle_since -= (int64_t)3600 * 1000000;
    assert_int_equal(warm_next(&f->warm), 0);
    warm_rest(&f->warm);
    assert_int_equal(f->warm.pid, 0);
    assert_false(proc_start_time(s.pid) > 0);
    seen_fini(&s);
}

static void what_does_not_fit_is_cold(void **state)
{
    struct fixture *f = *state;
    char *one[] = {NULL, NULL};
    struct env env = {.list = one, .n = 1, .own = 1};
    struct attempt a = {.warm = &f->warm, .job = json_pack("{s:b}", "warm", 1)};
    char *big = mem_array(20000, 1, NULL);
    memset(big, 'x', 19999);
    one[0] = big;
    assert_false(warm_fits(&a, &env));
    big[100] = '\0';
    assert_true(warm_fits(&a, &env));
    a.warm = NULL; /* one attempt on a cluster */
    assert_false(warm_fits(&a, &env));
    a.warm = &f->warm;
    const char *const keys[] = {"setup", "gpu_uuid"};
    for (size_t i = 0; i < 2; i++) {
        (void)json_object_set_new(a.job, keys[i], json_string("module load x"));
        assert_false(warm_fits(&a, &env));
        (void)json_object_del(a.job, keys[i]);
    }
    (void)json_object_set_new(a.job, "warm", json_false());
    assert_false(warm_fits(&a, &env));
    json_decref(a.job);
    mem_free(big);
}

int main(int argc, char **argv)
{
    if (argc == 2 && !strcmp(argv[1], "warm")) {
        return serve();
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(one_process_as_if_new, set_up, tear_down),
        cmocka_unit_test_setup_teardown(figures_are_of_the_attempt, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_crash_costs_its_own_task, set_up, tear_down),
        cmocka_unit_test_setup_teardown(cancel_and_timeout_end_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_environment_is_another_process, set_up, tear_down),
        cmocka_unit_test_setup_teardown(it_rests_and_ends, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_does_not_fit_is_cold, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
