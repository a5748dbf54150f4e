# cython: language_level=3, boundscheck=False, wraparound=False
# models.intent.Intents once more, as C; tests hold the two together. Division floors, as Python's.

from libc.stdlib cimport free, malloc

CONCEPTS_MAX = 64
HEADS_MAX = 64
LIMIT = 1 << 40
KINDS = {"sigmoid": 0, "risk": 1, "hazard": 2}

cdef enum:
    RISK = 1
    HAZARD = 2


cdef struct Head:
    long long bias
    long long* weights
    int knots
    long long* xs
    long long* ys
    int kind


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
    cdef long long* sigmoids
    cdef long long* odds
    cdef long long step, limit, unit

    def __cinit__(self, heads, sigmoids, odds, long long step, long long limit):
        """Tables of the sigmoid in ppm, and of odds, from -limit to limit at every step."""
        self.heads = <Head*>malloc((len(heads) + 1) * sizeof(Head))
        if self.heads == NULL:
            raise MemoryError
        self.sigmoids, self.odds = numbers(sigmoids), numbers(odds)
        self.step, self.limit = step, limit
        self.unit = self.odds[limit // step]
        self.concepts = len(heads[0].weights_micro) if heads else 0
        if self.concepts > CONCEPTS_MAX or len(heads) > HEADS_MAX:
            raise OverflowError("too many concepts or heads for C")
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
        made.kind = KINDS[head.kind]
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
        free(self.sigmoids)
        free(self.odds)

    def scores_ppm(self, list concepts_ppm):
        """The intents in ppm, in the order of the heads."""
        cdef long long signs[64]
        cdef long long found[64]
        cdef long long logit, total = self.unit
        cdef int at, of
        if len(concepts_ppm) != self.concepts:
            raise ValueError("not one weight for each concept")
        for of in range(self.concepts):
            signs[of] = 2 * <long long>concepts_ppm[of] - 1000000
        for at in range(self.count):
            logit = self.heads[at].bias
            for of in range(self.concepts):
                logit += self.heads[at].weights[of] * signs[of] // 1000000
            if self.heads[at].kind == RISK:
                found[at] = self.between(self.odds, logit)
                total += found[at]
            else:
                found[at] = self.between(self.sigmoids, logit)
        for at in range(self.count):
            if self.heads[at].kind == RISK:
                found[at] = found[at] * 1000000 // total
            found[at] = calibrated(self.heads + at, found[at])
        self.join(found)
        return [found[at] for at in range(self.count)]

    cdef void join(self, long long* found):
        """Risks within a million together; hazards added up."""
        cdef long long taken = 0, left = 1000000
        cdef int at
        for at in range(self.count):
            if self.heads[at].kind == RISK:
                taken += found[at]
            elif self.heads[at].kind == HAZARD:
                left = left * (1000000 - found[at]) // 1000000
                found[at] = 1000000 - left
        for at in range(self.count):
            if taken > 1000000 and self.heads[at].kind == RISK:
                found[at] = found[at] * 1000000 // taken

    cdef long long between(self, long long* table, long long logit):
        cdef long long index, low
        logit = min(max(logit, -self.limit), self.limit - 1) + self.limit
        index = logit // self.step
        low = table[index]
        return low + (table[index + 1] - low) * (logit - index * self.step) // self.step


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
