# Every view in every state of the phone, at three sizes: states_STATE.txt has all of them, one after the other. Real calls with other
# phones; the size is changed by resizing, so each view is also resized. What differs from run to run is masked by mask_state.

STATE_SIZES="80x24 120x40 40x10"

# A past, contacts and messages that are always the same.
state_files() {
	mkdir -p "$work/states/config/offhook" "$work/states/state/offhook"
	printf '#offhook-contacts 2\nBob\tsip:bob@biloxi.com\tkind=work\tprefer=1\tring=chime\tspeed=7\nBob\t+1-555-0100\tkind=mobile\n山田太郎\tsip:taro@example.jp\n' \
		>"$work/states/config/offhook/contacts"
	printf '%s\n' 'set sip.t1 2s' 'set audio.input tone:440' 'set audio.output null' 'set audio.ringer null' >"$work/states/config/offhook/config"
	rm -f "$work/states/state/offhook/"*
	echo urn:uuid:1010ef22-d8e0-442a-9fe5-8dd9c2d9b25e >"$work/states/state/offhook/instance"
	printf 'calls\tk1\t1795344122\tout\tanswered\t83\t200\t\tsip:bob@biloxi.com\tBob\t\ncalls\tk2\t1795347722\tin\tmissed\t0\t487\t\tsip:carol@chicago.com\tCarol\t\t0\n%s\n%s\n%s\n' \
		$'calls\tk3\t1795351322\tout\tfailed\t0\t486\t\tsip:taro@example.jp\t山田太郎\tBusy' \
		$'messages\tm1\t1795344122000000\treceived\t1\tsip:bob@biloxi.com\tBob\t\tlunch?\t0\t' \
		$'messages\tm2\t1795344182000000\tsent\t1\tsip:bob@biloxi.com\tBob\t\tyes, noon\t200\t' >"$work/states/state/offhook/history.journal"
}

# state_open [LINE...]: the phone with that past
state_open() {
	local lines=() l
	listening
	state_files
	for l in "set sip.listen 127.0.0.1:$port" "$@"; do lines+=(-x "$l"); done
	ENVIRONMENT+=(XDG_CONFIG_HOME="$work/states/config" XDG_STATE_HOME="$work/states/state")
	open 80x24 --socket none "${lines[@]}"
	until_shown "$prompt"
}

# Curves and figures are there or not; how high they are is the network's. Identifiers and ports are somebody's dice.
mask_state() {
	mask | sed -E -e 's/z9hG4bK[a-z0-9]+/BRANCH/g' -e 's/  [a-z0-9]{1,20};rport/  REST;rport/' -e 's/tag=[a-z0-9]+/tag=TAG/g' -e 's/Call-ID: .*/Call-ID: ID/' -e 's/o=([a-z-]+) [0-9]+/o=\1 N/' \
		-e 's/Content-Length: [0-9]+/Content-Length: N/' -e 's/m=audio [0-9]+/m=audio PORT/' -e 's/(retry|in) [0-9]+ ?s/\1 Ns/g' \
		-e 's/(MM:SS|HH:MM:SS|━) +/\1 /g' \
		-e 's/[▁▂▃▄▅▆▇█]+/~/g' -e 's/(loss|jitter|buffer|round trip|heard|microphone|mos)( +[-0-9.?]+(%|ms|dB)?)?( +~)?( ~)?$/\1 CURVE/' \
		-e 's/^(.*│)?( *(max|min)?) +(-?[0-9.]+(%|ms|dB)?|\?)( +~| ~)?$/\1 FIGURE/' -e 's/^(.*│)? +~$/\1/' -e 's/ +$//'
}

# state_golden NAME: the screen once it has come to rest, under a line that says which it is
state_golden() {
	local before=- now
	[ $ok = yes ] || return 1
	now=$(show | mask_state)
	until [ "$before" = "$now" ] || [ $ok != yes ]; do
		before=$now
		read -r -t 0.15 <>"$work/never" || :
		now=$(show | mask_state)
	done
	printf '=== %s\n%s\n' "$1" "$now" >>"$work/states.shown"
}

