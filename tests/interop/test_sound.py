"""Files, recordings, conferences, levels and devices, seen from outside: what is heard by the other side and by whom."""
import os
import signal
import struct
import wave

from harness import Skip, check, equal, power_at, read_wav, wait_until, write_tone
from test_failures import VCARD, Jack


def pair(bench, *lines):
    """Two phones in a call: (caller, its call, callee)."""
    a = bench.phone("set sip.listen 127.0.0.1:5070", "audio input tone:440", *lines)
    b = bench.phone("set sip.listen 127.0.0.1:5080", "audio input tone:1200", "set call.accept any", "set call.auto-answer on")
    call = a.do("call sip:bob@127.0.0.1:5080")["call"]
    a.event("answered", call=call)
    b.event("answered")
    a.event("media", call=call)
    return a, call, b


def hears(phone, hz, what, within=30):
    """Wait until the strongest frequency that a phone hears is this one; 0: none."""
    wait_until(lambda: abs(float(phone.get("tone.hz") or 0) - hz) < 3, f"{what}: {hz} Hz", within)


def level(phone):
    """How loud it hears, in dB."""
    return float((phone.get("heard.level") or "-127dB").rstrip("dB"))


def strength(path, hz, channel):
    """The amplitude of a frequency in the middle of a recording, by tenths of a second; 1 is full scale."""
    with wave.open(path) as recording:
        channels, rate = recording.getnchannels(), recording.getframerate()
        body = recording.readframes(recording.getnframes())
    samples = struct.unpack(f"<{len(body) // 2}h", body)[channel::channels]
    windows = sorted((2 * power_at(samples[i:i + rate // 10], rate, hz)) ** 0.5 / 32768 for i in range(0, len(samples) - rate // 10, rate // 10))
    return windows[len(windows) // 2]


def tail_strength(path, hz):
    """The amplitude of a frequency in the last second of a file that is still written."""
    rate, samples = read_wav(path)
    part = samples[-rate:-rate // 10]
    return max((2 * power_at(part[i:i + rate // 10], rate, hz)) ** 0.5 / 32768 for i in range(0, len(part) - rate // 10, rate // 10))


def test_answered_by_itself_beside_another(bench):
    """Who comes while we talk is answered, and hears us from `select` on, when the first one waits."""
    phone = bench.phone("set sip.listen 127.0.0.1:5070", "set call.accept any", "set call.auto-answer on", "set audio.input tone:440")
    first, second = [bench.phone(f"set sip.listen 127.0.0.1:{port}", "set audio.input null") for port in (5071, 5072)]
    first.do("call sip:x@127.0.0.1:5070")
    wait_until(lambda: level(first) > -30, "the first hears the tone")
    second.do("call sip:x@127.0.0.1:5070")
    second.event("media")
    wait_until(lambda: float(second.get("media.received") or 0) > 50, "a second of sound came")
    check(level(second) < -50 and level(first) > -30, f"the second hears nothing of it: {level(second)} {level(first)}")
    phone.do("select 2")
    wait_until(lambda: level(second) > -30, "the second hears the tone")
    first.event("remote-held")


def test_files(bench):
    """A file goes to the peer over the microphone and the call goes on; faults are told."""
    write_tone(bench.path("t.wav"), 700, 2, 16000)
    bench.write("t.txt", "no sound")
    a, call, b = pair(bench)
    hears(b, 440, "the microphone")
    a.do("play t.wav")
    hears(b, 700, "the file")
    done = a.event("play-done", call=call)
    equal(done["file"], "t.wav", "the file of play-done")
    check(abs(done["duration"] - 2) < 0.01, f"it lasted {done['duration']} s")
    hears(b, 440, "the microphone again")
    a.do("play t.wav to=me")
    hears(b, 440, "the microphone while I hear the file")
    a.do("stop")
    check(a.event("play-done")["duration"] < 2, "stop did not stop")
    for line, reason in (("play none.wav", "not-found"), ("play t.txt", "unsupported"), ("play /dev/zero", "io")):
        error = a.refused(line)
        equal((error["code"], error["data"]["reason"]), (6, reason), line)
    equal(a.refused("stop")["code"], 4, "stop without a file")
    a.do("hold")
    a.event("held")
    equal(a.refused("play t.wav")["data"]["reason"], "state", "play on hold")
    a.do("hangup")
    a.event("ended")
    a.do("play t.wav to=me")
    a.event("play-done")


def test_files_that_are_no_devices(bench):
    """Who takes `audio ringer` for the choice of a ring tone, or gives `audio use` a file, must not lose the file."""
    mine = write_tone(bench.path("mine.wav"), 523, 1)
    with open(mine, "rb") as file:
        before = file.read()
    for line, hint in ((f"audio ringer file:{mine}", "contact set NAME ring="), (f"set audio.ringer null,file:{mine}", "contact set NAME ring="),
                       (f"audio use file:{mine}", "and not both")):
        status, _, err = bench.script(line)
        equal((status, hint in err), (2, True), f"{line}: {err}")
    with open(mine, "rb") as file:
        check(file.read() == before, "the file is as it was")


def test_recording(bench):
    """Me on the left, they on the right, told when it is whole, never overwritten, whole after SIGKILL too. Without a name it has that of record.file."""
    a, call, b = pair(bench)
    hears(a, 1200, "the peer")
    a.do("set record.file \"mail/call-%n.wav\"")
    equal(a.do("record start")["file"], f"mail/call-{call}.wav", "the name of the setting")
    a.do("record stop")
    a.event("record-done", call=call)
    first = a.do("record start \"mail/%u-%n.wav\"")["file"]
    equal(first, f"mail/bob-{call}.wav", "the name of a recording")
    equal(a.refused("record start")["data"]["reason"], "state", "recording twice")
    equal(a.get("call.recording"), "on", "call.recording")
    a.do("sleep 1500ms")
    a.do("record stop")
    done = a.event("record-done", call=call)
    check(abs(done["duration"] - 1.5) < 0.3, f"it lasted {done['duration']} s")
    with wave.open(bench.path(first)) as recording:
        equal((recording.getnchannels(), recording.getframerate()), (2, 48000), "the recording")
    check(strength(bench.path(first), 440, 0) > 0.25, "my tone on the left")
    check(strength(bench.path(first), 1200, 1) > 0.25, "their tone on the right")
    check(strength(bench.path(first), 440, 1) < 0.01 and strength(bench.path(first), 1200, 0) < 0.01, "mixed up sides")
    second = a.do("record start \"mail/%u-%n.wav\"")["file"]
    equal(second, f"mail/bob-{call}-2.wav", "the name of the second recording")
    a.do("hangup")
    a.event("record-done", file=second)
    call = a.do("call sip:bob@127.0.0.1:5080 record=crash.wav")["call"]
    a.event("answered", call=call)
    wait_until(lambda: os.path.exists(bench.path("crash.wav")) and os.path.getsize(bench.path("crash.wav")) > 200000, "a recording that grows")
    a.process.kill()
    a.process.wait()
    with wave.open(bench.path("crash.wav")) as recording:
        frames = recording.getnframes()
    check(frames >= 48000 and frames * 4 + 44 == os.path.getsize(bench.path("crash.wav")), f"after a crash: {frames} frames")


def test_conference(bench):
    """A hub and three phones, each with a tone of its own: each hears the other two and not itself; split and end take out."""
    hz = {2: 500, 3: 900, 4: 1700}
    hub = bench.phone("set sip.listen 127.0.0.1:5070")
    others = {n: bench.phone(f"set sip.listen 127.0.0.1:508{n}", f"audio input tone:{f}", f"audio output file:{bench.path(f'heard{n}.wav')}",
                             "set call.accept any", "set call.auto-answer on") for n, f in hz.items()}
    calls = {}
    for n in hz:
        calls[n] = hub.do(f"call sip:x@127.0.0.1:508{n}")["call"]
        hub.event("answered", call=calls[n])
    equal(hub.refused(f"conference {calls[4]}")["data"]["reason"], "state", "a conference of one")
    hub.do(f"conference {calls[2]} {calls[3]}")
    hears(others[2], 900, "the first hears the second")
    hears(others[3], 500, "the second hears the first")
    check(level(others[4]) < -60, "the third is not in it yet")
    hub.do(f"conference {calls[4]}")
    mark = {n: os.path.getsize(bench.path(f"heard{n}.wav")) for n in hz}
    wait_until(lambda: level(others[4]) > -12, "the third hears the others")
    wait_until(lambda: all(os.path.getsize(bench.path(f"heard{n}.wav")) > mark[n] + 192000 for n in hz), "two seconds more")
    for n in hz:
        for m in hz:
            found = tail_strength(bench.path(f"heard{n}.wav"), hz[m])
            check((found < 0.01) == (n == m), f"phone {n} hears {hz[m]} Hz at {found:.3f}")
    hub.do(f"split {calls[3]}")
    hub.event("held", call=calls[3])
    hears(others[2], 1700, "the second has gone")
    hub.do("hold")
    hub.event("held", call=calls[2])
    hub.do(f"conference {calls[2]} {calls[3]}")
    hears(others[3], 500, "together again, resumed")
    for n in (2, 4):
        others[n].do("hangup")
        hub.event("ended", call=calls[n])
    wait_until(lambda: level(others[3]) < -60, "one alone hears nobody")


def test_hold_music(bench):
    """Whom we hold hears the file round and round, then us again; without it nothing."""
    write_tone(bench.path("music.wav"), 800, 1, 16000)
    a, call, b = pair(bench, f"set call.hold-music {bench.path('music.wav')}")
    hears(b, 440, "the microphone")
    a.do("hold")
    a.event("held")
    hears(b, 800, "the music")
    a.do("sleep 1500ms")
    hears(b, 800, "the music still")
    a.do("resume")
    a.event("resumed")
    hears(b, 440, "the microphone again")
    equal(a.refused("set call.hold-music none.wav")["code"], 2, "a file that is not there")


def test_levels(bench):
    """volume and gain by dB, up and down; what is said and heard follows."""
    a, call, b = pair(bench)
    hears(b, 440, "the microphone")
    equal((a.get("call.direction"), b.get("call.direction"), b.get("calls.missed")), ("out", "in", "0"), "whose call it is")
    wait_until(lambda: abs(level(b) + 10) < 1 and abs(float(a.get("mic.level").rstrip("dB")) + 10) < 1, "a level that stands")
    equal(a.do("gain -12dB")["gain"], -12, "gain")
    wait_until(lambda: abs(level(b) + 22) < 1, "12 dB less")
    equal(a.do("gain up")["gain"], -9, "gain up")
    wait_until(lambda: abs(a.do("gain")["now"] + 19) < 1, "the level now")
    equal(a.get("audio.gain"), "-9dB", "the setting")
    equal(a.do("volume off")["volume"], "off", "volume")
    equal(a.refused("volume 5")["data"]["reason"], "level", "a bare number")
    equal(a.refused("volume 90dB")["code"], 2, "too much")


def test_devices_come_and_go(bench):
    """A card better wished for is taken when it is plugged in, in mid-call; when it goes the next one is; both are told."""
    jack = Jack(bench, 120)
    mic = write_tone(bench.path("micC.wav"), 880, 1, 48000)
    plug = [VCARD, "120", f"phoneC={mic},{bench.path('spkC.wav')}"]
    jack.cards.send_signal(signal.SIGUSR1)
    b = bench.phone("set sip.listen 127.0.0.1:5080", "audio input tone:1200", "set call.accept any", "set call.auto-answer on")
    a = bench.phone("audio use phoneC phoneA", "set audio.ringer null", "set sip.listen 127.0.0.1:5070", env=jack.env, quiet=False)
    check("phoneA" in str(a.do("audio list")), "the first card is listed")
    call = a.do("call sip:bob@127.0.0.1:5080")["call"]
    a.event("answered", call=call)
    hears(b, 440, "phoneA's microphone, since phoneC is not there", 20)
    cards = bench.start(plug, log="vcardC.log", env=jack.env)
    wait_until(lambda: "ready" in bench.log_of(cards), "another card")
    cards.send_signal(signal.SIGUSR1)
    a.event("device", name="phoneC", kind="input", state="added")
    a.event("device", name="phoneC", kind="input", state="back")
    hears(b, 880, "phoneC's microphone", 20)
    cards.terminate()
    a.event("device", name="phoneC", kind="input", state="removed")
    a.event("device", name="phoneC", kind="input", state="lost")
    hears(b, 440, "phoneA's microphone again", 20)
    equal(a.get("call.state"), "answered", "the call")
    a.do("hangup")
    a.event("ended")
    equal(a.quit(), 0, "exit status")


def test_device_that_never_was(bench):
    """A card of the configuration that is not there is told once, and not as gone when others come or go later."""
    jack = Jack(bench, 120)
    config = bench.write("config-file", "set audio.input ghost\nset audio.output null\nset audio.ringer null\n")
    phone = bench.phone("call echo", args=("-c", config), env=jack.env, quiet=False)
    told = phone.event("device")
    equal((told["state"], told["reason"]), ("missing", "no such device"), "the microphone")
    phone.do("audio list")
    cards = bench.start([VCARD, "120", "phoneC=,"], log="vcardC.log", env=jack.env)
    phone.event("device", name="phoneC", state="added")
    phone.event("device", name="phoneC", state="added")
    cards.terminate()
    phone.event("device", name="phoneC", state="removed")
    equal([e for e in phone.events if e.get("name") == "ghost"], [], "told again")
    equal(phone.error_text().count("ghost"), 1, f"warnings in {phone.error_text()}")
    equal(phone.quit(), 0, "exit status")


def test_runaway(bench):
    """ALSA's null device swallows all at once: it is stopped and told, and the call goes on."""
    if not os.path.exists("/usr/share/alsa/alsa.conf"):
        raise Skip("no ALSA configuration")
    config = bench.write("asoundrc", "</usr/share/alsa/alsa.conf>\npcm.!default { type null }\nctl.!default { type null }\n")
    env = bench.environment(ALSA_CONFIG_PATH=config, JACK_DEFAULT_SERVER="none")
    phone = bench.phone("set audio.input null", "set audio.output default", "set audio.ringer null", env=env, quiet=False)
    phone.do("call echo")
    phone.event("answered")
    lost = phone.event("device", state="lost", kind="output")
    equal(lost["name"], "default", "the device that is told")
    check("too fast" in phone.error_text(), f"why: {phone.error_text()}")
    before = int(phone.get("media.received"))
    wait_until(lambda: int(phone.get("media.received")) > before + 50, "RTP goes on")
    equal(phone.get("call.state"), "answered", "the call")
    equal(phone.quit(), 0, "exit status")


def test_audio_test(bench):
    """With nothing plugged in it says so, as text and as JSON; twice at a time is refused."""
    a = bench.phone("audio input tone:300")
    found = a.do("audio test")
    check(abs(found["noise"] + 10) < 1 and "level" not in found, f"a tone that is always there is no echo: {found}")
    equal(found["event"], "audio-test", "the result")
