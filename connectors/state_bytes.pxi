# State bytes (schemas/profile.py) read where they lie: a field is where its value begins and ends,
# and is copied as it was unless a number or bytes were put in its place.

cdef enum:
    COPIED = 0
    NUMBER = 1
    BYTES = 2
    TEXT = 3

cdef struct Field:
    const unsigned char* at
    Py_ssize_t size
    int kind
    long long value


cdef inline unsigned long long big_endian(const unsigned char* at, int size) noexcept:
    cdef unsigned long long value = 0
    cdef int each
    for each in range(size):
        value = value << 8 | at[each]
    return value


cdef inline int width(unsigned char head) noexcept:
    """Bytes of the number or size behind this byte, 0 for none, -1 for a form never written."""
    if head < 0xc0 or head >= 0xe0 or head == 0xc0 or head == 0xc2 or head == 0xc3:
        return 0
    if head == 0xc4 or head == 0xcc or head == 0xd0 or head == 0xd9:
        return 1
    if head == 0xc5 or head == 0xcd or head == 0xd1 or head == 0xda or head == 0xdc or head == 0xde:
        return 2
    if head == 0xca or head == 0xce or head == 0xd2:
        return 4
    if head == 0xcb or head == 0xcf or head == 0xd3:
        return 8
    return -1


cdef const unsigned char* after(const unsigned char* at, const unsigned char* end) noexcept:
    """Where the value that begins here ends; NULL for one that is cut or of an unknown form."""
    cdef long long left = 1
    cdef unsigned char head
    cdef unsigned long long told
    cdef int wide
    while left > 0:
        if at >= end:
            return NULL
        head = at[0]
        at += 1
        left -= 1
        if head < 0x80 or head >= 0xe0:
            continue
        if head < 0x90:
            left += 2 * (head & 0x0f)
        elif head < 0xa0:
            left += head & 0x0f
        elif head < 0xc0:
            if end - at < head & 0x1f:
                return NULL
            at += head & 0x1f
        else:
            wide = width(head)
            if wide < 0 or end - at < wide:
                return NULL
            told = big_endian(at, wide)
            at += wide
            if head == 0xdc:
                left += told
            elif head == 0xde:
                left += 2 * told
            elif head == 0xc4 or head == 0xc5 or head == 0xd9 or head == 0xda:
                if <unsigned long long>(end - at) < told:
                    return NULL
                at += told
    return at


cdef const unsigned char* entered(const unsigned char* at, const unsigned char* end, int* count) noexcept:
    """Into an array: where its first value begins, and how many there are. NULL for none."""
    if at >= end:
        return NULL
    if at[0] & 0xf0 == 0x90:
        count[0] = at[0] & 0x0f
        return at + 1
    if at[0] == 0xdc and end - at >= 3:
        count[0] = at[1] << 8 | at[2]
        return at + 3
    return NULL


cdef int listed(Field* whole, Field* into, int most) noexcept:
    """The values of an array of at most so many; how many there are, -1 for anything else."""
    cdef const unsigned char* end = whole.at + whole.size
    cdef const unsigned char* following
    cdef int count = 0, each
    cdef const unsigned char* at = entered(whole.at, end, &count)
    if at == NULL or count > most:
        return -1
    for each in range(count):
        following = after(at, end)
        if following == NULL:
            return -1
        into[each].at = at
        into[each].size = following - at
        into[each].kind = COPIED
        at = following
    return count if at == end else -1


cdef int read(Field* field, long long* value) noexcept:
    """The number in a field, also of a flag; 0 if it holds none."""
    cdef unsigned char head
    cdef int wide
    if field.kind == NUMBER:
        value[0] = field.value
        return 1
    head = field.at[0]
    if head < 0x80:
        value[0] = head
    elif head >= 0xe0:
        value[0] = <signed char>head
    elif head == 0xc2 or head == 0xc3:
        value[0] = head & 1
    elif 0xcc <= head <= 0xd3:
        wide = width(head)
        value[0] = <long long>big_endian(field.at + 1, wide)
        if head == 0xd0:
            value[0] = <signed char>value[0]
        elif head == 0xd1:
            value[0] = <short>value[0]
        elif head == 0xd2:
            value[0] = <int>value[0]
    else:
        return 0
    return 1


