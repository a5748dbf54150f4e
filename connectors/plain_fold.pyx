

cdef object at_offset(object event, Py_ssize_t offset):
    """A field of a frozen struct, read where it lies."""
    return <object>(<PyObject**>(<char*><PyObject*>event + offset))[0]


cdef long long whole(object value, long long low, long long high):
    """A number of that range, NONE for None, BAD for anything else."""
    cdef int overflow = 0
    cdef long long out
    if value is None:
        return NONE
    if not PyLong_CheckExact(value):
        return BAD
    out = PyLong_AsLongLongAndOverflow(value, &overflow)
    return BAD if overflow or out < low or out > high else out


cdef const char* ascii(object text, Py_ssize_t* size):
    """The characters of a text of ASCII; NULL for another one."""
    if not PyUnicode_CheckExact(text) or not PyUnicode_IS_COMPACT_ASCII(text):
        return NULL
    return PyUnicode_AsUTF8AndSize(text, size)


cdef struct Told:
    long long index, depth, velocity, active_ms, sent_ms
    const char* session_id
    const char* tab_id
    Py_ssize_t session_size, tab_size
    int known, page_key


cdef class Plain:
    """Folds what it can; see models/plain.py."""

    cdef dict codes, asking, views

    def __init__(self):
        self.codes = {name: CODES[name] for name in (*TYPES_FOLDED, *TYPES_ASKING)}
        self.asking = {CODES[name]: name in TYPES_ASKING for name in CODES}
        self.views = {}

    def folded(self, bytes state not None, event, str user_key not None, context, stopwatch):
        """(state bytes, inputs of one that asks); None for what Python has to fold."""
        cdef State s
        cdef Told told
        cdef Prepared view
        cdef unsigned char id_bytes[2]
        cdef const unsigned char* data = state
        cdef Py_ssize_t size = len(state)
        if type(event) is not Event or not 3 < size <= STATE_BYTES_MAX or memcmp(data, HEAD_BYTES, 3):
            return None
        code = self.codes.get(at_offset(event, E_type))
        if code is None or not valid(&s, &told, event, user_key):
            return None
        s.code = code
        if not parse(&s, data + 3, size - 3):
            return None
        s.now_ms = max(got(&s.profile[P_now_ms]), s.received_ms)
        if told.sent_ms - s.ts_ms > STALE_MS or not undisturbed(&s):
            return None
        asking = self.asking[code]
        if asking:
            stopwatch.lap("state")
        view = self.prepared(context.at(at_offset(event, E_site), s.now_ms))
        if not view.usable or not in_force(&s, view) or not consented(&s, &told, event):
            return None
        key = short_of(at_offset(event, E_session_id), at_offset(event, E_tab_id))
        id_hashed(id_bytes, at_offset(event, E_event_id))
        if not seen(&s, key, told.index, id_bytes):
            return None
        kept = []
        if asking:
            stopwatch.lap("dedup")
        if not moved_on(&s, &told, event, view.view, kept) or not view.reach_out(&s):
            return None
        if asking:
            stopwatch.lap("profile")
        return scored(&s, view, asking)

    def decided(
        self, bytes state not None, list inputs, event, str user_key not None, context, stopwatch
    ):
        """(state bytes, effects) after what `folded` left; None for what Python has to decide."""
        cdef Draft d = Draft()
        d.state, d.event, d.inputs, d.kind = state, event, inputs, at_offset(event, E_type)
        return decision(d, self, user_key, context, stopwatch)

    def swapped(self, bytes state not None, bytes given not None):
        return exchanged(state, given)

    cdef Prepared prepared(self, view):
        made = self.views.get(id(view))
        if made is None:
            if len(self.views) >= VIEWS_KEPT:
                self.views.clear()
            made = self.views[id(view)] = Prepared(view)
        return made


