"""The main job, seen from outside: the first run, ways of starting, the echo, what happens to input and output."""
import fcntl
import json
import os
import pty
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import termios
import time

from harness import OFFHOOK, TOP, check, equal, hears, need, port_answers, wait_until, write_tone
from proxies import ALICE, start_trapezoid
from wire import Peer


def run(bench, *args, stdin=subprocess.DEVNULL, within=40, **options):
    return subprocess.run([OFFHOOK, *args], stdin=stdin, capture_output=True, text=True, timeout=within, cwd=bench.folder,
                          env=bench.environment(), **options)


def test_first_call(bench):
    """docs/examples/first.call: what ./bootstrap run does without a terminal."""
    done = run(bench, "-n", "-f", os.path.join(TOP, "docs", "examples", "first.call"))
    equal(done.returncode, 0, f"exit status ({done.stderr[-300:]})")
    for word in ("INVITE", "180 Ringing", "200 OK", "ACK", "BYE", "loss"):
        check(word in done.stdout, f"{word} is printed: {done.stdout}")


def test_first_call_needs_no_network(bench):
    """Without any route but loopback, and with port 5060 taken."""
    taken = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    taken.bind(("0.0.0.0", 5060))
    done = run(bench, "-n", "-x", "call echo", "-x", "wait answered within=30s", "-x", "wait media within=30s", "-x", "hangup")
    equal(done.returncode, 0, f"exit status ({done.stderr[-300:]})")


def test_echo_from_a_file(bench):
    """file: as microphone and as loudspeaker; what comes back is the tone."""
    tone = write_tone(bench.path("mic.wav"), 523, 3)
    status, out, err = bench.script("set audio.input file:" + tone, "set audio.output file:" + bench.path("spk.wav"), "call echo", "wait answered within=30s",
                                    "wait media within=30s", "sleep 2s", "expect tone.hz > 513", "expect tone.hz < 533", "hangup", "wait ended within=30s")
    equal(status, 0, err)
    check(hears(bench.path("spk.wav"), 523), "the recording holds the tone")


def test_quality_fits_a_terminal(bench):
    status, out, err = bench.script("set audio.input null", "set audio.output null", "call echo", "wait media within=30s", "show quality")
    equal(status, 0, err)
    widths = [len(line) for line in out.splitlines()]
    check(len(widths) > 2 and max(widths) <= 80, out)


def test_registrar_that_is_not_there(bench):
    """Neither the registration nor, at the end, its removal gets an answer: no code is made up for either."""
    status, out, err = bench.script("set sip.listen 127.0.0.1:0", "account add sip:a@127.0.0.9:5999 password=x", args=("-v",))
    equal(status, 0, err)
    check("could not be unregistered: no way there, or nothing listens (connect)" in out and "Service Unavailable" not in out, out)


def test_echo_hangs_up_on_hash(bench):
    status, _, err = bench.script("set audio.input null", "set audio.output null", "call echo", "wait answered within=30s", "dtmf 12#", "wait ended within=30s")
    equal(status, 0, err)


def test_get_of_what_has_no_value(bench):
    """People are told in words; JSON has an empty value. What is not measured yet is no 0."""
    status, out, err = bench.script("get media.mos", "get call.max")
    equal((status, out), (0, "media.mos has no value\n16\n"), err)
    phone = bench.phone()
    equal(phone.do("get media.mos"), {"name": "media.mos", "value": ""}, "as JSON")
    silent = Peer(5099)
    phone.do("set sip.listen 127.0.0.1:0")
    phone.do("call sip:nobody@127.0.0.1:5099")
    silent.receive("INVITE")
    equal(phone.get("media.mos"), "", "before anything is heard")


