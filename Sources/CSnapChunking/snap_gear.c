#include "snap_gear.h"

// Each byte's hash waits for that of the byte before it, so the time of a byte is that of its arithmetic. One LEA takes
// one cycle where the shift and the addition that compilers make of it take two.
#if defined(__x86_64__)
#define FEED(hash, number) __asm__("leaq (%1,%0,2), %0" : "+r"(hash) : "r"(number))
#else
#define FEED(hash, number) hash = (hash << 1) + (number)
#endif

#define STEP(place) \
    FEED(state, gear[at[place]]); \
    if ((state & mask) == 0) return (size_t)(at - bytes) + place + 1;

size_t snap_gear_scan(const uint8_t *bytes, size_t count, const uint64_t gear[256], uint64_t mask, uint64_t *hash) {
    const uint8_t *at = bytes;
    const uint8_t *end = bytes + count;
    uint64_t state = *hash;
    for (; end - at >= 8; at += 8) {
        STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7)
    }
    for (; at < end; at++) {
        STEP(0)
    }
    *hash = state;
    return 0;
}
