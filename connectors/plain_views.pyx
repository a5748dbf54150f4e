

cdef object section(Field* field):
    """The bytes in a field."""
    cdef const unsigned char* at
    cdef Py_ssize_t size = content(field, &at)
    return PyBytes_FromStringAndSize(<char*>at, size if size > 0 else 0)


cdef int put_section(Field* field, bytes value, list kept):
    """Bytes made by Python, which live as long as `kept`."""
    cdef const unsigned char* at = value
    kept.append(value)
    put_bytes(field, at, len(value))
    return 1


cdef int cart_grown(State* s, Told* told, event):
    """models.tally._change_cart, for the newest change of all."""
    cdef Field changes[CART_MAX + 1]
    cdef Field change[CART_FIELDS]
    cdef Py_ssize_t size
    cdef const char* name
    cdef unsigned char* end
    cdef int first, count = listed(&s.tally[T_cart], changes, CART_MAX)
    product = at_offset(event, E_product)
    if product is None or s.ts_ms <= got(&s.tally[T_bought_ts_ms]):
        return 1
    name = ascii(at_offset(product, R_id), &size)
    if count < 0 or name == NULL or size > NAME_MAX:
        return 0
    if count:
        if listed(&changes[count - 1], change, CART_FIELDS) != CART_FIELDS:
            return 0
        if got(&change[CART_ts_ms]) >= s.ts_ms:
            return 0
    put(&change[CART_ts_ms], s.ts_ms)
    put(&change[CART_index], told.index)
    put_text(&change[CART_product_id], name, size)
    put(&change[CART_quantity], whole(at_offset(product, R_quantity), 0, QUANTITY_MAX))
    put(&change[CART_price_micros], whole(at_offset(product, R_price_micros), 0, MICROS_MAX))
    render(s, &changes[count], change, CART_FIELDS)
    first = 1 if count == CART_MAX else 0
    render(s, &s.tally[T_cart], &changes[first], count + 1 - first)
    return 1


cdef int kept_open(State* s) noexcept:
    """models.carts.update: a page that neither shows the cart nor leaves it."""
    if s.code == ADD_TO_CART:
        put(&s.outreach[O_left_in], 0)
    elif s.code == PAGE_VIEW or s.code == PRODUCT_VIEW:
        return not got(&s.outreach[O_at_cart])
    return 1


# models.views.view and what it calls

cdef int viewed_page(State* s, event, view, list kept):
    """Enter a page or a product."""
    cdef const unsigned char* at
    cdef Py_ssize_t type_size = 0, path_size = 0, size
    cdef const char* type_at = b""
    cdef const char* path_at = b""
    page = at_offset(event, E_page)
    if page is not None:
        type_at = ascii(at_offset(page, G_type), &type_size)
        path_at = ascii(at_offset(page, G_path), &path_size)
        if type_at == NULL or path_at == NULL or type_size > NAME_MAX or path_size > NAME_MAX:
            return 0
    if got(&s.tab[TAB_product_ts_ms]):
        if not left_product(s):
            return 0
    if s.code == PRODUCT_VIEW:
        add(&s.session[S_product_views], 1)
        if not looked_at(s, at_offset(event, E_product), view, kept):
            return 0
    else:
        dwelt(s)
        size = opened(&s.tab[TAB_page_type], &at)
        add(&s.session[S_page_views], 1)
        add(&s.session[S_cart_backs], size == 4 and not memcmp(at, b"cart", 4))
        put_text(&s.tab[TAB_product_id], b"", 0)
        put_text(&s.tab[TAB_category], b"", 0)
        put(&s.tab[TAB_price_micros], 0)
        put(&s.tab[TAB_bands], 0)
        s.tab[TAB_touched].at, s.tab[TAB_touched].size = NO_VALUES, 1
    put(&s.tab[TAB_entered_ts_ms], s.ts_ms)
    put(&s.tab[TAB_active_ms], 0)
    put(&s.tab[TAB_scroll_ppm], 0)
    put(&s.tab[TAB_dwell_at_ms], 0)
    if type_size:
        put_text(&s.tab[TAB_page_type], type_at, type_size)
    put_text(&s.tab[TAB_page_path], path_at, path_size)
    return placed(s, type_at, type_size, path_at, path_size)


