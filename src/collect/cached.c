/* Looking at recorded outputs. */
#include "collect/cached.h"

#include <string.h>
#include "base/mem.h"
#include "os/file.h"

static bool intact(const char *path, const char *kind, const char *pattern, int64_t size,
                   int64_t mtime_ns, int64_t files)
{
    struct file_measure m;
    struct err *quiet = err_ignore("what cannot be read is not intact");
    bool there = !strcmp(kind, "files") ? file_measure_glob(path, pattern, &m, quiet)
                                        : file_measure(path, &m, quiet);
    return there && m.size == size && m.files == files && m.mtime_ns == mtime_ns;
}

bool cached_outputs_intact(struct store *s, int64_t task, bool *ret_intact, char **ret_why,
                           struct err *err)
{
    struct query *q = store_query(
        s, err, "SELECT path,kind,pattern,size,mtime_ns,files FROM output WHERE task_id=?1", "i",
        task);
    bool good = true;
    if (!q) {
        return false;
    }
    if (ret_why) {
        *ret_why = NULL;
    }
    while (good && query_next(q)) {
        good = intact(query_text(q, 0), query_text(q, 1), query_text(q, 2), query_int(q, 3),
                      query_int(q, 4), query_int(q, 5));
        if (!good && ret_why) {
            *ret_why = mem_strdup(query_text(q, 0), err_ignore("then it is not named"));
        }
    }
    *ret_intact = good;
    return query_end(q, err);
}

bool cached_find(struct store *s, int64_t project, const char *fingerprint, int64_t *ret_task,
                 struct err *err)
{
    int64_t task;
    bool good = false;
    *ret_task = 0;
    if (!store_int(
            s, 0, &task, err,
            /* "+": by the fingerprint's index, whatever the planner thinks of the others */
            "SELECT id,max(coalesce(ended_us,0)) FROM task WHERE fingerprint=?1 AND +state=5 "
            "AND (SELECT project_id FROM run WHERE run.id=task.run_id)=?2",
            "si", fingerprint, project)) {
        return false;
    }
    if (task && !cached_outputs_intact(s, task, &good, NULL, err)) {
        return false;
    }
    *ret_task = good ? task : 0;
    return true;
}

bool cached_path_known(struct store *s, const char *path)
{
    int64_t n = 0;
    return store_int(s, 0, &n, err_ignore("unknown is the safe answer: nothing is replaced"),
                     "SELECT 1 FROM output WHERE path=?1 LIMIT 1", "s", path) &&
        n == 1;
}
