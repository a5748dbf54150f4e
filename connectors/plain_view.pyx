

cdef class Prepared:
    """A view as C reads it; `usable` is false where Python has to fold every event."""

    cdef object view, scorer, intents
    cdef Stand stand
    cdef bint usable, in_session, at_close, abandoned, crossing
    cdef long long model, mark, stale_from_ms, debounce_ms, buying_ppm
    cdef int buying, watched
    cdef int places[PLACES_MAX]
    cdef long long least[PLACES_MAX]
    cdef long long rules[RULES][6]
    cdef int triggers[RULES]
    cdef int rule_count

    def __cinit__(self, view):
        self.view, self.scorer, self.intents = view, view.scorer, view.intents
        model = view.model
        self.usable = model is not None and None not in (view.scorer, view.intents)
        self.usable = self.usable and view.inputs is compiled(FEATURES)
        if not self.usable:
            return
        self.model, self.mark = view.versions.model, view.mark
        self.stale_from_ms = (model.effective_at_ms + model.stale_after_ms) if model.stale_after_ms > 0 else 0
        buying = view.watch.buying
        self.buying, self.buying_ppm = buying if buying is not None else (-1, 0)
        self.watched = len(view.watch.crossed)
        if self.watched > PLACES_MAX or self.buying >= PLACES_MAX:
            self.usable = False
            return
        for each, (place, least) in enumerate(view.watch.crossed):
            self.places[each], self.least[each] = place, least
        causes = view.catalogue.causes if view.catalogue is not None else frozenset()
        self.in_session = IN_SESSION in causes
        self.at_close, self.abandoned = AT_CLOSE in causes, CART_ABANDONED in causes
        self.crossing = bool(causes)
        self.take_rules(bounds_of(view))
        self.stand = Stand(view)

    cdef int take_rules(self, bounds) except -1:
        self.debounce_ms = bounds.debounce_ms
        table = rules(bounds)
        self.rule_count = len(table)
        assert self.rule_count <= RULES
        for at, rule in enumerate(table):
            edges = (*rule.active_ms, *rule.interactions, *rule.scroll_ppm)
            for place, edge in enumerate(edges):
                self.rules[at][place] = edge
            self.triggers[at] = TRIGGER_ORDER.index(rule.trigger)
        return 0

    cdef int trigger(self, State* s) noexcept:
        """models.trigger_rules.rule_of: what the burst may ask for; -1 if no row is its."""
        cdef long long active_ms = got(&s.burst[B_active_ms])
        cdef long long interactions = got(&s.burst[B_interactions])
        cdef long long scroll_ppm = got(&s.burst[B_scroll_ppm])
        cdef long long* row
        cdef int at
        for at in range(self.rule_count):
            row = self.rules[at]
            if (row[0] <= active_ms <= row[1] and row[2] <= interactions <= row[3]
                    and row[4] <= scroll_ppm <= row[5]):
                return self.triggers[at]
        return -1

    cdef int reach_out(self, State* s) noexcept:
        """models.outreach.after_event, for a visitor without planned messages."""
        cdef long long at_ms = 0, due_ms
        cdef int trigger
        if s.outreach[O_mails].at[0] != 0x90:
            return 0
        if got(&s.outreach[O_seen_in]) != got(&s.session[S_number]):
            return 0
        if not self.crossing:
            put(&s.outreach[O_at_ms], 0)
            return 1
        trigger = self.trigger(s)
        if trigger < 0:
            return 0
        if trigger != REACTS_IN_SESSION:
            put(&s.outreach[O_crossed_ms], 0)
        elif not got(&s.outreach[O_crossed_ms]) or got(&s.outreach[O_crossed_by]) == s.code:
            put(&s.outreach[O_crossed_ms], s.now_ms)
            put(&s.outreach[O_crossed_by], s.code)
        put(&s.outreach[O_at_ms], self.next_ms(s, trigger))
        return 1

    cdef long long next_ms(self, State* s, int trigger) noexcept:
        """models.outreach.next_ms; the burst has just had an event, so nothing closes it sooner."""
        cdef long long at_ms = 0, crossed_ms = got(&s.outreach[O_crossed_ms]), due_ms
        if got(&s.session[S_bought]) or got(&s.burst[B_bought]):
            return 0
        if got(&s.burst[B_number]) == got(&s.outreach[O_burst]):
            return 0
        if trigger == REACTS_IN_SESSION and self.in_session:
            if crossed_ms:
                at_ms = crossed_ms + self.debounce_ms
        elif trigger and self.at_close:
            at_ms = s.now_ms + got(&s.burst[B_gap_ms]) + 1
        if self.abandoned and s.filled:
            due_ms = s.now_ms + SESSION_GAP_MS + 1
            at_ms = due_ms if not at_ms else min(at_ms, due_ms)
        return at_ms

    cdef long long stage_of(self, State* s, long long* scores, int count) noexcept:
        """models.points.stage_moved: the stage of the session now."""
        cdef long long stage = got(&s.session[S_stage])
        if got(&s.session[S_bought]):
            return BROWSE
        if got(&s.session[S_checkouts]) or (
            self.buying >= 0 and count > self.buying and scores[self.buying] >= self.buying_ppm
        ):
            return HIGH_INTENT
        return CART if stage < CART and (got(&s.session[S_cart_views]) or s.filled) else stage

    cdef int asks(self, State* s, long long* scores, int count, int both, int before) noexcept:
        """models.points: whether the stage moves or a threshold is crossed."""
        cdef int each, place
        if self.stage_of(s, scores, count) != got(&s.session[S_stage]):
            return 1
        if before != both:
            return 0
        for each in range(self.watched):
            place = self.places[each]
            if place >= both or s.before[place] < self.least[each] <= scores[place]:
                return 1
        return 0


