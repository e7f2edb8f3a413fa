#ifndef SNAP_DIGEST_H
#define SNAP_DIGEST_H

#include <stddef.h>
#include <stdint.h>

/// A message, and where its digest goes.
struct snap_message {
    const uint8_t *bytes;
    size_t count;
    uint8_t *digest; // 32 bytes
};

/// Whether this processor has instructions for SHA-256.
int snap_sha256_is_supported(void);

/// SHA-256 (FIPS 180-4) of each message, several at once in one thread. Only where it is supported.
void snap_sha256_messages(const struct snap_message *messages, size_t count);

#endif
