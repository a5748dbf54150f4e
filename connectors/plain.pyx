# The step of models.user for events that ask for nothing, from state bytes to state bytes. Each
# function here is the Python function named above it, for the events that get so far; whatever is
# out of the ordinary is left to Python, from the start.

cdef struct State:
    Field profile[P_FIELDS]
    Field tally[T_FIELDS]
    Field session[S_FIELDS]
    Field burst[B_FIELDS]
    Field outreach[O_FIELDS]
    Field windows[WINDOWS_MAX]
    Field window[W_FIELDS]
    Field tabs[TABS_MAX]
    Field tab[TAB_FIELDS]
    Field earlier[EARLIER_MAX]
    Field exposures[EXPOSURES_MAX]
    int window_count, window_at, tab_count, filled, code
    long long activity[HALF_LIVES][BUCKETS + 1]
    int buckets[HALF_LIVES]
    long long touched[TOUCHED_MAX]
    int touched_count
    long long before[PLACES_MAX]
    long long now_ms, received_ms, ts_ms, cart_micros, cart_items
    unsigned char mask[MASK_BYTES]
    unsigned char hashes[HASH_BYTES]
    unsigned char counts[TYPES]
    unsigned char trail[TRAIL_MAX]
    unsigned char kinds[KINDS]
    unsigned char inputs[PLACES_MAX]
    unsigned char* free
    unsigned char room[ROOM]


cdef inline long long got(Field* field) noexcept:
    """The number in a field, or one that no state holds."""
    cdef long long value = NONE
    if not read(field, &value):
        return NONE
    return value


cdef inline long long clipped(long long duration_ms) noexcept:
    return 0 if duration_ms <= 0 else duration_ms if duration_ms < CLIP_MS else CLIP_MS


cdef inline void add(Field* field, long long more) noexcept:
    put(field, got(field) + more)


cdef void render(State* s, Field* whole, Field* fields, int count) noexcept:
    """Put a struct of changed fields in the place of what was read."""
    cdef unsigned char* end = write_fields(s.free, fields, count)
    whole.at, whole.size, whole.kind = s.free, end - s.free, COPIED
    s.free = end


cdef int parse(State* s, const unsigned char* at, Py_ssize_t size) noexcept:
    """Where everything lies; 0 for what is not the present layout in full."""
    cdef Field whole
    whole.at, whole.size, whole.kind = at, size, COPIED
    s.free = s.room
    return (
        listed(&whole, s.profile, P_FIELDS) == P_FIELDS
        and listed(&s.profile[P_tally], s.tally, T_FIELDS) == T_FIELDS
        and listed(&s.profile[P_session], s.session, S_FIELDS) == S_FIELDS
        and listed(&s.profile[P_burst], s.burst, B_FIELDS) == B_FIELDS
        and listed(&s.profile[P_outreach], s.outreach, O_FIELDS) == O_FIELDS
    )


# models.dedup.check, for an index beyond all that were seen

cdef int seen(State* s, long long key, long long index, const unsigned char* id_hash) noexcept:
    cdef const unsigned char* at
    cdef int each
    s.window_count = listed(&s.profile[P_windows], s.windows, WINDOWS_MAX)
    s.window_at = -1
    for each in range(s.window_count):
        if listed(&s.windows[each], s.window, W_FIELDS) != W_FIELDS:
            return 0
        if got(&s.window[W_key]) == key:
            s.window_at = each
            break
    if s.window_at < 0:
        return 0
    cdef long long newest = got(&s.window[W_newest]), ahead = index - newest
    if newest < -1 or ahead <= 0 or opened(&s.window[W_hashes], &at) != HASH_BYTES:
        return 0
    memcpy(s.hashes, at, HASH_BYTES)
    if ahead >= HASHED:
        memset(s.hashes, 0, HASH_BYTES)
    elif ahead > 1:
        for each in range(<int>ahead):
            memset(&s.hashes[2 * ((newest + 1 + each) % HASHED)], 0, 2)
    memcpy(&s.hashes[2 * (index % HASHED)], id_hash, 2)
    put_bytes(&s.window[W_hashes], s.hashes, HASH_BYTES)
    put(&s.window[W_newest], index)
    put(&s.window[W_last_ms], s.now_ms)
    return shifted(s, ahead)


