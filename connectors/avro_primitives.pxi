# What every compiled codec is made of: Avro's primitive types over a cursor and a growing buffer.
# No length is believed before it is compared with the bytes that are left.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize, PyBytes_GET_SIZE
from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.math cimport isfinite
from libc.stdlib cimport free, realloc
from libc.string cimport memcpy

from connectors.avro_compiled import BadValue

cdef struct Cursor:
    const unsigned char* d
    Py_ssize_t p
    Py_ssize_t end


cdef unsigned long long number_far(Cursor* c, unsigned long long number) except? 0:
    """The rest of an unsigned number whose first seven bits are known."""
    cdef int shift = 7
    cdef unsigned long long byte
    while shift < 70:
        if c.p >= c.end:
            raise EOFError
        byte = c.d[c.p]
        c.p += 1
        if shift == 63 and (byte & 0x7F) > 1:
            break
        number |= (byte & 0x7F) << shift
        if byte < 128:
            return number
        shift += 7
    raise ValueError("a number is longer than 64 bits")


cdef inline unsigned long long unsigned_number(Cursor* c) except? 0:
    cdef unsigned char byte
    if c.p >= c.end:
        raise EOFError
    byte = c.d[c.p]
    c.p += 1
    return byte if byte < 128 else number_far(c, byte & 0x7F)


cdef inline long long number(Cursor* c) except? -1:
    cdef unsigned long long n = unsigned_number(c)
    return <long long>(n >> 1) ^ -<long long>(n & 1)


cdef long long number32(Cursor* c, str field) except? -1:
    cdef long long n = number(c)
    if not -2147483648 <= n <= 2147483647:
        raise BadValue(f"{field} is outside 32 bits")
    return n


cdef inline Py_ssize_t length(Cursor* c) except -1:
    """Of bytes that are there."""
    cdef unsigned long long n = unsigned_number(c)
    if n & 1 or n >> 1 > <unsigned long long>(c.end - c.p):
        raise EOFError
    return <Py_ssize_t>(n >> 1)


cdef inline str text(Cursor* c):
    cdef Py_ssize_t size = length(c), at = c.p
    c.p += size
    return PyUnicode_DecodeUTF8(<const char*>c.d + at, size, NULL)


cdef inline bytes raw(Cursor* c):
    cdef Py_ssize_t size = length(c), at = c.p
    c.p += size
    return PyBytes_FromStringAndSize(<const char*>c.d + at, size)


cdef inline unsigned char branch(Cursor* c) except? 255:
    """One byte: the branch of a union, times two."""
    if c.p >= c.end:
        raise EOFError
    c.p += 1
    return c.d[c.p - 1]


cdef object boolean(Cursor* c):
    cdef unsigned char byte = branch(c)
    if byte > 1:
        raise ValueError("no boolean")
    return byte == 1


cdef object real(Cursor* c, str field):
    cdef double value
    if c.end - c.p < 8:
        raise EOFError
    memcpy(&value, c.d + c.p, 8)
    c.p += 8
    if not isfinite(value):
        raise BadValue(f"{field} is not a finite number")
    return value


cdef Py_ssize_t block(Cursor* c) except -1:
    """Number of items in the next block of an array or a map, 0 at its end."""
    cdef long long count = number(c)
    if count < 0:
        if count < -c.end:
            raise EOFError
        count = -count
        number(c)
    if count > c.end - c.p:
        raise EOFError
    return <Py_ssize_t>count


cdef struct Out:
    char* d
    Py_ssize_t size
    Py_ssize_t room


cdef int grow(Out* o, Py_ssize_t more) except -1:
    cdef Py_ssize_t room = 2 * (o.size + more) + 1024
    cdef char* larger = <char*>realloc(o.d, room)
    if larger == NULL:
        raise MemoryError
    o.d, o.room = larger, room
    return 0


cdef inline int put_byte(Out* o, unsigned char byte) except -1:
    if o.size >= o.room:
        grow(o, 1)
    o.d[o.size] = <char>byte
    o.size += 1
    return 0


cdef inline int put_unsigned(Out* o, unsigned long long n) except -1:
    while n > 127:
        put_byte(o, n & 127 | 128)
        n >>= 7
    return put_byte(o, <unsigned char>n)


cdef inline int put_number(Out* o, long long n) except -1:
    return put_unsigned(o, (<unsigned long long>n << 1) ^ <unsigned long long>(n >> 63))


cdef int put_number32(Out* o, long long n) except -1:
    if not -2147483648 <= n <= 2147483647:
        raise OverflowError("an int is outside 32 bits")
    return put_number(o, n)


cdef int put_sized(Out* o, const char* data, Py_ssize_t size) except -1:
    put_unsigned(o, <unsigned long long>size << 1)
    if o.size + size > o.room:
        grow(o, size)
    memcpy(o.d + o.size, data, size)
    o.size += size
    return 0


cdef inline int put_text(Out* o, str value) except -1:
    cdef Py_ssize_t size = 0
    cdef const char* data = PyUnicode_AsUTF8AndSize(value, &size)
    return put_sized(o, data, size)


cdef inline int put_bytes(Out* o, bytes value) except -1:
    return put_sized(o, PyBytes_AS_STRING(value), PyBytes_GET_SIZE(value))


cdef int put_real(Out* o, double value) except -1:
    cdef char* data = <char*>&value
    cdef int at
    for at in range(8):
        put_byte(o, <unsigned char>data[at])
    return 0
