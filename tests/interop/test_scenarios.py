"""Extensions of calls against the scenarios of sipp/, in both roles: sipp checks what the phone sends, here stands what the phone tells."""
from harness import check, equal, sipp, sipp_ends, wait_until
from scenarios import FOLDER, OTHER, PEER, TRANSPORTS, callee, caller, dial, ended, phone_for, rows, start, up


# ---- UPDATE ----

def test_update_caller(bench):
    phone = phone_for(bench)
    for transport, _ in TRANSPORTS:
        process = caller(bench, "update_caller", transport=transport)
        phone.event("incoming")
        phone.do("answer after=300ms")
        phone.event("answered")
        phone.event("update", direction="in")
        phone.event("remote-held")
        phone.event("remote-resumed")
        ended(bench, phone, process, "the peer")


def test_update_callee(bench):
    process, phone = callee(bench, "update_callee"), phone_for(bench)
    up(phone)
    phone.do("update")
    equal(phone.event("update")["code"], 200, "an offer")
    phone.do("update sdp=none")
    equal(phone.event("update")["code"], 200, "none")
    phone.do("update")
    equal(phone.event("update")["code"], 200, "after a 491 and a 500 it comes again")
    phone.do("update")
    equal(phone.event("update")["code"], 488, "refused")
    phone.do("reinvite")
    equal(phone.event("reinvite")["code"], 200, "the re-INVITE that met an UPDATE")
    phone.do("hangup")
    ended(bench, phone, process, "us")


# ---- reliable provisional responses ----

def test_prack_caller(bench):
    phone = phone_for(bench)
    process = caller(bench, "prack_caller", "-nr")
    phone.event("incoming")
    phone.event("update", direction="in")
    phone.do("answer")
    phone.event("answered")
    ended(bench, phone, process, "the peer")
    process = caller(bench, "prack_supported_caller")
    phone.event("incoming")
    phone.do("progress")
    phone.do("answer")
    phone.event("answered")
    ended(bench, phone, process, "the peer")


def test_prack_callee(bench):
    phone = phone_for(bench)
    for transport, uri in TRANSPORTS:
        process = callee(bench, "prack_callee", transport=transport)
        call = dial(phone, transport=uri)
        phone.event("early-media", call=call)
        phone.event("ringing", call=call)
        # sipp, which has yet to answer the PRACK, takes nothing else for what it expects.
        wait_until(lambda: phone.do("trace list")["text"].endswith("200 OK"), "the PRACK is answered")
        phone.do("update")
        phone.event("update", call=call, code=200)
        phone.event("answered", call=call)
        phone.do("hangup")
        ended(bench, phone, process, "us")
    process = callee(bench, "prack_offer_callee")
    call = dial(phone, "sdp=none")
    phone.event("early-media", call=call)
    phone.event("answered", call=call)
    phone.do("hangup")
    ended(bench, phone, process)
    phone.do("set sip.reliable-provisional required")
    process = callee(bench, "prack_required_callee")
    equal(phone.event("failed", call=dial(phone))["code"], 420, "who does not know it")
    sipp_ends(bench, process)


# ---- INFO ----

def test_info_caller(bench):
    phone = phone_for(bench, "set call.auto-answer on")
    for transport, _ in TRANSPORTS:
        process = caller(bench, "info_caller", transport=transport)
        equal([phone.event("dtmf", via="info")["digit"] for _ in range(4)], ["5", "#", "7", "*"], "digits")
        equal(phone.event("info", type="text/plain")["body"], "hello", "another body")
        ended(bench, phone, process, "the peer")


def test_info_callee(bench):
    process, phone = callee(bench, "info_callee"), phone_for(bench, "set dtmf.via info", "set dtmf.tone 40ms", "set dtmf.gap 60ms")
    up(phone)
    phone.do("dtmf 4#")
    wait_until(lambda: str(phone.do("trace list")).count("INFO") >= 2, "both digits")
    equal(phone.refused("info text/plain tea is ready")["data"]["sip"], 415, "the refusal")
    phone.do("hangup")
    ended(bench, phone, process)


# ---- who offers, and when ----

def test_late_offer(bench):
    phone = phone_for(bench, "set call.auto-answer on")
    process = caller(bench, "late_offer_caller")
    phone.event("remote-held")
    phone.event("remote-resumed")
    ended(bench, phone, process, "the peer")
    process = callee(bench, "late_offer_callee")
    up(phone, "sdp=none")
    phone.do("reinvite sdp=none")
    equal(phone.event("reinvite", direction="out")["code"], 200, "the re-INVITE")
    phone.do("hangup")
    ended(bench, phone, process)


def test_reinvite_caller(bench):
    phone = phone_for(bench)
    process = caller(bench, "reinvite_caller")
    phone.event("incoming")
    phone.do("answer after=300ms")
    phone.event("answered")
    phone.event("remote-held")
    phone.event("remote-resumed")
    ended(bench, phone, process, "the peer")


