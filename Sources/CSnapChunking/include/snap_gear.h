#ifndef SNAP_GEAR_H
#define SNAP_GEAR_H

#include <stddef.h>
#include <stdint.h>

/// Feeds bytes to a gear hash until `hash & mask` is zero. Returns how many were fed, the one that ended it included, or 0
/// where none did; `*hash` is that after the last one then.
size_t snap_gear_scan(const uint8_t *bytes, size_t count, const uint64_t gear[256], uint64_t mask, uint64_t *hash);

#endif
