"""Speech quality by a model after ITU-T P.862, in numpy: what a listener would say of heard speech beside what was said.

Written from the algorithm, not from the reference program, and never run through the conformance tests of P.862: its figures
are close to PESQ's (docs/sound.md says how close), they are not PESQ's. Narrow band is mapped by P.862.1, wide band by P.862.2.

  level      both sides to the same power between 350 and 3250 Hz
  filter     narrow: a telephone's receiver (IRS); wide: a high pass of 100 Hz
  time       a delay for each utterance, and for both halves of one in which the delay jumps
  loudness   power in 49 Bark bands of windows of 32 ms, compressed by Zwicker's law; the frequency response of the whole
             and the gain of the moment are forgiven
  difference what is above a dead zone, once symmetric and once with weight on what was added
  time       intervals that sound far off are aligned once more; then the sixth power over 320 ms, the square over all
"""
import numpy as np
from scipy.signal import butter, fftconvolve, lfilter, sosfilt

RATE = 16000
FRAME, HOP = 512, 256
LEAD = 4800                         # silence put around both
SLOT = 64                           # the envelope's samples: 4 ms
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
WIDE_HIGH_PASS = [2.740826, -5.4816519, 2.740826], [1.0, -1.9444777, 0.94597794]
BAD, BAD_FRAMES, SYLLABLE = 30, 5, 20