def test_exit_statuses(bench):
    quiet = ["set audio.input null", "set audio.output null"]
    cases = [
        (["expect calls.count == 7"], 1), (["exit 3"], 3), (["nonsense"], 2), (["set media.ptime banana"], 2), (["hangup 77"], 4),
        ([*quiet, "call sip:nobody@127.0.0.1:9", "wait answered within=30s"], 4), (["wait incoming within=100ms"], 5),
        (["set audio.input file:/nonexistent.wav"], 6), (["set audio.input nosuchcard"], 6), (["set audio.output nosuchcard", "sleep 20s"], 6),
        (["-set audio.output nosuchcard"], 0), (["set audio.output nosuchcard null"], 0), (["source /nonexistent.call"], 6), (["-hangup 77"], 0), (["wait incoming within=100ms status=42"], 42),
        ([*quiet, "call sip:nobody@127.0.0.1:9", "wait failed within=30s"], 0),
        *((["account add sip:a@127.0.0.1:9 registrar=none", line], 4) for line in
          ("message sip:b@127.0.0.1:9 hi", "subscribe sip:b@127.0.0.1:9", "publish", "options sip:b@127.0.0.1:9", "refer sip:b@127.0.0.1:9 to=sip:c@127.0.0.1")),
    ]
    for lines, want in cases:
        status, _, err = bench.script(*lines)
        equal(status, want, f"status of {lines[-1]!r} ({err.strip()[-200:]})")


def test_a_device_that_is_not_there_is_told_once(bench):
    status, _, errors = bench.script("set sip.listen 127.0.0.1:0", "audio use zzz", "sleep 10s")
    equal((status, errors.count("zzz' cannot be used")), (6, 1), f"told once for both: {errors}")
    check("audio.input and audio.output" in errors, errors)


def test_a_machine_without_sound_hears_of_it_once(bench):
    """Two calls, one warning each for microphone and loudspeaker; one that a call brought is named, and why not; the wish list goes on."""
    status, _, errors = bench.script("set audio.input nosuchmic", "set audio.output null", args=("-x", "-set audio.input nosuchmic"))
    equal((status, "'nosuchmic' cannot be used" in errors), (6, True), errors)
    calls = [line for n in "12" for line in ("call echo", "wait answered", "wait device kind=input within=30s", f"hangup {n}", "wait ended")]
    status, _, errors = bench.script("-set audio.input nosuchmic", "set audio.output null", *calls)
    equal((status, errors.count("the microphone 'nosuchmic' cannot be used")), (0, 1), errors)
    status, _, errors = bench.script("set audio.output null", "call echo input=otherone", "wait device kind=input within=30s")
    check("the microphone 'otherone' cannot be used (" in errors, f"the name, and the reason behind it: {errors}")
    status, _, errors = bench.script("set audio.output null", "-set audio.input nosuchmic, tone:440", "call echo", "wait answered", "wait media")
    check("cannot be used" not in errors or "'tone:440' takes its place" in errors, f"what takes its place: {errors}")


SECOND = """
import socket, subprocess, sys
held = []
for family, host in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
    one = socket.socket(family, socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    one.bind((host, 5060))
    held.append(one)
sys.exit(subprocess.run(sys.argv[1:]).returncode)
"""


def test_a_phone_beside_another_says_where_it_listens(bench):
    need("ip", "nsenter", "unshare")
    holder = bench.start(["unshare", "-n", "sleep", "600"])
    own = os.readlink("/proc/self/ns/net")
    wait_until(lambda: os.readlink(f"/proc/{holder.pid}/ns/net") != own, "a network of its own")
    inside = ["nsenter", "-t", str(holder.pid), "-n"]
    subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
    done = subprocess.run([*inside, "python3", "-c", SECOND, OFFHOOK, "-n", "--stay", "-x", "-options 127.0.0.1:9", "-x", "show version", "-x", "quit"], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=30, env=bench.environment())
    told = re.search(r"port 5060 is in use by another program: this phone listens on port (\d+)", done.stderr)
    check(told, f"which port it is: {done.stdout} {done.stderr}")
    check(f"on 0.0.0.0:{told[1]}\n" in done.stdout and f"on [::]:{told[1]}\n" in done.stdout, f"the same for IPv6: {done.stdout}")


def test_command_on_the_command_line(bench):
    """The words after the options are one command; without a terminal the phone ends with that call."""
    done = run(bench, "-n", "-x", "set audio.input null", "-x", "set audio.output null", "call", "sip:nobody@127.0.0.1:9")
    equal(done.returncode, 4, f"exit status ({done.stderr[-200:]})")
    done = run(bench, "-n", "get", "calls.count")
    equal((done.returncode, done.stdout.strip()), (0, "0"), "get")