cdef int valid(State* s, Told* told, event, str user_key):
    """models.validity.problem, for ids of ASCII."""
    cdef Py_ssize_t site_size, key_size, id_size
    cdef const char* site = ascii(at_offset(event, E_site), &site_size)
    cdef const char* key = ascii(user_key, &key_size)
    cdef const char* event_id = ascii(at_offset(event, E_event_id), &id_size)
    if site == NULL or key == NULL or event_id == NULL or at_offset(event, E_internal) != "":
        return 0
    if at_offset(event, E_user_key) != user_key:
        return 0
    if key_size <= site_size or key[site_size] != b":" or memcmp(key, site, site_size):
        return 0
    told.known, told.page_key = strstr(key, b":u:") != NULL, strstr(key, b":p:") != NULL
    told.session_id = ascii(at_offset(event, E_session_id), &told.session_size)
    told.tab_id = ascii(at_offset(event, E_tab_id), &told.tab_size)
    if told.session_id == NULL or told.tab_id == NULL or not 0 < id_size <= NAME_BYTES_MAX:
        return 0
    if not 0 < told.session_size <= NAME_MAX or not 0 < told.tab_size <= NAME_MAX:
        return 0
    return measured(s, told, event) and described(event)


cdef int measured(State* s, Told* told, event):
    told.index = whole(at_offset(event, E_session_index), 0, INDEX_MAX)
    s.received_ms = whole(at_offset(event, E_received_at_ms), EARLIEST_MS, LATEST_MS)
    s.ts_ms = whole(at_offset(event, E_ts_ms), EARLIEST_MS, LATEST_MS)
    told.depth = whole(at_offset(event, E_scroll_depth_ppm), 0, 1000000)
    told.velocity = whole(at_offset(event, E_tap_velocity_ms), 0, DURATION_MS_MAX)
    told.active_ms = whole(at_offset(event, E_active_duration_ms), 0, DURATION_MS_MAX)
    told.sent_ms = whole(at_offset(event, E_sent_at_ms), 0, LATEST_MS)
    if min(told.index, s.received_ms, s.ts_ms, told.sent_ms) < 0:
        return 0
    if told.depth == BAD or told.velocity == BAD or told.active_ms == BAD:
        return 0
    return whole(at_offset(event, E_value_micros), 0, MICROS_MAX) != BAD


cdef int described(event):
    """Texts about page and product are not too long, and a product costs something."""
    page, product = at_offset(event, E_page), at_offset(event, E_product)
    if len(at_offset(event, E_properties)) > PROPERTIES_MAX:
        return 0
    if product is not None and not offered(product):
        return 0
    if page is None:
        return 1
    return (len(at_offset(page, G_url)) <= TEXT_BYTES_MAX
            and len(at_offset(page, G_path)) <= TEXT_BYTES_MAX
            and len(at_offset(page, G_title)) <= TEXT_BYTES_MAX)


cdef int offered(product):
    if whole(at_offset(product, R_price_micros), 0, MICROS_MAX) < 0:
        return 0
    if whole(at_offset(product, R_quantity), 0, QUANTITY_MAX) < 0:
        return 0
    return (len(at_offset(product, R_id)) <= TEXT_BYTES_MAX
            and len(at_offset(product, R_name)) <= TEXT_BYTES_MAX
            and len(at_offset(product, R_category)) <= TEXT_BYTES_MAX)


cdef int in_force(State* s, Prepared view) noexcept:
    """models.user._score: the model of the last event is still the one, and fresh."""
    if view.stale_from_ms and s.now_ms > view.stale_from_ms:
        return 0
    if got(&s.profile[P_model_version]) != view.model:
        return 0
    return got(&s.profile[P_hidden_mark]) == view.mark


cdef int consented(State* s, Told* told, event):
    """Nothing new is said: not of consent, not of who it is, not of where the visit came from."""
    cdef const unsigned char* at
    if at_offset(event, E_consent_unsaid) is not True:
        said = at_offset(event, E_consent)
        allowed = said.analytics | said.personalization << 1 | said.marketing << 2
        if allowed != got(&s.profile[P_consent]):
            return 0
    if told.known and not got(&s.profile[P_identified]):
        return 0
    if at_offset(event, E_source) is not None and opened(&s.session[S_source], &at) <= 0:
        return 0
    put(&s.profile[P_now_ms], s.now_ms)
    put(&s.profile[P_forget_at_ms], s.now_ms + (PAGE_TTL if told.page_key else PROFILE_TTL))
    add(&s.profile[P_applied], 1)
    return 1


cdef long long element_of(event) except -1:
    """models.burst._element"""
    target = at_offset(event, E_properties).get("target")
    if target is None:
        product = at_offset(event, E_product)
        if product is None:
            return 0
        target = at_offset(product, R_id)
    return crc32(str(target).encode()) & 0xffff


