# The tests of tests/screen/run: each ends at its first step that fails.

quiet=(-n -x 'set sip.listen 127.0.0.1:0' -x 'set audio.input tone:440' -x 'set audio.output null' -x 'set audio.ringer null')
prompt='^offhook>'

test_start_80x24() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && golden start_80x24
}
check start_80x24

test_start_ascii() {
	ENVIRONMENT=(env LC_ALL=C)
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && golden start_ascii
}
check start_ascii

call_echo() {
	until_shown "$prompt" && line 'call echo' && until_shown 'sound of the peer' && until_shown 'loss '
}

test_call_80x24() {
	open 80x24 "${quiet[@]}"
	call_echo && golden call_80x24
	press_until F8 'ended after' && until_shown 'no calls' && golden ended_80x24
}
check call_80x24

test_call_120x40() {
	open 120x40 "${quiet[@]}"
	call_echo && until_shown 'ACK' && until_shown 'RTP' && golden call_120x40
}
check call_120x40

test_call_40x10() {
	open 40x10 "${quiet[@]}"
	call_echo && golden call_40x10
}
check call_40x10

test_ladder() {
	open 80x24 "${quiet[@]}"
	call_echo && keys F6 && text 2 && until_shown 'Ladder: call 1' && until_shown ACK && until_shown RTP && golden ladder_80x24
	keys Escape && until_shown 'F6 view' && line 'show calls' && until_shown '^ Calls'
	line 'show ladder 1' && until_shown 'Ladder: call 1'
}
check ladder

test_resize() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && text 'call nobody' && until_shown 'call nobody'
	mux resize-window -x 120 -y 40
	until_shown '┬ Ladder' && until_shown 'offhook> call nobody'
	mux resize-window -x 30 -y 8
	until_shown '30x8: offhook needs 40x10'
	mux resize-window -x 40 -y 10
	until_shown 'offhook> call nobody' && golden resized_40x10
	mux resize-window -x 80 -y 24
	until_gone 'Ladder$' && until_shown '1 Calls  2 Ladder' && until_shown 'offhook> call nobody'
}
check resize

test_completion() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && text 'hang' && keys Tab && until_shown '^offhook> hangup'
	keys C-u && text 'h' && keys Tab && until_shown 'hangup' && golden completion
	keys Escape && until_gone '^ .*hangup' && until_shown '^offhook> h$'
}
check completion

test_typing() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && text 'echo é日本x' && keys Left Left && until_shown 'é日本x' && golden typing
	keys C-e Enter && until_shown '^é日本x' && keys Up && until_shown '^offhook> echo é日本x'
	keys C-c && until_shown '^offhook>$'
	text 'echo 1111111111222222222233333333334444444444555555555566666666667777777777888888888899999999990000000000' && keys C-a && until_shown '^offhook> echo 1.*>$' && golden typing_long
}
check typing

test_paste_runs_nothing() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" || return
	printf 'echo one\necho two\n' | mux load-buffer -
	mux paste-buffer -p
	until_shown '^offhook> echo one echo two'
	show | grep -q '^one' && broken 'a pasted line was run'
}
check paste_runs_nothing

test_long_output() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && line help && until_shown 'back to the calls' && until_shown '^ Log'
	keys PPage && keys NPage && keys Escape && until_shown '^ Calls' && until_gone 'Log .PgDn'
	line help && until_shown '^ Log' && line 'echo short' && until_shown '^ Calls' && until_shown '^short'
}
check long_output

# Bytes of UTF-8 in the C locale are characters of the line, not Meta keys.
test_bytes_in_c() {
	ENVIRONMENT=(env LC_ALL=C)
	open 80x24 "${quiet[@]}" --plain
	until_shown "$prompt" || return
	printf 'echo bj\303\266rk' | mux load-buffer -
	mux paste-buffer
	until_shown '^offhook> echo bj' && keys Enter && until_shown '^bj[^r]*rk$'
}
check bytes_in_c