def test_every_kind_of_standard_input(bench):
    path = bench.write("lines", "echo from input\n")
    done = run(bench, "-n", stdin=open(path))
    equal((done.returncode, "from input" in done.stdout), (0, True), f"a file ({done.stderr})")
    done = run(bench, "-n", stdin=subprocess.DEVNULL)
    equal(done.returncode, 0, f"/dev/null ({done.stderr})")
    done = subprocess.run([OFFHOOK, "-n"], input="echo from input\n", capture_output=True, text=True, timeout=20, env=bench.environment())
    equal((done.returncode, "from input" in done.stdout), (0, True), f"a pipe ({done.stderr})")
    done = subprocess.run(["sh", "-c", f"exec {OFFHOOK} -n -x 'echo closed' <&-"], capture_output=True, text=True, timeout=20, env=bench.environment())
    equal((done.returncode, "closed" in done.stdout), (0, True), f"closed ({done.stderr})")
    done = subprocess.run([OFFHOOK, "-n", "-f", "-"], input="echo dash\n", capture_output=True, text=True, timeout=20, env=bench.environment())
    equal((done.returncode, "dash" in done.stdout), (0, True), f"-f - ({done.stderr})")


def test_files_that_cannot_be_used_are_told(bench):
    """A full disk, a folder, a pipe without a writer, too few descriptors: a sentence, an exit status, never a wait."""
    def offhook(words, shell_first="", config=None):
        environment = dict(bench.environment())
        if config:
            environment["XDG_CONFIG_HOME"] = config
        done = subprocess.run(["bash", "-c", f"{shell_first} exec {OFFHOOK} {words}"], capture_output=True, text=True, timeout=20, env=environment)
        return done.returncode, done.stdout, done.stderr

    cases = [
        ("-n -x 'echo hi' >/dev/full", "", 6, "standard output cannot be written"), ("-n --json --batch -x 'echo hi' >/dev/full", "", 6, "standard output cannot be written"),
        ("-n </", "", 6, "standard input cannot be read"), ("-n --json </", "", 6, "standard input cannot be read"), ("-n -f - </", "", 6, "standard input cannot be read"),
        ("-n -x 'echo hi'", "ulimit -n 10;", 7, "too few file descriptors"), ("-n -f /dev/zero", "", 6, "it is a device"),
    ]
    for words, shell_first, want, sentence in cases:
        status, _, err = offhook(words, shell_first)
        equal((status, sentence in err), (want, True), f"{shell_first} {words} ({err[-200:]})")
    equal(offhook("-n -f <(echo 'echo substituted')")[:2], (0, "substituted\n"), "a pipe of the shell")
    home = os.path.dirname(bench.write("here", ""))
    os.mkdir(os.path.join(home, "offhook"))
    config = os.path.join(home, "offhook", "config")
    os.mkfifo(config)
    status, _, err = offhook("--batch -x 'echo hi'", config=home)
    equal((status, "it is a pipe" in err), (6, True), f"a pipe as configuration ({err})")
    os.unlink(config)
    os.symlink("config", config)
    status, _, err = offhook("--batch -x 'echo hi'", config=home)
    equal((status, "symbolic links" in err), (6, True), f"a link to itself as configuration ({err})")


def test_a_library_that_is_missing_costs_what_needs_it_alone(bench):
    """libsndfile and libsrtp are opened when they are first needed. Without them a call goes on, and who asks for files or encryption is told."""
    for name in ("libsndfile.so.1", "libsrtp2.so.1"):
        bench.write(name, "")  # found first, and no library
    environment = bench.environment(LD_LIBRARY_PATH=bench.folder)
    tone, heard = write_tone(bench.path("mic.wav"), 523, 1), bench.path("heard.wav")
    quiet = ("set audio.input null", "set audio.output null")
    echo = (*quiet, "call echo", "wait media within=30s")
    for lines, want, sentence in (
            ((*echo, "hangup"), 0, ""),
            ((*quiet, f"play {tone} to=me"), 6, "libsndfile cannot be opened"),
            ((*echo, f"record start {heard}"), 6, "libsndfile cannot be opened"),
            ((f"set audio.input file:{tone}",), 6, "libsndfile cannot be opened"),
            ((*echo, f"set call.hold-music {tone}", "hold", "wait held within=30s", "hangup"), 0, "libsndfile cannot be opened"),
            (("set media.encryption required", "set media.encryption-over-clear on", *echo), 4, "failed: libsrtp2 cannot be opened")):
        status, _, err = bench.script(*lines, env=environment)
        equal((status, sentence in err), (want, True), f"{lines[-1]} ({err})")
    check(not os.path.exists(heard), "no file is made")


