

# models.eligibility and models.auction over the catalogue of one site

cdef class Stand:
    """What a decision reads of a view; `usable` is false where Python has to decide."""

    cdef bint usable, open, drawing, exploring, learned
    cdef object view, site, catalogue, market, unheld
    cdef str name, placement, versions
    cdef bytes salt
    cdef object everybody, placed, spent, sold_out, fallbacks, never, rest_mask, overriding
    cdef dict gone, rest
    cdef tuple ids, campaigns, priorities, pacing, names, index_numbers, index_texts, signals
    cdef int count, columns
    cdef long long dwell_ms
    cdef bytes bids, weights, order

    def __cinit__(self, view):
        site, catalogue, market = view.site, view.catalogue, view.market
        self.usable = None not in (site, catalogue, market) and len(site.placements) == 1
        if not self.usable:
            return
        self.view, self.site, self.catalogue, self.market = view, site, catalogue, market
        self.name, self.placement = site.site, site.placements[0]
        self.versions = ",".join(map(str, view.versions.numbers()))
        self.salt, self.dwell_ms = site.salt[:64], site.dwell_ms
        self.campaigns = tuple(each.campaign for each in catalogue.by_id.values())
        self.ids, self.count = catalogue.ids, len(catalogue.ids)
        texts = [self.name, self.placement, *self.ids, *(each.channel for each in self.campaigns)]
        self.usable = self.placement != EMAIL and all(map(short_and_plain, texts))
        self.take_screens(catalogue, market)
        self.take_columns(market)
        self.unheld = drawn(site, "", None)
        self.drawing = site.holdout_ppm > 0 or site.rollout_ppm < 1000000
        self.open = not self.drawing and site.mode != OBSERVE
        policy = view.policy
        self.exploring = policy is not None and policy.explore_floor_ppm > 0
        self.learned = market.learned

    cdef int take_screens(self, catalogue, market) except -1:
        screens, rules = catalogue.screens, catalogue.rules
        self.everybody = (ONE << self.count) - 1
        self.gone = {}
        placed = screens.placements.get(self.placement, 0)
        elsewhere = self.everybody & ~catalogue.paused & ~placed
        if catalogue.paused:
            self.gone["paused"] = catalogue.paused
        if elsewhere:
            self.gone["placement"] = elsewhere
        self.placed = self.everybody & ~catalogue.paused & placed
        self.spent, self.sold_out = market.paced.spent, market.sold_out
        self.fallbacks, self.overriding = screens.fallbacks & ~market.sold_out, screens.overriding
        self.never, self.rest, self.rest_mask = rules.never, rules.rest, rules.rest_mask
        self.index_numbers, self.index_texts = rules.numbers, rules.texts
        self.signals = catalogue.signals
        return 0

    cdef int take_columns(self, market) except -1:
        book = market.book
        self.bids = market.paced.bids.tobytes()
        self.weights, self.names = book.weights.tobytes(), book.names
        self.columns = len(book.names) + 1
        self.order = book.lots.by_tie(self.everybody).tobytes()
        self.priorities, self.pacing = book.lots.priorities, market.paced.pacing_ppm
        self.usable = self.usable and self.columns <= PLACES_MAX
        return 0

    cdef long long reserve_of(self, int shown) except -1:
        """The score that doing nothing has."""
        return min(self.site.reserve_micros * 1000000 * (1 + shown), SCORE_LIMIT)

    cdef object failing(self, dict table, among):
        """models.rule_index.RuleIndex.failing"""
        fails = self.never
        for name, edges, masks in self.index_numbers:
            fails |= masks[bisect_right(edges, table.get(name, 0))]
        for name, by_text, others in self.index_texts:
            fails |= (<dict>by_text).get(table.get(name, ""), others)
        asked = among & self.rest_mask & ~fails
        while asked:
            bit = asked & -asked
            if not self.rest[bit.bit_length() - 1](table):
                fails |= bit
            asked ^= bit
        return fails


cdef int sieved(State* s, Draft d) except -1:
    """models.eligibility.sieve"""
    cdef Stand stand = d.stand
    cdef long long left_in = got(&s.outreach[O_left_in])
    screens, catalogue = stand.catalogue.screens, stand.catalogue
    d.eligible, d.silent, d.reasons = stand.placed, 0, dict(stand.gone)
    if got(&s.session[S_bought]):
        d.drop("bought", stand.everybody)
    elif d.acted:
        d.drop("stage_used", stand.everybody)
    if not d.eligible:
        return 0
    off = off_schedule(catalogue, s.now_ms) if catalogue.scheduled else 0
    d.drop("schedule", off)
    d.drop("budget", stand.spent)
    reachable = stand.everybody if got(&s.profile[P_identified]) else screens.unaddressed
    consented = screens.consents[got(&s.profile[P_consent])]
    d.drop("consent", ~consented)
    d.drop("channel", ~reachable)
    if catalogue.stand_ins:
        missing = ~(off | catalogue.paused | consented & reachable) & stand.everybody
        d.drop("stand_in", idle(catalogue, missing))
    d.drop("stage", ~screens.stages[got(&s.session[S_stage])])
    if left_in and s.filled:
        standing = LEFT if left_in == got(&s.session[S_number]) else ABANDONED
        d.drop("cart_left", stopped(standing, d.kind, screens.popups, screens.savers))
    if d.given:
        under_caps(s, d)
    before = d.eligible
    d.drop("trigger", ~screens.triggers.get(d.kind, screens.any_trigger))
    d.silent = before ^ d.eligible
    return 0


