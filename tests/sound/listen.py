"""What a listener would say of heard speech, beside what was said: delay, quality, gaps. Needs python3-numpy.

Delay: the lag of the greatest normalised cross-correlation in windows of half a second where there is speech.

Quality: perceived.py, a model after ITU-T P.862, of each piece of speech between long pauses; the mean.
"""
import wave

import numpy as np

import perceived
from signals import fftconvolve, resample_poly

RATE = 16000
WINDOW, STEP = RATE // 2, RATE // 4
PAUSE, AROUND = int(0.7 * RATE), int(0.35 * RATE)


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


def pieces(said):
    """[first, behind) of each piece of speech that stands between pauses of 0.7 s: P.862 is made for a sentence or two."""
    loud = np.flatnonzero(np.abs(said) > 1e-3)
    if not len(loud):
        return []
    cuts = np.flatnonzero(np.diff(loud) > PAUSE)
    firsts, lasts = np.concatenate(([loud[0]], loud[cuts + 1])), np.concatenate((loud[cuts], [loud[-1]]))
    return [(max(0, first - AROUND), min(len(said), last + AROUND)) for first, last in zip(firsts, lasts)]


def qualities(said, heard, wide=True):
    """About what P.862.2 (wide) or P.862.1 (narrow) would say of each piece, 1 to 4.6."""
    result = []
    for first, behind in pieces(said):
        typical, _, _ = delays(delay_track(said[first:behind], heard[first:]) or [(0, 0, 0)])
        lag = int(typical * RATE / 1000)
        result.append(perceived.quality(said[first:behind], heard[first + lag: behind + lag], wide))
    return result


def quality(said, heard, wide=True):
    """The mean of qualities(), 1.0 without speech."""
    return float(np.mean(qualities(said, heard, wide) or [1.0]))
