/* Grammars of RFC 3986 (authority), RFC 6454 (Origin) and the common form of X-Forwarded-For. */
#include "api/head.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include "base/num.h"
#include "base/str.h"

static bool port_of(const char *text, int *ret)
{
    int64_t port;
    if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 5 ||
        !num_int64(text, &port) || port > 65535) {
        return false;
    }
    *ret = (int)port;
    return true;
}

static bool good_name(const char *host, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isalnum((unsigned char)host[i]) && !strchr(".-_", host[i])) {
            return false;
        }
    }
    return n > 0;
}

bool head_authority(const char *text, char host[HEAD_HOST], int *ret_port)
{
    const char *end;
    size_t n;
    if (text[0] == '[') {
        end = strchr(text, ']');
        text++;
        n = end ? (size_t)(end - text) : 0;
        if (!end || n == 0 || n >= INET6_ADDRSTRLEN ||
            strspn(text, "0123456789abcdefABCDEF:.") != n) {
            return false;
        }
        end++;
    } else {
        n = strcspn(text, ":");
        end = text + n;
        if (n >= HEAD_HOST || !good_name(text, n)) {
            return false;
        }
        n -= n > 1 && text[n - 1] == '.';
    }
    *ret_port = -1;
    if (*end && (*end != ':' || !port_of(end + 1, ret_port))) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        host[i] = (char)tolower((unsigned char)text[i]);
    }
    host[n] = '\0';
    return true;
}

bool head_origin(const char *text, char host[HEAD_HOST], int *ret_port)
{
    bool https = !strncasecmp(text, "https://", 8);
    if (!https && strncasecmp(text, "http://", 7) != 0) {
        return false;
    }
    if (!head_authority(text + (https ? 8 : 7), host, ret_port)) {
        return false;
    }
    *ret_port = *ret_port >= 0 ? *ret_port : https ? 443 : 80;
    return true;
}

bool head_is_local(const char *host)
{
    struct in_addr four;
    struct in6_addr six;
    if (!strcmp(host, "localhost") || str_ends(host, ".localhost")) {
        return true;
    }
    if (inet_pton(AF_INET, host, &four) == 1) {
        return (ntohl(four.s_addr) >> 24) == 127;
    }
    return inet_pton(AF_INET6, host, &six) == 1 && IN6_IS_ADDR_LOOPBACK(&six);
}

bool head_listed(const char *list, const char *host)
{
    static const char between[] = ", \t";
    size_t length = strlen(host);
    while (*list) {
        list += strspn(list, between);
        size_t n = strcspn(list, between);
        if (n == length && n > 0 && !strncasecmp(list, host, n)) {
            return true;
        }
        list += n;
    }
    return false;
}

static bool to_bytes(const char *ip, uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET, ip, bytes + 12) == 1) {
        memcpy(bytes, mapped, sizeof mapped);
        return true;
    }
    return inet_pton(AF_INET6, ip, bytes) == 1;
}

static bool is_four(const uint8_t bytes[16])
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return !memcmp(bytes, mapped, sizeof mapped);
}

static bool one_net(char *text, struct net *ret)
{
    char *slash = strchr(text, '/');
    int64_t bits = 128;
    if (slash) {
        *slash = '\0';
    }
    if (!to_bytes(text, ret->bytes)) {
        return false;
    }
    int most = strchr(text, ':') ? 128 : 32;
    if (slash && (!num_int64(slash + 1, &bits) || bits < 0 || bits > most)) {
        return false;
    }
    ret->bits = slash && most == 32 ? (unsigned)bits + 96 : (unsigned)bits;
    return true;
}

bool nets_parse(const char *text, struct nets *ret, struct err *err)
{
    static const char between[] = ", \t";
    *ret = (struct nets){.n = 0};
    while (text += strspn(text, between), *text) {
        char word[80];
        size_t n = strcspn(text, between);
        (void)snprintf(word, sizeof word, "%.*s", (int)(n < 79 ? n : 79), text);
        if (n > 79 || ret->n >= HEAD_NETS || !one_net(word, &ret->net[ret->n])) {
            return err_set(err, ERR_USAGE,
                           "'%.*s' is no address such as 10.0.0.5 or 10.1.0.0/16 (at most %d)",
                           (int)(n < 79 ? n : 79), text, HEAD_NETS);
        }
        ret->n++;
        text += n;
    }
    return true;
}

static bool within(const struct net *net, const uint8_t bytes[16])
{
    unsigned whole = net->bits / 8, rest = net->bits % 8;
    return !memcmp(net->bytes, bytes, whole) &&
        (!rest || !((net->bytes[whole] ^ bytes[whole]) >> (8 - rest)));
}

bool nets_have(const struct nets *nets, const char *ip)
{
    uint8_t bytes[16];
    if (!to_bytes(ip, bytes)) {
        return false;
    }
    for (size_t i = 0; i < nets->n; i++) {
        if (within(&nets->net[i], bytes)) {
            return true;
        }
    }
    return false;
}

bool head_address(const char *text, char ip[64])
{
    uint8_t bytes[16];
    if (!to_bytes(text, bytes)) {
        return false;
    }
    return is_four(bytes) ? inet_ntop(AF_INET, bytes + 12, ip, 64) != NULL
                          : inet_ntop(AF_INET6, bytes, ip, 64) != NULL;
}

bool head_forwarded(const char *text, const struct nets *trusted, char ip[64])
{
    size_t end = strlen(text);
    while (end > 0) {
        size_t at = end;
        char word[64];
        while (at > 0 && text[at - 1] != ',') {
            at--;
        }
        size_t first = at, last = end;
        while (first < last && (text[first] == ' ' || text[first] == '\t')) {
            first++;
        }
        while (last > first && (text[last - 1] == ' ' || text[last - 1] == '\t')) {
            last--;
        }
        if (last - first >= sizeof word) {
            return false;
        }
        memcpy(word, text + first, last - first);
        word[last - first] = '\0';
        if (!head_address(word, ip)) {
            return false;
        }
        if (!nets_have(trusted, ip)) {
            return true;
        }
        end = at > 0 ? at - 1 : 0;
    }
    return false;
}

void head_neighbourhood(const char *ip, char key[64])
{
    uint8_t bytes[16];
    if (to_bytes(ip, bytes) && !is_four(bytes)) {
        memset(bytes + 8, 0, 8);
        if (inet_ntop(AF_INET6, bytes, key, 60)) {
            return;
        }
    }
    (void)snprintf(key, 64, "%.63s", ip);
}
