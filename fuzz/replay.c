/*
 * A plain main for fuzz targets: every file named on the command line, and every file of every
 * folder named there, is given to LLVMFuzzerTestOneInput() once. A folder that does not exist holds
 * nothing (regression/ starts empty). With
 * "-" it reads standard input, which is what AFL++ wants. The run fails only by crashing, or when
 * nothing was replayed.
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Inputs above this are cut: a fuzz corpus has no business being larger. */
#define INPUT_MAX ((size_t)8 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int replay_stream(FILE *file)
{
    size_t size = 0;
    size_t cap = 1 << 16;
    uint8_t *data = malloc(cap);
    while (data && size < INPUT_MAX) {
        size_t got = fread(data + size, 1, cap - size, file);
        if (got == 0) {
            break;
        }
        size += got;
        if (size == cap) {
            uint8_t *more = realloc(data, cap * 2);
            if (!more) {
                free(data);
                return -1;
            }
            data = more;
            cap *= 2;
        }
    }
    /* An exact copy, so that the sanitizer sees a read one byte past the end. */
    uint8_t *exact = data ? malloc(size ? size : 1) : NULL;
    if (exact) {
        memcpy(exact, data, size);
        LLVMFuzzerTestOneInput(exact, size);
    }
    free(exact);
    free(data);
    return exact ? 0 : -1;
}

static int replay_path(const char *path, int *ret_count)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return errno == ENOENT ? 0 : -1;
    }
    if (!S_ISDIR(st.st_mode)) {
        FILE *file = fopen(path, "rb");
        int rc = file ? replay_stream(file) : -1;
        if (file) {
            fclose(file);
        }
        if (rc != 0) {
            fprintf(stderr, "cannot replay %s\n", path);
        }
        *ret_count += rc == 0;
        return rc;
    }
    struct dirent **names = NULL;
    int n = scandir(path, &names, NULL, alphasort);
    int rc = n < 0 ? -1 : 0;
    for (int i = 0; i < n; i++) {
        char child[4096];
        if (names[i]->d_name[0] != '.') {
            snprintf(child, sizeof child, "%s/%s", path, names[i]->d_name);
            rc |= replay_path(child, ret_count);
        }
        free(names[i]);
    }
    free(names);
    return rc;
}

int main(int argc, char **argv)
{
    int count = 0;
    int rc = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "-")) {
            rc |= replay_stream(stdin);
            count++;
        } else {
            rc |= replay_path(argv[i], &count);
        }
    }
    printf("replayed %d inputs\n", count);
    return rc != 0 || count == 0 ? 1 : 0;
}
