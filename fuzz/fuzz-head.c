/* api/head: any bytes as Host, Origin, X-Forwarded-For or a list of networks; what is taken is well
 * formed. The first byte says which. */
#include <stdint.h>
#include <stdlib.h>
#include "api/head.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_host(const char *host)
{
    if (strlen(host) >= HEAD_HOST || strpbrk(host, "/@[] \r\n\t\"ABCXYZ")) {
        abort();
    }
    (void)head_is_local(host);
    (void)head_listed("a.org, localhost", host);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = {0};
    struct nets nets;
    char host[HEAD_HOST], ip[64], key[64];
    int port;
    char *text = size ? mem_strndup((const char *)data + 1, size - 1, &err) : NULL;
    if (!text) {
        return 0;
    }
    if (data[0] == 'h' && head_authority(text, host, &port)) {
        check_host(host);
    } else if (data[0] == 'o' && head_origin(text, host, &port)) {
        check_host(host);
        if (port < 0 || port > 65535) {
            abort();
        }
    } else if (data[0] == 'n' && nets_parse(text, &nets, &err)) {
        (void)nets_have(&nets, "10.0.0.1");
        (void)nets_have(&nets, "::1");
    } else if (nets_parse("10.0.0.0/8", &nets, &err) && head_forwarded(text, &nets, ip)) {
        if (nets_have(&nets, ip) || !head_address(ip, key)) {
            abort();
        }
        head_neighbourhood(ip, key);
    }
    mem_free(text);
    return 0;
}