cdef int placed(State* s, const char* type_at, Py_ssize_t type_size,
                const char* path_at, Py_ssize_t path_size):
    """The kind of the page, and the sequence of pages."""
    cdef const unsigned char* at
    cdef Py_ssize_t size = content(&s.tab[TAB_page_type], &at)
    cdef long long previous = got(&s.session[S_previous_type])
    if size < 0:
        return 0
    if s.code == PAGE_VIEW:
        if (size == 4 and not memcmp(at, b"cart", 4)) or (size == 8 and not memcmp(at, b"checkout", 8)):
            return 0
    if s.code != PRODUCT_VIEW or previous != PAGE_VIEW:
        if not opened_kind(s, crc_of(at, size) & (KINDS - 1)):
            return 0
    if path_size:
        return followed(s, crc_of(<const unsigned char*>path_at, path_size) & 0xffffff)
    size = content(&s.tab[TAB_product_id], &at)
    if size > 0:
        return followed(s, crc_of(at, size) & 0xffffff)
    return followed(s, crc_of(<const unsigned char*>type_at, type_size) & 0xffffff)


cdef long long crc_of(const unsigned char* at, Py_ssize_t size) except -1:
    return crc32(PyBytes_FromStringAndSize(<char*>at, size))


cdef int opened_kind(State* s, long long kind) noexcept:
    """models.kinds.open_page"""
    cdef const unsigned char* at
    cdef Py_ssize_t size = content(&s.session[S_kinds], &at)
    if size == KINDS:
        memcpy(s.kinds, at, KINDS)
    elif size == 0:
        memset(s.kinds, 0, KINDS)
    else:
        return 0
    put(&s.session[S_kind], kind)
    if s.kinds[kind] < 255:
        s.kinds[kind] += 1
        put_bytes(&s.session[S_kinds], s.kinds, KINDS)
    return 1


cdef int followed(State* s, long long page) noexcept:
    """models.views._sequence"""
    cdef long long pages[PAGES_KEPT + 1]
    cdef int first, count = numbers(&s.session[S_pages], pages, PAGES_KEPT)
    cdef unsigned char* end
    if count < 0:
        return 0
    if count and pages[count - 1] == page:
        return 1
    if count >= 2 and pages[count - 2] == page:
        add(&s.session[S_backtracks], 1)
    pages[count] = page
    first = 1 if count == PAGES_KEPT else 0
    end = write_numbers(s.free, &pages[first], count + 1 - first)
    s.session[S_pages].at, s.session[S_pages].size = s.free, end - s.free
    s.free = end
    return 1


cdef void dwelt(State* s) noexcept:
    """models.views._dwelt"""
    cdef long long entered_ms = got(&s.tab[TAB_entered_ts_ms]), dwell_ms
    if not entered_ms:
        return
    dwell_ms = clipped(s.ts_ms - entered_ms)
    add(&s.session[S_dwells], 1)
    add(&s.session[S_dwell_sum_ms], dwell_ms)
    put(&s.session[S_dwell_last_ms], dwell_ms)
    if dwell_ms > got(&s.session[S_dwell_max_ms]):
        put(&s.session[S_dwell_max_ms], dwell_ms)


cdef int looked_at(State* s, product, view, list kept):
    """models.views._product"""
    cdef Py_ssize_t size, category_size
    cdef const char* name
    cdef const char* category
    cdef long long percentile, price
    if product is None:
        return 1
    name = ascii(at_offset(product, R_id), &size)
    category = ascii(at_offset(product, R_category), &category_size)
    if name == NULL or category == NULL or size > NAME_MAX or category_size > NAME_MAX:
        return 0
    category_text = at_offset(product, R_category)
    price = whole(at_offset(product, R_price_micros), 0, MICROS_MAX)
    percentile = view.assortment.percentile_ppm(category_text, price)
    put_text(&s.tab[TAB_product_id], name, size)
    put_text(&s.tab[TAB_category], category, category_size)
    put(&s.tab[TAB_price_micros], price)
    priced(s, price, percentile)
    if not seen_again(s, name, size, category, category_size, price):
        return 0
    put(&s.tab[TAB_product_ts_ms], s.ts_ms)
    if category_size:
        graph, top, total = touched(
            section(&s.profile[P_graph]), got(&s.session[S_number]), category_text, band(percentile)
        )
        put_section(&s.profile[P_graph], graph, kept)
        put(&s.profile[P_interest_top], top)
        put(&s.profile[P_interest_sum], total)
    return 1


cdef void priced(State* s, long long price, long long percentile) noexcept:
    """models.views._price"""
    if got(&s.session[S_prices]):
        add(&s.session[S_price_falls], percentile < got(&s.session[S_percentile_last_ppm]))
        if price < got(&s.session[S_price_min_micros]):
            put(&s.session[S_price_min_micros], price)
        if price > got(&s.session[S_price_max_micros]):
            put(&s.session[S_price_max_micros], price)
    else:
        put(&s.session[S_price_min_micros], price)
        put(&s.session[S_price_max_micros], price)
    add(&s.session[S_prices], 1)
    put(&s.session[S_price_last_micros], price)
    add(&s.session[S_price_sum_micros], price)
    add(&s.session[S_price_percentile_sum_ppm], percentile)
    put(&s.session[S_percentile_last_ppm], percentile)