cdef int shifted(State* s, long long ahead) noexcept:
    """The mask of what was seen, moved on by so many, with the newest in it."""
    cdef const unsigned char* at
    cdef Py_ssize_t each, size = opened(&s.window[W_mask], &at)
    cdef Py_ssize_t whole = ahead >> 3
    cdef int bits = ahead & 7
    if size < 0 or size > MASK_BYTES:
        return 0
    memset(s.mask, 0, MASK_BYTES)
    for each in range(size):
        if whole + each < MASK_BYTES:
            s.mask[whole + each] |= (at[each] << bits) & 0xff
        if bits and whole + each + 1 < MASK_BYTES:
            s.mask[whole + each + 1] |= at[each] >> (8 - bits)
    s.mask[0] |= 1
    size = MASK_BYTES
    while not s.mask[size - 1]:
        size -= 1
    put_bytes(&s.window[W_mask], s.mask, size)
    return 1


# models.tally.update, for types that count and do no more

cdef int tallied(State* s) noexcept:
    cdef long long by_type[TYPES]
    cdef Field every[HALF_LIVES]
    cdef long long bucket
    cdef int which
    if numbers(&s.tally[T_by_type], by_type, TYPES) != TYPES:
        return 0
    by_type[s.code] += 1
    cdef unsigned char* end = write_numbers(s.free, by_type, TYPES)
    s.tally[T_by_type].at, s.tally[T_by_type].size = s.free, end - s.free
    s.free = end
    if listed(&s.tally[T_activity], every, HALF_LIVES) != HALF_LIVES:
        return 0
    end = write_size(end, HALF_LIVES)
    for which in range(HALF_LIVES):
        s.buckets[which] = numbers(&every[which], s.activity[which], BUCKETS + 1)
        bucket = s.received_ms // HALF_LIVES_MS[which]
        if not added(s.activity[which], &s.buckets[which], bucket, 1):
            return 0
        end = write_numbers(end, s.activity[which], s.buckets[which])
    s.tally[T_activity].at, s.tally[T_activity].size = s.free, end - s.free
    s.free = end
    render(s, &s.profile[P_tally], s.tally, T_FIELDS)
    return 1


# models.decay.add, to the newest bucket or a newer one

cdef int added(long long* buckets, int* count, long long bucket, long long weight) noexcept:
    cdef long long ahead = bucket - buckets[0]
    cdef int at
    if ahead < 0 or count[0] < 2:
        return 0
    if ahead == 0:
        buckets[1] += weight
        return 1
    buckets[0] = bucket
    for at in range(BUCKETS, 0, -1):
        if at <= ahead:
            buckets[at] = 0
        else:
            buckets[at] = buckets[at - ahead] if at - ahead < count[0] else 0
    buckets[1] = weight
    count[0] = BUCKETS + 1
    while not buckets[count[0] - 1]:
        count[0] -= 1
    return 1


# models.tally.cart_lines: value of the cart, and whether there is something in it

cdef int carted(State* s) noexcept:
    cdef Field changes[CART_MAX]
    cdef Field change[CART_FIELDS]
    cdef const unsigned char* ids[CART_MAX]
    cdef const unsigned char* at
    cdef Py_ssize_t sizes[CART_MAX]
    cdef long long units[CART_MAX]
    cdef long long prices[CART_MAX]
    cdef int each, line, lines = 0, count = listed(&s.tally[T_cart], changes, CART_MAX)
    cdef Py_ssize_t size
    if count < 0:
        return 0
    for each in range(count):
        if listed(&changes[each], change, CART_FIELDS) != CART_FIELDS:
            return 0
        size = opened(&change[CART_product_id], &at)
        for line in range(lines):
            if sizes[line] == size and not memcmp(ids[line], at, size):
                break
        else:
            line = lines
            ids[line], sizes[line], units[line] = at, size, 0
            lines += 1
        units[line] = max(units[line] + got(&change[CART_quantity]), 0)
        prices[line] = got(&change[CART_price_micros])
    s.cart_micros = s.cart_items = s.filled = 0
    for line in range(lines):
        s.cart_micros += units[line] * prices[line]
        s.cart_items += units[line]
        s.filled |= units[line] > 0
    return 1


