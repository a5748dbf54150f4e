# cython: language_level=3, boundscheck=False, wraparound=False
# models.intent.Intents once more, as C; tests hold the two together. Division floors, as Python's.

from libc.stdlib cimport free, malloc

CONCEPTS_MAX = 64
LIMIT = 1 << 40


cdef struct Head:
    long long bias
    long long* weights
    int knots
    long long* xs
    long long* ys


cdef long long* numbers(values) except NULL:
    """A copy of integers within LIMIT, so that no product of theirs overflows."""
    cdef long long* made = <long long*>malloc((len(values) + 1) * sizeof(long long))
    if made == NULL:
        raise MemoryError
    for at, value in enumerate(values):
        if not -LIMIT <= value <= LIMIT:
            free(made)
            raise OverflowError("a number of a head is too large for C")
        made[at] = value
    return made


cdef class Intents:
    cdef int count, concepts
    cdef Head* heads
    cdef long long* table
    cdef long long step, limit

    def __cinit__(self, heads, table, long long step, long long limit):
        """`table` holds the sigmoid in ppm from -limit to limit at every step of the logit."""
        self.heads = <Head*>malloc((len(heads) + 1) * sizeof(Head))
        if self.heads == NULL:
            raise MemoryError
        self.table, self.step, self.limit = numbers(table), step, limit
        self.concepts = len(heads[0].weights_micro) if heads else 0
        if self.concepts > CONCEPTS_MAX:
            raise OverflowError("too many concepts for C")
        for head in heads:
            self.add(head)

    cdef int add(self, head) except -1:
        cdef Head* made = self.heads + self.count
        if len(head.weights_micro) != self.concepts:
            raise ValueError("the heads have different numbers of weights")
        if len(head.calibration_x) != len(head.calibration_y):
            raise ValueError("a head has knots without values")
        if not -LIMIT <= head.bias_micro <= LIMIT:
            raise OverflowError("a number of a head is too large for C")
        made.bias, made.knots = head.bias_micro, len(head.calibration_x)
        made.weights = made.xs = made.ys = NULL
        self.count += 1
        made.weights = numbers(head.weights_micro)
        made.xs = numbers(head.calibration_x)
        made.ys = numbers(head.calibration_y)
        return 0

    def __dealloc__(self):
        cdef int at
        for at in range(self.count):
            free(self.heads[at].weights)
            free(self.heads[at].xs)
            free(self.heads[at].ys)
        free(self.heads)
        free(self.table)

    def scores_ppm(self, list concepts_ppm):
        """The intents in ppm, in the order of the heads."""
        cdef long long signs[64]
        cdef long long logit
        cdef int at, of
        if len(concepts_ppm) != self.concepts:
            raise ValueError("not one weight for each concept")
        for of in range(self.concepts):
            signs[of] = 2 * <long long>concepts_ppm[of] - 1000000
        out = []
        for at in range(self.count):
            logit = self.heads[at].bias
            for of in range(self.concepts):
                logit += self.heads[at].weights[of] * signs[of] // 1000000
            out.append(calibrated(self.heads + at, self.sigmoid(logit)))
        return out

    cdef long long sigmoid(self, long long logit):
        cdef long long index, low
        logit = min(max(logit, -self.limit), self.limit - 1) + self.limit
        index = logit // self.step
        low = self.table[index]
        return low + (self.table[index + 1] - low) * (logit - index * self.step) // self.step


cdef long long calibrated(Head* head, long long raw):
    """Linear between the knots, flat outside; identity without knots."""
    cdef int at = 0
    cdef long long x, y
    if head.knots == 0:
        return raw
    while at < head.knots and head.xs[at] <= raw:
        at += 1
    if at == 0:
        return head.ys[0]
    if at == head.knots:
        return head.ys[at - 1]
    x, y = head.xs[at - 1], head.ys[at - 1]
    return y + (head.ys[at] - y) * (raw - x) // (head.xs[at] - x)
