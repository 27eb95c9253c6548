// SPDX-License-Identifier: Apache-2.0
// libssh2 declares these as macros, or takes function pointers as `void *`, which Swift cannot call.
#pragma once
#include <libssh2.h>
#ifdef __APPLE__
#include <malloc/malloc.h>
#else
#include <malloc.h>
#endif

typedef ssize_t (*rb_ssh_receive)(libssh2_socket_t, void *, size_t, int, void **);
typedef ssize_t (*rb_ssh_send)(libssh2_socket_t, const void *, size_t, int, void **);

typedef void (*rb_ssh_disconnect)(
    LIBSSH2_SESSION *, int, const char *, int, const char *, int, void **);

static inline void rb_ssh_set_callbacks(
    LIBSSH2_SESSION *session, rb_ssh_receive receive, rb_ssh_send send, rb_ssh_disconnect disconnect) {
  libssh2_session_callback_set(session, LIBSSH2_CALLBACK_RECV, (void *)receive);
  libssh2_session_callback_set(session, LIBSSH2_CALLBACK_SEND, (void *)send);
  libssh2_session_callback_set(session, LIBSSH2_CALLBACK_DISCONNECT, (void *)disconnect);
}

// How many bytes of an allocation may be read, which are no fewer than were asked for.
static inline size_t rb_ssh_allocated(const void *pointer) {
#ifdef __APPLE__
  return malloc_size(pointer);
#else
  return malloc_usable_size((void *)pointer);
#endif
}

// The types of a prompt's text and length are not the same in all versions.
static inline const void *rb_ssh_prompt_text(const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompt) { return prompt->text; }
static inline size_t rb_ssh_prompt_length(const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompt) { return prompt->length; }
