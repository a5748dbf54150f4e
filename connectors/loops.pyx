# cython: language_level=3, boundscheck=False, wraparound=False
# models.loops.PythonLoops once more, as C; tests hold the two together.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

from models.decay import HALF_LIVES_MS, add

assert len(HALF_LIVES_MS) == 4

cdef enum:
    SIXTEENTHS = 16
    FINE_BITS = 8
    SHARE_BITS = 20
    PLACES_MAX = 256
    HALF_LIVES = 4
    BITS = 63


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
