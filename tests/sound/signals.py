"""The few functions of scipy.signal that are needed here, in numpy alone: python3-scipy brings a compiler and 400 MB with it."""
import math

import numpy as np

DECAY = 8192  # samples in which the answer of a filter to an impulse has died away


def fftconvolve(a, b, mode="full"):
    """The convolution of `a` and `b`; mode "valid": only where b, the shorter, lies within a."""
    size = len(a) + len(b) - 1
    padded = 1 << (size - 1).bit_length()
    whole = np.fft.irfft(np.fft.rfft(a, padded) * np.fft.rfft(b, padded), padded)[:size]
    return whole if mode == "full" else whole[len(b) - 1: len(a)]


def lfilter(b, a, x):
    """`x` through the filter b(z) / a(z), whose answer to an impulse is shorter than DECAY."""
    size = 1 << (len(x) + DECAY - 1).bit_length()
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    return np.fft.irfft(np.fft.rfft(x, size) * np.polyval(b[::-1], z) / np.polyval(a[::-1], z), size)[: len(x)]


def resample_poly(x, up, down):
    """`x` at up / down times its rate, through a windowed sinc of 20 zero crossings."""
    common = math.gcd(up, down)
    up, down = up // common, down // common
    slower = max(up, down)
    half = 10 * slower
    filter_ = np.sinc(np.arange(-half, half + 1) / slower) * np.kaiser(2 * half + 1, 5.0)
    wide = np.zeros(len(x) * up)
    wide[::up] = x
    return np.convolve(wide, filter_ * up / filter_.sum())[half: half + len(wide): down]