def test_reinvite_callee(bench):
    process, phone = callee(bench, "reinvite_callee"), phone_for(bench)
    up(phone)
    phone.do("hold")
    phone.event("held")
    phone.do("reinvite")
    equal(phone.event("reinvite")["code"], 488, "refused")
    equal(phone.get("call.state"), "held", "the session stands")
    phone.do("reinvite")
    ended(bench, phone, process)


# ---- redirects, refusals ----

def test_redirects(bench):
    phone = phone_for(bench, "set call.follow-redirect on")
    process = callee(bench, "redirect_callee")
    call = dial(phone)
    equal([phone.event("redirected", call=call)["target"] for _ in range(2)], [f"sip:{who}@127.0.0.1:{PEER}" for who in ("dave", "carol")], "targets")
    phone.event("answered", call=call)
    phone.do("hangup")
    ended(bench, phone, process)
    process = caller(bench, "redirect_caller")
    phone.event("incoming")
    phone.do("redirect sip:carol@192.0.2.4")
    equal(phone.event("failed")["code"], 302, "told")
    sipp_ends(bench, process)


REFUSALS = (("380 Alternative Service", "Contact: <sip:carol@127.0.0.1:9>"), ("421 Extension Required", "Require: x-unknown"), ("420 Bad Extension", "Unsupported: x-unknown"),
            ("499 Peculiar", "X-More: nothing"), ("599 Server Is Tired", "X-More: nothing"), ("699 No", "X-More: nothing"), ("494 Security Agreement Required", "Security-Server: tls"), ("433 Anonymity Disallowed", "X-More: nothing"),
            ("438 Invalid Identity Header", "X-More: nothing"), ("470 Consent Needed", "Permission-Missing: <sip:a@b>"), ("580 Precondition Failure", "X-More: nothing"),
            ("503 Service Unavailable", "Retry-After: 3600"), ("305 Use Proxy", "X-More: nothing"), ("606 Not Acceptable", "Warning: 370 peer \"too little bandwidth\""))


def test_refusals(bench):
    """Each code is told as it came, known or not (an unknown one acts as its x00), with a sentence of what it means; nothing is dialled again by itself."""
    phone = phone_for(bench, "set call.follow-redirect on")
    with open(f"{FOLDER}/refusal_callee.xml") as text:
        pattern = text.read()
    for line, header in REFUSALS:
        process = start(bench, bench.write(f"{line[:3]}.xml", pattern.replace("486 Busy Here", line).replace("X-More: none", header)))
        call = dial(phone)
        failed = phone.event("failed", call=call)
        equal(failed["code"], int(line[:3]), "code")
        check(failed["why"] and phone.do(f"why {call}"), f"why, of {line}")
        sipp_ends(bench, process)


def test_unsupported(bench):
    process, phone = callee(bench, "claims_callee"), phone_for(bench)
    up(phone)
    phone.do("hangup")
    ended(bench, phone, process)


def test_unknown_1xx(bench):
    process, phone = callee(bench, "unknown_1xx_callee"), phone_for(bench)
    call = dial(phone)
    phone.event("early-media", call=call, code=189)
    phone.event("answered", call=call)
    phone.do("hangup")
    ended(bench, phone, process)


def test_require(bench):
    phone = phone_for(bench)
    for transport, _ in TRANSPORTS:
        sipp_ends(bench, caller(bench, "require_caller", transport=transport))


# ---- forks, CANCEL ----

def test_forks(bench):
    process, phone = callee(bench, "forks_callee"), phone_for(bench)
    call = dial(phone)
    phone.event("ringing", call=call)
    phone.event("early-media", call=call)
    phone.event("answered", call=call)
    wait_until(lambda: "BYE" in str(phone.do("trace list")), "the second answer's BYE")
    phone.do("hangup")
    ended(bench, phone, process)


def test_cancel(bench):
    phone = phone_for(bench)
    for transport, uri in TRANSPORTS:
        process = caller(bench, "cancel_caller", transport=transport)
        phone.event("incoming")
        check("Call completed elsewhere" in phone.event("failed")["detail"], "why")
        sipp_ends(bench, process)
        process = callee(bench, "cancel_callee", transport=transport)
        call = dial(phone, transport=uri)
        phone.event("ringing", call=call)
        phone.do("hangup")
        equal(phone.event("failed", call=call)["code"], 487, "code")
        sipp_ends(bench, process)
    process = callee(bench, "crossing_callee")
    call = dial(phone)
    phone.event("ringing", call=call)
    phone.do("hangup")
    wait_until(lambda: phone.get("calls.count") == "0", "the call is over")
    sipp_ends(bench, process)


