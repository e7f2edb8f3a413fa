#include "snap_digest.h"

#include <string.h>

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

#define TARGET __attribute__((target("sha,sse4.1,ssse3")))
#define INLINE static inline __attribute__((always_inline, target("sha,sse4.1,ssse3")))

static const uint32_t K[64] __attribute__((aligned(16))) = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

int snap_sha256_is_supported(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_SSE4_1) || !(c & bit_SSSE3)) return 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & bit_SHA);
}

/// Messages that are hashed at once. A round waits 4 cycles for the one before it and a processor begins one every 2, so
/// that two keep it busy; with more there are not enough registers.
enum { LANES = 2, BLOCK = 64 };

/// The state in the order that the instructions want: ABEF and CDGH.
struct state {
    __m128i abef, cdgh;
};

INLINE struct state initial(void) {
    struct state state = {
        _mm_set_epi32(0x6a09e667, (int)0xbb67ae85, 0x510e527f, (int)0x9b05688c),
        _mm_set_epi32(0x3c6ef372, (int)0xa54ff53a, 0x1f83d9ab, 0x5be0cd19),
    };
    return state;
}

INLINE void put_digest(struct state state, uint8_t *digest) {
    const __m128i bytes = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i feba = _mm_shuffle_epi32(state.abef, 0x1b), dchg = _mm_shuffle_epi32(state.cdgh, 0xb1);
    __m128i dcba = _mm_blend_epi16(feba, dchg, 0xf0), hgfe = _mm_alignr_epi8(dchg, feba, 8);
    _mm_storeu_si128((__m128i *)digest, _mm_shuffle_epi8(dcba, bytes));
    _mm_storeu_si128((__m128i *)(digest + 16), _mm_shuffle_epi8(hgfe, bytes));
}

/// Four rounds of one lane, with the words of `w[i & 3]`, and the schedule that later ones need (Gulley et al., "Intel SHA
/// Extensions", 2013).
#define ROUNDS(i, lane)                                                                                              \
    do {                                                                                                             \
        __m128i *w = words[lane];                                                                                    \
        __m128i sum = _mm_add_epi32(w[(i) & 3], _mm_load_si128((const __m128i *)K + (i)));                           \
        cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);                                             \
        if ((i) >= 3 && (i) < 15) {                                                                                  \
            __m128i next = _mm_add_epi32(w[((i) + 1) & 3], _mm_alignr_epi8(w[(i) & 3], w[((i) + 3) & 3], 4));        \
            w[((i) + 1) & 3] = _mm_sha256msg2_epu32(next, w[(i) & 3]);                                               \
        }                                                                                                            \
        abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], _mm_shuffle_epi32(sum, 0x0e));                    \
        if ((i) >= 1 && (i) < 13) w[((i) + 3) & 3] = _mm_sha256msg1_epu32(w[((i) + 3) & 3], w[(i) & 3]);             \
    } while (0)

/// `blocks` blocks of each of `lanes` messages, taken by turns.
INLINE void compress(struct state *states, const uint8_t **bytes, size_t blocks, const int lanes) {
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i abef[LANES], cdgh[LANES], words[LANES][4];
    for (int lane = 0; lane < lanes; lane++) {
        abef[lane] = states[lane].abef;
        cdgh[lane] = states[lane].cdgh;
    }
    for (; blocks > 0; blocks--) {
        __m128i abef_before[LANES], cdgh_before[LANES];
#pragma clang loop unroll(full)
        for (int lane = 0; lane < lanes; lane++) {
            abef_before[lane] = abef[lane];
            cdgh_before[lane] = cdgh[lane];
            for (int word = 0; word < 4; word++)
                words[lane][word] = _mm_shuffle_epi8(
                    _mm_loadu_si128((const __m128i *)bytes[lane] + word), order);
            bytes[lane] += BLOCK;
        }
#pragma clang loop unroll(full)
        for (int i = 0; i < 16; i++) {
#pragma clang loop unroll(full)
            for (int lane = 0; lane < lanes; lane++) ROUNDS(i, lane);
        }
#pragma clang loop unroll(full)
        for (int lane = 0; lane < lanes; lane++) {
            abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
        }
    }
    for (int lane = 0; lane < lanes; lane++) {
        states[lane].abef = abef[lane];
        states[lane].cdgh = cdgh[lane];
    }
}

TARGET static void compress_one(struct state *states, const uint8_t **bytes, size_t blocks) {
    compress(states, bytes, blocks, 1);
}

TARGET static void compress_all(struct state *states, const uint8_t **bytes, size_t blocks) {
    compress(states, bytes, blocks, LANES);
}

/// A message on its way: its whole blocks, then the rest of it with the padding.
struct lane {
    const struct snap_message *message;
    const uint8_t *bytes;
    size_t blocks;
    int is_padding;
    uint8_t tail[2 * BLOCK];
};

static void begin(struct lane *lane, const struct snap_message *message) {
    lane->message = message;
    lane->bytes = message->bytes;
    lane->blocks = message->count / BLOCK;
    lane->is_padding = 0;
}

/// From the whole blocks on to the rest of the message.
static void begin_padding(struct lane *lane) {
    const size_t rest = lane->message->count % BLOCK;
    const uint64_t bits = (uint64_t)lane->message->count * 8;
    lane->blocks = rest < BLOCK - 8 ? 1 : 2;
    const size_t length = lane->blocks * BLOCK;
    memset(lane->tail, 0, length);
    if (rest > 0) memcpy(lane->tail, lane->bytes, rest);
    lane->tail[rest] = 0x80;
    for (int byte = 0; byte < 8; byte++) lane->tail[length - 1 - byte] = (uint8_t)(bits >> (8 * byte));
    lane->bytes = lane->tail;
    lane->is_padding = 1;
}

TARGET void snap_sha256_messages(const struct snap_message *messages, size_t count) {
    struct lane lanes[LANES];
    struct state states[LANES];
    size_t next = 0;
    int used = 0;
    for (; used < LANES && next < count; used++, next++) {
        begin(&lanes[used], &messages[next]);
        states[used] = initial();
    }
    while (used > 0) {
        // Lanes without a block left go on to what is next, or are filled from the end.
        for (int at = 0; at < used;) {
            struct lane *lane = &lanes[at];
            if (lane->blocks > 0) {
                at++;
            } else if (!lane->is_padding) {
                begin_padding(lane);
            } else {
                put_digest(states[at], lane->message->digest);
                if (next < count) {
                    begin(lane, &messages[next++]);
                    states[at] = initial();
                } else if (--used > at) {
                    const struct lane *last = &lanes[used];
                    *lane = *last;
                    // Its padding has moved with it.
                    if (last->is_padding) lane->bytes = lane->tail + (last->bytes - last->tail);
                    states[at] = states[used];
                }
            }
        }
        if (used == 0) return;
        const uint8_t *bytes[LANES];
        size_t blocks = lanes[0].blocks;
        for (int at = 0; at < used; at++) {
            bytes[at] = lanes[at].bytes;
            if (lanes[at].blocks < blocks) blocks = lanes[at].blocks;
        }
        if (used == LANES) {
            compress_all(states, bytes, blocks);
        } else {
            for (int at = 0; at < used; at++) compress_one(&states[at], &bytes[at], blocks);
        }
        for (int at = 0; at < used; at++) {
            lanes[at].bytes = bytes[at];
            lanes[at].blocks -= blocks;
        }
    }
}

#else

int snap_sha256_is_supported(void) { return 0; }

void snap_sha256_messages(const struct snap_message *messages, size_t count) {
    (void)messages;
    (void)count;
}

#endif
