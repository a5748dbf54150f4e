# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# models.user.step for plain events, from state bytes to state bytes; tests hold it to Python.

from bisect import bisect_right
from zlib import crc32

import msgspec
from msgspec.structs import replace

from cpython.bytearray cimport PyByteArray_AS_STRING
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.ref cimport PyObject
from libc.math cimport log1p
from libc.string cimport memcmp, memcpy, memset, strstr

from models.auction import SCORE_MAX as SCORE_LIMIT
from models.bids import with_offers
from models.carousel import CHOOSING, filled
from models.carts import ABANDONED, LEFT, stopped
from models.effects import Decide, SetTimer
from models.eligibility import Sieve, caps, idle, off_schedule
from models.exposures import counted as exposures_counted
from models.features import FEATURES
from models.inputs import compiled
from models.interests import band, touched
from models.plain import TYPES_ASKING, TYPES_FOLDED
from models.signals import SIGNALS, bounds_of
from models.skew import sampled
from models.trigger_rules import AT_CLOSE, CART_ABANDONED, IN_SESSION, TRIGGER_ORDER, rules
from models.vocabulary import CODES, STAGES
from models.withholding import CAMPAIGN_HOLDOUT, HOLDOUT, drawn, withheld
from schemas.campaign import EMAIL, ON_SITE
from schemas.decision import Candidate, Counts, Decision, Nothing, TriggerRef
from schemas.event import Event, Page, Product
from schemas.exposure import Exposure
from schemas.profile import HEAD, load
from schemas.site import OBSERVE

cdef extern from *:
    """
    #include <structmember.h>
    static Py_ssize_t offset_of(PyObject* descriptor) {
        return ((PyMemberDescrObject*)descriptor)->d_member->offset;
    }
    """
    Py_ssize_t offset_of(object descriptor)

cdef extern from "Python.h":
    bint PyLong_CheckExact(object)
    long long PyLong_AsLongLongAndOverflow(object, int*) except? -1
    bint PyUnicode_CheckExact(object)
    bint PyUnicode_IS_COMPACT_ASCII(object)
    object PyUnicode_DecodeUTF8(const char*, Py_ssize_t, const char*)
    const char* PyUnicode_AsUTF8AndSize(object, Py_ssize_t*) except NULL

cdef Py_ssize_t place(kind, name) except -1:
    """Where a struct keeps a field."""
    descriptor = getattr(kind, name)
    assert type(descriptor).__name__ == "member_descriptor", name
    return offset_of(descriptor)

cdef enum:
    PLACES_MAX = 256
    HIDDEN_MAX = 2048
    ROOM = 32768
    RULES = 16
    VIEWS_KEPT = 64
    BITS = 63

cdef long long NONE = -(1 << 62)
cdef long long BAD = NONE - 1

cdef const unsigned char* HEAD_BYTES = HEAD
cdef Py_ssize_t E_type = place(Event, "type")
cdef Py_ssize_t E_internal = place(Event, "internal")
cdef Py_ssize_t E_site = place(Event, "site")
cdef Py_ssize_t E_user_key = place(Event, "user_key")
cdef Py_ssize_t E_session_id = place(Event, "session_id")
cdef Py_ssize_t E_tab_id = place(Event, "tab_id")
cdef Py_ssize_t E_session_index = place(Event, "session_index")
cdef Py_ssize_t E_event_id = place(Event, "event_id")
cdef Py_ssize_t E_ts_ms = place(Event, "ts_ms")
cdef Py_ssize_t E_sent_at_ms = place(Event, "sent_at_ms")
cdef Py_ssize_t E_received_at_ms = place(Event, "received_at_ms")
cdef Py_ssize_t E_consent = place(Event, "consent")
cdef Py_ssize_t E_page = place(Event, "page")
cdef Py_ssize_t E_product = place(Event, "product")
cdef Py_ssize_t E_source = place(Event, "source")
cdef Py_ssize_t E_scroll_depth_ppm = place(Event, "scroll_depth_ppm")
cdef Py_ssize_t E_tap_velocity_ms = place(Event, "tap_velocity_ms")
cdef Py_ssize_t E_active_duration_ms = place(Event, "active_duration_ms")
cdef Py_ssize_t E_value_micros = place(Event, "value_micros")
cdef Py_ssize_t E_properties = place(Event, "properties")
cdef Py_ssize_t E_consent_unsaid = place(Event, "consent_unsaid")
cdef Py_ssize_t E_bot = place(Event, "bot")
cdef const unsigned char* NO_VALUES = b"\x90"
cdef const unsigned char* NO_FLAG = b"\xc2"
cdef dict NO_OFFERS = {}
cdef object ONE = 1
exposures_of = msgspec.msgpack.Decoder(list[Exposure]).decode
cdef Py_ssize_t G_type = place(Page, "type")
cdef Py_ssize_t G_url = place(Page, "url")
cdef Py_ssize_t G_path = place(Page, "path")
cdef Py_ssize_t G_title = place(Page, "title")
cdef Py_ssize_t R_id = place(Product, "id")
cdef Py_ssize_t R_name = place(Product, "name")
cdef Py_ssize_t R_category = place(Product, "category")
cdef Py_ssize_t R_price_micros = place(Product, "price_micros")
cdef Py_ssize_t R_quantity = place(Product, "quantity")
