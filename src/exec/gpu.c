/* GPUs by nvidia-smi. */
#include "exec/gpu.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "base/mem.h"
#include "os/file.h"
#include "os/proc.h"

/* Runs nvidia-smi with its output in an unnamed file; its text (caller frees), NULL when there is
 * no such program. */
static char *ask_driver(struct err *err)
{
    char path[] = "/tmp/gantry-gpu-XXXXXX";
    const char *argv[] = {"nvidia-smi", "--query-gpu=index,uuid,memory.used,memory.total,name",
                          "--format=csv,noheader,nounits", NULL};
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        (void)err_errno(err, errno, "cannot make a temporary file");
        return NULL;
    }
    struct proc_spec spec = {
        .argv = argv, .in = PROC_NULL, .out = fd, .errs = PROC_NULL, .keep_fd = -1};
    struct proc_end end = {-1, 0, 0, 0};
    pid_t pid;
    char *text = NULL;
    if (proc_spawn(&spec, &pid, err_ignore("no driver: no GPUs")) &&
        proc_reap(pid, true, &end) == 1 && end.exit == 0) {
        text = file_read(path, 0, NULL, err_ignore("as above"));
    }
    (void)unlink(path);
    (void)close(fd);
    return text;
}

bool gpu_list(struct gpu *out, size_t max, size_t *ret_n, struct err *err)
{
    err->code = ERR_NONE;
    char *text = ask_driver(err);
    *ret_n = 0;
    if (!text) {
        return err->code == ERR_NONE;
    }
    for (char *line = text; *line && *ret_n < max;) {
        struct gpu g = {0};
        long long used = 0, total = 0;
        size_t n = strcspn(line, "\n");
        bool more = line[n] == '\n';
        line[n] = '\0';
        if (sscanf(line, "%d, %63[^,], %lld, %lld, %63[^\n]", &g.index, g.uuid, &used, &total,
                   g.name) >= 4) {
            g.used_mb = used;
            g.total_mb = total;
            out[(*ret_n)++] = g;
        }
        line += n + more;
    }
    mem_free(text);
    return true;
}
