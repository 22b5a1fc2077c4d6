/* The heads of responses that the proxy reads, whole and as they arrive in pieces. */
#include <stdlib.h>
#include <string.h>
#include "api/upstream.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
    struct upstream_head head;
    char *text = malloc(size + 1);
    if (!text) {
        return 0;
    }
    for (size_t n = 0; n <= size; n = n < size && n + 64 > size ? size : n + 64) {
        memcpy(text, data, n);
        if (upstream_parse(text, n, &head) == UPSTREAM_WHOLE) {
            size_t total = 0;
            for (size_t i = 0; i < head.n; i++) {
                total += strlen(head.headers[i].name) + strlen(head.headers[i].value);
            }
            if (head.bytes > n || total > n || head.status < 100 || head.status > 999 ||
                head.length < -1) {
                abort();
            }
            (void)upstream_get(&head, "Location");
        }
    }
    free(text);
    return 0;
}
