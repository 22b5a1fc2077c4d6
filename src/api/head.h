/*
 * The headers by which requests are judged: Host, Origin, X-Forwarded-For, and addresses. What is
 * not well formed is false; nothing here fails loudly.
 */
#ifndef GANTRY_API_HEAD_H
#define GANTRY_API_HEAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"

#define HEAD_HOST 256
#define HEAD_NETS 32

/* "Name:8420", "[::1]:8420", "name." -> host in lower case without brackets and last dot; port -1
 * when none is given. */
bool head_authority(const char *text, char host[HEAD_HOST], int *ret_port);
/* Scheme, host and port of an Origin: port as it is meant (80 or 443) when none is given. False for
 * "null" and everything that is not http or https. */
bool head_origin(const char *text, char host[HEAD_HOST], int *ret_port);
/* A name or address of this machine alone: localhost, x.localhost, 127.x.x.x, ::1. No DNS server
 * can give such a name to somebody else. */
bool head_is_local(const char *host);
/* Is `host` in a list of names separated by commas or blanks (any letter case)? */
bool head_listed(const char *list, const char *host);

struct nets {
    size_t n;
    struct net {
        uint8_t bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
        unsigned bits;
    } net[HEAD_NETS];
};
/* "10.0.0.5, 10.1.0.0/16, ::1". ERR_USAGE names what is no address. */
bool nets_parse(const char *text, struct nets *ret, struct err *err) CHECK_RESULT;
bool nets_have(const struct nets *nets, const char *ip);
/* Is it an address? IPv4 in IPv6 is written as IPv4. */
bool head_address(const char *text, char ip[64]);
/* The client of X-Forwarded-For: the last address that is not a trusted proxy's. Addresses further
 * left are what the client itself may have written. False: none, or not well formed. */
bool head_forwarded(const char *text, const struct nets *trusted, char ip[64]);
/* What limits count by: an IPv4 address, or the /64 of an IPv6 one (a household has that many). */
void head_neighbourhood(const char *ip, char key[64]);

#endif
