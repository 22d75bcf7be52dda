"""Speech quality by a model after ITU-T P.862, in numpy: what a listener would say of heard speech beside what was said.

Compared with the reference program, with whose figures it agrees within 0.02 but for rare calls in which a delay changes in the
middle of a word (docs/sound.md). Its source was read for that, no line of it is taken over, and ours never went through the
conformance tests of P.862. Narrow band is mapped by P.862.1, wide band by P.862.2.

  level      both sides to the same power between 350 and 3250 Hz
  filter     narrow: a telephone's receiver (IRS); wide: a high pass of 100 Hz
  time       a delay for each utterance, and for both halves of one in which the delay jumps: by the envelopes, then by windows
             of 64 ms that vote
  loudness   power in 49 Bark bands of windows of 32 ms, compressed by Zwicker's law; the frequency response of the whole
             and the gain of the moment are forgiven
  difference what is above a dead zone, once symmetric and once with weight on what was added
  time       intervals that sound far off are aligned once more; then the sixth power over 320 ms, the square over all,
             the end of more than 16 s with more weight
"""
from dataclasses import dataclass

import numpy as np

from signals import fftconvolve, lfilter

RATE = 16000
FRAME, HOP = 512, 256
LEAD, TAIL = 4800, 5120             # silence put around both, and once more behind them
SLOT, VOTE = 64, 1024               # samples of the envelope, 4 ms, and of a window that votes for a delay, 64 ms
SHORTEST, JOINED = 50, 50           # slots: no utterance is shorter, no pause between two is
MOST_UTTERANCES = 50
SOFT = np.array([0.1, 0.3])
# The bands: how many bins of 31.25 Hz each has, its centre and width on the Bark scale, its width in Hz.
BINS = [1] * 8 + [2] + [1] * 5 + [2, 1, 1] + [2] * 8 + [3] * 4 + [4, 3, 4, 5, 4, 5, 6, 6, 7, 8, 9, 9, 12, 12, 15, 16, 18, 21, 25, 20]
BARK = np.array([
    0.0787, 0.3163, 0.6366, 0.9612, 1.2905, 1.6242, 1.9626, 2.3056, 2.6534, 3.0059, 3.3632, 3.7254, 4.0924, 4.4645, 4.8415, 5.2236, 5.6109,
    6.0033, 6.4009, 6.8038, 7.2120, 7.6256, 8.0446, 8.4691, 8.8992, 9.3349, 9.7763, 10.2234, 10.6762, 11.1350, 11.5996, 12.0701, 12.5467,
    13.0294, 13.5182, 14.0133, 14.5146, 15.0222, 15.5362, 16.0567, 16.5838, 17.1174, 17.6577, 18.2047, 18.7585, 19.3191, 19.8868, 20.4614,
    21.0430])
EDGES = np.concatenate(([0.0], np.zeros(len(BARK))))
for _i, _centre in enumerate(BARK):
    EDGES[_i + 1] = 2 * _centre - EDGES[_i]
WIDTH = np.diff(EDGES)
WIDTH_HZ = np.array([
    15.73, 31.80, 32.24, 32.69, 33.15, 33.61, 34.07, 34.54, 35.01, 35.49, 35.97, 36.46, 36.95, 37.45, 40.27, 42.31, 45.99, 51.35, 55.04,
    56.78, 58.70, 62.45, 64.82, 69.20, 76.75, 84.02, 90.83, 97.93, 103.35, 107.80, 113.55, 121.49, 130.42, 143.43, 158.49, 176.87, 198.31,
    219.55, 240.60, 268.70, 306.06, 349.94, 398.69, 454.71, 506.84, 564.86, 637.26, 794.72, 931.07])
# The threshold of hearing in each band [dB].
QUIET_DB = np.array([
    77.1, 63.9, 48.5, 36.9, 30.7, 25.9, 20.2, 16.6, 12.5, 9.9, 6.9, 4.9, 2.8, 1.0, -0.1, -1.4, -2.5, -3.4, -4.1, -4.8, -5.3, -5.7, -5.9, -6.0,
    -6.0, -6.0, -6.0, -5.8, -5.4, -5.1, -4.7, -4.3, -4.0, -3.6, -3.3, -3.1, -3.0, -3.0, -2.9, -2.8, -2.8, -2.8, -2.9, -3.2, -3.7, -4.3, -4.4,
    -3.8, -2.7])
