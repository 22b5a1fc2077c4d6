/*
 * libmicrohttpd, opened when a server starts and not before: GnuTLS and ten more libraries come
 * with it, which cost 3 MB and 2.4 ms in every command and every slot worker that never speaks
 * HTTP. mhd_open() first, then mhd.run(...) and the like, each what MHD_run(...) is.
 */
#ifndef GANTRY_API_MHD_H
#define GANTRY_API_MHD_H

#include <microhttpd.h>
#include <stdbool.h>
#include "base/err.h"

#define MHD_FUNCTIONS(F)                              \
    F(start_daemon)                                   \
    F(stop_daemon)                                    \
    F(run)                                            \
    F(get_timeout)                                    \
    F(get_daemon_info)                                \
    F(get_connection_info)                            \
    F(lookup_connection_value)                        \
    F(suspend_connection)                             \
    F(resume_connection)                              \
    F(queue_response)                                 \
    F(destroy_response)                               \
    F(add_response_header)                            \
    F(create_response_from_buffer)                    \
    F(create_response_from_buffer_with_free_callback) \
    F(create_response_from_callback)                  \
    F(create_response_from_fd_at_offset64)            \
    F(create_response_for_upgrade)                    \
    F(upgrade_action)

struct mhd {
#define MHD_MEMBER(name) __typeof__(&MHD_##name) name;
    MHD_FUNCTIONS(MHD_MEMBER)
#undef MHD_MEMBER
};

/* Filled once, by mhd_open(). */
extern struct mhd mhd;

/* ERR_NOTHING with what to install when the library is not there. */
bool mhd_open(struct err *err) CHECK_RESULT;

#endif