cdef int moved_on(State* s, Told* told, event, view, list kept):
    cdef long long element = element_of(event) if INTERACTS[s.code] else 0
    if not paced(s) or (s.code == ADD_TO_CART and not cart_grown(s, told, event)):
        return 0
    if not carted(s) or not tallied(s):
        return 0
    if not visited(s, told.session_id, told.session_size, told.tab_id, told.tab_size):
        return 0
    if not clocked(s, told.active_ms) or not traced(s) or not burst_on(s, element, told.depth):
        return 0
    if s.code == ADD_TO_CART:
        add(&s.session[S_cart_adds], 1)
    elif s.code == PAGE_VIEW or s.code == PRODUCT_VIEW:
        if not viewed_page(s, event, view, kept):
            return 0
    signalled(s, told.depth, told.velocity)
    return kept_open(s)


cdef object scored(State* s, Prepared view, bint asking):
    """models.user._score and, where nothing is asked, the rest of the step."""
    cdef const unsigned char* at
    cdef const unsigned char* answer
    cdef Py_ssize_t size = opened(&s.profile[P_hidden], &at)
    cdef long long found[PLACES_MAX]
    cdef int each, count, both, before
    cdef double value
    vector = vector_of(s)
    concepts, hidden = view.scorer.step(vector, PyBytes_FromStringAndSize(<char*>at, size))
    scores = view.intents.scores_ppm(concepts)
    count, both = len(scores), len(scores) + len(concepts)
    if both > PLACES_MAX or not isinstance(hidden, bytes) or len(hidden) > HIDDEN_MAX:
        return None
    for each in range(count):
        found[each] = scores[each]
    for each in range(count, both):
        found[each] = concepts[each - count]
    before = numbers(&s.profile[P_scores], s.before, PLACES_MAX)
    if before < 0:
        return None
    each = numbers(&s.profile[P_concepts], &s.before[before], PLACES_MAX - before)
    if each < 0 or (not asking and view.asks(s, found, count, both, before + each)):
        return None
    if view.mark:
        for each in range(FEATURE_COUNT):
            value = <double>vector[each] * 16
            if value != value:
                return None
            s.inputs[each] = 0 if value < 0 else 255 if value >= 255 else <unsigned char>value
        if not remembered(s, FEATURE_COUNT):
            return None
    answer = hidden
    put_bytes(&s.profile[P_hidden], answer, len(hidden))
    replace_numbers(s, P_scores, found, count)
    replace_numbers(s, P_concepts, &found[count], both - count)
    if not trended(s, found, count) or (not asking and not waits(s)):
        return None
    after = dumped(s)
    return None if after is None else (after, vector if asking else None)


cdef void replace_numbers(State* s, int which, long long* values, int count) noexcept:
    cdef unsigned char* end = write_numbers(s.free, values, count)
    s.profile[which].at, s.profile[which].size = s.free, end - s.free
    s.free = end


cdef int trended(State* s, long long* scores, int count) noexcept:
    """models.trends.update"""
    cdef long long averages[PLACES_MAX]
    cdef long long since_ms = got(&s.profile[P_trend_ms]), share, goal
    cdef long long ticks = (s.now_ms - since_ms) >> TICK_BITS
    cdef int each, found = numbers(&s.profile[P_trends], averages, PLACES_MAX)
    if found != 2 * count:
        return 0
    if ticks <= 0:
        return 1
    for each in range(2 * count):
        if each < count:
            share, goal = FAST[ticks] if ticks < FAST_TICKS else ONE_SHARE, scores[each]
        else:
            share, goal = SLOW[ticks] if ticks < SLOW_TICKS else ONE_SHARE, scores[each - count]
        averages[each] += ((goal << FINE_BITS) - averages[each]) * share >> SHARE_BITS
        if averages[each] < 0:
            return 0
    replace_numbers(s, P_trends, averages, found)
    put(&s.profile[P_trend_ms], since_ms + (ticks << TICK_BITS))
    return 1


cdef object dumped(State* s):
    """schemas.profile.dump; None for what would have to be trimmed."""
    gather(s)
    cdef unsigned char* beginning = s.free
    memcpy(beginning, HEAD_BYTES, 3)
    cdef Py_ssize_t size = write_fields(beginning + 3, s.profile, P_FIELDS) - beginning
    if size > STATE_BYTES_MAX:
        return None
    return PyBytes_FromStringAndSize(<char*>beginning, size)