QUIET = 10 ** (QUIET_DB / 10)
POWER_SCALE, LOUDNESS_SCALE = 6.910853e-6, 0.1866055
EXPONENT = 0.23 * np.clip(6 / (BARK + 2), 1, 2) ** 0.15
# The receiver of a telephone: Hz, dB.
IRS = [(0, -200), (50, -40), (100, -20), (125, -12), (160, -6), (200, 0), (250, 4), (300, 6), (350, 8), (400, 10), (500, 11), (600, 12),
       (3250, 12), (3500, 4), (4000, -200), (8000, -200)]
SPEECH_BAND = [(0, -500), (300, -500), (350, 0), (3250, 0), (3500, -500), (8000, -500)]
# What the alignment hears. It is as fine as that since where an utterance is split hangs on tenths of a dB.
ALIGN_BAND = [(0, -200), (20, -110), (50, -78), (80, -61), (110, -47.5), (150, -35), (180, -27.5), (215, -20.5), (250, -14.7), (285, -10.2), (320, -6.8),
              (360, -4), (400, -2.1), (450, -0.7), (500, 0), (560, 0.6), (740, 0.8), (1080, -0.3), (1415, -2.1), (1760, -5.3), (1915, -7.5),
              (2200, -12.3), (2360, -13.8), (2530, -14), (3050, -13.1), (3170, -13.3), (3270, -13.8), (3390, -15), (3510, -17), (3630, -19.4),
              (3980, -27.3), (4140, -30.8), (4320, -34), (4500, -36.5), (8000, -54.7)]
WIDE_HIGH_PASS = [2.740826, -5.4816519, 2.740826], [1.0, -1.9444777, 0.94597794]
BAD, BAD_FRAMES, SYLLABLE = 30, 5, 20


