/*
 * Giving out: which run is next (priority, then the one served longest ago), which of its tasks
 * fits now (slots, memory, GPU, disk, "alone"), is it done already (cached), and off it goes to a
 * slot's worker.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/clock.h"
#include "base/mem.h"
#include "base/num.h"
#include "collect/cached.h"
#include "engine/engine.h"
#include "engine/prepare.h"
#include "os/file.h"
#include "os/lock.h"
#include "os/proc.h"

/* A device that ran full must have this much more free than then: else the same task would fail the
 * same way. */
#define FULL_MARGIN ((int64_t)1 << 20)
#define DISK_LOOK_US 100000
#define CORES_LOOK_US 1000000
#define OPTIONS_LOOK_US 20000

/* config.ini may be edited while we run: what it says of slots and GPUs holds from the next
 * dispatch on. */
void engine_reread(struct engine *e)
{
    char path[4200];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/config.ini", e->home);
    int64_t mtime =
        stat(path, &st) == 0 ? (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec : 0;
    if (mtime == e->options_mtime) {
        return;
    }
    struct options *fresh =
        options_load(e->home, err_ignore("a slip in the file leaves the options as they were"));
    e->options_mtime = mtime;
    if (fresh) {
        options_free(e->options);
        e->options = fresh;
    }
}

static void read_capacity(struct engine *e)
{
    int64_t now = clock_mono_us();
    if (!e->cores || now - e->cores_us > CORES_LOOK_US) {
        e->cores = proc_cpu_count();
        e->memory = proc_total_memory();
        e->cores_us = now;
    }
    int cores = e->cores;
    if (now - e->options_us > OPTIONS_LOOK_US) {
        engine_reread(e);
        e->options_us = now;
    }
    int64_t wanted = e->slots_asked > 0 ? e->slots_asked : options_int(e->options, "slots");
    e->slots = (int)(wanted > 0 ? wanted : cores);
    e->slots = e->slots > ENGINE_SLOTS_MAX ? ENGINE_SLOTS_MAX : e->slots;
    int64_t threads = options_int(e->options, "threads");
    e->threads = (int)(threads > 0 ? threads : cores / e->slots > 0 ? cores / e->slots : 1);
}

static int used_slots(const struct engine *e)
{
    int n = 0;
    for (const struct live *l = e->lives; l; l = l->next) {
        n += l->beside ? 0 : l->weight;
    }
    return n;
}

static int free_worker(const struct engine *e)
{
    for (int i = 0; i < ENGINE_SLOTS_MAX; i++) {
        if (!e->by_slot[i]) {
            return i;
        }
    }
    return -1;
}

static bool has_watch(const struct engine *e)
{
    for (const struct active *r = e->runs; r; r = r->next) {
        if (r->watch) {
            return true;
        }
    }
    return false;
}

static bool somebody_alone(const struct engine *e)
{
    for (const struct live *l = e->lives; l; l = l->next) {
        if (l->alone) {
            return true;
        }
    }
    return false;
}

static size_t first_fitting(const struct active *run)
{
    size_t i = 0;
    while (i < run->n_ready && run->ready[i].waits) {
        i++;
    }
    return i;
}

/* The run that is next: highest priority, then served longest ago. One slot is kept for a live
 * acquisition. */
static struct active *next_run(struct engine *e, int used)
{
    struct active *best = NULL;
    bool keep = e->slots > 1 && has_watch(e) && used >= e->slots - 1;
    for (struct active *r = e->runs; r; r = r->next) {
        int cap = r->n_gpus > 0 ? r->n_gpus : r->cap;
        if (r->cancelled || first_fitting(r) == r->n_ready || (cap > 0 && r->running >= cap) ||
            (!r->beside && ((keep && !r->watch) || used >= e->slots))) {
            continue;
        }
        if (!best || r->priority > best->priority ||
            (r->priority == best->priority && r->served < best->served)) {
            best = r;
        }
    }
    return best;
}

static bool gpu_used(const struct engine *e, int gpu)
{
    for (const struct live *l = e->lives; l; l = l->next) {
        if (l->gpu == gpu) {
            return true;
        }
    }
    return false;
}

static bool gpu_allowed(const struct engine *e, const struct active *run, int index)
{
    const char *list = options_text(e->options, "gpus");
    for (int i = 0; i < run->n_gpus; i++) {
        if (run->gpus[i] == index) {
            return true;
        }
    }
    return run->n_gpus == 0 && strcmp(list, "none") != 0 &&
        (!strcmp(list, "auto") || num_ranges_contain(list, index));
}

/* A free GPU for the task; -1: it needs none, -2: none is free now. */
static int choose_gpu(struct engine *e, const struct active *run, const json_t *resources,
                      const char **ret_uuid)
{
    struct err *quiet = err_ignore("a GPU whose lock cannot be taken is not free");
    *ret_uuid = "";
    int64_t wanted = json_get_int(resources, "gpus", -1); /* 0: never, whatever the run has */
    if (wanted == 0 || (run->n_gpus == 0 && wanted < 0)) {
        return -1;
    }
    if (!e->gpus_known) {
        e->gpus_known = gpu_list(e->gpus, ENGINE_GPUS_MAX, &e->n_gpus, quiet);
    }
    for (size_t i = 0; i < e->n_gpus; i++) {
        int fd = -1;
        if (gpu_allowed(e, run, e->gpus[i].index) && !gpu_used(e, e->gpus[i].index) &&
            lock_gpu(e->gpus[i].uuid, &fd, quiet) && fd >= 0) {
            (void)close(fd); /* it was free: the worker takes it and its tool is pinned to it */
            *ret_uuid = e->gpus[i].uuid;
            return e->gpus[i].index;
        }
    }
    for (int i = 0; e->n_gpus == 0 && i < run->n_gpus;
         i++) { /* no driver to ask: the list given is believed */
        if (!gpu_used(e, run->gpus[i])) {
            return run->gpus[i];
        }
    }
    return -2;
}

/* The count behind `name` in "matlab:1,idl:2"; `fallback` when it is not there. */
static int64_t license_count(const char *list, const char *name, size_t length, int64_t fallback)
{
    for (const char *p = list; *p;) {
        size_t n = strcspn(p, ":, "), all = strcspn(p, ",");
        if (n == length && !strncmp(p, name, n)) {
            return p[n] == ':' ? strtoll(p + n + 1, NULL, 10) : 1;
        }
        p += all;
        p += strspn(p, ", ");
    }
    return fallback;
}

/* Licences are counted over everything that runs; one that the option `licenses` does not name
 * counts as one. */
static bool licenses_fit(const struct engine *e, const char *wanted)
{
    for (const char *p = wanted; *p;) {
        size_t n = strcspn(p, ":, "), all = strcspn(p, ",");
        int64_t used = license_count(p, p, n, 1),
                total = license_count(options_text(e->options, "licenses"), p, n, 1);
        int64_t own = used;
        for (const struct live *l = e->lives; l; l = l->next) {
            used += license_count(l->licenses, p, n, 0);
        }
        if (own > 0 && used > total) {
            return false;
        }
        p += all;
        p += strspn(p, ", ");
    }
    return true;
}

static int weight_of(const struct engine *e, const json_t *resources)
{
    int64_t cpus = json_get_int(resources, "cpus", 1);
    int64_t w = (cpus + e->threads - 1) / e->threads;
    return (int)(w < 1 ? 1 : w > e->slots ? e->slots : w);
}

static bool memory_fits(const struct engine *e, int64_t wanted)
{
    int64_t used = 0, total = e->memory;
    for (const struct live *l = e->lives; l; l = l->next) {
        used += l->memory;
    }
    return used == 0 || wanted == 0 || total <= 0 ||
        used + wanted <= total - options_int(e->options, "mem_reserve");
}

/* Where the task writes: its first output, else its attempt folder. */
static const char *writes_to(const struct bound *b, const char *dir)
{
    return json_get_text(json_array_get(b->outputs, 0), "final", dir);
}

/* A task without outputs writes a few lines into its attempt's folder: the disk below the run's
 * attempts is asked a few times a second, not for each. */
static void look_at_disk(struct active *run, const char *where, bool only_log, struct live *l)
{
    int64_t now = clock_mono_us();
    if (!only_log || !run->disk_us || now - run->disk_us > DISK_LOOK_US) {
        l->device = file_device(where);
        l->free_before = file_free_bytes(where);
        if (only_log) {
            run->disk_us = now;
            run->disk_device = l->device;
            run->disk_free = l->free_before;
        }
    } else {
        l->device = run->disk_device;
        l->free_before = run->disk_free;
    }
}

static bool disk_fits(struct engine *e, const struct bound *b, const char *where, uint64_t device,
                      int64_t free_now)
{
    char need[24], have[24];
    int64_t reserve = options_int(e->options, "disk_reserve");
    if (free_now < 0 || (e->n_full == 0 && b->estimate.bytes + reserve <= free_now)) {
        return true;
    }
    num_show_bytes(b->estimate.bytes, need, sizeof need);
    num_show_bytes(free_now, have, sizeof have);
    if (b->estimate.bytes + reserve > free_now) {
        (void)snprintf(e->stuck_text, sizeof e->stuck_text,
                       "disk full: a task needs %s and %s are free where it writes ('%.150s')",
                       need, have, where);
        return false;
    }
    for (size_t i = 0; i < e->n_full; i++) {
        if (e->full[i].device == device && free_now < e->full[i].free_then + FULL_MARGIN) {
            (void)snprintf(e->stuck_text, sizeof e->stuck_text,
                           "disk full: %s are free where the next task writes ('%.150s')", have,
                           where);
            return false;
        }
    }
    return true;
}

static struct live *new_live(struct engine *e, struct active *run, const struct ready *r,
                             struct err *err)
{
    struct live *l = mem_zero(sizeof *l, err);
    if (!l) {
        return NULL;
    }
    *l = (struct live){.owner = e,
                       .run = run,
                       .task = r->task,
                       .attempt = r->attempt,
                       .item = r->item,
                       .n = r->n,
                       .job = r->job,
                       .lost = r->lost,
                       .alone = r->alone,
                       .forced = r->force,
                       .slot = -1,
                       .weight = 1,
                       .gpu = -1,
                       .licenses = "",
                       .pidfd = -1,
                       .started_us = clock_utc_us(),
                       .free_before = -1};
    l->dir = prepare_dir(run, r->task, r->n, err);
    if (!l->dir) {
        mem_free(l);
        return NULL;
    }
    l->next = e->lives;
    e->lives = l;
    run->running++;
    return l;
}

/* Dead attempts of the same task: the new one finishes or removes what they left. */
static bool add_previous(struct engine *e, const struct live *l, struct str *job, struct err *err)
{
    int64_t done = 0; /* what an attempt published that was done is not to be published again */
    const char *comma = "";
    if (l->n == 1) {
        return true;
    }
    if (!store_int(e->store, 0, &done, err,
                   "SELECT max(n) FROM attempt WHERE task_id=?1 AND outcome='done'", "i",
                   l->task)) {
        return false;
    }
    str_add(job, ",\"previous\":[");
    for (int n = (int)done + 1; n < l->n; n++) {
        char *dir = prepare_dir(l->run, l->task, n, err);
        if (dir && file_exists(dir)) {
            str_add(job, comma);
            json_add_text(job, dir);
            comma = ",";
        }
        mem_free(dir);
    }
    str_addc(job, ']');
    return true;
}

static bool send(struct engine *e, struct live *l, struct bound *b, const char *gpu_uuid,
                 struct err *err)
{
    int slot = free_worker(e);
    bool ok = slot >= 0 || err_bug(err, "no free worker");
    ok = ok && add_previous(e, l, &b->job, err);
    if (gpu_uuid[0]) {
        str_add(&b->job, ",\"gpu_uuid\":");
        json_add_text(&b->job, gpu_uuid);
    }
    str_addc(&b->job, '}');
    ok = ok && str_ok(&b->job, err) && local_run(e->local, slot, l->dir, str_text(&b->job), err);
    if (ok) {
        l->slot = slot;
        l->pid = local_pid(e->local, slot, &l->pid_start);
        e->by_slot[slot] = l;
    }
    return ok;
}

/* Its job and its fingerprint, and the task that did the same before (0: none). */
static bool bind_live(struct engine *e, struct live *l, const struct ready *r, struct bound *b,
                      int64_t *ret_cached, struct err *err)
{
    struct prepare in = {.run = l->run,
                         .item = r->item,
                         .task = r->task,
                         .attempt = r->attempt,
                         .job = r->job,
                         .n = r->n,
                         .plain = r->job == 0 && !r->params,
                         .row = r->operations == e->operations ? &r->row : NULL,
                         .threads = e->threads * l->weight,
                         .gpu = l->gpu,
                         .dir = l->dir};
    if (!in.plain || !in.row) { /* more than one read */
        store_hold(e->store);
    }
    bool ok = prepare_task(e, e->store, &in, b, err) &&
        (r->force || !r->others ||
         cached_find(e->store, l->run->project, b->fingerprint, ret_cached, err));
    if (ok) {
        memcpy(l->fingerprint, b->fingerprint, sizeof l->fingerprint);
        l->basis = b->basis;
        b->basis = NULL;
    }
    return ok;
}

/* One task: bind, look for a cached result, check what it needs, send. False: it has to wait (stays
 * ready). */
static bool give_out(struct engine *e, struct active *run, size_t i)
{
    struct ready r = run->ready[i];
    struct err err = {ERR_NONE, ""};
    struct bound b = {0};
    const json_t *job = json_array_get(json_object_get(run->batch, "jobs"), (size_t)r.job);
    const json_t *resources = json_object_get(job, "resources");
    const char *uuid;
    char queue[sizeof((struct live *)0)->queue];
    bool beside = false;
    if ((r.alone && e->lives) || somebody_alone(e) ||
        !modes_allow(e, run, &r, job, queue, sizeof queue, &beside)) {
        return false;
    }
    const struct tool *tool = tools_find(e->tools, json_get_text(job, "tool", ""));
    resources = resources ? resources : tool ? json_object_get(tool->gantry, "resources") : NULL;
    const char *licenses = json_get_text(resources, "licenses", "");
    if (!licenses_fit(e, licenses)) {
        return false;
    }
    int weight = weight_of(e, resources), gpu = choose_gpu(e, run, resources, &uuid);
    e->waits_gpu = e->waits_gpu || gpu == -2;
    if (gpu == -2 || (!beside && used_slots(e) + weight > e->slots)) {
        return false;
    }
    struct live *l = new_live(e, run, &r, &err);
    if (!l) {
        return false;
    }
    l->weight = weight;
    l->licenses = licenses;
    l->beside = beside;
    memcpy(l->queue, queue, sizeof l->queue);
    l->gpu = gpu;
    int64_t cached = 0;
    bool ok = bind_live(e, l, &r, &b, &cached, &err);
    if (ok && cached) {
        ready_drop(run, i);
        settle_cached(e, l, cached);
    } else if (ok && b.blocked_path) {
        (void)err_set(
            &err, ERR_EXISTS,
            "'%s' exists and was not made by Gantry: run with --overwrite, or take it with "
            "`gantry adopt`",
            b.blocked_path);
        ready_drop(run, i);
        settle_failed(e, l, &err);
    } else if (ok) {
        const char *where = writes_to(&b, l->dir);
        look_at_disk(run, where, json_array_size(b.outputs) == 0, l);
        l->memory = b.estimate.memory;
        if (!disk_fits(e, &b, where, l->device, l->free_before) || !memory_fits(e, l->memory)) {
            engine_unlink_live(e, l);
            engine_free_live(l);
            bound_fini(&b);
            return false;
        }
        ready_drop(run, i);
        if (send(e, l, &b, uuid, &err)) {
            engine_change(e, l)->started = true;
        } else {
            settle_failed(e, l, &err);
        }
    } else {
        ready_drop(run, i);
        settle_failed(e, l, &err);
    }
    bound_fini(&b);
    return true;
}

void engine_dispatch(struct engine *e)
{
    struct active *run;
    int used;
    read_capacity(e);
    e->waiting = e->waits_gpu = false;
    e->stuck_text[0] = '\0';
    while (!e->stopping && ((used = used_slots(e)) < e->slots || modes_beside_free(e)) &&
           (run = next_run(e, used))) {
        size_t i = first_fitting(run);
        run->served = ++e->served;
        if (!give_out(e, run, i)) {
            run->ready[i].waits = true;
            e->waiting = true;
        }
    }
    store_release(e->store);
    bool starving = false;
    for (run = e->runs; run; run = run->next) {
        starving = starving || (run->n_ready == 0 && !run->drained && !run->cancelled);
        for (size_t i = 0; i < run->n_ready; i++) {
            run->ready[i].waits = false;
        }
    }
    if (e->n_changes > 0 || (starving && !e->stopping)) {
        engine_schedule_flush(e);
    }
}