cdef int numbers(Field* whole, long long* into, int most) noexcept:
    """The numbers of an array of at most so many; how many there are, -1 for anything else."""
    cdef const unsigned char* end = whole.at + whole.size
    cdef Field each
    cdef const unsigned char* following
    cdef int count = 0, at_number
    cdef const unsigned char* at = entered(whole.at, end, &count)
    if at == NULL or count > most:
        return -1
    each.kind = COPIED
    for at_number in range(count):
        following = after(at, end)
        if following == NULL:
            return -1
        each.at, each.size = at, following - at
        if not read(&each, &into[at_number]):
            return -1
        at = following
    return count if at == end else -1


cdef Py_ssize_t opened(Field* field, const unsigned char** at) noexcept:
    """Length and place of the bytes or text in a field, -1 if it holds none."""
    cdef unsigned char head = field.at[0]
    cdef int wide
    if 0xa0 <= head < 0xc0:
        at[0] = field.at + 1
        return head & 0x1f
    if head == 0xc4 or head == 0xc5 or head == 0xd9 or head == 0xda:
        wide = width(head)
        at[0] = field.at + 1 + wide
        return <Py_ssize_t>big_endian(field.at + 1, wide)
    return -1


cdef inline void put(Field* field, long long value) noexcept:
    field.kind = NUMBER
    field.value = value


cdef inline void put_bytes(Field* field, const unsigned char* at, Py_ssize_t size) noexcept:
    field.kind = BYTES
    field.at = at
    field.size = size


cdef inline void put_text(Field* field, const char* at, Py_ssize_t size) noexcept:
    field.kind = TEXT
    field.at = <const unsigned char*>at
    field.size = size


cdef Py_ssize_t content(Field* field, const unsigned char** at) noexcept:
    """As `opened`, also of what was put in."""
    if field.kind == COPIED:
        return opened(field, at)
    at[0] = field.at
    return field.size


cdef unsigned char* written(unsigned char* into, unsigned long long value, int wide) noexcept:
    cdef int each
    for each in range(wide):
        into[each] = (value >> 8 * (wide - 1 - each)) & 0xff
    return into + wide


cdef unsigned char* write_number(unsigned char* into, long long value) noexcept:
    """As msgspec writes one that is not negative: in as few bytes as will do."""
    if value < 0x80:
        into[0] = <unsigned char>value
        return into + 1
    if value <= 0xff:
        into[0] = 0xcc
        return written(into + 1, value, 1)
    if value <= 0xffff:
        into[0] = 0xcd
        return written(into + 1, value, 2)
    if value <= 0xffffffff:
        into[0] = 0xce
        return written(into + 1, value, 4)
    into[0] = 0xcf
    return written(into + 1, value, 8)


cdef unsigned char* write_bytes(unsigned char* into, const unsigned char* at, Py_ssize_t size) noexcept:
    if size <= 0xff:
        into[0] = 0xc4
        into = written(into + 1, size, 1)
    else:
        into[0] = 0xc5
        into = written(into + 1, size, 2)
    memcpy(into, at, size)
    return into + size


cdef unsigned char* write_text(unsigned char* into, const unsigned char* at, Py_ssize_t size) noexcept:
    """One of at most 255 bytes."""
    if size < 32:
        into[0] = 0xa0 | <unsigned char>size
        into += 1
    else:
        into[0] = 0xd9
        into = written(into + 1, size, 1)
    memcpy(into, at, size)
    return into + size


cdef unsigned char* write_size(unsigned char* into, int count) noexcept:
    """The head of an array."""
    if count < 16:
        into[0] = 0x90 | count
        return into + 1
    into[0] = 0xdc
    return written(into + 1, count, 2)


cdef unsigned char* write_fields(unsigned char* into, Field* fields, int count) noexcept:
    """An array of them. What was copied and lies side by side goes in one piece."""
    cdef int each = 0
    cdef const unsigned char* at
    cdef const unsigned char* end
    into = write_size(into, count)
    while each < count:
        if fields[each].kind == NUMBER:
            into = write_number(into, fields[each].value)
        elif fields[each].kind == BYTES:
            into = write_bytes(into, fields[each].at, fields[each].size)
        elif fields[each].kind == TEXT:
            into = write_text(into, fields[each].at, fields[each].size)
        else:
            at = fields[each].at
            end = at + fields[each].size
            while each + 1 < count and fields[each + 1].kind == COPIED and fields[each + 1].at == end:
                each += 1
                end += fields[each].size
            memcpy(into, at, end - at)
            into += end - at
        each += 1
    return into


cdef unsigned char* write_numbers(unsigned char* into, long long* values, int count) noexcept:
    cdef int each
    into = write_size(into, count)
    for each in range(count):
        into = write_number(into, values[each])
    return into