def shaped(pcm, response):
    """`pcm` through a filter without phase, of a response in dB that is straight between its points."""
    size = 1 << (len(pcm) - 1).bit_length()
    hz, db = np.array(response, float).T
    gain = 10 ** ((np.interp(np.arange(size // 2 + 1) * RATE / size, hz, db) - np.interp(1000, hz, db)) / 20)
    return np.fft.irfft(np.fft.rfft(pcm, size) * gain, size)[: len(pcm)]


def prepared(pcm, size, wide):
    """As the ear gets it: level, silence around it, the receiver's filter."""
    power = np.sum(shaped(pcm, SPEECH_BAND) ** 2) / size
    pcm = pcm * np.sqrt(1e7 / max(power, 1e-9))
    pcm = np.concatenate((np.zeros(LEAD), pcm, np.zeros(size - len(pcm) + LEAD)))
    return lfilter(*WIDE_HIGH_PASS, pcm) if wide else shaped(pcm, IRS)


# ---- time ----

def envelope(pcm):
    """Logarithm of power above a threshold between noise and speech, for each 4 ms; 0: silence."""
    power = np.mean(pcm[: len(pcm) // SLOT * SLOT].reshape(-1, SLOT) ** 2, axis=1)
    threshold = power.mean()
    for _ in range(12):
        quiet = power[power <= threshold]
        threshold = quiet.mean() + 2 * quiet.std() if len(quiet) else threshold
    loud = power[power > threshold].mean() if (power > threshold).any() else 0
    threshold = max(threshold, loud * 1e-4, 1e-3)
    value = np.where(power > threshold, np.log(np.maximum(power / threshold, 1)), 0)
    return close_gaps(value)


def runs(mask):
    """[first, behind) of each run of True."""
    edge = np.flatnonzero(np.diff(np.concatenate(([0], mask.astype(int), [0]))))
    return list(zip(edge[::2], edge[1::2]))


def close_gaps(value):
    """No burst shorter than 16 ms, no gap shorter than 200 ms."""
    value = value.copy()
    for first, behind in runs(value > 0):
        if behind - first <= 4:
            value[first:behind] = 0
    for first, behind in runs(value == 0):
        if behind - first <= 50 and first > 0 and behind < len(value):
            value[first:behind] = 1e-3
    return value


def coarse_delay(a, b, most=125):
    """Slots by which b's envelope is behind a's."""
    product = fftconvolve(b, a[::-1])
    middle = len(a) - 1
    low = max(0, middle - most)
    part = product[low: middle + most + 1]
    return int(np.argmax(part)) + low - middle if part.max() > 0 else 0


def fine_delay(a, b, first, behind, about):
    """(samples, confidence): what most windows of 64 ms of a[first:behind] say of b near the delay `about`."""
    size, votes = 1024, np.zeros(1024)
    window = np.hanning(size)
    for at in range(first, max(behind - size, first + 1), size // 4):
        if at < 0 or at + size > len(a) or at + about < 0 or at + about + size > len(b):
            continue
        x = np.fft.rfft(a[at: at + size] * window)
        y = np.fft.rfft(b[at + about: at + about + size] * window)
        value = np.abs(np.fft.irfft(y * np.conj(x)))
        top = value.max()
        if top > 0:
            peaks = value > 0.99 * top
            votes[peaks] += top ** 0.125
    total = votes.sum()
    if total <= 0:
        return about, 0.0
    reach = RATE // 1000
    kernel = 1 - np.abs(np.arange(1 - reach, reach)) / reach
    smooth = np.zeros(size)
    for shift, weight in zip(range(1 - reach, reach), kernel):
        smooth += weight * np.roll(votes, shift)
    best = int(np.argmax(smooth))
    return about + (best - size if best > size // 2 else best), float(smooth[best] / total)


def split(a, b, piece, depth=0):
    """An utterance (first, behind, delay, confidence), or two of it when both halves are surer of delays of their own."""
    first, behind, delay, sure = piece
    if behind - first < 800 * 16 or depth > 4:
        return [piece]
    best = None
    for share in np.linspace(0.15, 0.85, 8):
        middle = int(first + (behind - first) * share)
        left, right = fine_delay(a, b, first, middle, delay), fine_delay(a, b, middle, behind, delay)
        if left[1] > sure and right[1] > sure and left[0] != right[0] and (best is None or left[1] + right[1] > best[0]):
            best = left[1] + right[1], middle, left, right
    if not best:
        return [piece]
    _, middle, left, right = best
    return split(a, b, (first, middle, *left), depth + 1) + split(a, b, (middle, behind, *right), depth + 1)


def utterances(said, heard):
    """[(first sample, delay)] of what is said, in order."""
    band = butter(4, (300, 3100), "bandpass", fs=RATE, output="sos")
    a, b = sosfilt(band, said), sosfilt(band, heard)
    ea, eb = envelope(a), envelope(b)
    whole = coarse_delay(ea, eb)
    pieces = []
    for first, behind in runs(ea > 0):
        if behind - first < 50:
            continue
        low, high = max(0, first - 75), behind + 75
        near = eb[max(0, low + whole): max(0, high + whole)]
        shift = coarse_delay(ea[low:high], near, 75) if len(near) else 0
        piece = first * SLOT, behind * SLOT
        pieces += split(a, b, (*piece, *fine_delay(a, b, *piece, (whole + shift) * SLOT)))
    if not pieces:
        return [(0, whole * SLOT)]
    starts = [0] + [(last[1] + this[0]) // 2 for last, this in zip(pieces, pieces[1:])]
    return [(start, piece[2]) for start, piece in zip(starts, pieces)]


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


def even_gain(said, heard):
    """`heard` with the gain of the moment that makes it as loud as `said`, within limits, smoothed a little."""
    gain = (audible(said) + 5e3) / (audible(heard) + 5e3)
    smooth = np.empty_like(gain)
    last = None
    for i, value in enumerate(gain):
        last = value if last is None else 0.2 * last + 0.8 * value
        smooth[i] = last
    return heard * np.clip(smooth, 3e-4, 5.0)[:, None]


def norm(difference, power):
    value = (np.abs(difference[:, 1:]) * WIDTH[1:]) ** power
    total = WIDTH[1:].sum()
    return (value.sum(axis=1) / total) ** (1 / power) * total


def differences(said, heard):
    """Symmetric and asymmetric disturbance of each frame."""
    heard = even_gain(said, heard)
    a, b = loudness(said), loudness(heard)
    raw = b - a
    difference = np.sign(raw) * np.maximum(np.abs(raw) - 0.25 * np.minimum(a, b), 0)
    added = np.minimum(((heard + 50) / (said + 50)) ** 1.2, 12)
    added[added < 3] = 0
    return norm(difference, 2), norm(difference * added, 1)


def moved(pcm, pieces, size):
    """`pcm` with each utterance's delay taken out."""
    out = np.zeros(size)
    for i, (start, delay) in enumerate(pieces):
        behind = pieces[i + 1][0] if i + 1 < len(pieces) else size
        out[start:behind] = pcm[np.clip(np.arange(start, behind) + delay, 0, len(pcm) - 1)]
    return out


def align_bad(said, level, image, symmetric, asymmetric):
    """Intervals far off are tried once more with a delay of their own; the better counts. `image`: heard without its delay."""
    bad = symmetric > BAD
    spread = np.array([bad[max(0, i - 2): i + 1].any() and bad[i: i + 3].any() for i in range(len(bad))])
    reach = 4 * FRAME
    for first, behind in runs(spread):
        if behind - first < BAD_FRAMES or behind >= len(bad):
            continue
        low, high = LEAD + first * HOP, LEAD + behind * HOP + FRAME
        if low < reach or high + reach > len(image):
            continue
        a, b = np.abs(said[low:high]), np.abs(image[low - reach: high + reach])
        product = fftconvolve(b, a[::-1], mode="valid")
        shift = int(np.argmax(product)) - reach
        if product.max() < 0.5 * np.sqrt(np.sum(a ** 2) * np.sum(b ** 2)):
            shift = 0
        starts = LEAD + np.arange(first, behind) * HOP + shift
        again = differences(level[first:behind], bands(image, starts))
        symmetric[first:behind] = np.minimum(symmetric[first:behind], again[0])
        asymmetric[first:behind] = np.minimum(asymmetric[first:behind], again[1])


def over_time(frames):
    """Loud moments of 320 ms count by the sixth power, all of them by the square."""
    groups = []
    for first in range(0, len(frames), SYLLABLE // 2):
        groups.append((np.sum(frames[first: first + SYLLABLE] ** 6) / SYLLABLE) ** (1 / 6))
    return float(np.sqrt(np.mean(np.square(groups))))


def speech_frames(said, size):
    """First and last frame of `said` that are not digital silence."""
    sums = np.convolve(np.abs(said[LEAD: LEAD + size]), np.ones(5), "valid")
    loud = np.flatnonzero(sums >= 500)
    return (loud[0] // HOP, loud[-1] // HOP) if len(loud) else (0, 0)


def raw_score(said, heard, wide, frames_to=None):
    """4.5 less the disturbances. Both in units of 16-bit samples at 16 kHz. `frames_to`: gets each frame's disturbances."""
    size = max(len(said), len(heard))
    said, heard = prepared(said, size, wide), prepared(heard, size, wide)
    pieces = utterances(said, heard)
    count = (size - FRAME) // HOP
    starts = LEAD + np.arange(count) * HOP
    piece = np.searchsorted([start for start, _ in pieces], starts, side="right") - 1
    delay = np.array([d for _, d in pieces])[np.maximum(piece, 0)]
    a, b = bands(said, starts), bands(heard, starts + delay)
    talking = audible(a, 100) >= 1e7
    mean_a, mean_b = (np.where(x[talking] > 100 * QUIET, x[talking], 0).sum(axis=0) / count for x in (a, b))
    a = a * np.clip((mean_b + 1000) / (mean_a + 1000), 0.01, 100)
    symmetric, asymmetric = differences(a, b)
    for (_, before), (start, after) in zip(pieces, pieces[1:]):
        if after - before < -FRAME // 2:  # heard time went back: what was skipped is not missed
            first = (start - LEAD + min(after, 0)) // HOP
            last = (start - LEAD + before - after) // HOP + 1
            symmetric[max(first, 0): last + 1] = asymmetric[max(first, 0): last + 1] = 0
    align_bad(said, a, moved(heard, pieces, len(said)), symmetric, asymmetric)
    loud = ((audible(a) + 1e5) / 1e7) ** 0.04
    symmetric, asymmetric = np.minimum(symmetric / loud, 45), np.minimum(asymmetric / loud, 45)
    first, last = speech_frames(said, size)
    if frames_to is not None:
        frames_to.append((first, symmetric[first: last + 1], asymmetric[first: last + 1]))
    return 4.5 - 0.1 * over_time(symmetric[first: last + 1]) - 0.0309 * over_time(asymmetric[first: last + 1])


def quality(said, heard, wide=True):
    """1 to 4.64 (wide) or 4.55 (narrow), of one or two sentences of up to some 15 s; samples from -1 to 1 at 16 kHz."""
    raw = raw_score(said * 32768, heard * 32768, wide)
    slope, middle = (1.3669, 3.8224) if wide else (1.4945, 4.6607)
    return 0.999 + 4 / (1 + np.exp(middle - slope * raw))
