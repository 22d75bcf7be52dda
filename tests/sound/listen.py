"""What a listener would say of heard speech, beside what was said: delay, quality, gaps. Needs python3-numpy, python3-scipy.

Delay: the lag of the greatest normalised cross-correlation in windows of half a second where there is speech.

Quality: 1 to about 4.6. The model of ITU-T P.862 in short: both files as loudness (power in Bark bands, compressed) every
16 ms, brought together in time and level; the difference that a listener notices is summed over bands, then over time
with weight on what is worst. The scale was fitted to figures of P.862.2 (Opus) and P.862.1 (G.711). Good for
comparing ways of coding and concealing the same speech; it is not P.862, and its figures are not MOS.
"""
import wave

import numpy as np
from scipy.signal import fftconvolve, resample_poly

RATE = 16000
HOP, FRAME = 256, 512
SENTENCE = 400  # frames: P.862 is made for one sentence or two
WINDOW, STEP = RATE // 2, RATE // 4
FIT_WIDE, FIT_NARROW = (0.713, 1.527), (0.619, 1.077)


def load(path):
    with wave.open(path) as file:
        rate, n = file.getframerate(), file.getnframes()
        pcm = np.frombuffer(file.readframes(n), dtype="<i2").astype(float) / 32768
        if file.getnchannels() > 1:
            pcm = pcm.reshape(-1, file.getnchannels()).mean(axis=1)
    return resample_poly(pcm, RATE // 1000, rate // 1000) if rate != RATE else pcm


def lag_of(said, heard, most):
    """Lag [samples] of `heard`, 0..most, that correlates best with `said`, and that correlation."""
    said = said - said.mean()
    product = fftconvolve(heard, said[::-1], mode="valid")[: most + 1]
    power = np.cumsum(np.concatenate(([0.0], heard ** 2)))
    energy = power[len(said):] - power[: len(power) - len(said)]
    value = product / np.sqrt(np.maximum(energy[: len(product)] * np.sum(said ** 2), 1e-12))
    best = int(np.argmax(value))
    return best, float(value[best])


def delay_track(said, heard, most_s=0.6):
    """[(time s, delay s, correlation)] for each window with speech."""
    most = int(most_s * RATE)
    padded = np.concatenate((heard, np.zeros(max(0, len(said) + most + WINDOW - len(heard)))))
    loud = np.sqrt(np.mean(said ** 2)) * 0.3
    track = []
    for at in range(0, len(said) - WINDOW, STEP):
        piece = said[at: at + WINDOW]
        if np.sqrt(np.mean(piece ** 2)) < loud:
            continue
        lag, value = lag_of(piece, padded[at: at + WINDOW + most], most)
        track.append(((at + WINDOW / 2) / RATE, lag / RATE, value))
    return track


def delays(track):
    """(median, 95 % quantile, lowest correlation) of a track, in ms."""
    good = [d for _, d, c in track if c > 0.5] or [0.0]
    return float(np.median(good)) * 1000, float(np.quantile(good, 0.95)) * 1000, min(c for _, _, c in track)


def bark(hz):
    return 7 * np.arcsinh(hz / 650)


def bands(low_hz, high_hz, count):
    """count x bins weights of Bark bands, and the bands' widths."""
    edges = np.linspace(bark(low_hz), bark(high_hz), count + 1)
    bins = bark(np.arange(FRAME // 2 + 1) * RATE / FRAME)
    width = (edges[1] - edges[0]) * 1.2
    weights = np.zeros((count, len(bins)))
    for i in range(count):
        centre = (edges[i] + edges[i + 1]) / 2
        weights[i] = np.clip(1 - np.abs(bins - centre) / width, 0, None)
    return weights


def framed(pcm, starts):
    index = starts[:, None] + np.arange(FRAME)[None, :]
    return pcm[np.clip(index, 0, len(pcm) - 1)] * np.hanning(FRAME)


def spectra(pcm, starts, weights):
    power = np.abs(np.fft.rfft(framed(pcm, starts), axis=1)) ** 2
    return power @ weights.T


def align(said, heard, track, starts):
    """Sample of `heard` for each frame of `said`: the window's delay, then the best of +-8 ms by the frame itself."""
    if not track:
        return starts
    times = np.array([t for t, _, _ in track])
    lags = np.array([d for _, d, _ in track])
    good = np.array([c for _, _, c in track]) > 0.4
    if good.any():
        times, lags = times[good], lags[good]
    nearest = np.abs(starts[:, None] / RATE - times[None, :]).argmin(axis=1)
    return starts + np.round(lags[nearest] * RATE).astype(int)


def loudness(power, threshold):
    return np.maximum((power / threshold + 0.5) ** 0.23 - 1, 0)


def disturbance(said, heard, wide=True):
    """The mean noticeable difference of each sentence (of 6.4 s); 0: none."""
    track = delay_track(said, heard)
    starts = np.arange(0, len(said) - FRAME, HOP)
    weights = bands(50, 7000, 42) if wide else bands(250, 3400, 30)
    a = spectra(said, starts, weights)
    places = align(said, heard, track, starts)
    # A stretched window moves inside by some milliseconds: of three places the nearest in sound.
    tries = [spectra(heard, places + shift, weights) for shift in (-64, -32, 0, 32, 64)]
    active = a.sum(axis=1) > a.sum(axis=1).max() * 1e-4
    scale = a[active].sum() / max(tries[2][active].sum(), 1e-12)
    threshold = np.mean(a[active].sum(axis=1)) * 1e-5 / len(weights) * 10
    la = loudness(a, threshold)
    best = None
    for b in tries:
        b = b * scale
        lb = loudness(b, threshold)
        difference = lb - la
        mask = 0.25 * np.minimum(la, lb)
        d = np.sign(difference) * np.maximum(np.abs(difference) - mask, 0)
        # What was added disturbs more than what is missing.
        added = np.where(d > 0, np.minimum(((b + threshold * 50) / (a + threshold * 50)) ** 1.2, 12.0), 0)
        added = np.where(added < 3, 0, added)
        symmetric = np.sqrt(np.mean(d ** 2, axis=1))
        asymmetric = np.mean(np.abs(d) * added, axis=1)
        total = 0.3 * symmetric + 0.03 * asymmetric
        best = total if best is None else np.minimum(best, total)
    norm = (la.mean(axis=1) + la[active].mean() * 0.1) ** 0.04
    frames = np.minimum(best / norm * 10, 12)
    # Groups of 20 frames (320 ms) by the sixth power, the groups of each sentence by the square.
    result = []
    for first in range(0, len(frames) - SENTENCE // 2, SENTENCE):
        groups = [np.mean(frames[i: i + 20] ** 6) ** (1 / 6) for i in range(first, min(first + SENTENCE, len(frames) - 20), 10)
                  if active[i: i + 20].any()]
        if groups:
            result.append(float(np.sqrt(np.mean(np.square(groups)))))
    return result


def quality(said, heard, wide=True):
    """About what P.862.2 (wide) or P.862.1 (narrow) would say, 1 to 4.6."""
    scale, power = FIT_WIDE if wide else FIT_NARROW
    return float(np.mean([1 + 3.6 / (1 + (scale * d) ** power) for d in disturbance(said, heard, wide)] or [1.0]))