def test_output_that_nobody_reads(bench):
    """A stalled reader must not stall signalling: the call goes on and ends, and the phone still obeys SIGTERM."""
    read_end, write_end = os.pipe()
    phone = subprocess.Popen([OFFHOOK, "-n", "--json", "--stay", "-x", "set sip.listen 127.0.0.1:5070", "-x", "set audio.input null", "-x",
                              "set audio.output null", "-x", "set call.auto-answer on", "-x", "trace on"], stdin=subprocess.DEVNULL, stdout=write_end,
                             stderr=subprocess.DEVNULL, env=bench.environment())
    bench.processes.append(phone)
    os.close(write_end)
    other = bench.phone("set sip.listen 127.0.0.1:5071", "set call.auto-hold off")
    for _ in range(60):
        call = other.do("call sip:x@127.0.0.1:5070")["call"]
        other.event("answered", call=call)
        other.do(f"hangup {call}")
        other.event("ended", call=call)
    check(phone.poll() is None, "the phone lives")
    phone.send_signal(signal.SIGTERM)
    equal(phone.wait(30), 143, "exit status")
    os.close(read_end)


def test_signals_end_calls(bench):
    """SIGTERM and SIGINT in batch end the call with BYE and give 143 and 130; SIGHUP 129."""
    for number, want in ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGHUP, 129)):
        port = 5080 + number
        other = bench.phone(f"set sip.listen 127.0.0.1:{port}", "set call.auto-answer on", "set call.accept any")
        phone = bench.start([OFFHOOK, "-n", "--batch", "-v", "-x", "set audio.input null", "-x", "set audio.output null", "-x", f"call sip:x@127.0.0.1:{port}", "-x",
                             "wait answered", "-x", "wait ended within=none"])
        other.event("answered")
        phone.send_signal(number)
        equal(phone.wait(30), want, f"exit status ({bench.log_of(phone)})")
        other.event("ended")
        other.quit()


def test_json_is_json(bench):
    phone = bench.phone("set sip.listen 127.0.0.1:5070")
    answer = phone.ask("call echo")
    equal(sorted(answer["result"])[:2], ["call", "id"], "result of call")
    phone.event("answered")
    error = phone.refused("hangup 99")
    check(error["code"] == 4 and error["data"]["reason"], f"error {error}")
    equal(phone.refused("anwser")["code"], 2, "a wrong command")
    phone.process.stdin.write(b'{"jsonrpc":"2.0","id":900,"method":"account.list"}\n{broken\n{"jsonrpc":"2.0","id":901,"method":"nonsense"}\n')
    phone.process.stdin.flush()
    wait_until(lambda: 901 in phone.answers, "answers")
    check("result" in phone.answers[900] and "error" in phone.answers[901], f"{phone.answers}")
    phone.do("hangup")
    phone.event("ended")
    equal([e for e in phone.events if e["event"] == "BROKEN JSON"], [], "lines that are no JSON")
    equal(phone.quit(), 0, "exit status")


def test_check_runs_nothing(bench):
    good = bench.write("good.call", "call echo\nwait answered\nhangup\n")
    bad = bench.write("bad.call", "echo before\ncal echo\nwait nothing-like-this\nset sip.t1 5\n")
    equal(run(bench, "-n", "--check", good).returncode, 0, "a good file")
    done = run(bench, "-n", "--check", bad)
    equal(done.returncode, 2, "a bad file")
    for line in ("bad.call:2:", "bad.call:3:", "bad.call:4:"):
        check(line in done.stderr + done.stdout, f"{line} is told: {done.stderr}")
    done = run(bench, "-n", "-f", bad)
    check(done.returncode == 2 and "before" not in done.stdout, "nothing runs from a file with an error")