def causal(gain):
    """`gain` of 0 Hz to half the rate with the least phase that a filter which knows nothing of the future can have."""
    size = 2 * (len(gain) - 1)
    fold = np.concatenate(([1], np.full(size // 2 - 1, 2), [1], np.zeros(size // 2 - 1)))
    return np.exp(np.fft.rfft(np.fft.irfft(np.log(np.maximum(gain, 1e-6)), size) * fold))


def shaped(pcm, response, delayed=False):
    """`pcm` through a filter without phase, or a causal one, of a response in dB that is straight between its points."""
    size = 1 << (len(pcm) - 1).bit_length()
    hz, db = np.array(response, float).T
    gain = 10 ** ((np.interp(np.arange(size // 2 + 1) * RATE / size, hz, db) - np.interp(1000, hz, db)) / 20)
    return np.fft.irfft(np.fft.rfft(pcm, size) * (causal(gain) if delayed else gain), size)[: len(pcm)]


def prepared(pcm, size, wide):
    """As the ear gets it: level, silence around it, the receiver's filter."""
    behind = np.zeros(size - len(pcm) + TAIL)
    power = np.sum(shaped(np.concatenate((pcm, behind)), SPEECH_BAND) ** 2) / (size + TAIL)
    pcm = pcm * np.sqrt(1e7 / max(power, 1e-9))
    if wide:
        fade = np.minimum(1, np.arange(1, len(pcm) + 1) / 16)
        pcm = lfilter(*WIDE_HIGH_PASS, pcm * fade * fade[::-1])
    pcm = np.concatenate((pcm, behind))
    return np.concatenate((np.zeros(LEAD), pcm if wide else shaped(pcm, IRS), np.zeros(LEAD)))


# ---- time ----

def runs(mask):
    """[first, behind) of each run of True."""
    edge = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(int), [0]))))
    return list(zip(edge[::2], edge[1::2]))


def threshold_of(power):
    """What is above the noise: two deviations above the mean of all that is below it, found in a dozen rounds."""
    threshold = power.mean()
    power = np.maximum(power, power.max() * 1e-4)
    for _ in range(12):
        quiet = power[power <= threshold]
        threshold = 1.001 * (quiet.mean() + 2 * quiet.std()) if len(quiet) else 0
    return threshold


def envelope(pcm):
    """(which slots belong to an utterance, logarithm of each one's power above the threshold between noise and speech)."""
    power = np.mean(pcm[: len(pcm) // SLOT * SLOT].reshape(-1, SLOT) ** 2, axis=1)
    if not power.any():
        return np.zeros(len(power), bool), np.zeros(len(power))
    threshold, least = threshold_of(power), power.max() * 1e-4
    power = np.maximum(power, least)
    loud = power > threshold
    clear = loud.any() and not loud.all() and power[loud].mean() >= 1000 * power[~loud].mean()
    loud[[0, -1]] = False
    for first, behind in runs(loud):  # clicks, and breath where there is no noise
        if behind - first <= 4 or clear and power[first:behind].mean() < 3 * threshold:
            loud[first:behind] = False
    edges = runs(loud)
    power[~loud] = 0
    active = loud.copy()
    for (_, before), (after, _) in zip(edges, edges[1:]):
        if after - before <= JOINED:
            active[before:after] = True
    for first, behind in runs(active):  # soft edges
        power[first - 2: first], power[behind: behind + 2] = power[first] * SOFT, power[behind - 1] * SOFT[::-1]
        active[first - 2: first] = active[behind: behind + 2] = True
    return active, np.where(power > threshold, np.log(np.maximum(power, least) / threshold), 0)


class Pair:
    """Both sides as the alignment hears them: samples in the telephone's band, and envelopes."""

    def __init__(self, said, heard):
        self.a, self.b = shaped(said, ALIGN_BAND, True), shaped(heard, ALIGN_BAND, True)
        (self.active, self.log_a), (_, self.log_b) = envelope(self.a), envelope(self.b)

    def coarse(self, first, behind, about):
        """Delay [samples, whole slots] at which the envelopes of the slots [first, behind) fit best, near `about`."""
        shift = int(about / SLOT)
        first = max(first, -shift)
        a, b = self.log_a[first:behind], self.log_b[first + shift: behind + shift]
        if len(a) < 2 or len(b) < 2:
            return about
        product = fftconvolve(b, a[::-1])
        best = int(np.argmax(product))
        return about + ((best - len(a) + 1) * SLOT if product[best] > 1e-6 else 0)

    def votes(self, starts, delay):
        """For each window of 64 ms of what is said from `starts`: its vote for each shift of what was heard `delay` later."""
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(VOTE) / VOTE)
        at = starts[:, None] + np.arange(VOTE)
        x, y = np.fft.rfft(self.a[at] * window, axis=1), np.fft.rfft(self.b[at + delay] * window, axis=1)
        value = np.abs(np.fft.irfft(y * np.conj(x), axis=1))
        top = 0.99 * value.max(axis=1, keepdims=True)
        return np.where(value > top, top ** 0.125, 0)

    def forth(self, first, ends, delay):
        """[(delay, confidence)] by the windows from the slot `first` up to each of `ends`."""
        low = max(first * SLOT, -delay)
        high = min(max(ends) * SLOT, len(self.b) - delay)
        counts = [(end * SLOT - VOTE - low) // (VOTE // 4) + 1 for end in ends]
        return elected(self.votes(np.arange(low, high - VOTE + 1, VOTE // 4), delay), counts, delay)

    def back(self, ends, last, delay):
        """The same by the windows before the slot `last`, back to each of `ends`."""
        high = min(last * SLOT, len(self.b) - delay) - VOTE
        low = max(min(ends) * SLOT, -delay)
        counts = [(high - end * SLOT) // (VOTE // 4) + 1 for end in ends]
        return elected(self.votes(np.arange(high, low - 1, -VOTE // 4), delay), counts, delay)


def elected(votes, counts, delay):
    """[(delay, confidence)] of the first `count` of `votes`, for each of `counts`: neighbours within a millisecond vote together."""
    if not len(votes):
        return [(delay, 0.0)] * len(counts)
    sums = np.cumsum(votes, axis=0)[np.clip(counts, 1, len(votes)) - 1]
    sums[np.array(counts) < 1] = 0
    reach = VOTE // 64
    kernel = np.zeros(VOTE)
    for shift in range(1 - reach, reach):
        kernel[shift] = 1 - abs(shift) / reach
    smooth = np.fft.irfft(np.fft.rfft(sums, axis=1) * np.fft.rfft(kernel), axis=1)
    best, total = np.argmax(smooth, axis=1), sums.sum(axis=1)
    sure = np.where(total > 0, smooth.max(axis=1) / np.maximum(total, 1e-9), 0)
    return [(delay + (int(b) if b < VOTE // 2 else int(b) - VOTE) if s > 0 else delay, float(s)) for b, s in zip(best, sure)]


@dataclass
class Utterance:
    """Slots [first, behind) of what is said, heard `delay` samples later; `about`: the same by the envelopes alone."""
    first: int
    behind: int
    about: int
    delay: int
    sure: float


def by_delay(ends, abouts, elect):
    """{end: (delay, confidence)}, elected once for all ends of which the envelopes say the same."""
    found = {}
    for about in set(abouts):
        same = [end for end, other in zip(ends, abouts) if other == about]
        found.update(zip(same, elect(same, about)))
    return found


def halves(pair, whole):
    """The two utterances of which both are surer of their own delays than `whole` is of its one, or None."""
    talk = np.flatnonzero(pair.active[whole.first: whole.behind + 1])
    if not len(talk) or talk[-1] + 1 - talk[0] < 200:
        return None
    first, behind = whole.first + talk[0], whole.first + talk[-1] + 1
    margin, step = max((behind - first) // 10, 75), 4 * int((0.801 * (behind - first) + 159) / 160)
    cuts = [first + margin] + list(range(first + margin + step, behind - margin + 1, step))[:39]
    left = [pair.coarse(whole.first, cut, whole.about) for cut in cuts]
    right = [pair.coarse(cut, whole.behind, whole.about) for cut in cuts]
    forth = by_delay(cuts, left, lambda ends, about: pair.forth(whole.first, ends, about))
    sure = [i for i, cut in enumerate(cuts) if forth[cut][1] > whole.sure]
    back = by_delay([cuts[i] for i in sure], [right[i] for i in sure], lambda ends, about: pair.back(ends, whole.behind, about))
    best, found = 0, None
    for i in sure:
        (delay, one), (after, two) = forth[cuts[i]], back[cuts[i]]
        if two > whole.sure and abs(after - delay) >= SLOT and one + two > best:
            best, found = one + two, (cuts[i], left[i], delay, one, right[i], after, two)
    if not found:
        return None
    cut, about, delay, one, about_after, after, two = found
    lap = max(0, int((after - delay) / (2 * SLOT)))  # heard later: something is heard that was not said then
    return Utterance(whole.first, cut + lap, about, delay, one), Utterance(cut - lap, whole.behind, about_after, after, two)


def apart(pieces, slots, heard_len):
    """Puts the bounds between `pieces` into the middle of the pauses, both as said and as heard."""
    edge = LEAD // SLOT
    pieces[0].first, pieces[-1].behind = edge, slots - edge
    for last, this in zip(pieces, pieces[1:]):
        last.behind = this.first = (last.behind + this.first) // 2
    pieces[0].first = max(pieces[0].first, edge + (SLOT - 1 - pieces[0].delay) // SLOT)
    pieces[-1].behind = min(pieces[-1].behind, (heard_len - pieces[-1].delay) // SLOT - edge)
    for last, this in zip(pieces, pieces[1:]):
        starts, ends = this.first * SLOT + this.delay, last.behind * SLOT + last.delay
        if starts < ends:
            middle = (starts + ends) // 2
            this.first, last.behind = (middle - this.delay + SLOT - 1) // SLOT, (middle - last.delay) // SLOT


def utterances(said, heard):
    """The utterances of what is said, in order, with their delays."""
    pair = Pair(said, heard)
    slots = len(pair.active)
    whole = pair.coarse(0, slots, 0)
    pieces = []
    for first, behind in runs(pair.active):
        if behind - first < SHORTEST or first * SLOT >= len(heard) - whole - SHORTEST * SLOT or behind * SLOT <= SHORTEST * SLOT - whole:
            continue
        low, high = max(0, first - LEAD // SLOT), min(behind + LEAD // SLOT, slots - 1)
        about = pair.coarse(low, high, whole)
        pieces.append(Utterance(first, behind, about, *pair.forth(low, [high], about)[0]))
    if not pieces:
        return [Utterance(LEAD // SLOT, slots - LEAD // SLOT, whole, whole, 0)]
    apart(pieces, slots, len(heard))
    number = 0
    while number < len(pieces) < MOST_UTTERANCES:
        two = halves(pair, pieces[number])
        pieces[number: number + 1] = two or [pieces[number]]
        number += not two
    return pieces


# ---- loudness ----

def bands(pcm, starts):
    """Power in each band of the window at each of `starts`."""
    inside = np.clip(starts, 0, len(pcm) - FRAME)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(FRAME) / FRAME)
    power = np.abs(np.fft.rfft(pcm[inside[:, None] + np.arange(FRAME)] * window, axis=1)[:, : FRAME // 2]) ** 2
    power[:, 0] = 0
    power[inside != starts] = 0
    summed = np.add.reduceat(power[:, : sum(BINS)], np.concatenate(([0], np.cumsum(BINS)[:-1])), axis=1)
    return summed * (WIDTH_HZ / WIDTH / np.array(BINS) * POWER_SCALE)


def audible(power, factor=1.0):
    return np.where(power > QUIET * factor, power, 0)[:, 1:].sum(axis=1)


def loudness(power):
    value = (QUIET / 0.5) ** EXPONENT * ((0.5 + 0.5 * power / QUIET) ** EXPONENT - 1)
    return LOUDNESS_SCALE * np.where(power > QUIET, value, 0)


def even_gain(said, heard, last=None):
    """`heard` with the gain of the moment that makes it as loud as `said`, within limits, smoothed a little."""
    gain = (audible(said) + 5e3) / (audible(heard) + 5e3)
    smooth = np.empty_like(gain)
    for i, value in enumerate(gain):
        last = value if last is None else 0.2 * last + 0.8 * value
        smooth[i] = last
    return heard * np.clip(smooth, 3e-4, 5.0)[:, None]


def norm(difference, power):
    value = (np.abs(difference[:, 1:]) * WIDTH[1:]) ** power
    total = WIDTH[1:].sum()
    return (value.sum(axis=1) / total) ** (1 / power) * total


def differences(said, heard, gain=None):
    """Symmetric and asymmetric disturbance of each frame. `gain`: before the first."""
    heard = even_gain(said, heard, gain)
    a, b = loudness(said), loudness(heard)
    raw = b - a
    difference = np.sign(raw) * np.maximum(np.abs(raw) - 0.25 * np.minimum(a, b), 0)
    added = np.minimum(((heard + 50) / (said + 50)) ** 1.2, 12)
    added[added < 3] = 0
    return norm(difference, 2), norm(difference * added, 1)


def delays_at(pieces, samples):
    """The delay of the utterance that each of `samples` is in."""
    piece = np.searchsorted([p.first * SLOT for p in pieces], samples, side="right") - 1
    return np.array([p.delay for p in pieces])[np.maximum(piece, 0)]


def forgive_skipped(pieces, symmetric, asymmetric):
    """What is heard more than half a window earlier than before was cut out by the jitter buffer: that alone is no disturbance."""
    for before, after in zip(pieces, pieces[1:]):
        jump = after.delay - before.delay
        if jump < -HOP:
            start = (after.first * SLOT - LEAD + after.delay) // HOP
            end = (before.behind * SLOT - LEAD + before.delay) // HOP
            last = (after.first * SLOT - LEAD - jump) // HOP + 1
            span = slice(max(0, min(start, end)), min(last + 1, len(symmetric) - 1))
            symmetric[span] = asymmetric[span] = 0


def bad_intervals(symmetric):
    """[first, behind) of what is far off for long, small gaps closed."""
    bad = symmetric > BAD
    bad[0] = False
    padded = np.concatenate((np.zeros(2, bool), bad, np.zeros(2, bool)))
    near = [padded[i: i + len(bad)] for i in range(5)]
    spread = (near[0] | near[1] | bad) & (bad | near[3] | near[4])
    spread[:2] = spread[-3:] = False
    return [(first, behind) for first, behind in runs(spread) if behind - first >= BAD_FRAMES and behind < len(bad)]


def align_bad(said, level, image, symmetric, asymmetric):
    """Intervals far off are tried once more with a delay of their own; the better counts. `image`: heard without its delay."""
    intervals = bad_intervals(symmetric)
    reach = 4 * FRAME
    again = image.copy()
    for first, behind in intervals:
        low, high = LEAD + first * HOP, LEAD + behind * HOP + FRAME
        around = np.clip(np.arange(low - reach, high + reach), LEAD, len(image) - LEAD - 1)
        a, b = np.abs(said[low:high]), np.abs(image[around])
        product = fftconvolve(b, a[::-1], mode="valid")[:-1]
        shift = int(np.argmax(product)) - reach
        if product.max() >= 0.5 * np.sqrt(np.sum(a ** 2) * np.sum(b ** 2)):
            again[low:high] = image[np.clip(np.arange(low, high) + shift, 0, len(image) - TAIL - 1)]
    for first, behind in intervals:
        new = differences(level[first:behind], bands(again, LEAD + np.arange(first, behind) * HOP), 1.0)
        symmetric[first:behind] = np.minimum(symmetric[first:behind], new[0])
        asymmetric[first:behind] = np.minimum(asymmetric[first:behind], new[1])


def over_time(frames, weights):
    """Loud moments of 320 ms count by the sixth power, all of them by the square."""
    firsts = np.arange(0, len(frames), SYLLABLE // 2)
    groups = np.array([(np.sum(frames[first: first + SYLLABLE] ** 6) / SYLLABLE) ** (1 / 6) for first in firsts])
    weights = weights[firsts] ** 2
    return float(np.sqrt(np.sum(weights * groups ** 2) / np.sum(weights)))


def remembered(count, size):
    """How much each of `count` frames of `size` samples counts: of more than 16 s, the end is remembered better than the beginning."""
    whole = size // HOP - 1
    lost = min((whole - 1000) / 5500, 0.5) if count > 1000 else 0
    return 1 - lost + lost * np.arange(count) / whole


def speech_frames(said):
    """First and last frame of `said` that are not digital silence."""
    sums = np.convolve(np.abs(said[LEAD: -LEAD]), np.ones(5), "valid")
    loud = np.flatnonzero(sums >= 500)
    return (loud[0] // HOP, (loud[-1] + 5) // HOP - 1) if len(loud) else (0, 0)


def raw_score(said, heard, wide, frames_to=None):
    """4.5 less the disturbances. Both in units of 16-bit samples at 16 kHz. `frames_to`: gets each frame's disturbances."""
    size = max(len(said), len(heard))
    ends = [len(pcm) + 2 * LEAD for pcm in (said, heard)]
    said, heard = prepared(said, size, wide), prepared(heard, size, wide)
    pieces = utterances(said[: ends[0]], heard[: ends[1]])
    first, last = speech_frames(said)
    starts = LEAD + np.arange(last + 1) * HOP
    a, b = bands(said, starts), bands(heard, starts + delays_at(pieces, starts))
    talking = audible(a, 100) >= 1e7
    whole = (size + TAIL) // HOP - 1
    mean_a, mean_b = (np.where(x[talking] > 100 * QUIET, x[talking], 0).sum(axis=0) / whole for x in (a, b))
    a = a * np.clip((mean_b + 1000) / (mean_a + 1000), 0.01, 100)
    symmetric, asymmetric = differences(a, b)
    forgive_skipped(pieces, symmetric, asymmetric)
    if symmetric.max() > BAD:
        at = np.arange(LEAD, len(heard) - LEAD)
        image = np.zeros(len(heard))
        image[at] = heard[np.clip(at + delays_at(pieces, at), LEAD, len(heard) - LEAD - 1)]
        align_bad(said, a, image, symmetric, asymmetric)
    loud = ((audible(a) + 1e5) / 1e7) ** 0.04
    symmetric, asymmetric = np.minimum(symmetric / loud, 45), np.minimum(asymmetric / loud, 45)
    if frames_to is not None:
        frames_to.append((first, symmetric[first:], asymmetric[first:]))
    weights = remembered(len(symmetric), size)
    return 4.5 - 0.1 * over_time(symmetric[first:], weights) - 0.0309 * over_time(asymmetric[first:], weights)


def quality(said, heard, wide=True):
    """1 to 4.64 (wide) or 4.55 (narrow), of one or two sentences of up to some 15 s; samples from -1 to 1 at 16 kHz."""
    raw = raw_score(said * 32768, heard * 32768, wide)
    slope, middle = (1.3669, 3.8224) if wide else (1.4945, 4.6607)
    return 0.999 + 4 / (1 + np.exp(middle - slope * raw))
