"""docs/cookbook: each command file runs and does what its first line says."""
import os
import subprocess

from harness import OFFHOOK, TOP, bound, check, equal, wait_until, write_tone
from proxies import start_trapezoid

BOOK = os.path.join(TOP, "docs", "cookbook")
QUIET = ["-x", "set audio.input tone:523", "-x", "set audio.output null", "-x", "set audio.ringer null"]
COOK, PEER, OTHER = "127.0.0.1:5070", "127.0.0.1:5080", "127.0.0.1:5090"


def words(name, listen, **variables):
    out = [*QUIET, "-x", f"set sip.listen {listen}"]
    for key, value in variables.items():
        out += ["-x", f"let {key} {value}"]
    return [*out, "-f", os.path.join(BOOK, name + ".call")]


def run(bench, name, listen="127.0.0.1:0", within=60, **variables):
    """A recipe that ends by itself: (status, output)."""
    done = subprocess.run([OFFHOOK, "-n", *words(name, listen, **variables)], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=within,
                          env=bench.environment(), cwd=bench.folder)
    return done.returncode, done.stdout + done.stderr


def stay(bench, name, **variables):
    """A recipe that waits for calls at COOK."""
    bench.need_namespace()
    process = bench.start([OFFHOOK, "-n", "--stay", "-v", "--socket", bench.path("cook.sock"), *words(name, COOK, **variables)], log="cook.log")
    wait_until(lambda: os.path.exists(bench.path("cook.sock")) and recipe_listens(), "the recipe listens")
    return process


def recipe_listens():
    return bound(int(COOK.split(":")[1]), "udp")


def peer(bench, *lines, listen=PEER):
    return bench.phone(f"set sip.listen {listen}", "set audio.input tone:440", *lines)


def test_line_check(bench):
    start_trapezoid(bench)
    status, said = run(bench, "line-check", address="sip:alice@atlanta.com", password="secret")
    equal(status, 0, said)
    equal(run(bench, "line-check", address="sip:alice@nosuch.invalid", password="secret")[0], 5, "no such line within the time")


def test_answering_machine(bench):
    write_tone(bench.path("greeting.wav"), 600, 1)
    cook = stay(bench, "answering-machine", patience="300ms", greeting="greeting.wav")
    caller = peer(bench)
    caller.do(f"call sip:box@{COOK}")
    caller.event("answered")
    wait_until(lambda: [f for f in os.listdir(bench.folder) if f.endswith(".wav") and f != "greeting.wav"], "a recording")
    caller.do("dtmf #")
    caller.event("ended")
    check(cook.poll() is None, "it stays")


def test_conference_login(bench):
    bridge = peer(bench, "set call.auto-answer on")
    cook = bench.start([OFFHOOK, "-n", *words("conference-login", COOK, bridge=f"sip:bridge@{PEER}", pin="4711#")], log="cook.log")
    digits = "".join(bridge.event("dtmf")["digit"] for _ in range(5))
    equal(digits, "4711#", "the PIN")
    bridge.do("hangup")
    equal(cook.wait(30), 0, "it ends with the conference")


def test_call_back(bench):
    stay(bench, "call-back")
    caller = peer(bench, f"account add sip:caller@{PEER} registrar=none", "set call.auto-answer on")
    caller.do(f"call sip:cook@{COOK}")
    equal(caller.event("failed")["code"], 486, "refused")
    caller.event("incoming")


def test_announcement(bench):
    write_tone(bench.path("text.wav"), 600, 1)
    hearer = peer(bench, "set call.auto-answer on")
    status, said = run(bench, "announcement", target=f"sip:bob@{PEER}", speech="text.wav")
    equal(status, 0, said)
    hearer.event("ended")


def test_menu_walk(bench):
    menu = peer(bench, "set call.auto-answer on")
    status, said = run(bench, "menu-walk", target=f"sip:menu@{PEER}")
    equal(status, 0, said)
    equal("".join(menu.event("dtmf")["digit"] for _ in range(3)), "12#", "the keys")