cdef int under_caps(State* s, Draft d) except -1:
    """models.eligibility: what was given so far counts against caps and excludes rivals."""
    given = exposures_of(PyBytes_FromStringAndSize(
        <char*>s.profile[P_exposures].at, s.profile[P_exposures].size))
    out = Sieve(d.eligible, 0, d.reasons)
    caps(out, d.stand.catalogue, exposures_counted(given, b"", got(&s.session[S_number]), s.now_ms))
    d.eligible = out.eligible
    return 0


cdef int auctioned(State* s, Draft d) except -1:
    """models.auction.run over models.bids; 0 where Python has to run it."""
    cdef Stand stand = d.stand
    cdef long long scores[PLACES_MAX]
    cdef int each
    for each in range(stand.columns - 1):
        scores[each] = whole(d.table.get(stand.names[each], 0), -SCORE_MAX, SCORE_MAX)
        if scores[each] == NONE or scores[each] == BAD:
            return 0
    scores[stand.columns - 1] = 1000000
    bids = stand.bids
    if stand.market.book.offering:
        column, d.offers = with_offers(stand.market.book, stand.market.paced, d.table)
        bids = column.tobytes()
    able = ranked(d, scores, bids) if d.eligible else 0
    if stand.exploring and (able or (stand.learned and d.eligible)):
        return 0
    if able & stand.overriding and d.table["checkout_critical"]:
        return 0
    d.below = d.eligible & ~able
    if able:
        d.winner = d.ranked[0]
        d.outbid = able ^ (ONE << d.winner)
    return 1


cdef object ranked(Draft d, long long* scores, bytes bids):
    """models.loops.Loops: qualities and ranked, and the price; the mask of who is able."""
    cdef Stand stand = d.stand
    cdef const long long* bid = <const long long*><const char*>bids
    cdef const long long* weight = <const long long*><const char*>stand.weights
    cdef const long long* order = <const long long*><const char*>stand.order
    cdef bytes among = d.eligible.to_bytes((stand.count + 7) // 8, "little")
    cdef bytearray reached = bytearray(len(among))
    cdef const unsigned char* asked = among
    cdef unsigned char* bits = <unsigned char*>PyByteArray_AS_STRING(reached)
    cdef long long best[CANDIDATES_MAX]
    cdef int ties[CANDIDATES_MAX]
    cdef long long least = max(d.reserve, 1), quality, score
    cdef int at, each, place, campaign, kept = 0
    for at in range(stand.count):
        campaign = <int>order[at]
        if not asked[campaign >> 3] >> (campaign & 7) & 1:
            continue
        quality = 0
        for each in range(stand.columns):
            quality += weight[campaign * stand.columns + each] * scores[each]
        quality = 0 if quality < 0 else min(quality // 1000000, 1000000)
        score = bid[campaign] * quality
        if score >= least:
            bits[campaign >> 3] |= 1 << (campaign & 7)
        if kept == CANDIDATES_MAX and score <= best[kept - 1]:
            continue
        place = kept if kept < CANDIDATES_MAX else CANDIDATES_MAX - 1
        while place and best[place - 1] < score:
            best[place], ties[place] = best[place - 1], ties[place - 1]
            d.ranked[place], d.bids[place] = d.ranked[place - 1], d.bids[place - 1]
            d.qualities[place] = d.qualities[place - 1]
            place -= 1
        best[place], ties[place], d.ranked[place] = score, at, campaign
        d.bids[place], d.qualities[place] = bid[campaign], quality
        kept = min(kept + 1, CANDIDATES_MAX)
    d.kept = kept
    if kept and best[0] >= least:
        priced_at(d, best[0], best[1] if kept > 1 else 0, kept > 1 and ties[1] < ties[0])
    return int.from_bytes(reached, "little")


cdef void priced_at(Draft d, long long score, long long second, bint behind) noexcept:
    """models.auction._price; `behind`: in a tie the second would go first."""
    cdef long long least = max(max(second, d.reserve), 1), quality = d.qualities[0]
    d.price = least // quality + (least % quality != 0)
    if behind and d.price * quality == second:
        d.price += 1
    score = d.price * quality
    d.charge = score // 1000000 + (score % 1000000 != 0)


def short_and_plain(text):
    """A text of ASCII that fits a field of state."""
    return isinstance(text, str) and text.isascii() and len(text) <= 255