test_incoming() {
	local port=$((30000 + $$ % 20000)) caller
	open 80x24 -n -x "set sip.listen 127.0.0.1:$port" "${quiet[@]:3}"
	until_shown "$prompt" || return
	"$OFFHOOK" -n -x 'set audio.input null' -x 'set audio.output null' -x "call sip:me@127.0.0.1:$port" -x 'wait answered within=30s' \
		-x 'wait ended within=30s' </dev/null >"$work/caller" 2>&1 &
	caller=$!
	until_shown 'is calling' && until_true '[[ $(mux display-message -p "#{pane_title}") == *calling* ]]' && golden incoming
	press_until F2 'answered' && until_true '[[ $(mux display-message -p "#{pane_title}") == offhook ]]'
	press_until F8 'ended after'
	wait $caller || broken "the caller ended with $?: $(tail -n 1 "$work/caller")"
}
check incoming

test_quit_asks_with_a_call() {
	open 80x24 "${quiet[@]}"
	call_echo && line quit && until_shown 'quit once more' && line quit && until_shown '^EXIT 0' && until_shown '^ *icanon  *echo'
}
check quit_asks_with_a_call

test_end_of_input() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && keys C-d && until_shown '^EXIT 0' && until_shown '^ *icanon  *echo'
}
check end_of_input

# Whatever ends it, the terminal is as it was.
test_signals() {
	local number status
	for number in TERM:143 HUP:129 SEGV:139 ABRT:134; do
		status=${number#*:}
		open 80x24 "${quiet[@]}"
		until_shown "$prompt" || return
		kill -"${number%:*}" "$(phone_pid)"
		until_shown "^EXIT $status" && until_shown '^ *icanon  *echo' || return
		[ "$(mux display-message -p '#{alternate_on} #{cursor_flag}')" = '0 1' ] || broken "the screen was not left after ${number%:*}"
		close
	done
	open 80x24 "${quiet[@]}"
}
check signals

test_stop_and_continue() {
	local tty pid
	open 80x24 "${quiet[@]}"
	call_echo && keys C-z && until_shown 'C-z once more' || return
	pid=$(phone_pid) tty=$(mux display-message -p '#{pane_tty}')
	press_until F8 'ended after' && keys C-z && until_true "grep -q '^State:.T' /proc/$pid/status"
	until_true "stty -a <$tty | grep -q ' icanon'"
	[ $ok = yes ] && kill -CONT "$pid"
	until_shown "$prompt" && until_true "stty -a <$tty | grep -q -- '-icanon'" && line 'echo awake' && until_shown '^awake'
}
check stop_and_continue

test_no_color() {
	ENVIRONMENT=(env LC_ALL=C.UTF-8 NO_COLOR=1)
	open 80x24 "${quiet[@]}"
	call_echo && line 'nonsense' && until_shown 'no such command'
	mux capture-pane -e -p | grep -qE $'\e\\[[0-9;]*(3[0-7]|4[0-7])m' && broken 'colours in spite of NO_COLOR'
	:
}
check no_color

# Idle: less than two wake-ups a second, and not a byte to the terminal.
test_idle() {
	local pid before after end
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" || return
	pid=$(phone_pid)
	before=$(awk '/^voluntary/ {print $2}' "/proc/$pid/status") end=$((SECONDS + 5))
	until_true "[ \$SECONDS -ge $end ]"
	after=$(awk '/^voluntary/ {print $2}' "/proc/$pid/status")
	[ $((after - before)) -lt 10 ] || broken "$((after - before)) wake-ups in 5 s"
}
check idle

test_plain() {
	open 80x24 --plain "${quiet[@]}"
	until_shown "$prompt" && line 'call echo' && until_shown 'sound of the peer' && text 'hang' && until_shown '^offhook> hang'
	keys Tab && until_shown '^offhook> hangup' && keys Enter && until_shown 'ended after' && golden plain
	keys C-d && until_shown '^EXIT 0' && until_shown '^ *icanon  *echo'
}
check plain

test_dumb() {
	ENVIRONMENT=(env LC_ALL=C TERM=dumb)
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && line 'call echo' && until_shown 'sound of the peer' && line 'quit' && until_shown 'quit once more' && line quit && until_shown '^EXIT 0'
}
check dumb
