

# Sections that lie packed within the profile (schemas/sections.py), packed anew.

cdef int paced(State* s) noexcept:
    """models.tally.weighed, of the pace that the event's type weighs in."""
    cdef Field whole
    cdef Field every[HALF_LIVES]
    cdef long long buckets[BUCKETS + 1]
    cdef long long half_life_ms, bucket, weight
    cdef unsigned char* end = write_size(s.free, HALF_LIVES)
    cdef int each, count
    cdef int which = T_looks if s.code == PRODUCT_VIEW else T_buys if s.code == ADD_TO_CART else -1
    if which < 0:
        return 1
    unpacked(&s.tally[which], &whole)
    if whole.size and listed(&whole, every, HALF_LIVES) != HALF_LIVES:
        return 0
    for each in range(HALF_LIVES):
        buckets[0] = buckets[1] = 0
        count = numbers(&every[each], buckets, BUCKETS + 1) if whole.size else 2
        half_life_ms = HALF_LIVES_MS[each]
        bucket = s.received_ms // half_life_ms
        weight = WEIGHTS[(s.received_ms - bucket * half_life_ms) * STEPS // half_life_ms]
        if not added(buckets, &count, bucket, weight):
            return 0
        end = write_numbers(end, buckets, count)
    pack(s, &s.tally[which], end)
    return 1


cdef void unpacked(Field* section, Field* whole) noexcept:
    """What is packed in a section; of size 0 where nothing is."""
    cdef Py_ssize_t size = content(section, &whole.at)
    whole.size, whole.kind = max(size, 0), COPIED


cdef void pack(State* s, Field* section, unsigned char* end) noexcept:
    """Put what was written from `s.free` on into a section."""
    put_bytes(section, s.free, end - s.free)
    s.free = end


cdef int products_seen(State* s, Field* each) noexcept:
    """The products looked at; how many there are, -1 for anything else."""
    cdef Field whole
    unpacked(&s.profile[P_seen], &whole)
    return listed(&whole, each, SEEN_MAX) if whole.size else 0


cdef int found_seen(Field* each, int count, Field* one, const char* id, Py_ssize_t size) noexcept:
    """Which of them has this id, with its fields; `count` if none has, -1 for another layout."""
    cdef const unsigned char* at
    cdef int place
    for place in range(count):
        if listed(&each[place], one, SEEN_FIELDS) != SEEN_FIELDS:
            return -1
        if opened(&one[SEEN_product_id], &at) == size and not memcmp(at, id, size):
            return place
    return count


cdef int seen_again(State* s, const char* id, Py_ssize_t size, const char* category,
                    Py_ssize_t category_size, long long price) noexcept:
    """models.seen.viewed"""
    cdef Field each[SEEN_MAX + 1]
    cdef Field one[SEEN_FIELDS]
    cdef unsigned char* end
    cdef int count = products_seen(s, each), place, first
    if count < 0:
        return 0
    place = found_seen(each, count, one, id, size)
    if place < 0:
        return 0
    if place == count:
        put_text(&one[SEEN_product_id], id, size)
        put(&one[SEEN_views], 0)
        put(&one[SEEN_dwell_ms], 0)
        count += 1
    put_text(&one[SEEN_category], category, category_size)
    put(&one[SEEN_price_micros], price)
    add(&one[SEEN_views], 1)
    for place in range(place, count - 1):
        each[place] = each[place + 1]
    render(s, &each[count - 1], one, SEEN_FIELDS)
    first = 1 if count > SEEN_MAX else 0
    end = write_fields(s.free, &each[first], count - first)
    pack(s, &s.profile[P_seen], end)
    return 1


cdef int left_product(State* s) noexcept:
    """models.seen.leave"""
    cdef Field each[SEEN_MAX]
    cdef Field one[SEEN_FIELDS]
    cdef const unsigned char* id
    cdef Py_ssize_t size = opened(&s.tab[TAB_product_id], &id)
    cdef int count = products_seen(s, each), place
    if size < 0 or count < 0:
        return 0
    place = found_seen(each, count, one, <const char*>id, size)
    if place < 0:
        return 0
    if place < count:
        add(&one[SEEN_dwell_ms], clipped(s.ts_ms - got(&s.tab[TAB_product_ts_ms])))
        render(s, &each[place], one, SEEN_FIELDS)
        pack(s, &s.profile[P_seen], write_fields(s.free, each, count))
    put(&s.tab[TAB_product_ts_ms], 0)
    return 1
