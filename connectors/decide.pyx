

# models.user.conclude and models.decision.decide: what follows the fold of an event that asks, for
# a visitor of one placement whose last decision held no fallback. From state bytes to state bytes.

cdef class Draft:
    """One decision in the making."""

    cdef Stand stand
    cdef bytes state
    cdef object event, profile
    cdef str kind, slot_id, decision_id, why
    cdef object eligible, silent, below, outbid, campaign, offer, render, withholding
    cdef dict reasons, table, scores, concepts, offers
    cdef list inputs
    cdef int acted, shown, given, kept, winner
    cdef bint instant
    cdef long long reserve, price, charge
    cdef int ranked[CANDIDATES_MAX]
    cdef long long bids[CANDIDATES_MAX]
    cdef long long qualities[CANDIDATES_MAX]

    cdef int drop(self, str reason, failing) except -1:
        """models.eligibility.Sieve.drop"""
        gone = self.eligible & failing
        if gone:
            self.reasons[reason] = gone
            self.eligible ^= gone
        return 0

    cdef object known(self, State* s):
        """The profile, for what reads more of it than a few fields."""
        if self.profile is None:
            self.profile = load(self.state)
            visit = self.profile.session
            visit.stage, visit.stage_entry = got(&s.session[S_stage]), got(&s.session[S_stage_entry])
            visit.stage_after_ms = got(&s.session[S_stage_after_ms])
            self.profile.tabs[len(self.profile.tabs) - 1].dwell_at_ms = got(&s.tab[TAB_dwell_at_ms])
        return self.profile


cdef object decision(Draft d, Plain by, str user_key, context, stopwatch):
    """(state bytes, effects); None for what Python has to decide."""
    cdef State s
    cdef Prepared view
    cdef const unsigned char* data = d.state
    event = d.event
    if at_offset(event, E_bot) is True or not reopened(&s, data + 3, len(d.state) - 3):
        return None
    view = by.prepared(context.at(at_offset(event, E_site), s.now_ms))
    if not view.usable or not view.stand.usable:
        return None
    s.code, d.stand = by.codes[d.kind], view.stand
    effects = concluded(&s, d, view, event, user_key, stopwatch)
    after = None if effects is None else dumped(&s)
    return None if after is None else (after, effects)


cdef object exchanged(bytes state, bytes given):
    """State bytes with other exposures, tallies of exposures and number of the last push."""
    cdef State s
    cdef Field own[3]
    cdef Field other[3]
    cdef Field whole
    cdef const unsigned char* data = state
    cdef unsigned char* end
    whole.at, whole.size, whole.kind = given, len(given), COPIED
    if not parse(&s, data + 3, len(state) - 3) or listed(&whole, other, 3) != 3:
        raise ValueError("not state bytes and gifts of this layout")
    own[0], own[1], own[2] = s.profile[P_exposures], s.profile[P_given], s.profile[P_seq]
    s.profile[P_exposures], s.profile[P_given], s.profile[P_seq] = other[0], other[1], other[2]
    end = write_fields(s.room, own, 3)
    before = PyBytes_FromStringAndSize(<char*>s.room, end - s.room)
    memcpy(s.room, HEAD_BYTES, 3)
    end = write_fields(s.room + 3, s.profile, P_FIELDS)
    return PyBytes_FromStringAndSize(<char*>s.room, end - s.room), before


cdef int reopened(State* s, const unsigned char* at, Py_ssize_t size) noexcept:
    """Where everything lies after the fold, the newest tab being the event's."""
    if not parse(s, at, size):
        return 0
    s.now_ms = got(&s.profile[P_now_ms])
    s.window_at = -1
    s.window_count = listed(&s.profile[P_windows], s.windows, WINDOWS_MAX)
    s.tab_count = listed(&s.profile[P_tabs], s.tabs, TABS_MAX)
    if s.window_count < 1 or s.tab_count < 1 or not carted(s):
        return 0
    return listed(&s.tabs[s.tab_count - 1], s.tab, TAB_FIELDS) == TAB_FIELDS


