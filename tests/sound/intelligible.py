"""A second opinion on heard speech: the short-time objective intelligibility of Taal, Hendriks, Heusdens and Jensen (2011), in numpy.

It shares nothing with perceived.py but its input: envelopes of third octaves are correlated over 384 ms. 0 to 1.
"""
import numpy as np

from signals import resample_poly

RATE, FRAME, HOP, FFT = 10000, 256, 128, 512
BANDS, LOWEST_HZ, SPAN, QUIETEST_DB, BETA_DB = 15, 150, 30, 40, -15
WINDOW = np.hanning(FRAME + 2)[1:-1]


def frames(pcm):
    count = max(0, (len(pcm) - FRAME) // HOP + 1)
    return pcm[np.arange(count)[:, None] * HOP + np.arange(FRAME)] * WINDOW


def third_octaves():
    centre = LOWEST_HZ * 2.0 ** (np.arange(BANDS) / 3)
    hz = np.arange(FFT // 2 + 1) * RATE / FFT
    edges = [np.argmin(np.abs(hz[:, None] - centre * 2.0 ** (by / 6)), axis=0) for by in (-1, 1)]
    return np.array([(np.arange(len(hz)) >= low) & (np.arange(len(hz)) < high) for low, high in zip(*edges)], float)


def envelopes(windows):
    return np.sqrt(np.abs(np.fft.rfft(windows, FFT, axis=1)) ** 2 @ third_octaves().T)


def intelligible(said, heard, rate):
    """Both of one length and without delay to each other."""
    said, heard = (resample_poly(x, RATE // 1000, rate // 1000) for x in (said, heard))
    a, b = frames(said), frames(heard)
    level = 20 * np.log10(np.linalg.norm(a, axis=1) + 1e-12)
    spoken = level > level.max() - QUIETEST_DB
    x, y = envelopes(a[spoken]), envelopes(b[spoken])
    total, limit = [], 1 + 10 ** (-BETA_DB / 20)
    for behind in range(SPAN, len(x) + 1):
        clean, dirty = x[behind - SPAN: behind], y[behind - SPAN: behind]
        dirty = dirty * np.linalg.norm(clean, axis=0) / (np.linalg.norm(dirty, axis=0) + 1e-12)
        dirty = np.minimum(dirty, clean * limit)
        clean, dirty = clean - clean.mean(axis=0), dirty - dirty.mean(axis=0)
        total.append(np.sum(clean * dirty, axis=0) / (np.linalg.norm(clean, axis=0) * np.linalg.norm(dirty, axis=0) + 1e-12))
    return float(np.mean(total)) if total else 0.0
