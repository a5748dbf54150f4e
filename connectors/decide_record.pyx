

# models.facts, models.tally.digest and models.record

cdef str text_of(Field* field):
    cdef const unsigned char* at
    cdef Py_ssize_t size = content(field, &at)
    return PyUnicode_DecodeUTF8(<char*>at, size if size > 0 else 0, NULL)


cdef dict named_numbers(tuple names, Field* field):
    """Names with the numbers of an array, as far as both go."""
    cdef long long values[PLACES_MAX]
    cdef int each, count = numbers(field, values, PLACES_MAX)
    cdef dict out = {}
    for each in range(min(count, <int>len(names))):
        out[names[each]] = values[each]
    return out


cdef int told_of(State* s, Draft d) except -1:
    """Scores and concepts by name, once."""
    if d.scores is None:
        d.scores = named_numbers(d.stand.view.score_names, &s.profile[P_scores])
        d.concepts = named_numbers(d.stand.view.concept_names, &s.profile[P_concepts])
    return 0


cdef dict facts_of(State* s, Draft d):
    """models.facts.facts"""
    cdef dict out = {"trigger": d.kind, "stage": STAGES[got(&s.session[S_stage])]}
    told_of(s, d)
    out.update(d.scores)
    out.update(d.concepts)
    cart_facts(s, out)
    page_facts(s, out, d.stand.view.assortment)
    session_facts(s, out)
    for name in d.stand.signals:
        profile = d.known(s)
        out[name] = SIGNALS[name](profile, profile.tabs[len(profile.tabs) - 1], d.stand.view, s.now_ms)
    out["hour"] = s.now_ms // HOUR_MS % 24
    out["weekday"] = (s.now_ms // (24 * HOUR_MS) + MONDAY_OFFSET) % 7
    return out


cdef int cart_facts(State* s, dict out) except -1:
    cdef long long orders = got(&s.tally[T_orders]), paid = got(&s.tally[T_order_micros])
    cdef long long left_in = got(&s.outreach[O_left_in])
    cdef bint standing = left_in and s.filled, here = left_in == got(&s.session[S_number])
    out["cart_value"] = s.cart_micros
    out["cart_items"] = s.cart_items
    out["orders"] = orders
    out["order_value"] = paid
    out["potential_value"] = max(
        s.cart_micros, paid // orders if orders else 0, got(&s.tab[TAB_price_micros])
    )
    out["cart_left"] = 1 if standing and here else 0
    out["cart_abandoned"] = 1 if standing and not here else 0
    urgent = s.filled and got(&s.session[S_checkouts]) and not got(&s.session[S_bought])
    out["checkout_critical"] = 1 if urgent else 0
    return 0


cdef int page_facts(State* s, dict out, assortment) except -1:
    product, category = text_of(&s.tab[TAB_product_id]), text_of(&s.tab[TAB_category])
    price = got(&s.tab[TAB_price_micros])
    out["page_type"] = text_of(&s.tab[TAB_page_type])
    out["page_path"] = text_of(&s.tab[TAB_page_path])
    out["dwell"] = got(&s.tab[TAB_active_ms])
    out["product_id"] = product
    out["product_category"] = category
    out["product_price"] = price
    if product:
        known = assortment.by_id.get(product)
        out["product_stock"] = known.stock if known else -1
        out["product_price_percentile"] = assortment.percentile_ppm(category, price)
    return 0


cdef int session_facts(State* s, dict out) except -1:
    cdef Field* visit = s.session
    out["session_age"] = s.now_ms - got(&visit[S_started_ms])
    out["session_events"] = got(&visit[S_events])
    out["page_views"] = got(&visit[S_page_views])
    out["product_views"] = got(&visit[S_product_views])
    out["searches"] = got(&visit[S_searches])
    out["scroll_depth"] = got(&visit[S_scroll_ppm])
    out["rage_clicks"] = got(&visit[S_rage_clicks])
    out["hovers"] = got(&visit[S_hovers])
    out["shown_session"] = got(&visit[S_shown])
    out["dismissed_session"] = got(&visit[S_dismissed])
    out["source"] = text_of(&visit[S_source]) or "direct"
    out["utm_source"] = text_of(&visit[S_utm_source])
    out["utm_medium"] = text_of(&visit[S_utm_medium])
    out["utm_campaign"] = text_of(&visit[S_utm_campaign])
    out["referrer_host"] = text_of(&visit[S_referrer_host])
    out["returning"] = 1 if got(&visit[S_number]) > 1 else 0
    out["identified"] = got(&s.profile[P_identified])
    out["consent_marketing"] = got(&s.profile[P_consent]) >> 2 & 1
    return 0


cdef str digest_of(State* s):
    """models.tally.digest"""
    cdef Field windows[WINDOWS_MAX][W_FIELDS]
    cdef int order[WINDOWS_MAX]
    cdef unsigned char hashed[8]
    cdef const unsigned char* at
    cdef unsigned char* end = s.free
    cdef int each, place
    for each in range(s.window_count):
        listed(&s.windows[each], windows[each], W_FIELDS)
        place = each
        while place and got(&windows[order[place - 1]][W_key]) > got(&windows[each][W_key]):
            order[place] = order[place - 1]
            place -= 1
        order[place] = each
    end[0] = 0x95
    end = write_fields(end + 1, s.tally, T_preferences + 1)
    end = write_size(end, s.window_count)
    for each in range(s.window_count):
        end = write_fields(end, windows[order[each]], W_hashes + 1)
    for each in (P_applied, P_duplicate, P_conflict):
        end = write_number(end, got(&s.profile[each]))
    if opened(&s.tally[T_looks], &at) > 0 or opened(&s.tally[T_buys], &at) > 0:
        end = write_fields(end, &s.tally[T_looks], 2)
    blake2b(hashed, 8, s.free, end - s.free, b"")
    return in_hex(b"", 0, hashed, 8)


cdef object record_of(State* s, Draft d, str user_key):
    """models.record.decision_of"""
    cdef Stand stand = d.stand
    cdef Field* profile = s.profile
    cdef bint won = d.winner >= 0
    campaign, event = d.campaign, d.event
    told_of(s, d)
    return Decision(
        slot_id=d.slot_id,
        decision_id=d.decision_id,
        seq=got(&profile[P_seq]) if d.render is not None else 0,
        epoch_ms=got(&profile[P_epoch_ms]),
        site=stand.name,
        user_key=user_key,
        session_id=at_offset(event, E_session_id),
        tab_id=at_offset(event, E_tab_id),
        trigger=TriggerRef(d.kind, at_offset(event, E_event_id), 0),
        decided_at_ms=s.now_ms,
        latency_class="instant" if d.instant else "standard",
        placement=stand.placement,
        source="model",
        campaign_id=campaign.id if won else "",
        action_type=campaign.action_type if won else "none",
        reason=("withheld" if d.why else "won") if won else "below_reserve" if d.below else "no_eligible",
        stage=STAGES[got(&s.session[S_stage])],
        render=d.render,
        expires_at_ms=s.now_ms + <long long>campaign.ttl_ms if won else 0,
        scores=d.scores,
        concepts=d.concepts,
        candidates=candidates_of(d),
        reasons=bitmaps(d),
        price_micros=d.price,
        charge_micros=d.charge,
        propensity_ppm=1000000,
        explored=False,
        holdout=d.why == HOLDOUT or d.why == CAMPAIGN_HOLDOUT,
        withheld=d.why,
        fallback=None,
        cancels=(),
        counts=Counts(
            got(&profile[P_applied]),
            got(&profile[P_duplicate]),
            got(&profile[P_late]),
            got(&profile[P_dead_lettered]),
            got(&profile[P_conflict]),
        ),
        profile_digest=digest_of(s),
        versions=stand.view.versions,
        nothing=Nothing(d.reserve, 0 if won else 1000000, 0),
        withholding=d.withholding,
        offer="" if d.offer is None else d.offer.name,
        fallback_reason=unshown(d, won),
    )


cdef object unshown(Draft d, bint won):
    """models.decision: why no fallback goes with it."""
    if won:
        return d.why or "stage_used"
    for code in ("bought", "stage_used"):
        if code in d.reasons:
            return code
    return "below_reserve" if d.below else "no_eligible"


cdef dict bitmaps(Draft d):
    """models.choice.reasons, as the record says them."""
    cdef Py_ssize_t length = (d.stand.count + 7) // 8
    if d.outbid:
        d.reasons["outbid"] = d.outbid
    if d.below:
        d.reasons["below_reserve"] = d.below
    return {code: d.reasons[code].to_bytes(length, "little") for code in sorted(d.reasons)}


cdef tuple candidates_of(Draft d):
    """models.choice.candidates"""
    cdef Stand stand = d.stand
    cdef int each, at
    cdef long long score, least = max(d.reserve, 1)
    cdef bint chosen
    cdef list out = []
    for each in range(d.kept):
        at, score = d.ranked[each], d.bids[each] * d.qualities[each]
        chosen = at == d.winner
        offer = d.offers.get(at) if d.offers else None
        said = "withheld" if d.why else "won"
        out.append(Candidate(
            stand.ids[at],
            d.bids[each],
            d.qualities[each],
            score,
            d.price if chosen else 0,
            1000000 if chosen else 0,
            0,
            stand.priorities[at],
            False,
            "" if offer is None else offer.name,
            stand.pacing[at],
            d.reserve,
            said if chosen else "below_reserve" if score < least else "outbid",
        ))
    return tuple(out)
