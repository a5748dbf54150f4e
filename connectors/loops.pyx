# cython: language_level=3, boundscheck=False, wraparound=False
# models.loops.PythonLoops once more, as C; tests hold the two together.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from numpy import empty, int64

from models.decay import HALF_LIVES_MS, add

assert len(HALF_LIVES_MS) == 4

cdef enum:
    SIXTEENTHS = 16
    FINE_BITS = 8
    SHARE_BITS = 20
    PLACES_MAX = 256
    HALF_LIVES = 4
    BITS = 63
    MILLION = 1000000
    BEST_MAX = 64


cdef class Loops:
    cdef long long half_lives_ms[HALF_LIVES]

    def __cinit__(self):
        for which, half_life_ms in enumerate(HALF_LIVES_MS):
            self.half_lives_ms[which] = half_life_ms

    def rounded(self, list vector not None):
        """A byte a value."""
        cdef Py_ssize_t at, size = len(vector)
        cdef bytes out = PyBytes_FromStringAndSize(NULL, size)
        cdef unsigned char* into = <unsigned char*>PyBytes_AS_STRING(out)
        cdef double scaled
        for at in range(size):
            scaled = <double>vector[at] * SIXTEENTHS
            if scaled < 0:
                into[at] = 0
            elif scaled >= 255:
                into[at] = 255
            elif scaled == scaled:
                into[at] = <unsigned char>scaled
            else:
                raise ValueError("not a number")
        return out

    def differing(self, bytes before not None, bytes now not None):
        """(place, value before) of each value that is another now."""
        cdef unsigned char made[2 * PLACES_MAX]
        cdef const unsigned char* old = before
        cdef const unsigned char* new = now
        cdef Py_ssize_t at, end = 0, size = len(before)
        if size != len(now):
            raise ValueError("two lengths")
        for at in range(size):
            if old[at] != new[at]:
                if at >= PLACES_MAX:
                    raise ValueError("a place beyond a byte")
                made[end] = <unsigned char>at
                made[end + 1] = old[at]
                end += 2
        return PyBytes_FromStringAndSize(<char*>made, end)

    def count(self, list every not None, long long at_ms):
        """Count one event under each half-life; what opens a bucket is left to Python."""
        cdef Py_ssize_t which
        cdef long long bucket
        cdef list buckets
        self.check(every)
        for which in range(len(every)):
            buckets = every[which]
            bucket = at_ms // self.half_lives_ms[which]
            if bucket == <long long>buckets[0]:
                buckets[1] = <long long>buckets[1] + 1
            else:
                add(buckets, bucket, 1)

    def counted_milli(self, list every not None, long long now_ms):
        """Thousandths of the events counted that are left, one a half-life."""
        cdef Py_ssize_t which, at
        cdef long long age, total
        cdef list buckets
        self.check(every)
        out = []
        for which in range(len(every)):
            buckets = every[which]
            age = max(now_ms // self.half_lives_ms[which] - <long long>buckets[0], 0)
            total = 0
            for at in range(1, len(buckets)):
                if age >= BITS:
                    break
                total += <long long>buckets[at] * 1000 >> age
                age += 1
            out.append(total)
        return out

    cdef int check(self, list every) except -1:
        if len(every) != HALF_LIVES:
            raise ValueError("not one count a half-life")
        for buckets in every:
            if len(buckets) < 2:
                raise ValueError("a count without a bucket")
        return 0

    def moved(self, list averages not None, list scores not None, long long fast, long long slow):
        """The fast averages, then the slow ones, each moved towards its score."""
        cdef Py_ssize_t at, count = len(scores)
        cdef long long old
        if len(averages) != 2 * count:
            raise ValueError("not two averages a score")
        out = []
        for at in range(count):
            old = averages[at]
            out.append(old + (((<long long>scores[at] << FINE_BITS) - old) * fast >> SHARE_BITS))
        for at in range(count):
            old = averages[count + at]
            out.append(old + (((<long long>scores[at] << FINE_BITS) - old) * slow >> SHARE_BITS))
        return out

    def qualities(self, const long long[:, :] weights, list scores not None):
        """Sum of weight x score in millionths, within 0 to 1,000,000."""
        cdef Py_ssize_t row, at, count = len(scores), rows = weights.shape[0]
        cdef long long known[PLACES_MAX]
        cdef long long total
        if count != weights.shape[1] or count > PLACES_MAX:
            raise ValueError("not one score a column")
        for at in range(count):
            known[at] = scores[at]
        out = empty(rows, int64)
        cdef long long[:] into = out
        for row in range(rows):
            total = 0
            for at in range(count):
                total += weights[row, at] * known[at]
            into[row] = 0 if total < 0 else min(total // MILLION, MILLION)
        return out

    def ranked(
        self,
        const long long[:] bids,
        const long long[:] qualities,
        const long long[:] those,
        bidding,
        long long least,
        int most,
    ):
        """(index, bid, quality) of the best, and the mask of who reaches `least`."""
        cdef long long best[BEST_MAX]
        cdef long long scores[BEST_MAX]
        cdef long long score
        cdef Py_ssize_t at, place, campaign, able = 0, kept = 0, count = those.shape[0]
        if most > BEST_MAX or bids.shape[0] != qualities.shape[0]:
            raise ValueError("more than can be ranked")
        cdef bytes reached = bytes((bids.shape[0] + 7) // 8)
        cdef unsigned char* bits = <unsigned char*>PyBytes_AS_STRING(reached)
        for at in range(count):
            campaign = those[at]
            if not 0 <= campaign < bids.shape[0]:
                raise ValueError("not in the columns")
            score = bids[campaign] * qualities[campaign]
            if score >= least:
                able += 1
                bits[campaign >> 3] |= 1 << (campaign & 7)
            if kept == most and score <= scores[kept - 1]:
                continue
            place = kept if kept < most else most - 1
            while place and scores[place - 1] < score:
                scores[place], best[place] = scores[place - 1], best[place - 1]
                place -= 1
            scores[place], best[place] = score, campaign
            kept = min(kept + 1, most)
        rows = [(best[at], bids[best[at]], qualities[best[at]]) for at in range(kept)]
        if able == count or not able:
            return rows, bidding if able else 0
        return rows, int.from_bytes(reached, "little")
