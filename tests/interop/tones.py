"""Which tones a recording holds, and when."""
import struct
import wave

from harness import power_at

WINDOW_S, SHORT_S, STRANGE_S = 0.1, 0.4, 1.0


def samples_of(path, channel=0):
    """(rate, samples of one channel), thinned to 8 kHz: the tones are far below."""
    with wave.open(path) as file:
        channels, rate, frames = file.getnchannels(), file.getframerate(), file.readframes(file.getnframes())
    samples = struct.unpack(f"<{len(frames) // 2}h", frames)[channel::channels]
    step = max(1, rate // 8000)
    return rate / step, samples[::step]


def tones_in(part, rate, known):
    """Those of `known` that make up a good deal of what there is; empty: silence. None: something else."""
    total = sum(s * s for s in part) / len(part)
    if total < 1e3:
        return ()
    found = tuple(hz for hz in known if power_at(part, rate, hz) > 0.1 * total)
    return found if sum(power_at(part, rate, hz) for hz in found) > 0.6 * total else None


def story(path, known, channel=0):
    """[(tones, seconds), ...] from beginning to end; what is shorter than SHORT_S is the edge between two, what is none of them up to STRANGE_S (None) too:
    peers click and ring there."""
    rate, samples = samples_of(path, channel)
    n, runs = int(rate * WINDOW_S), []
    for start in range(0, len(samples) - n + 1, n):
        seen = tones_in(samples[start:start + n], rate, known)
        if runs and runs[-1][0] == seen:
            runs[-1][1] += WINDOW_S
        else:
            runs.append([seen, WINDOW_S])
    told = []
    for seen, seconds in runs:
        if seconds < (STRANGE_S if seen is None else SHORT_S):
            continue
        if told and told[-1][0] == seen:
            told[-1] = (seen, told[-1][1] + seconds)
        else:
            told.append((seen, seconds))
    return [(seen, round(seconds, 1)) for seen, seconds in told]
