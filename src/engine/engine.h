/*
 * The engine: wires the stages to the loop. It holds the home's lock, owns the only writing
 * connection, gives tasks to slots, settles results, and writes changes in batches (at most 50 ms
 * late, at once when idle).
 *
 * What lives in memory only is what a new engine finds again: attempts given out (their numbers
 * were reserved in an earlier commit, their folders say the rest).
 */
#ifndef GANTRY_ENGINE_ENGINE_H
#define GANTRY_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/err.h"
#include "base/str.h"
#include "codec/digest.h"
#include "codec/json.h"
#include "exec/gpu.h"
#include "exec/local.h"
#include "model/model-sum.h"
#include "model/options.h"
#include "model/state.h"
#include "os/loop.h"
#include "plan/estimate.h"
#include "plan/tool.h"
#include "store/store.h"

#define ENGINE_SLOTS_MAX 512
#define ENGINE_GPUS_MAX 64

/* What the table says of an item. */
struct item_row {
    char *name, *series, *level;
    json_t *params; /* NULL = none */
    double cor;
    bool cor_found; /* by a finder, not by a person */
    struct scan_shape scan;
    int64_t size, mtime_ns;
};

/* A task whose next attempt is reserved: may be given out at any moment. */
struct ready {
    int64_t task, attempt, item;
    int n, job;
    int lost;
    bool force, alone;
    bool params;         /* it has parameters of its own, from a retry */
    bool others;         /* its item has other tasks, which may have done the same */
    bool waits;          /* passed over in this round (disk, GPU, memory) */
    struct item_row row; /* as of `operations`: an operation since then may have changed it */
    int64_t operations;
};

/* A run that has work. */
struct active {
    int64_t id, project;
    json_t *batch, *params, *options;
    char *project_name, *root, *rec, *attempts, *user, *name;
    int priority;
    bool watch, cancelled;
    bool hurry;       /* changed by an operation: refill at once */
    bool drained;     /* the store has no further ready task, as of the last refill */
    int cap;          /* most tasks of this run at once; 0 = no own limit */
    int lanes;        /* items that are begun at once, each finished before another is begun: modes
                         n-tasks:N, per-subject (-1: as many as slots); 0 = no such rule */
    bool beside;      /* mode immediate: starts beside the slots */
    int collect_from; /* jobs from here on collect all items */
    int gpus[ENGINE_GPUS_MAX];
    int n_gpus; /* --gpus: every task is pinned to one of them */
    int running;
    int64_t served;             /* when it last got a slot (counter), for fairness */
    int64_t disk_us, disk_free; /* free below `attempts`, and when that was looked at */
    uint64_t disk_device;
    struct ready *ready;
    size_t n_ready, cap_ready;
    struct study_memo *memo; /* of a preview: what it has looked up once; else NULL */
    struct active *next;
};

/* An attempt that was given out. */
struct live {
    struct engine *owner;
    struct active *run;
    int64_t task, attempt, item;
    int n, job, lost;
    bool alone, forced;
    char *dir;
    int slot;   /* -1: adopted, or its slot's worker is gone */
    int weight; /* slots it takes */
    int gpu;    /* index, -1 = none */
    int64_t memory;
    bool beside;          /* takes no slot (queue immediate) */
    char queue[48];       /* "" = no queue has a limit */
    const char *licenses; /* "matlab:1,idl:2" of its job (points into the run's batch); "" = none */
    pid_t pid;            /* of the worker; 0 until known */
    int64_t pid_start;
    int pidfd; /* of an adopted worker, -1 else */
    struct loop_fd *watch;
    enum { STOP_NO, STOP_BY_USER, STOP_BY_INTERRUPT } stop;
    bool suspended;
    int64_t started_us;
    int64_t free_before; /* bytes free where it writes, when it started */
    uint64_t device;
    char *basis; /* what the fingerprint was made of */
    char fingerprint[DIGEST_HEX];
    bool told;            /* its start is in the store */
    char failed_code[32]; /* the worker could not even write a result: its words */
    char failed_text[300];
    struct live *next;
};

/* A settled or started attempt whose rows are not written yet. */
struct change {
    struct live *live; /* owned once `settled` */
    bool started, settled;
    int64_t ended_us;
    enum task_state state;
    const char *outcome; /* done, cached, failed, cancelled, lost */
    json_t *result;
    struct err why; /* of a failure */
    int64_t cached_from;
    bool pack; /* its folder may be packed */
};

/* A device that ran full: nothing that writes there starts before more is free than when it did. */
struct full_device {
    uint64_t device;
    int64_t free_then;
};