def test_ten_thousand_lines_load(bench):
    path = bench.write("long.call", "".join(f"let v{i} {i}\n" for i in range(10000)))
    equal(run(bench, "-n", "-f", path).returncode, 0, "status")


def test_man_and_completions(bench):
    man = run(bench, "--print-man")
    check(man.returncode == 0 and man.stdout.startswith((".TH", ".\\\"", "'\\\"")), "the man page")
    for shell in ("bash", "zsh", "fish"):
        done = run(bench, "--print-completion", shell)
        check(done.returncode == 0 and "hangup" in done.stdout, f"completion for {shell}")
    path = bench.write("c.bash", run(bench, "--print-completion", "bash").stdout)
    equal(subprocess.run(["bash", "-n", path]).returncode, 0, "bash accepts it")
    for page, option in (("offhook.1", "--print-man"), ("offhook-commands.5", "--print-commands-man")):
        if shutil.which("mandoc"):
            told = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", bench.write(page, run(bench, option).stdout)], capture_output=True, text=True)
            equal(told.stdout, "", f"mandoc has nothing to say of {page}")
    golden = open(os.path.join(TOP, "man", "offhook.1")).read()
    check(man.stdout == golden, "man/offhook.1 is what the program prints: build/offhook --print-man >man/offhook.1")


# What is typed, and what must be offered or filled in.
COMPLETED = [("offhook ans", "answer"), ("offhook account re", "remove"), ("offhook call x cod", "codec="), ("offhook show trans", "transactions"),
             ("offhook --print-completion z", "zsh"), ("offhook ctl hang", "hangup")]


def test_completion_in_fish(bench):
    need("fish")
    path = bench.write("c.fish", run(bench, "--print-completion", "fish").stdout)
    for typed, want in COMPLETED:
        done = subprocess.run(["fish", "--no-config", "-c", f"source {path}; complete -C '{typed}'"], capture_output=True, text=True, timeout=20,
                              env=bench.environment(), stdin=subprocess.DEVNULL)
        equal(([line.split("\t")[0] for line in done.stdout.splitlines()], done.stderr), ([want], ""), typed)


def test_completion_in_zsh(bench):
    """In a zsh on a terminal: what Tab makes of the line."""
    need("zsh")
    path = bench.write("c.zsh", run(bench, "--print-completion", "zsh").stdout)
    parent, child = pty.openpty()
    fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 200, 0, 0))
    shell = subprocess.Popen(["zsh", "-f", "-i"], stdin=child, stdout=child, stderr=child, env=bench.environment(TERM="dumb", PS1="ready> ", PROMPT_EOL_MARK=""),
                             cwd=bench.folder, start_new_session=True)
    bench.processes.append(shell)
    os.close(child)
    said = ""

    def see(text):
        nonlocal said
        end = time.monotonic() + 20
        while text not in said:
            check(time.monotonic() < end, f"'{text}' was not shown: {said[-300:]!r}")
            if select.select([parent], [], [], 0.1)[0]:
                said += os.read(parent, 4096).decode(errors="replace")
        said = said[said.index(text) + len(text):]
    see("ready> ")
    os.write(parent, f"autoload -U compinit; compinit -u -D; source {path}; compdef _offhook offhook; echo set''up\n".encode())
    see("setup")
    see("ready> ")
    for typed, want in COMPLETED:
        os.write(parent, typed.encode() + b"\t")
        see(typed.rsplit(" ", 1)[0] + " " + want)
        os.write(parent, b"\x15\n")
        see("ready> ")
    os.write(parent, b"exit\n")
    shell.wait(30)
    os.close(parent)


def test_trace_on(bench):
    """Messages are printed as they come and go, until `trace off`; a JSON client gets them as notifications."""
    quiet = ["set audio.input null", "set audio.output null"]
    status, out, err = bench.script(*quiet, "trace on", "options echo", "sleep 50ms", "trace off", "options echo")
    equal(status, 0, f"status ({err.strip()[-300:]})")
    equal(sum(line.startswith("OPTIONS sip:echo@") for line in out.splitlines()), 1, f"requests shown: {out}")
    equal(sum(line == "SIP/2.0 200 OK" for line in out.splitlines()), 1, f"answers shown: {out}")
    check("sent UDP 127.0.0.1:" in out and "received UDP 127.0.0.1:" in out, f"headings: {out}")
    done = run(bench, "-n", "--json", "-x", "trace on", "-x", "options echo", "-x", "sleep 50ms")
    traces = [json.loads(line)["params"] for line in done.stdout.splitlines() if '"method":"trace"' in line]
    equal([t["text"].split("\n")[0].split()[0] for t in traces], ["OPTIONS", "SIP/2.0"], f"notifications: {done.stdout}")