# models.recurrence.remember

cdef int remembered(State* s, int count) noexcept:
    """`inputs` are already this step's."""
    cdef const unsigned char* old
    cdef const unsigned char* at
    cdef Py_ssize_t size = opened(&s.profile[P_inputs], &old), room = EARLIER_BYTES_MAX
    cdef unsigned char differing[2 * PLACES_MAX]
    cdef unsigned char* end = s.free
    cdef int each, kept = 1, found = listed(&s.profile[P_earlier], s.earlier, EARLIER_MAX)
    put_bytes(&s.profile[P_inputs], s.inputs, count)
    if size == 0:
        return 1
    if size != count or found < 0:
        return 0
    size = 0
    for each in range(count):
        if old[each] != s.inputs[each]:
            differing[size], differing[size + 1] = each, old[each]
            size += 2
    room -= size
    for each in range(min(found, EARLIER_MAX - 1)):
        room -= opened(&s.earlier[each], &at)
        if room < 0:
            break
        kept += 1
    end = write_size(end, kept)
    end = write_bytes(end, differing, size)
    for each in range(kept - 1):
        memcpy(end, s.earlier[each].at, s.earlier[each].size)
        end += s.earlier[each].size
    s.profile[P_earlier].at, s.profile[P_earlier].size = s.free, end - s.free
    s.free = end
    return 1


# models.deadlines.run: whether nothing is due

cdef int undisturbed(State* s) noexcept:
    cdef Field tabs[TABS_MAX]
    cdef Field tab[TAB_FIELDS]
    cdef int each, count
    cdef long long at_ms = got(&s.outreach[O_at_ms])
    if got(&s.profile[P_timer_at_ms]) > s.now_ms:
        return 1
    if 0 < at_ms <= s.now_ms or 0 < got(&s.profile[P_forget_at_ms]) <= s.now_ms:
        return 0
    count = listed(&s.profile[P_tabs], tabs, TABS_MAX)
    for each in range(count):
        if listed(&tabs[each], tab, TAB_FIELDS) != TAB_FIELDS:
            return 0
        if 0 < got(&tab[TAB_dwell_at_ms]) <= s.now_ms:
            return 0
    return count >= 0


# models.deadlines.set_timer, where the pending timer still is the earliest

cdef int waits(State* s) noexcept:
    cdef Field tab[TAB_FIELDS]
    cdef long long timer_ms = got(&s.profile[P_timer_at_ms]), at_ms = got(&s.outreach[O_at_ms])
    cdef int each
    if timer_ms <= 0 or timer_ms > got(&s.profile[P_forget_at_ms]) or 0 < at_ms < timer_ms:
        return 0
    for each in range(s.tab_count):
        if listed(&s.tabs[each], tab, TAB_FIELDS) != TAB_FIELDS:
            return 0
        at_ms = got(&tab[TAB_dwell_at_ms])
        if 0 < at_ms < timer_ms:
            return 0
    return 1


cdef void gather(State* s) noexcept:
    """Put every changed part in its place within the profile."""
    cdef unsigned char* end
    if s.window_at >= 0:
        render(s, &s.windows[s.window_at], s.window, W_FIELDS)
    render(s, &s.profile[P_windows], s.windows, s.window_count)
    render(s, &s.tabs[s.tab_count - 1], s.tab, TAB_FIELDS)
    render(s, &s.profile[P_tabs], s.tabs, s.tab_count)
    render(s, &s.profile[P_session], s.session, S_FIELDS)
    render(s, &s.profile[P_burst], s.burst, B_FIELDS)
    render(s, &s.profile[P_outreach], s.outreach, O_FIELDS)
