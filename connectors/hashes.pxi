# BLAKE2b (RFC 7693) of short messages, and what schemas/ids.py makes of it.

cdef enum:
    BLOCK = 128
    ROUNDS = 12
    MESSAGE_MAX = 8192

cdef unsigned long long BLAKE_START[8]
BLAKE_START[:] = [
    0x6a09e667f3bcc908ULL, 0xbb67ae8584caa73bULL, 0x3c6ef372fe94f82bULL, 0xa54ff53a5f1d36f1ULL,
    0x510e527fade682d1ULL, 0x9b05688c2b3e6c1fULL, 0x1f83d9abfb41bd6bULL, 0x5be0cd19137e2179ULL,
]
cdef unsigned char BLAKE_ORDER[10][16]
BLAKE_ORDER[0][:] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
BLAKE_ORDER[1][:] = [14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3]
BLAKE_ORDER[2][:] = [11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4]
BLAKE_ORDER[3][:] = [7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8]
BLAKE_ORDER[4][:] = [9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13]
BLAKE_ORDER[5][:] = [2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9]
BLAKE_ORDER[6][:] = [12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11]
BLAKE_ORDER[7][:] = [13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10]
BLAKE_ORDER[8][:] = [6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5]
BLAKE_ORDER[9][:] = [10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0]
cdef const char* HEX = b"0123456789abcdef"


cdef inline unsigned long long turned(unsigned long long word, int by) noexcept:
    return word >> by | word << (64 - by)


cdef inline void mixed(
    unsigned long long* v, int a, int b, int c, int d, unsigned long long x, unsigned long long y
) noexcept:
    v[a] += v[b] + x
    v[d] = turned(v[d] ^ v[a], 32)
    v[c] += v[d]
    v[b] = turned(v[b] ^ v[c], 24)
    v[a] += v[b] + y
    v[d] = turned(v[d] ^ v[a], 16)
    v[c] += v[d]
    v[b] = turned(v[b] ^ v[c], 63)


cdef void compress(
    unsigned long long* h, const unsigned char* block, unsigned long long told, bint last
) noexcept:
    cdef unsigned long long v[16]
    cdef unsigned long long m[16]
    cdef unsigned char* o
    cdef int each
    memcpy(m, block, BLOCK)
    for each in range(8):
        v[each], v[each + 8] = h[each], BLAKE_START[each]
    v[12] ^= told
    if last:
        v[14] = ~v[14]
    for each in range(ROUNDS):
        o = BLAKE_ORDER[each % 10]
        mixed(v, 0, 4, 8, 12, m[o[0]], m[o[1]])
        mixed(v, 1, 5, 9, 13, m[o[2]], m[o[3]])
        mixed(v, 2, 6, 10, 14, m[o[4]], m[o[5]])
        mixed(v, 3, 7, 11, 15, m[o[6]], m[o[7]])
        mixed(v, 0, 5, 10, 15, m[o[8]], m[o[9]])
        mixed(v, 1, 6, 11, 12, m[o[10]], m[o[11]])
        mixed(v, 2, 7, 8, 13, m[o[12]], m[o[13]])
        mixed(v, 3, 4, 9, 14, m[o[14]], m[o[15]])
    for each in range(8):
        h[each] ^= v[each] ^ v[each + 8]


cdef void blake2b(
    unsigned char* out, int size, const unsigned char* data, Py_ssize_t length, bytes key
) noexcept:
    """`size` bytes of the hash of `length` bytes, under a key of at most 64 bytes or none."""
    cdef unsigned long long h[8]
    cdef unsigned char block[BLOCK]
    cdef Py_ssize_t at = 0, keyed = len(key), told = 0
    memcpy(h, BLAKE_START, 64)
    h[0] ^= 0x01010000 ^ keyed << 8 ^ size
    if keyed:
        memset(block, 0, BLOCK)
        memcpy(block, <const unsigned char*>key, keyed)
        told = BLOCK
        compress(h, block, told, length == 0)
    while length - at > BLOCK:
        told += BLOCK
        compress(h, &data[at], told, False)
        at += BLOCK
    if length or not keyed:
        memset(block, 0, BLOCK)
        memcpy(block, &data[at], length - at)
        compress(h, block, told + length - at, True)
    memcpy(out, h, size)


cdef inline unsigned char* join(
    unsigned char* into, const unsigned char* part, Py_ssize_t size
) noexcept:
    """schemas.ids.joined, one more part of it."""
    into = written(into, size, 4)
    memcpy(into, part, size)
    return into + size


cdef unsigned char* join_text(unsigned char* into, object text) except NULL:
    cdef Py_ssize_t size
    cdef const char* at = PyUnicode_AsUTF8AndSize(text, &size)
    if size > 512:
        raise ValueError("a part too long to be joined")
    return join(into, <const unsigned char*>at, size)


cdef str in_hex(const char* head, int headed, const unsigned char* data, int size):
    cdef char out[BLOCK]
    cdef int each
    memcpy(out, head, headed)
    for each in range(size):
        out[headed + 2 * each] = HEX[data[each] >> 4]
        out[headed + 2 * each + 1] = HEX[data[each] & 15]
    return PyUnicode_DecodeUTF8(out, headed + 2 * size, NULL)


cdef str named(const char* head, const unsigned char* data, Py_ssize_t size):
    """schemas.ids.slot_id and decision_id: two letters and 16 bytes of the hash."""
    cdef unsigned char hashed[16]
    blake2b(hashed, 16, data, size, b"")
    return in_hex(head, 2, hashed, 16)


cdef long long short_of(object one, object two) except -1:
    """schemas.ids.short_hash of one text, or of two."""
    cdef unsigned char data[2048]
    cdef unsigned char hashed[8]
    cdef unsigned char* end = join_text(data, one)
    if two is not None:
        end = join_text(end, two)
    blake2b(hashed, 6, data, end - data, b"")
    return <long long>big_endian(hashed, 6)


cdef int id_hashed(unsigned char* out, object event_id) except -1:
    """models.dedup.id_hash of an id of ASCII."""
    cdef Py_ssize_t size
    cdef const char* at = PyUnicode_AsUTF8AndSize(event_id, &size)
    blake2b(out, 2, <const unsigned char*>at, size, b"")
    out[1] |= not out[0] and not out[1]
    return 0


cdef long long drawn_ppm(bytes salt, const char* purpose, Py_ssize_t size, str part) except -1:
    """schemas.ids.draw_ppm of one part; the salt has at most 64 bytes."""
    cdef unsigned char data[1024]
    cdef unsigned char hashed[8]
    cdef unsigned char* end = join_text(join(data, <const unsigned char*>purpose, size), part)
    blake2b(hashed, 8, data, end - data, salt)
    cdef unsigned long long number = big_endian(hashed, 8)
    return <long long>((number >> 32) * 1000000 + ((number & 0xffffffff) * 1000000 >> 32) >> 32)


def hashed(bytes data not None, int size, bytes key not None):
    """The hash itself, for tests."""
    cdef unsigned char out[64]
    blake2b(out, size, data, len(data), key)
    return PyBytes_FromStringAndSize(<char*>out, size)