cdef object concluded(State* s, Draft d, Prepared view, event, str user_key, stopwatch):
    """Effects of the rest of the step; None, whatever has changed by then, if it is for Python."""
    cdef long long scores[PLACES_MAX]
    cdef int count = numbers(&s.profile[P_scores], scores, PLACES_MAX)
    if count < 0 or not given_so_far(s, d) or disturbed(s):
        return None
    moved(s, d, view.stage_of(s, scores, count))
    dwells(s, d.stand.dwell_ms)
    stopwatch.lap("fusion")
    if not chosen(s, d, user_key):
        return None
    made = record_of(s, d, user_key)
    inputs = b""
    if drawn_ppm(d.stand.salt, b"inputs", 6, d.slot_id) < SAMPLE_PPM:
        inputs = sampled(d.slot_id, d.inputs, d.stand.site.salt)
    effects = [Decide(made, inputs)]
    stopwatch.lap("auction")
    at_ms = timed(s)
    if at_ms:
        effects.append(SetTimer(at_ms))
    return effects


cdef void moved(State* s, Draft d, long long stage) noexcept:
    """models.points.stage_moved, and whether the answer is due at once."""
    d.instant = s.code == ADD_TO_CART
    if stage != got(&s.session[S_stage]):
        d.instant = True
        put(&s.session[S_stage], stage)
        add(&s.session[S_stage_entry], 1)
        put(&s.session[S_stage_after_ms], s.now_ms - got(&s.session[S_started_ms]))


cdef int given_so_far(State* s, Draft d) noexcept:
    """models.exposures: acted_in_stage and shown_in_session; 0 where a fallback is held, or
    something was folded away."""
    cdef Field one[EXP_FIELDS]
    cdef const unsigned char* at
    cdef long long number = got(&s.session[S_number]), state
    cdef int each
    d.given = listed(&s.profile[P_exposures], s.exposures, EXPOSURES_MAX)
    if not 0 <= d.given < EXPOSURES_MAX or opened(&s.profile[P_given], &at) != 0:
        return 0
    for each in range(d.given):
        if listed(&s.exposures[each], one, EXP_FIELDS) != EXP_FIELDS:
            return 0
        state = got(&one[EXP_state])
        if state == HELD or (state == RELEASED and opened(&one[EXP_slot_id], &at) == 0):
            return 0
        if got(&one[EXP_session]) == number:
            d.shown += state == SHOWN or state == WITHHELD
    return 1


cdef int acted_in_stage(State* s, int count) noexcept:
    """models.exposures.acted_in_stage"""
    cdef Field one[EXP_FIELDS]
    cdef const unsigned char* at
    cdef long long state
    cdef int each
    for each in range(count):
        listed(&s.exposures[each], one, EXP_FIELDS)
        state = got(&one[EXP_state])
        if (got(&one[EXP_session]) == got(&s.session[S_number])
                and got(&one[EXP_stage_entry]) == got(&s.session[S_stage_entry])
                and not (opened(&one[EXP_placement], &at) == 5 and not memcmp(at, b"email", 5))
                and (state == SHOWN or state == WITHHELD or (
                    state == RESERVED and s.now_ms <= got(&one[EXP_expires_ms]) + LAPSE))):
            return 1
    return 0


cdef int disturbed(State* s) noexcept:
    """models.deadlines.run after the event: whether something is due."""
    cdef Field tab[TAB_FIELDS]
    cdef int each
    if 0 < got(&s.outreach[O_at_ms]) <= s.now_ms:
        return 1
    for each in range(s.tab_count):
        if listed(&s.tabs[each], tab, TAB_FIELDS) != TAB_FIELDS:
            return 1
        if 0 < got(&tab[TAB_dwell_at_ms]) <= s.now_ms:
            return 1
    return 0


cdef void dwells(State* s, long long wait_ms) noexcept:
    """models.user._dwell_deadline"""
    cdef Field tab[TAB_FIELDS]
    cdef long long at_ms = s.now_ms + wait_ms
    cdef int each = 0
    if s.code == PAGE_VIEW:
        put(&s.tab[TAB_dwell_at_ms], 0)
    if s.code != PRODUCT_VIEW:
        return
    while each < s.tab_count - 1:
        listed(&s.tabs[each], tab, TAB_FIELDS)
        each += 1
        if got(&tab[TAB_dwell_at_ms]) == at_ms:
            at_ms += 1
            each = 0
    put(&s.tab[TAB_dwell_at_ms], at_ms)