def test_ten_calls(bench):
    machine = peer(bench, "set call.auto-answer on", "set call.max 20", "set call.auto-hold off")
    status, said = run(bench, "ten-calls", target=f"sip:load@{PEER}")
    equal(status, 0, said)
    for _ in range(10):
        machine.event("ended")


def test_record_every_call(bench):
    cook = bench.start([OFFHOOK, "-n", "--stay", "-x", "set call.auto-answer on", *words("record-every-call", COOK)], log="cook.log")
    caller = peer(bench)
    wait_until(recipe_listens, "it listens")
    caller.do(f"call sip:cook@{COOK}")
    caller.event("answered")
    caller.event("media")
    caller.do("hangup")
    wait_until(lambda: "recorded" in bench.log_of(cook), "where the recording is")
    check([f for f in os.listdir(bench.folder) if f.endswith(".wav")], "it is there")


def test_door_intercom(bench):
    cook = stay(bench, "door-intercom")
    door = peer(bench)
    door.do(f"call sip:home@{COOK}")
    door.event("answered")
    door.event("media")
    door.do("dtmf 2")
    door.do("dtmf 42")
    wait_until(lambda: "open the door" in bench.log_of(cook), "the door opens")


def test_wake_up(bench):
    write_tone(bench.path("music.wav"), 600, 30)
    sleeper = peer(bench)
    cook = bench.start([OFFHOOK, "-n", *words("wake-up", COOK, delay="200ms", target=f"sip:me@{PEER}", music="music.wav")], log="cook.log")
    sleeper.event("incoming")
    sleeper.do("answer")
    sleeper.event("media")
    sleeper.do("hangup")
    equal(cook.wait(30), 0, "it is over")


def test_hot_line(bench):
    studio = peer(bench, "set call.auto-answer on")
    stay(bench, "hot-line", target=f"sip:studio@{PEER}")
    studio.event("answered")
    studio.do("hangup all")
    studio.event("answered")


def test_night(bench):
    stay(bench, "night", deputy=f"sip:carol@{OTHER}")
    deputy = peer(bench, "set call.auto-answer on", listen=OTHER)
    caller = peer(bench, "set call.follow-redirect on")
    caller.do(f"call sip:cook@{COOK}")
    deputy.event("incoming")
    caller.event("answered")


def test_quiet_hours(bench):
    stay(bench, "quiet-hours", hours="3s")
    caller = peer(bench)
    caller.do(f"call sip:cook@{COOK}")
    caller.event("failed")
    wait_until(lambda: "ringing" in [caller.ask(f"call sip:cook@{COOK}") and caller.get("call.state")] or caller.get("call.state") == "ringing", "available again")


def test_tell_missed(bench):
    stay(bench, "tell-missed", mobile=f"sip:me@{OTHER}")
    mobile = peer(bench, listen=OTHER)
    caller = peer(bench)
    caller.do(f"call sip:cook@{COOK}")
    caller.event("ringing")
    caller.do("hangup")
    check("missed a call of" in mobile.event("message")["text"], "the message")


def test_attendant(bench):
    stay(bench, "attendant", sales=f"sip:sales@{OTHER}", service=f"sip:service@{OTHER}")
    sales = peer(bench, "set call.auto-answer on", listen=OTHER)
    caller = peer(bench, "set call.follow-transfer on")
    caller.do(f"call sip:cook@{COOK}")
    caller.event("answered")
    caller.event("media")
    caller.do("dtmf 1")
    sales.event("answered")


def test_each_has_a_test(bench):
    recipes = sorted(name[:-5] for name in os.listdir(BOOK) if name.endswith(".call"))
    tested = sorted(name[5:].replace("_", "-") for name in globals() if name.startswith("test_") and name != "test_each_has_a_test")
    equal(recipes, tested, "recipes and tests")
    text = open(os.path.join(TOP, "docs", "cookbook.md")).read()
    check(all(f"{name}.call" in text for name in recipes), "the list names each")