# ---- REFER ----

def test_refer_caller(bench):
    phone = phone_for(bench, "set call.auto-answer on", "set call.follow-transfer on")
    where = ("-key", "target", f"other@127.0.0.1:{OTHER}")
    for name, target in (("refer_caller", "refer_target"), ("refer_quiet_caller", "refer_target"), ("refer_attended_caller", "replaces_target")):
        other, process = callee(bench, target, port=OTHER), caller(bench, name, *where)
        phone.event("transfer-request")
        equal(phone.event("transferred")["by"], "peer", "who asked")
        phone.event("ended")
        sipp_ends(bench, process)
        phone.do("hangup")
        ended(bench, phone, other, "us")


def test_refer_outside(bench):
    phone = phone_for(bench)
    process = caller(bench, "refer_outside_caller", "-key", "target", f"other@127.0.0.1:{OTHER}")
    equal(phone.event("refer", direction="in")["target"], f"sip:other@127.0.0.1:{OTHER}", "whom")
    phone.do("refuse-transfer")
    sipp_ends(bench, process)


def test_refer_callee(bench):
    process, phone = callee(bench, "refer_callee"), phone_for(bench)
    call = up(phone)
    phone.do("transfer sip:carol@127.0.0.1:9")
    equal(phone.event("transfer-progress", code=180)["call"], call, "progress")
    equal(phone.event("transfer-failed")["code"], 486, "it failed")
    phone.do("transfer sip:carol@127.0.0.1:9")
    equal(phone.event("transfer-failed")["code"], 603, "refused at once")
    equal(phone.get("call.state"), "answered", "our call goes on")
    phone.do("transfer sip:dave@127.0.0.1:9")
    phone.event("transferred", call=call)
    ended(bench, phone, process, "us")


def test_refer_attended_callee(bench):
    process, phone = callee(bench, "refer_attended_callee"), phone_for(bench)
    other = sipp(bench, "-sn", "uas", "-i", "127.0.0.1", "-p", str(OTHER), "-m", "1", "-nostdin")
    first = up(phone)
    second = phone.do(f"call sip:other@127.0.0.1:{OTHER}")["call"]
    phone.event("answered", call=second)
    phone.do(f"transfer with={second} call={first}")
    phone.event("transferred", call=first)
    phone.event("ended", call=first)
    sipp_ends(bench, process)
    phone.do(f"hangup {second}")  # whoever is replaced would do so
    sipp_ends(bench, other)


# ---- session timers ----

def test_session_timers(bench):
    phone = phone_for(bench, "set call.auto-answer on", "set sip.session-timer required", "set sip.session-expires 90s")
    process = caller(bench, "timer_caller")
    ended(bench, phone, process, "the peer")
    process = callee(bench, "timer_callee")
    up(phone)
    phone.do("update sdp=none")
    equal(phone.event("update", direction="out")["code"], 200, "a refresh")
    phone.do("hangup")
    ended(bench, phone, process)


# ---- what is shown of a caller, and what is said of us ----

def test_headers(bench):
    """Who has sent the call on, and whom the proxy vouches for: here the account's own is at this address."""
    registrar = callee(bench, "binding")
    phone = phone_for(bench, f"account add sip:bob@127.0.0.1:{PEER} proxy=sip:127.0.0.1:{PEER}")
    phone.event("registered")
    sipp_ends(bench, registrar)
    headers = (('Diversion: "Desk" <sip:desk@example.com>', "X: x", "X: x", "diverted", "sip:desk@example.com"),
               ("History-Info: <sip:one@example.com>", "History-Info: <sip:two@example.com?Reason=SIP%3Bcause%3D302>", "X: x", "diverted", "sip:one@example.com"),
               ('P-Asserted-Identity: "Boss" <sip:boss@example.com>', "P-Asserted-Identity: <tel:+15550100>", "Privacy: id", "identity", "sip:boss@example.com"),
               ("Call-Info: <sip:x@127.0.0.1>", "Alert-Info: <http://127.0.0.1:9/>", "Priority: urgent", "from", f"sip:sipp@127.0.0.1:{PEER}"))
    process = caller(bench, "headers_caller", *rows(bench, *(";".join(row[:3]) for row in headers)), calls=len(headers))
    for _, _, _, key, value in headers:
        event = phone.event("incoming")
        check(str(event.get(key)).startswith(value), f"{key}: {event}")
        phone.do(f"reject call={event['call']}")
    sipp_ends(bench, process)


def test_answered_by_itself(bench):
    phone = phone_for(bench, f"set call.auto-answer-for sip:*@127.0.0.1:{PEER}")
    for header in ("Answer-Mode: Auto", "Priv-Answer-Mode: Auto", "Call-Info: <sip:127.0.0.1>;answer-after=0", "Alert-Info: <http://127.0.0.1>;info=alert-autoanswer"):
        process = caller(bench, "answered_caller", "-key", "how", header)
        phone.event("answered")
        event = ended(bench, phone, process, "the peer")
        check("Normal call clearing" in event["detail"], f"Reason: {event}")