def test_progress_sends_sound(bench):
    """183 with early media: the caller hears our microphone before anybody has answered."""
    callee = bench.phone("set audio.input tone:700", "set audio.output null", "set call.accept any", "set sip.listen 127.0.0.1:5070", "on incoming do progress",
                         quiet=False)
    wait_until(lambda: port_answers("127.0.0.1", 5070), "the callee listens")
    caller = bench.phone("set sip.listen 127.0.0.1:5080")
    call = caller.do("call sip:x@127.0.0.1:5070")["call"]
    caller.event("early-media", call=call)
    caller.do("wait media within=30s")
    wait_until(lambda: 690 < float(caller.get("tone.hz") or 0) < 710, "700 Hz are heard")
    callee.do("answer")
    caller.event("answered", call=call)
    wait_until(lambda: 690 < float(caller.get("tone.hz") or 0) < 710, "and after the answer")
    caller.do("hangup")
    callee.event("ended")
    equal((caller.quit(), callee.quit()), (0, 0), "exit statuses")


def test_early_sound_is_chosen(bench):
    """early=off: nothing is heard or sent before the answer, early=listen: heard only; both as ever after it."""
    callee = bench.phone("set audio.input tone:700", "set audio.output null", "set call.accept any", "set sip.listen 127.0.0.1:5070",
                         "on incoming do progress", quiet=False)
    wait_until(lambda: port_answers("127.0.0.1", 5070), "the callee listens")
    caller = bench.phone("set audio.input tone:440", "set audio.output null", "set sip.listen 127.0.0.1:5080", quiet=False)

    def hears(phone, hz):
        wait_until(lambda: abs(float(phone.get("tone.hz") or 0) - hz) < 10, f"{hz} Hz are heard")

    for early in ("off", "listen"):
        call = caller.do(f"call sip:x@127.0.0.1:5070 codec=PCMU early={early}")["call"]
        theirs = callee.event("early-media")["call"]
        if early == "listen":
            caller.event("early-media", call=call)
            caller.event("media", call=call)
            hears(caller, 700)
        else:
            wait_until(lambda: caller.get("call.code") == "183", "the 183 has come")
        callee.do("sleep 300ms")
        check(not any(e.get("event") == "media" for e in callee.events), "nothing was sent before the answer")
        check(early == "listen" or not any(e.get("event") in ("media", "early-media") for e in caller.events), "nothing was heard before the answer")
        callee.do("answer")
        caller.event("answered", call=call)
        hears(caller, 700)
        hears(callee, 440)
        caller.do("hangup")
        callee.event("ended", call=theirs)
        caller.event("ended", call=call)
        caller.events.clear()
        callee.events.clear()
    check("listen" in caller.refused("call echo early=perhaps")["message"], "what else it may be is said")
    equal((caller.quit(), callee.quit()), (0, 0), "exit statuses")


def test_hold_loses_nothing(bench):
    """What is not sent, or not wanted, while a call is on hold is no loss."""
    callee = bench.phone("set audio.input tone:700", "set audio.output null", "set call.accept any", "set sip.listen 127.0.0.1:5070", "set call.auto-answer on",
                         quiet=False)
    wait_until(lambda: port_answers("127.0.0.1", 5070), "the callee listens")
    caller = bench.phone("set sip.listen 127.0.0.1:5080")
    caller.do("call sip:x@127.0.0.1:5070")
    caller.do("wait media within=30s")
    for _ in range(2):
        caller.do("sleep 300ms")
        caller.do("hold")
        caller.do("wait held within=30s")
        caller.do("sleep 300ms")
        before = int(caller.get("media.received"))
        caller.do("resume")
        caller.do("wait resumed within=30s")
        wait_until(lambda: int(caller.get("media.received")) > before + 10, "sound comes again")
    equal(float(caller.get("media.loss").rstrip("%")), 0.0, "loss")
    caller.do("hangup")
    equal((caller.quit(), callee.quit()), (0, 0), "exit statuses")