struct engine {
    struct loop *loop;
    struct store *store;
    char *home, *program, *imaging;
    struct options *options;
    int64_t options_mtime; /* of config.ini when it was read */
    int64_t options_us;    /* when that was looked at */
    struct tools *tools;
    struct model_sums *models;
    int lock_fd;
    struct local *local;
    int slots, threads; /* read at every dispatch */
    int cores;          /* of this machine, and its memory: looked at once a second */
    int64_t memory, cores_us;
    int slots_asked; /* --slots of the hosting run; 0 = config */
    bool serving;    /* a server: no run speaks for all slots */
    struct live *by_slot[ENGINE_SLOTS_MAX];
    struct live *lives;
    struct active *runs;
    struct change *changes;
    size_t n_changes, cap_changes;
    struct loop_timer *flush_timer, *poll_timer;
    struct str to_pack, to_sweep;
    int64_t served;     /* counter of dispatches */
    int64_t operations; /* counter of what people and commands changed */
    struct gpu gpus[ENGINE_GPUS_MAX];
    size_t n_gpus;
    bool gpus_known;
    struct full_device full[8];
    size_t n_full;
    bool stopping;       /* nothing new is given out */
    bool waiting;        /* something was passed over: look again in a while */
    bool waits_gpu;      /* for want of a GPU */
    int64_t stuck_since; /* monotonic; 0 = not stuck */
    char stuck_text[300];
    struct err broken; /* the store could not be written: the engine stops */
    /* server.c */
    struct server *server;
    void (*changed)(void *arg); /* after each commit */
    void *changed_arg;
};

/* Take the lock (the caller has it already in `lock_fd`), open the store, find what a former engine
 * left. */
struct engine *engine_new(const char *home, int lock_fd, struct err *err) CHECK_RESULT;
/* Writes what is pending. Running attempts go on and are adopted by the next engine. */
void engine_free(struct engine *e);

/* Queue again what others left unfinished (serve, run --resume). Returns how many runs. */
bool engine_resume(struct engine *e, json_t **ret_runs, struct err *err) CHECK_RESULT;
/* Bring a run into memory, or refresh what is in memory of it after an operation changed its rows.
 */
bool engine_load_run(struct engine *e, int64_t run, struct err *err) CHECK_RESULT;
/* config.ini may have changed: what it says holds from now on. */
void engine_reread(struct engine *e);
/* Give out what can be given out. */
void engine_dispatch(struct engine *e);
/* Write all pending changes now. */
bool engine_flush(struct engine *e, struct err *err) CHECK_RESULT;
/* Nothing runs, is queued or pending here (runs left for --resume do not count). */
bool engine_idle(const struct engine *e);
/* Is the run over (no task will change without a person)? */
bool engine_run_over(struct engine *e, int64_t run);
/* Stop giving out; cancel what runs of `run` (0: everything) because of an interrupt: its tasks
 * stay resumable. */
void engine_interrupt(struct engine *e, int64_t run);
/* Something is passed over and nothing runs since a while. */
bool engine_stuck(const struct engine *e, const char **ret_text);

/* ---- between the files of this room ---- */
struct active *engine_find_run(struct engine *e, int64_t run);
struct live *engine_find_task(struct engine *e, int64_t task);
void engine_drop_ready(struct engine *e,
                       int64_t task); /* a held or cancelled task leaves the window */
struct change *engine_change(struct engine *e, struct live *l);
void engine_schedule_flush(struct engine *e);
void engine_free_live(struct live *l);
void engine_unlink_live(struct engine *e, struct live *l);
/* prepare.c: the columns of an item_row from a query, from column `first` on. */
#define ITEM_ROW_COLUMNS                                                                  \
    "i.name,i.series,i.level,i.params,i.cor,coalesce(i.cor_source,''),i.frames,i.n_rows," \
    "i.n_columns,coalesce(i.dtype,''),i.size,i.mtime_ns"
bool item_row_take(const struct query *q, int first, struct item_row *ret,
                   struct err *err) CHECK_RESULT;
void item_row_fini(struct item_row *r);
/* runs.c */
void ready_drop(struct active *run, size_t i);
void runs_free(struct active *r);
/* Numbers that were reserved for nothing: the rows go, the count stays. */
bool runs_give_back(struct engine *e, struct active *run, struct err *err) CHECK_RESULT;
/* Is there a run with nothing out and nothing reserved? */
bool runs_may_end(const struct engine *e);
/* Runs without any open task end, and leave memory. */
bool runs_end(struct engine *e, struct err *err) CHECK_RESULT;
void engine_woken(struct engine *e, const char *text); /* a datagram of a worker */
/* settle.c */
void settle_look(struct engine *e, struct live *l); /* has it a result, is it alive? */
/* The worker says what it wrote into result.json. */
void settle_told(struct engine *e, struct live *l, const char *result);
void settle_gone(struct engine *e, struct live *l, const char *how);
void settle_result(struct engine *e, struct live *l, json_t *result);
void settle_cached(struct engine *e, struct live *l, int64_t from);
void settle_failed(struct engine *e, struct live *l, const struct err *why);
bool settle_write(struct engine *e, struct change *c, struct err *err) CHECK_RESULT;
/* modes.c: what modes and queues say of a run and its tasks. */
void modes_of_run(struct active *run);
/* May the task be given out now, for all that lanes and queues say? Its queue into ret_queue. */
bool modes_allow(const struct engine *e, const struct active *run, const struct ready *r,
                 const json_t *job, char *ret_queue, size_t size, bool *ret_beside);
/* Tasks beside the slots that may still be started. */
bool modes_beside_free(const struct engine *e);
/* adopt.c */
bool adopt_all(struct engine *e, struct err *err) CHECK_RESULT;
/* reserve.c */
bool reserve_fill(struct engine *e, struct err *err) CHECK_RESULT;

#endif