def test_own_identity(bench):
    account = f"account add sip:alice@127.0.0.1:{PEER} proxy=sip:127.0.0.1:{PEER} registrar=none name=alice"
    phone = phone_for(bench, account)
    for name, line in (("anonymous_callee", "anonymous=yes"), ("asserted_callee", "")):
        process = callee(bench, name)
        call = dial(phone, line)
        equal(phone.event("failed", call=call)["code"], 486, "code")
        sipp_ends(bench, process)
        phone.do("account set alice identity=asserted")


def test_reason(bench):
    process, phone = callee(bench, "reason_callee"), phone_for(bench)
    up(phone)
    phone.do('hangup header="Reason: Q.850;cause=16;text=\\"done\\""')
    ended(bench, phone, process, "us")


def test_replaces_and_join(bench):
    phone_for(bench)
    sipp_ends(bench, caller(bench, "replaces_caller"))


def test_odd_forms(bench):
    phone = phone_for(bench, "set call.auto-answer on")
    for transport, _ in TRANSPORTS:
        process = caller(bench, "odd_caller", "-key", "fold", "\r\n ", transport=transport)
        equal(phone.event("incoming")["name"], 'A "quoted" name', "the name")
        phone.event("remote-held")
        ended(bench, phone, process, "the peer")


# ---- what is said twice, too late, or not at all ----

def test_prack_of_who_is_answered_at_once(bench):
    phone = phone_for(bench, "set call.auto-answer on")
    for transport, _ in TRANSPORTS:
        process = caller(bench, "prack_first_caller", transport=transport)
        phone.event("answered")
        ended(bench, phone, process, "the peer")


def test_offers_without_answers(bench):
    process, phone = callee(bench, "no_answer_callee"), phone_for(bench)
    call = up(phone)
    for line in ("update", "reinvite"):
        phone.do(line)
        equal(phone.event(line, call=call)["code"], 488, line)
    equal(phone.get("call.state"), "answered", "the call stands")
    phone.do("update")
    equal(phone.event("update", call=call)["code"], 200, "the next one")
    phone.do("hold")
    phone.event("held", call=call)
    phone.do("hangup")
    ended(bench, phone, process, "us")


def test_challenges(bench):
    """One of them makes the re-INVITE too long for UDP, and sipp has no TCP: by UDP all the same (18.1.1)."""
    process = callee(bench, "challenges_callee")
    phone = phone_for(bench, f"account add sip:alice@127.0.0.1:{PEER} password=wonder registrar=none name=alice")
    up(phone)
    phone.do("update")
    equal(phone.event("update")["code"], 200, "UPDATE")
    equal(phone.do("info text/plain hi")["code"], 200, "INFO")
    phone.do("reinvite")
    equal(phone.event("reinvite")["code"], 200, "re-INVITE")
    phone.do("hangup")
    ended(bench, phone, process, "us")


def test_strays(bench):
    phone = phone_for(bench, "set call.auto-answer on")
    for transport, _ in TRANSPORTS:
        sipp_ends(bench, caller(bench, "stray_caller", transport=transport))
        process = caller(bench, "dialog_caller", transport=transport)
        equal(phone.event("message")["text"].strip(), "inside", "MESSAGE")
        phone.event("transfer-request")
        phone.do("refuse-transfer")
        ended(bench, phone, process, "the peer")


def test_what_the_phone_insists_on(bench):
    phone = phone_for(bench, "set sip.reliable-provisional required")
    process = caller(bench, "insists_caller")
    phone.event("incoming")
    wait_until(lambda: "PRACK" in str(phone.do("trace list")), "the 180 is acknowledged")
    phone.do("reject")
    sipp_ends(bench, process)


def test_use_proxy(bench):
    phone = phone_for(bench, "set call.follow-redirect on")
    proxy, process = callee(bench, "proxied_callee", port=OTHER), callee(bench, "use_proxy_callee", "-key", "proxy", f"127.0.0.1:{OTHER}")
    call = dial(phone)
    equal(phone.event("redirected", call=call)["code"], 305, "code")
    phone.event("answered", call=call)
    phone.do("hangup")
    sipp_ends(bench, process)
    ended(bench, phone, proxy, "us")


def test_glare(bench):
    process, phone = callee(bench, "glare_callee"), phone_for(bench)
    call = up(phone)
    phone.do("reinvite")
    phone.event("reinvite", direction="in")
    equal(phone.event("reinvite", direction="out", call=call)["code"], 200, "ours")
    phone.do("hangup")
    ended(bench, phone, process, "us")