# ---- an account, at a terminal ----

class Terminal:
    """offhook on a terminal of its own."""

    def __init__(self, bench, *args, env={}):
        self.parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 400, 0, 0))
        self.process = subprocess.Popen([OFFHOOK, *args], stdin=child, stdout=child, stderr=child, env=bench.environment(**env), cwd=bench.folder, start_new_session=True)
        bench.processes.append(self.process)
        os.close(child)
        self.said = self.all = ""

    def see(self, text, within=30):
        """Wait until it is shown, behind what was seen before."""
        end = time.monotonic() + within
        while text not in self.said:
            check(time.monotonic() < end, f"'{text}' was not shown: {self.said[-600:]!r}")
            if select.select([self.parent], [], [], 0.1)[0]:
                more = os.read(self.parent, 4096).decode(errors="replace")
                self.said += more
                self.all += more
        self.said = self.said[self.said.index(text) + len(text):]

    def type(self, line):
        os.write(self.parent, line.encode() + b"\r")


def test_account_at_a_terminal(bench):
    """The password is asked for, unechoed; a wrong one is told with what to do, the right one registers."""
    start_trapezoid(bench, "DIGEST")
    phone = Terminal(bench, "-n", "--plain", "-x", f"set sip.listen {ALICE}:5060", "-x", "set audio.input null", "-x", "set audio.output null")
    phone.see("offhook> ")
    phone.type("account add sip:alice@atlanta.com")
    phone.see("password for sip:alice@atlanta.com: ")
    phone.type("wrongsesame")
    phone.see("401")
    phone.type("why")
    phone.see("asks for another password")
    phone.type("doctor")
    phone.see("BAD   registers")
    phone.see("asks for another password")
    phone.see("something is wrong")
    phone.type("account set alice@atlanta.com password=secret")
    phone.see("registered")
    phone.type("why alice@atlanta.com")
    phone.see("is registered for another")
    check("wrongsesame" not in phone.all, f"it is not echoed: {phone.all}")
    phone.type("quit")
    phone.see("?")
    phone.type("quit")
    equal(phone.process.wait(30), 0, "the end")


def test_what_is_typed_to_end_something(bench):
    """Behind a command that waits for an answer from the network: `hangup` and its like run at once, what stands between keeps its turn, C-c goes on."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 5080))
    for screen in ("--plain", "dumb"):
        environment = {"TERM": "dumb"} if screen == "dumb" else {}
        phone = Terminal(bench, "-n", "--plain", "-x", "set sip.listen 127.0.0.1:5070", "-x", "set audio.input null", "-x", "set audio.output null",
                         env=environment)
        phone.see("offhook> ")
        phone.type("call sip:p@127.0.0.1:5080")
        phone.see("call 1")
        for line in ("options sip:x@127.0.0.1:5080", "wait answered call=1"):
            phone.type(line)
            phone.type("echo behind it")
            phone.type("hangup 1")
            phone.see("it is cancelled as soon as somebody does", within=15)
            check("\nbehind it" not in phone.all, f"what waits has its turn: {phone.all[-300:]}")
            if screen == "dumb":
                os.kill(phone.process.pid, signal.SIGINT)
            else:
                phone.type("\x03")
            phone.see("interrupted")
        phone.type("quit")
        phone.see("quit once more")
        phone.type("quit")
        equal(phone.process.wait(30), 0, "the end")


def test_password_command(bench):
    start_trapezoid(bench, "DIGEST")
    phone = bench.phone(f"set sip.listen {ALICE}:5060")
    phone.do("account add sip:alice@atlanta.com password-command=\"echo secret; echo second\"")
    phone.event("registered")
    phone.do("account remove alice@atlanta.com")
    phone.do("account add sip:alice@atlanta.com password-command=\"exit 7\"")
    failed = phone.event("register-failed")
    told = phone.do("why alice@atlanta.com")["text"]
    check("password-command" in told, f"a command that fails is told: {told} {failed}")
    equal(phone.quit(), 0, "exit status")
