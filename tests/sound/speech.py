"""Speech to measure with: four voices of espeak-ng, two Harvard sentences each, 48 kHz, 25 s."""
import os
import subprocess

VOICES = ["en-us", "en-gb", "en-us+f3", "en-gb+f4"]
TEXTS = ["The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background.",
         "It is easy to tell the depth of a well. These days a chicken leg is a rare dish.",
         "Rice is often served in round bowls. The juice of lemons makes fine punch.",
         "The box was thrown beside the parked truck. The hogs were fed chopped corn and garbage."]


def make(folder, lead_s=0.4):
    """Write mic.wav into `folder`; returns its path."""
    pieces = []
    for number, (voice, text) in enumerate(zip(VOICES, TEXTS)):
        raw, piece = (os.path.join(folder, f"{kind}{number}.wav") for kind in ("raw", "piece"))
        subprocess.run(["espeak-ng", "-v", voice, "-s", "150", "-w", raw, text], check=True)
        subprocess.run(["sox", raw, "-r", "48000", "-b", "16", "-c", "1", piece, "norm", "-6", "pad", str(lead_s), str(lead_s)], check=True)
        pieces.append(piece)
    mic = os.path.join(folder, "mic.wav")
    subprocess.run(["sox", *pieces, mic], check=True)
    return mic