cdef long long timed(State* s) noexcept:
    """models.deadlines.set_timer: when to wake, 0 for no other timer than before."""
    cdef Field tab[TAB_FIELDS]
    cdef long long at_ms = got(&s.profile[P_forget_at_ms]), reach_ms = got(&s.outreach[O_at_ms])
    cdef long long timer_ms = got(&s.profile[P_timer_at_ms]), dwell_ms
    cdef long long clean_up_ms = got(&s.profile[P_forget_timer_ms])
    cdef int each
    cdef bint clean_up = True
    if reach_ms and reach_ms <= at_ms:
        at_ms, clean_up = reach_ms, False
    for each in range(s.tab_count):
        listed(&s.tabs[each], tab, TAB_FIELDS)
        dwell_ms = got(&s.tab[TAB_dwell_at_ms] if each == s.tab_count - 1 else &tab[TAB_dwell_at_ms])
        if dwell_ms and dwell_ms <= at_ms:
            at_ms, clean_up = dwell_ms, False
    if 0 < timer_ms <= at_ms:
        return 0
    if clean_up and 0 < clean_up_ms <= at_ms:
        put(&s.profile[P_timer_at_ms], clean_up_ms)
        return 0
    put(&s.profile[P_timer_at_ms], at_ms)
    if clean_up:
        put(&s.profile[P_forget_timer_ms], at_ms)
    return at_ms


cdef int chosen(State* s, Draft d, str user_key) except -1:
    """models.decision._slot and _hold_fallback; 0 where Python has to choose."""
    cdef unsigned char data[2048]
    cdef unsigned char* end
    cdef Stand stand = d.stand
    end = join_text(join_text(join_text(data, stand.name), user_key), stand.placement)
    end = join_text(join(end, b"event", 5), at_offset(d.event, E_event_id))
    d.slot_id = named(b"s_", data, end - data)
    end = join_text(join_text(data, d.slot_id), stand.versions)
    d.decision_id = named(b"d_", data, end - data)
    d.acted = acted_in_stage(s, d.given)
    d.reserve = stand.reserve_of(d.shown)
    d.winner, d.below, d.outbid = -1, 0, 0
    d.withholding, d.why, d.offers = stand.unheld, "", NO_OFFERS
    if stand.drawing:
        d.withholding = drawn(stand.site, user_key, None)
    sieved(s, d)
    if d.eligible:
        d.table = facts_of(s, d)
        d.drop("when", stand.failing(d.table, d.eligible))
        d.drop("stock", stand.sold_out)
        if not auctioned(s, d):
            return 0
    if d.winner >= 0:
        return gave(s, d, user_key)
    return not d.silent & stand.fallbacks


cdef int gave(State* s, Draft d, str user_key) except -1:
    """models.decision._book and _render"""
    cdef Field one[EXP_FIELDS]
    cdef Py_ssize_t size, slot_size
    cdef Stand stand = d.stand
    d.campaign = campaign = stand.campaigns[d.winner]
    d.offer = d.offers.get(d.winner)
    if not stand.open or campaign.holdout_ppm:
        d.withholding = drawn(stand.site, user_key, campaign)
        d.why = withheld(stand.site.mode, d.withholding)
    put_text(&one[EXP_slot_id], ascii(d.slot_id, &slot_size), 34)
    put(&one[EXP_decision], short_of(d.decision_id, None))
    put_text(&one[EXP_campaign_id], ascii(campaign.id, &size), size)
    put_text(&one[EXP_placement], ascii(stand.placement, &size), size)
    put(&one[EXP_session], got(&s.session[S_number]))
    put(&one[EXP_stage_entry], got(&s.session[S_stage_entry]))
    put(&one[EXP_tab], short_of(at_offset(d.event, E_session_id), at_offset(d.event, E_tab_id)))
    put(&one[EXP_decided_ms], s.now_ms)
    put(&one[EXP_expires_ms], s.now_ms + <long long>campaign.ttl_ms)
    put(&one[EXP_state], WITHHELD if d.why else RESERVED)
    one[EXP_clicked].at, one[EXP_clicked].size, one[EXP_clicked].kind = NO_FLAG, 1, COPIED
    one[EXP_dismissed] = one[EXP_clicked]
    channel = "" if campaign.channel == ON_SITE else campaign.channel
    put_text(&one[EXP_channel], ascii(channel, &size), size)
    render(s, &s.exposures[d.given], one, EXP_FIELDS)
    render(s, &s.profile[P_exposures], s.exposures, d.given + 1)
    if not d.why:
        if d.offer is not None:
            campaign = replace(campaign, render=d.offer.render)
        d.render = campaign.render
        if campaign.action_type in CHOOSING and not campaign.render.products:
            profile = d.known(s)
            d.render = filled(campaign, profile, profile.tabs[len(profile.tabs) - 1], stand.view)
        add(&s.profile[P_seq], 1)
    return 1