cdef list vector_of(State* s):
    """models.features.vector"""
    cdef int each, which, last = <int>got(&s.session[S_last_type])
    cdef int previous = <int>got(&s.session[S_previous_type])
    cdef long long interest = got(&s.profile[P_interest_sum])
    cdef long long prices = got(&s.session[S_prices]), dwells = got(&s.session[S_dwells])
    cdef const unsigned char* at
    cdef Py_ssize_t size
    out = []
    for each in range(FLAGS):
        out.append(1.0 if FLAG_CODES[each] == last else 0.0)
    for each in range(FLAGS):
        out.append(1.0 if FLAG_CODES[each] == previous else 0.0)
    out.append(seconds(got(&s.session[S_gap_ms])))
    out.append(seconds(s.now_ms - got(&s.session[S_started_ms])))
    out.append(log1p(<double>got(&s.session[S_events])))
    out.append(log1p(<double>got(&s.session[S_page_views])))
    out.append(log1p(<double>got(&s.session[S_product_views])))
    out.append(capped(&s.session[S_searches]))
    out.append(capped(&s.session[S_rewordings]))
    out.append(capped(&s.session[S_rage_clicks]))
    out.append(log1p(<double>got(&s.session[S_hovers])))
    out.append(capped(&s.session[S_backtracks]))
    out.append(capped(&s.session[S_cart_backs]))
    out.append(capped(&s.session[S_cart_views]))
    out.append(capped(&s.session[S_cart_adds]))
    out.append(capped(&s.session[S_cart_removes]))
    out.append(capped(&s.session[S_checkouts]))
    out.append(log1p(<double>got(&s.session[S_interactions])))
    out.append(got(&s.tab[TAB_scroll_ppm]) / 1e6)
    out.append(got(&s.session[S_scroll_ppm]) / 1e6)
    out.append(seconds(got(&s.tab[TAB_active_ms])))
    out.append(seconds(got(&s.session[S_dwell_last_ms])))
    out.append(log1p(got(&s.session[S_dwell_sum_ms]) / 1000.0 / (dwells if dwells else 1)))
    out.append(seconds(got(&s.session[S_dwell_max_ms])))
    out.append(got(&s.session[S_price_percentile_sum_ppm]) / 1e6 / prices if prices else 0.5)
    out.append(log1p(s.cart_micros / 1e6))
    out.append(1.0 if s.tally[T_cart].at[0] != 0x90 else 0.0)
    for which in range(HALF_LIVES - 1):
        out.append(log1p(left_milli(s, which) / 1000.0))
    out.append(log1p(<double>got(&s.tally[T_orders])))
    out.append(1.0 if got(&s.session[S_number]) > 1 else 0.0)
    out.append(capped(&s.session[S_exits]))
    out.append(capped(&s.session[S_shown]))
    out.append(capped(&s.session[S_dismissed]))
    out.append(got(&s.profile[P_interest_top]) / <double>interest if interest else 0.0)
    size = opened(&s.session[S_source], &at)
    out.append(1.0 if size == 6 and not memcmp(at, b"search", 6) else 0.0)
    out.append(1.0 if size == 5 and not memcmp(at, b"email", 5) else 0.0)
    out.append(1.0 if size == 8 and not memcmp(at, b"campaign", 8) else 0.0)
    out.append(1.0 if got(&s.session[S_bought]) else 0.0)
    size = content(&s.session[S_kinds], &at)
    for each in range(KINDS):
        out.append(1.0 if size and got(&s.session[S_kind]) == each else 0.0)
    for each in range(KINDS):
        out.append(log1p(<double>at[each]) if each < size else 0.0)
    return out


cdef inline double seconds(long long duration_ms) noexcept:
    return log1p(duration_ms / 1000.0)


cdef inline double capped(Field* field) noexcept:
    return <double>min(got(field), 10)


cdef long long left_milli(State* s, int which) noexcept:
    """models.decay.counted_milli"""
    cdef long long age = max(s.now_ms // HALF_LIVES_MS[which] - s.activity[which][0], 0), total = 0
    cdef int at
    for at in range(1, s.buckets[which]):
        if age >= BITS:
            break
        total += s.activity[which][at] * 1000 >> age
        age += 1
    return total