resize_to() {
	mux resize-window -x "${1%x*}" -y "${1#*x}"
	until_true "[ \"\$(show | sed -n '${1#*x}p' | cut -c 1-8)\" = 'offhook>' ]"
}

# all_views STATE: every view at every size
all_views() {
	local state=$1 size view
	rm -f "$work/states.shown"
	for view in calls ladder messages contacts history quality log; do
		line "show $view" && until_shown "[ ┬]${view^}" || return
		for size in $STATE_SIZES; do
			resize_to "$size" && state_golden "$state $view $size"
		done
		resize_to 80x24
	done
	line 'show ladder' && until_shown ' Ladder' && keys F6 && until_shown 'F6 line' && keys Home Enter
	if show | grep -q 'nothing was sent'; then
		until_shown 'no message in this row'
	else
		until_shown '^(INVITE|REGISTER) '
	fi
	for size in $STATE_SIZES; do
		resize_to "$size" && state_golden "$state message $size"
	done
	[ $ok = yes ] || return 1
	if [ "${UPDATE:-}" = yes ]; then
		cp "$work/states.shown" "$here/states_$state.txt"
	elif ! diff -u "$here/states_$state.txt" "$work/states.shown" >"$work/diff" 2>&1; then
		cp "$work/diff" "$work/last"
		broken "differs from states_$state.txt"
	fi
}

# talking NAME: a peer calls and is answered, and is heard
talking() {
	caller "$1" "sip:me@127.0.0.1:$port" && until_shown "$1.* answer: F2" && press_until F2 "answered, talking to $1" && until_shown "call $2: sound of the peer"
}

test_states_idle() {
	state_open && all_views idle
}
check states_idle

test_states_ringing() {
	state_open && caller Ann "sip:me@127.0.0.1:$port" && until_shown 'Ann.* answer: F2' && all_views ringing
	callers_end
}
check states_ringing

test_states_in_call() {
	state_open && talking Ann 1 && all_views in_call
	callers_end
}
check states_in_call

test_states_two_calls() {
	state_open && talking Ann 1 && line hold && until_shown 'call 1: on hold' && talking Ben 2 && all_views two_calls
	callers_end
}
check states_two_calls

test_states_hold() {
	state_open && talking Ann 1 && line hold && until_shown 'call 1: on hold' && all_views hold
	callers_end
}
check states_hold

test_states_conference() {
	state_open && talking Ann 1 && line hold && until_shown 'call 1: on hold' && talking Ben 2 && line 'conference 1 2' && until_shown 'conference  ..:..' && until_shown 'call 1: resumed' && all_views conference
	callers_end
}
check states_conference

test_states_registration_failed() {
	state_open 'account add sip:alice@127.0.0.1:9 password=x registrar=sip:127.0.0.1:9' && until_shown 'retry' && all_views registration_failed
}
check states_registration_failed

# Starts the card until jackd, which comes up meanwhile, takes it.
card_is_ready() {
	kill -0 $card 2>>"$work/kill.err" || { "$1" 120 phoneA=, >"$work/vcard" 2>&1 & card=$!; }
	grep -q ready "$work/vcard"
}

# A sound card that goes in mid-call: jackd with a virtual card that is pulled out.
test_states_device_lost() {
	local name=screen$$ card=none jack
	local vcard=${OFFHOOK%/*}/tests/interop/vcard
	if ! command -v jackd >/dev/null || [ ! -x "$vcard" ]; then echo "      | no jackd or vcard here: not tried"; return; fi
	export JACK_DEFAULT_SERVER=$name JACK_NO_AUDIO_RESERVATION=1 JACK_NO_START_SERVER=1
	jackd -n "$name" -r -d dummy -r 48000 -p 512 -C 1 -P 1 >"$work/jackd" 2>&1 &
	jack=$!
	until_true "card_is_ready '$vcard'"
	state_open 'audio use phoneA' && talking Ann 1 && until_shown 'microphone is silent' && kill $card && until_shown 'mic lost' && all_views device_lost
	callers_end
	kill $card $jack 2>>"$work/kill.err"
	wait $card $jack 2>>"$work/kill.err"
	unset JACK_DEFAULT_SERVER JACK_NO_AUDIO_RESERVATION JACK_NO_START_SERVER
}
check states_device_lost
