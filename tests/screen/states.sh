# Every view in every state of the phone, at three sizes: states_STATE.txt has all of them, one after the other. Real calls with other
# phones; the size is changed by resizing, so each view is also resized. What differs from run to run is masked by mask_state.

STATE_SIZES="80x24 120x40 40x10"

# A past, contacts and messages that are always the same.
state_files() {
	mkdir -p "$work/states/config/offhook" "$work/states/state/offhook"
	printf '#offhook-contacts 2\nBob\tsip:bob@biloxi.com\tkind=work\tprefer=1\tring=chime\tspeed=7\nBob\t+1-555-0100\tkind=mobile\n山田太郎\tsip:taro@example.jp\n' \
		>"$work/states/config/offhook/contacts"
	printf '%s\n' 'set sip.t1 2s' "set audio.input ${MICROPHONE:-tone:440}" 'set audio.output null' 'set audio.ringer null' >"$work/states/config/offhook/config"
	rm -f "$work/states/state/offhook/"*
	echo urn:uuid:1010ef22-d8e0-442a-9fe5-8dd9c2d9b25e >"$work/states/state/offhook/instance"
	printf 'calls\tk1\t1795344122\tout\tanswered\t83\t200\t\tsip:bob@biloxi.com\tBob\t\ncalls\tk2\t1795347722\tin\tmissed\t0\t487\t\tsip:carol@chicago.com\tCarol\t\t0\n%s\n%s\n%s\n' \
		$'calls\tk3\t1795351322\tout\tfailed\t0\t486\t\tsip:taro@example.jp\t山田太郎\t486 Busy Here' \
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

# Rows of the quality view end in a curve, in ASCII of these characters: as the blocks they stand for.
ascii_curves() {
	if [ "${VARIANT:-}" = _ascii ]; then
		sed -E '/^ ?(loss|jitter|buffer|round trip|heard|microphone|mos|max|min)? +(-?[0-9.]+(%|ms|dB)? +)?[-_.:=+*#]+$/s/[-_.:=+*#]+$/▁/'
	else
		cat
	fi
}

# Curves and figures are there or not; how high they are is the network's. Identifiers and ports are somebody's dice.
mask_state() {
	mask | ascii_curves | sed -E -e 's/z9hG4bK[a-z0-9]+/BRANCH/g' -e 's/  [a-z0-9]{1,20};rport/  REST;rport/' -e 's/  [a-z0-9]{1,20};received=/  REST;received=/' -e 's/rport=[0-9]+/rport=PORT/g' -e 's/tag=[a-z0-9]+/tag=TAG/g' -e 's/Call-ID: .*/Call-ID: ID/' -e 's/o=([a-z-]+) [0-9]+/o=\1 N/' \
		-e 's/Content-Length: [0-9]+/Content-Length: N/' -e 's/m=audio [0-9]+/m=audio PORT/' -e 's/(retry|in) [0-9]+ ?s/\1 Ns/g' \
		-e 's/(MM:SS|HH:MM:SS|━) +/\1 /g' \
		-e 's/[▁▂▃▄▅▆▇█]+/~/g' -e 's/(loss|jitter|buffer|round trip|heard|microphone|mos)( +[-0-9.?]+(%|ms|dB)?)?( +~)*$/\1 CURVE/' \
		-e 's/^(.*│)?( *(max|min)?) +(-?[0-9.]+(%|ms|dB)?|\?)( +~)*$/\1 FIGURE/' -e 's/^(.*│)? +~$/\1/' -e 's/ +$//'
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
		for size in ${SIZES:-$STATE_SIZES}; do
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
	for size in ${SIZES:-$STATE_SIZES}; do
		resize_to "$size" && state_golden "$state message $size"
	done
	states_are "states_$state${VARIANT:-}"
}

# all_views_only STATE: the same as all_views says what its golden has for the sizes of $SIZES
all_views_only() {
	awk -v size=" $SIZES\$" '/^=== / { wanted = $0 ~ size } wanted' "$here/states_$1.txt" >"$work/states_$1$VARIANT.txt"
	here=$work all_views "$1"
}

# states_are NAME: what was shown is NAME.txt
states_are() {
	[ $ok = yes ] || return 1
	if [ "${UPDATE:-}" = yes ]; then
		cp "$work/states.shown" "$here/$1.txt"
	elif ! diff -u "$here/$1.txt" "$work/states.shown" >"$work/diff" 2>&1; then
		cp "$work/diff" "$work/last"
		broken "differs from $1.txt"
	fi
}

# talking NAME: a peer calls and is answered, and is heard
talking() {
	caller "$1" "sip:me@127.0.0.1:$port" && until_shown "$1.* answer: F2" && press_until F2 "answered, talking to $1" && until_shown "call $2: sound of the peer"
}

# ---- the states: each brings the phone there ----

state_idle() { state_open; }
state_ringing() { state_open && caller Ann "sip:me@127.0.0.1:$port" && until_shown 'Ann.* answer: F2'; }
state_in_call() { state_open && talking Ann 1; }
state_two_calls() { state_open && talking Ann 1 && line hold && until_shown 'call 1: on hold' && talking Ben 2; }
state_hold() { state_open && talking Ann 1 && line hold && until_shown 'call 1: on hold'; }
state_conference() {
	state_two_calls && line 'conference 1 2' && until_shown 'conference  ..:..' && until_shown 'call 1: resumed'
}
state_registration_failed() {
	state_open 'account add sip:alice@127.0.0.1:9 password=x registrar=sip:127.0.0.1:9' && until_shown 'retry'
}

# Starts the card until jackd, which comes up meanwhile, takes it.
card_is_ready() {
	kill -0 $card 2>>"$work/kill.err" || { "$1" 120 phoneA=, >"$work/vcard" 2>&1 & card=$!; }
	grep -q ready "$work/vcard"
}

# A sound card that goes in mid-call: jackd with a virtual card that is pulled out. Warnings tell of it; whether a busy machine hears nothing
# of the peer meanwhile is an event, and left out.
state_device_lost() {
	export JACK_DEFAULT_SERVER=screen$$-$server JACK_NO_AUDIO_RESERVATION=1 JACK_NO_START_SERVER=1
	rm -f "$work/vcard" # the word of an earlier card is none of this one
	jackd -n "$JACK_DEFAULT_SERVER" -r -d dummy -r 48000 -p 512 -C 1 -P 1 >"$work/jackd" 2>&1 &
	jack=$! card=none
	until_true "card_is_ready '${OFFHOOK%/*}/tests/interop/vcard'"
	state_open 'audio use phoneA' && talking Ann 1 && until_shown 'microphone is silent' &&
		line 'set events.show none' && kill $card && until_shown 'mic lost' && until_shown 'loudspeaker .phoneA. has'
}
has_cards() {
	command -v jackd >/dev/null && [ -x "${OFFHOOK%/*}/tests/interop/vcard" ] && return
	echo "      | no jackd or vcard here: not tried"
	return 1
}

# What the states have started.
state_over() {
	callers_end
	[ -z "${jack:-}" ] && return
	kill $card $jack 2>>"$work/kill.err"
	wait $card $jack 2>>"$work/kill.err"
	jack=
	unset JACK_DEFAULT_SERVER JACK_NO_AUDIO_RESERVATION JACK_NO_START_SERVER
}

STATES="idle ringing in_call two_calls hold conference registration_failed device_lost"

# Outside UTF-8 every glyph has its ASCII: one size tells.
in_ascii() {
	local VARIANT=_ascii SIZES=80x24
	ENVIRONMENT=(env LC_ALL=C)
	"state_$1" && all_views "$1"
	state_over
}

# Without colours the same stands there, and nothing of it is coloured: what colour tells is told by words and glyphs too.
without_colours() {
	local SIZES=80x24 VARIANT=_nocolor
	ENVIRONMENT+=(NO_COLOR=1)
	"state_$1" && mux pipe-pane -o "cat >$work/coloured" && UPDATE=no all_views_only "$1"
	if [ $ok = yes ] && grep -qaE $'\e\\[([0-9;]*;)?(3[0-7]|4[0-7]|9[0-7]|[34]8;5;[0-9]+)m' "$work/coloured"; then broken 'colours in spite of NO_COLOR'; fi
	state_over
}

for state in $STATES; do
	eval "test_states_$state() { [ $state != device_lost ] || has_cards || return 0; state_$state && all_views $state; state_over; }"
	eval "test_ascii_$state() { [ $state != device_lost ] || has_cards || return 0; in_ascii $state; }"
	eval "test_no_color_$state() { [ $state != device_lost ] || has_cards || return 0; without_colours $state; }"
	check "states_$state"
	check "ascii_$state"
	check "no_color_$state"
done

# A microphone that never was there is none; it is not lost.
test_device_missing() {
	MICROPHONE=ghost state_open && line 'call echo' && until_shown 'mic none'
	state_over
}
check device_missing

# ---- the focus ----

# Each view with the focus, in two calls: its title, its cursor and the keys that count there; then back in the line.
test_focus() {
	local view number=0
	state_two_calls || { state_over; return; }
	rm -f "$work/states.shown"
	keys F6 && until_shown 'F6 line'
	for view in calls ladder messages contacts history quality log; do
		number=$((number + 1))
		for size in 120x40 80x24; do
			resize_to "$size" && text "$number" && until_shown "[ ┬]${view^}" && state_golden "focus $view $size"
		done
	done
	keys Escape && until_shown 'F6 view' && state_golden 'focus line 80x24'
	states_are states_focus
	state_over
}
check focus

# ---- the message view: a search in it, and two messages compared ----

test_compared() {
	local size
	state_in_call || { state_over; return; }
	rm -f "$work/states.shown"
	line 'show ladder' && until_shown ' Ladder' && keys F6 && until_shown 'F6 line' && keys Home Enter && until_shown '^INVITE '
	text '/call-id' && keys Enter && until_shown '^Call-ID: '
	for size in $STATE_SIZES; do
		resize_to "$size" && state_golden "search message $size"
	done
	resize_to 80x24
	text '/nowhere to be found' && keys Enter && until_shown 'not found' && state_golden 'search without a hit 80x24'
	keys Right && until_shown '^SIP/2.0 100' && text d && until_shown '^- INVITE'
	for size in 80x24 120x40; do # narrower, how often a line is wrapped is left to the digits in it
		resize_to "$size" && state_golden "compared $size"
	done
	states_are states_message
	state_over
}
check compared
