// SPDX-License-Identifier: Apache-2.0
// libssh2 declares these as macros, or takes function pointers as `void *`, which Swift cannot call.
#pragma once
#include <libssh2.h>

typedef ssize_t (*rb_ssh_receive)(libssh2_socket_t, void *, size_t, int, void **);
typedef ssize_t (*rb_ssh_send)(libssh2_socket_t, const void *, size_t, int, void **);

static inline LIBSSH2_SESSION *rb_ssh_session_init(void *abstract) {
  return libssh2_session_init_ex(NULL, NULL, NULL, abstract);
}

static inline void rb_ssh_set_callbacks(LIBSSH2_SESSION *session, rb_ssh_receive receive, rb_ssh_send send) {
  libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, (void *)receive);
  libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, (void *)send);
}
