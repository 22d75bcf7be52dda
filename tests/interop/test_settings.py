"""Settings and quantities by what they do: those that no other test has to do with."""
import random
import struct
import time
import wave

from harness import check, equal, power_at, read_wav, wait_until
from test_first import Terminal
from test_sound import level, pair
from test_sources import call_of
from wire import Peer


def test_how_long_a_transaction_stays(bench):
    """sip.t4: a request that was answered by UDP is remembered that long, for answers that come again (17.1.2.2, Timer K)."""
    peer = Peer(5080)
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "set sip.t4 60s")

    def ask():
        phone.process.stdin.write(b"options sip:x@127.0.0.1:5080\n")
        phone.process.stdin.flush()
        peer.respond(peer.receive("OPTIONS"), 200, "OK")
        phone.event("response", code=200)
    ask()
    check("completed" in str(phone.do("show transactions")), "it stays")
    phone.do("set sip.t4 10ms")
    ask()
    wait_until(lambda: str(phone.do("show transactions")).count("OPTIONS") == 1, "the second is forgotten, long before the first")


def ring(bench, *settings, wanted, never, bell):
    """What a terminal gets when somebody calls: these bytes, and not those."""
    config = bench.write("config-" + str(time.monotonic_ns()), "\n".join(["set sip.listen 127.0.0.1:5070", "set call.accept any", "set audio.input null",
                                                              "set audio.output null", "set audio.ringer null", *settings]) + "\n")
    phone = Terminal(bench, "-c", config, "--socket", "none", env={"TERM": "xterm"})
    plain = any("plain" in line for line in settings)
    phone.see("offhook> " if plain else "\x1b[?1049h")
    equal("\x1b[?1049h" in phone.all, not plain, "the screen")
    peer = Peer(5080)

    def call():
        peer.request("INVITE", "sip:a@127.0.0.1:5070", "<sip:a@127.0.0.1>", "Bob <sip:p@127.0.0.1>;tag=1", "ring", 1, ("127.0.0.1", 5070), peer.sdp(), branch="z9hG4bKring")
        try:
            return peer.receive(180, 0.5)
        except Exception:
            return None
    wait_until(call, "it rings")
    phone.see(wanted)
    peer.request("CANCEL", "sip:a@127.0.0.1:5070", "<sip:a@127.0.0.1>", "Bob <sip:p@127.0.0.1>;tag=1", "ring", 1, ("127.0.0.1", 5070), branch="z9hG4bKring")
    phone.see("487")
    for bytes in never:
        check(bytes not in phone.all, f"{bytes!r} was not wanted: {phone.all[-400:]!r}")
    equal("\a" in phone.all.replace(wanted if len(wanted) > 1 else "", ""), bell, "the bell")
    phone.type("quit")
    equal(phone.process.wait(30), 0, "the end")
    peer.socket.close()


def test_what_a_terminal_gets(bench):
    """screen.front-end says what is shown, notify.bell and notify.osc how the terminal tells of a call."""
    ring(bench, "set screen.front-end plain", "set notify.osc off", wanted="\a", never=["\x1b]777", "\x1b]9;"], bell=True)
    ring(bench, "set screen.front-end plain", "set notify.osc 9", "set notify.bell off", wanted="\x1b]9;Bob is calling\a", never=["\x1b]777"], bell=False)
    ring(bench, "set screen.front-end screen", "set notify.osc 777", wanted="\x1b]777;notify;offhook;Bob is calling\a", never=["\x1b]9;Bob"], bell=True)


def test_what_was_lost_here_and_there(bench):
    """media.burst: how long the losses last that we see; media.peer-loss: what the peer's RTCP says of ours."""
    phone, peer, dialog, voice, _ = call_of(bench)
    voice.is_heard(phone, 600, "the first packets")
    equal(phone.get("media.peer-loss"), "0.00%", "nobody has said")
    voice.socket.settimeout(5)
    ours = struct.unpack(">I", voice.socket.recv(2000)[8:12])[0]
    report = struct.pack(">BBHIIIIIII", 0x81, 201, 7, voice.ssrc, ours, 64 << 24 | 12, 1000, 0, 0, 0)
    voice.socket.sendto(report, (voice.to[0], voice.to[1] + 1))
    wait_until(lambda: phone.get("media.peer-loss") == "25.00%", "a quarter, as the peer says")
    # Three of ten in a row do not arrive, again and again: that is a burst, of 60 ms and what lies between.
    for _ in range(12):
        voice.speak(600, 0.14)
        voice.sequence += 3
        voice.time += 480
    burst = wait_until(lambda: float((phone.get("media.burst") or "0").rstrip("ms")), "bursts")
    check(burst >= 40, f"media.burst is {burst} ms")


def write_noise(path, db, seconds=60, rate=8000):
    """Steady noise, the same each time."""
    noise, loudest = random.Random(1), 32767 * 10 ** (db / 20) * 3 ** 0.5
    with wave.open(path, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(b"".join(struct.pack("<h", int(noise.uniform(-loudest, loudest))) for _ in range(rate * seconds)))
    return path


def test_a_cleaned_microphone(bench):
    """audio.noise-suppress takes steady noise away, and no longer when it is off."""
    a, _, b = pair(bench)
    a.do(f"audio input file:{write_noise(bench.path('noise.wav'), -30)}")

    def is_whole():
        return abs(level(b) + 28) < 4
    wait_until(is_whole, "the noise is heard")
    before = level(b)  # of the last 500 ms: it may be rising still
    a.do("set audio.noise-suppress on")
    wait_until(lambda: level(b) < before - 6, f"less than {before} dB")
    a.do("set audio.noise-suppress off")
    wait_until(is_whole, "as it was")


def test_tones_of_a_country(bench):
    """tones.country: it rings there, and the caller hears what it sounds like in that country."""
    peer = Peer(5080)
    for country, hz in (("us", 480), ("de", 425)):
        path = bench.path(f"{country}.wav")
        phone = bench.phone("set sip.listen 127.0.0.1:0", f"set tones.country {country}", f"set audio.output file:{path}")
        phone.do("call sip:p@127.0.0.1:5080")
        invite = peer.receive("INVITE")
        peer.respond(invite, 180, "Ringing")

        def heard():
            rate, samples = read_wav(path)
            last = samples[-rate // 2:]
            return [power_at(last, rate, f) > 1e-3 * 32768 ** 2 for f in (480, 425)] == [hz == 480, hz == 425]
        wait_until(heard, f"{hz} Hz, the ringback of {country}")
        phone.do("hangup")
        phone.quit()
