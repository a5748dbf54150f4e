

# models.session: _session, _tab, _clock, _trace

cdef int visited(State* s, const char* session_id, Py_ssize_t session_size,
                 const char* tab_id, Py_ssize_t tab_size) noexcept:
    cdef const unsigned char* at
    cdef long long last_ms = got(&s.session[S_last_ms]), left_ms = got(&s.burst[B_left_ms])
    cdef long long closes_ms = last_ms + got(&s.burst[B_gap_ms])
    if left_ms:
        closes_ms = min(closes_ms, left_ms + got(&s.burst[B_exit_ms]))
    if got(&s.burst[B_number]) <= 0 or s.now_ms > closes_ms:
        return 0
    if got(&s.session[S_number]) <= 0 or s.now_ms - last_ms > SESSION_GAP_MS:
        return 0
    put(&s.session[S_last_ms], s.now_ms)
    s.tab_count = listed(&s.profile[P_tabs], s.tabs, TABS_MAX)
    if s.tab_count < 1 or listed(&s.tabs[s.tab_count - 1], s.tab, TAB_FIELDS) != TAB_FIELDS:
        return 0
    if opened(&s.tab[TAB_session_id], &at) != session_size or memcmp(at, session_id, session_size):
        return 0
    return opened(&s.tab[TAB_tab_id], &at) == tab_size and not memcmp(at, tab_id, tab_size)


cdef int clocked(State* s, long long active_ms) noexcept:
    """`active_ms` is NONE where the event tells none."""
    cdef long long last_ms = got(&s.tab[TAB_last_ts_ms]), gap_ms = 0, grown_ms
    if last_ms:
        gap_ms = clipped(s.ts_ms - last_ms)
    put(&s.session[S_gap_ms], gap_ms)
    put(&s.tab[TAB_last_ts_ms], s.ts_ms)
    if got(&s.session[S_last_type]) == PAUSE and gap_ms > got(&s.session[S_pause_max_ms]):
        put(&s.session[S_pause_max_ms], gap_ms)
    if active_ms != NONE:
        grown_ms = clipped(active_ms) - got(&s.tab[TAB_active_ms])
        if grown_ms > 0:
            add(&s.tab[TAB_active_ms], grown_ms)
            add(&s.burst[B_active_ms], grown_ms)
    return 1


cdef int traced(State* s) noexcept:
    cdef const unsigned char* at
    cdef Py_ssize_t size = opened(&s.session[S_counts], &at)
    put(&s.session[S_previous_type], got(&s.session[S_last_type]))
    put(&s.session[S_last_type], s.code)
    add(&s.session[S_events], 1)
    add(&s.session[S_interactions], INTERACTS[s.code])
    if size != TYPES:
        return 0
    memcpy(s.counts, at, TYPES)
    if s.counts[s.code] < 255:
        s.counts[s.code] += 1
    put_bytes(&s.session[S_counts], s.counts, TYPES)
    size = opened(&s.session[S_trail], &at)
    if size < 0 or size > TRAIL_MAX:
        return 0
    if size == TRAIL_MAX:
        at += 1
        size -= 1
    memcpy(s.trail, at, size)
    s.trail[size] = <unsigned char>s.code
    put_bytes(&s.session[S_trail], s.trail, size + 1)
    return 1


# models.burst.update and the folds of hover and rage_click

cdef int burst_on(State* s, long long element, long long depth) noexcept:
    cdef const unsigned char* at
    cdef unsigned char* end
    cdef int each
    cdef long long mark = s.code << 16 | element
    if INTERACTS[s.code]:
        s.touched_count = numbers(&s.tab[TAB_touched], s.touched, TOUCHED_MAX)
        if s.touched_count < 0:
            return 0
        for each in range(s.touched_count):
            if s.touched[each] == mark:
                break
        else:
            if s.touched_count < TOUCHED_MAX:
                s.touched[s.touched_count] = mark
                end = write_numbers(s.free, s.touched, s.touched_count + 1)
                s.tab[TAB_touched].at, s.tab[TAB_touched].size = s.free, end - s.free
                s.free = end
                add(&s.burst[B_interactions], 1)
    if depth != NONE:
        if opened(&s.tab[TAB_product_id], &at) > 0 and depth > got(&s.burst[B_scroll_ppm]):
            put(&s.burst[B_scroll_ppm], depth)
        if depth > BAND_ONE_PPM:
            banded(s, 2 if depth > BAND_TWO_PPM else 1)
    if got(&s.burst[B_left_ms]):
        put(&s.burst[B_left_ms], 0)
    if s.code == HOVER:
        add(&s.session[S_hovers], 1)
    elif s.code == RAGE_CLICK:
        add(&s.session[S_rage_clicks], 1)
    return 1


cdef void banded(State* s, long long band) noexcept:
    cdef long long bands = got(&s.tab[TAB_bands])
    if not bands & band:
        put(&s.tab[TAB_bands], bands | band)
        add(&s.burst[B_interactions], 1)


# models.session._signals

cdef void signalled(State* s, long long depth, long long velocity) noexcept:
    cdef long long mean
    if depth != NONE:
        if depth > got(&s.tab[TAB_scroll_ppm]):
            put(&s.tab[TAB_scroll_ppm], depth)
        if depth > got(&s.session[S_scroll_ppm]):
            put(&s.session[S_scroll_ppm], depth)
    if velocity != NONE:
        velocity = clipped(velocity)
        mean = got(&s.session[S_tap_mean_ms])
        put(&s.session[S_tap_velocity_ms], velocity)
        put(&s.session[S_tap_mean_ms], mean + ((velocity - mean) >> 2) if mean else velocity)
