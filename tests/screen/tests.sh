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

test_keypad() {
	open 80x24 "${quiet[@]}"
	call_echo && line 'dtmf' && until_shown 'keypad .Esc leaves.>' && text '1x2' && until_shown 'keypad .Esc leaves.> 12'
	keys Escape && until_shown "$prompt" && line 'echo back' && until_shown '^back'
	line 'dtmf' && until_shown 'keypad .Esc leaves.>' && text '9#' && until_shown 'ended' && until_shown "$prompt"
	# Plain lines too; what the call tells meanwhile does not hide where keys go.
	close
	open 80x24 --plain "${quiet[@]}"
	until_shown "$prompt" && line 'call echo' && until_shown 'answered' && line 'dtmf'
	until_shown 'sound of the peer' && until_shown 'keypad .Esc leaves.>'
	text '5#' && until_shown 'ended' && until_shown "$prompt"
}
check keypad

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
	mux resize-window -x 20 -y 5
	until_shown '20x5: needs 40x10'
	mux resize-window -x 40 -y 10
	until_shown 'offhook> call nobody' && golden resized_40x10
	mux resize-window -x 80 -y 24
	until_gone 'Ladder$' && until_shown '1 Calls 2 Lad 3 Msg' && until_shown 'offhook> call nobody'
}
check resize

test_config_errors() {
	local config=$work/wrong.config
	printf 'set call.max 4\nset nosuch 5\n' >"$config"
	open 80x24 -c "$config"
	until_shown 'wrong.config:2:5: nosuch: no such setting' && until_shown 'counts until that is mended'
	line 'get call.max' && until_shown '^16$'
}
check config_errors

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

# What a stranger called himself is on the line nothing but itself: neither variable nor quote.
test_stranger_on_the_line() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && line "call 'sip:\$HOME@127.0.0.1:1'" && until_shown 'failed' && until_shown 'no calls' || return
	line 'show history' && until_shown '^ History' && keys F6 Enter && until_shown '^offhook> call'
	until_shown '^offhook> call "sip:.[$]HOME@127[.]0[.]0[.]1:1"'
	keys Enter && until_gone '^offhook> call' && until_shown 'call 2' && show | grep -q "sip:$HOME" && broken 'a variable was filled in'
	:
}
check stranger_on_the_line

test_long_output() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && line help && until_shown 'Esc: back' && until_shown '^ Log'
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
	for number in TERM:143 HUP:129 SEGV:139 ABRT:134 QUIT:131 USR1:138; do
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

# In a script that a shell runs: C-z stops all of the job, or that shell would wait for ever.
test_stop_and_continue() {
	local JOBS='once twice' tty pid
	ENVIRONMENT=(sh -c '"$@"; echo over' sh "${ENVIRONMENT[@]}")
	open 80x24 "${quiet[@]}"
	call_echo && keys C-z && until_shown 'C-z once more' || return
	pid=$(pgrep -P "$(pgrep -P "$(mux display-message -p '#{pane_pid}')")") tty=$(mux display-message -p '#{pane_tty}')
	press_until F8 'ended after' && keys C-z && until_true "grep -q '^State:.T' /proc/$pid/status"
	until_true "stty -a <$tty | grep -q ' icanon'" && keys Enter
	until_shown "$prompt" && until_true "stty -a <$tty | grep -q -- '-icanon'" && line 'echo awake' && until_shown '^awake'
	# Stopped from outside it leaves the terminal as well as found.
	[ $ok = yes ] && kill -TSTP "$pid"
	until_true "grep -q '^State:.T' /proc/$pid/status" && until_true "stty -a <$tty | grep -q ' icanon'"
	until_true '[ "$(mux display-message -p "#{alternate_on}")" = 0 ]' && keys Enter
	until_shown "$prompt" && line 'echo back' && until_shown '^back'
}
check stop_and_continue

# Where no shell could continue it, it goes on.
test_stop_without_shell() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && keys C-z && line 'echo awake' && until_shown '^awake'
}
check stop_without_shell

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

# No word is cut at the edge, and a typed line is there whole once it is entered.
test_plain_narrow() {
	open 40x20 --plain "${quiet[@]}"
	until_shown "$prompt" && line 'help unmute' && until_shown 'unmute$'
	line 'what a line, longer than the terminal is wide' && until_shown 'mean' && golden plain_narrow
}
check plain_narrow

test_help_narrow() {
	open 40x30 --help
	until_shown '^EXIT 0' && until_shown "^'offhook ctl COMMAND' has the running$"
}
check help_narrow

# Of a terminal whose description leaves open how it wraps, the last column is left alone, and nothing goes astray.
test_ansi() {
	local kind size
	for kind in xterm:79x24 ansi:80x24; do
		ENVIRONMENT=(env LC_ALL=C.UTF-8 "TERM=${kind%:*}")
		open "${kind#*:}" "${quiet[@]}"
		until_shown "$prompt" && line 'show quality' && until_shown 'no call' && line 'show calls' && line 'echo all is drawn' && until_shown '^all is drawn' || return
		show | mask >"$work/as-${kind%:*}"
	done
	diff "$work/as-xterm" "$work/as-ansi" >"$work/last" || broken 'TERM=ansi is drawn otherwise'
}
check ansi

test_dumb() {
	ENVIRONMENT=(env LC_ALL=C TERM=dumb)
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && line 'call echo' && until_shown 'sound of the peer' && line 'quit' && until_shown 'quit once more' && line quit && until_shown '^EXIT 0'
}
check dumb

# ---- several calls ----

# caller NAME TARGET [LINE...]: another phone in the background that calls, answers nothing else and runs these lines
callers=()
caller() {
	local name=$1 target=$2 lines=(); shift 2
	for l in "$@"; do lines+=(-x "$l"); done
	"$OFFHOOK" -n -x 'set audio.input tone:440' -x 'set audio.output null' -x "set sip.listen 127.0.0.1:0" -x "call $target display='$name'" \
		"${lines[@]}" -x 'wait ended within=60s' </dev/null >"$work/caller-$name" 2>&1 &
	callers+=($!)
}
callers_end() { kill "${callers[@]}" 2>>"$work/kill.err"; wait "${callers[@]}" 2>>"$work/kill.err"; callers=(); }
# listening: a port of our own, which differs from test to test
listening() { port=$((30000 + ($$ * 7 + server * 131) % 20000)); }

test_ringing_40x10() {
	listening
	open 40x10 -n -x "set sip.listen 127.0.0.1:$port" "${quiet[@]:3}"
	until_shown "$prompt" || return
	line 'call echo' && until_shown 'sound of the peer' || return
	caller Ann "sip:me@127.0.0.1:$port" && until_shown 'Ann'
	caller Ben "sip:me@127.0.0.1:$port" && until_shown 'F9 reject 2' && until_shown 'Ann.* answer: F2' && until_shown 'F8 (hang up|end) 1'
	until_shown '.answer 3.'
	press_until F9 'F9 reject 3' && until_shown 'Ben.* answer: F2' && golden ringing_40x10
	callers_end
}
check ringing_40x10

test_held_both_ways() {
	listening
	open 80x24 -n -x "set sip.listen 127.0.0.1:$port" "${quiet[@]:3}"
	until_shown "$prompt" || return
	caller Ann "sip:me@127.0.0.1:$port" 'wait answered within=20s' 'wait dtmf within=20s' 'hold' 'wait held'
	until_shown 'is calling' && press_until F2 'answered' && until_shown 'sound of the peer' && line 'dtmf 1' && until_shown 'held by peer' || { callers_end; return; }
	line hold && until_shown 'held both ways' && golden held_80x24
	line resume && until_shown 'held by peer'
	callers_end
}
check held_both_ways

# ---- keys ----

test_function_keys_type_nothing() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && text 'echo a' && keys F5 F7 F10 F11 F12 && text b && until_shown '^offhook> echo ab$'
	close
	open 80x24 --plain "${quiet[@]}"
	until_shown "$prompt" && text 'echo a' && keys F5 F12 && text b && until_shown '^offhook> echo ab$'
}
check function_keys_type_nothing

test_one_value_is_completed() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && text 'set media.pt' && keys Tab && until_shown 'set media.ptime$' && keys Tab && until_shown 'media.ptime 20ms$' && keys Tab Tab
	text x && until_shown '^offhook> set media.ptime 20ms x$'
}
check one_value_is_completed

test_interrupt_says_it_once() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && line 'sleep 1m' && keys C-c && until_shown 'interrupted$'
	show | grep -q 'stopped waiting' && broken 'it is said twice'
	:
}
check interrupt_says_it_once

test_errors_of_files_name_them() {
	printf 'echo one\nexpect calls.count == 7\n' >"$work/false.call"
	printf 'echo one\nnonsense\n' >"$work/bad.call"
	for front in --screen --plain; do
		open 100x24 $front "${quiet[@]}"
		until_shown "$prompt" && line "source $work/false.call" && until_shown 'false.call:2:1: '
		line "source $work/bad.call" && until_shown 'bad.call:2:1: nonsense:' && line 'nonsense' && until_shown 'offhook: nonsense'
		close
	done
	open 80x24 "${quiet[@]}"
}
check errors_of_files_name_them

test_screen_into_a_pipe() {
	open 80x24 -n
	until_shown "$prompt" && keys C-d && until_shown '^EXIT 0' || return
	close
	printf '%q --screen -n | cat; exec cat\n' "$OFFHOOK" >"$work/piped"
	server=$((server + 1))
	mux new-session -d -x 80 -y 24 "exec bash $work/piped"
	until_shown 'standard output is none'
}
check screen_into_a_pipe

test_bind() {
	open 80x24 "${quiet[@]}"
	call_echo && line 'bind F5 hold' && line 'bind calls x echo from calls' && until_shown 'F5 hold  F' && press_until F5 'on hold' || return
	keys F6 && until_shown 'F6 line' && text x && until_shown '^from calls' && keys Escape && until_shown 'F6 view' && line 'unbind F5' && until_gone 'F5 hold  F'
	close
	open 80x24 --plain "${quiet[@]}"
	until_shown "$prompt" && line 'bind M-1 echo alt one' && keys M-1 && until_shown '^alt one'
}
check bind

# ---- views ----

test_views() {
	open 80x24 "${quiet[@]}" -x 'contact add Bob sip:bob@biloxi.com' -x 'contact add 日本 sip:nihon@example.com'
	call_echo && until_shown 'mos 4.* [▁▂▃▄▅▆▇█][▁▂▃▄▅▆▇█]' && press_until F8 'ended after' && keys F6 && until_shown 'F6 line'
	text 3 && until_shown '^ Messages ' && until_shown 'no messages' && text 4 && until_shown '^ Contacts ' && until_shown 'Bob .*sip:bob' && golden contacts_80x24
	keys Home Enter && until_shown '^offhook> call Bob$' && keys C-u F6
	text 5 && until_shown '^ History ' && until_shown '<echo>$' && keys Enter && until_shown '^offhook> call echo$' && keys C-u F6
	text 6 && until_shown '^ Quality: call 1' && until_shown '^ mos .*[▁▂▃▄▅▆▇█]' && until_shown 'of sound, oldest left'
	text 7 && until_shown '^ Log ' && keys Escape && until_shown 'F6 view' && line 'show contacts' && until_shown '^ Contacts '
}
check views

test_message() {
	open 80x24 "${quiet[@]}"
	call_echo && keys F6 && text 2 && until_shown 'RTP' && keys End Enter && until_shown 'no message in this row' && keys Home && until_shown 'F1 INVITE' && keys Enter && until_shown 'sent UDP' && until_shown '^INVITE sip:echo'
	text '/call-id' && keys Enter && until_shown '^Call-ID: ' && keys Right && until_shown '^SIP/2.0 100' && text d && until_shown '^- INVITE' && until_shown '^. SIP/2.0 100'
	text d && until_shown '^SIP/2.0 100' && text y && until_shown 'copied' && keys Escape && until_shown 'Ladder: call 1'
	text '/bye' && keys Enter && until_shown 'not found' && text '/ACK' && keys Enter && until_gone 'not found' && keys Enter && until_shown '^ACK sip'
	close
	open 120x40 "${quiet[@]}"
	call_echo && until_shown RTP && keys F6 && text 2 && keys Home Enter && until_shown '│INVITE sip:echo' && text z && until_shown '^INVITE sip:echo' && text z && until_shown '│INVITE'
}
check message

test_find_in_the_log() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && line help && until_shown '^ Log' && keys F3 && text redial && until_shown '^/redial' && keys Enter && until_shown 'redial  ' && until_shown "$prompt"
}
check find_in_the_log

# ---- mouse, colours, notifications, messages ----

test_mouse() {
	open 80x24 "${quiet[@]}"
	call_echo && line 'set screen.mouse on' && until_true '[ "$(mux display-message -p "#{mouse_sgr_flag}")" = 1 ]' || return
	text $'\e[<0;11;23M' && until_shown '^ Ladder: call 1' && until_shown RTP && text $'\e[<0;8;4M' && until_shown '^INVITE sip:echo'
	text $'\e[<65;5;5M' && until_gone '^INVITE sip:echo' && text $'\e[<64;5;5M' && until_shown '^INVITE sip:echo'
	text $'\e[<0;5;24M' && until_shown 'F6 view' && line 'set screen.mouse off' && until_true '[ "$(mux display-message -p "#{mouse_sgr_flag}")" = 0 ]'
	line 'set screen.mouse on' && until_true '[ "$(mux display-message -p "#{mouse_sgr_flag}")" = 1 ]' && press_until F8 'F1 help  F6 view$' && line quit && until_shown '^EXIT 0'
	[ "$(mux display-message -p '#{mouse_sgr_flag}')" = 0 ] || broken 'the mouse was kept'
}
check mouse

test_themes() {
	open 80x24 "${quiet[@]}"
	call_echo && line nonsense && until_shown 'no such command' || return
	mux capture-pane -e -p | grep -q $'\e\\[[0-9;]*31m' || broken 'no red of the sixteen'
	line 'set screen.theme dark' && until_true "mux capture-pane -e -p | grep -q '38;5;210m'"
	line 'set screen.theme light' && until_true "mux capture-pane -e -p | grep -q '38;5;160m'"
	line 'set screen.theme mono' && until_true "! mux capture-pane -e -p | grep -qE '3[1-7]m|38;5'"
}
check themes

# What reaches the terminal, byte by byte: the bell, and the notification wrapped for tmux; and a program gets clean words.
test_notify() {
	local config=$work/notify.config
	listening
	printf '#!/bin/sh\nfor a in "$@"; do printf "[%%s]" "$a"; done >%q\n' "$work/told" >"$work/tell"
	chmod +x "$work/tell"
	printf 'set notify.command "%s first"\nset sip.listen 127.0.0.1:%s\nset audio.input null\nset audio.output null\nset audio.ringer null\n' "$work/tell" "$port" >"$config"
	open 80x24 -c "$config"
	until_shown "$prompt" && mux pipe-pane -o "cat >$work/bytes" || return
	caller '--$(touch x);`id`' "sip:me@127.0.0.1:$port"
	until_shown 'is calling' && until_true "grep -q 'is calling' $work/bytes" && until_true "[ -s $work/told ]"
	grep -qF $'\ePtmux;\e\e]9;' "$work/bytes" || broken 'no notification'
	grep -q $'\a' "$work/bytes" || broken 'no bell'
	[ "$(sed -E 's/(127\.0\.0\.1):[0-9]+/\1:PORT/' "$work/told")" = '[first][incoming][sip:offhook@127.0.0.1:PORT][$(touch x);`id`][]' ] || broken "told: $(cat "$work/told")"
	line "set notify.command /bin/true" && until_shown 'can be set in the configuration file only'
	callers_end
}
check notify

# A few rows are seen too where the log, which had room for them, is no longer in sight.
test_rows_beside_a_view() {
	open 80x24 -n "${quiet[@]}"
	until_shown "$prompt" && line 'block ann@biloxi.com' && line 'block ben@biloxi.com' && until_shown '^> block ben' || return
	line 'show history' && until_shown '^ History' && line block
	until_shown '^block ann@biloxi.com' && until_shown '^block ben@biloxi.com' && keys Escape && until_shown '^ History'
}
check rows_beside_a_view

test_call_in_short() {
	listening
	open 80x24 -n -x "set sip.listen 127.0.0.1:$port" "${quiet[@]:3}"
	until_shown "$prompt" || return
	"$OFFHOOK" -n -x 'set sip.listen 127.0.0.1:0' -x "call sip:me@127.0.0.1:$port" -x 'wait ended within=60s' </dev/null >"$work/caller-plain" 2>&1 &
	callers+=($!)
	until_shown 'is calling' && line answer && until_shown 'sound of the peer' && keys F6 3 && until_shown '^ offhook .*▶1 ● offhook 0'
	callers_end
}
check call_in_short

test_messages_view() {
	listening
	open 80x24 -n -x "set sip.listen 127.0.0.1:$port" "${quiet[@]:3}"
	until_shown "$prompt" || return
	"$OFFHOOK" -n -x "message sip:me@127.0.0.1:$port lunch? \$\$(id)" </dev/null >"$work/sent" 2>&1
	until_shown '1 message  ' && line 'show messages' && until_shown '^ Messages' && until_shown 'lunch\? .\(id\)' && until_gone '1 message  '
	keys F6 && until_shown 'Enter reply' && keys Enter && until_shown '^offhook> message sip:offhook@127.0.0.1'
}
check messages_view

# A chat that the program was started with is what is typed into.
test_chat_from_the_command_line() {
	local front
	for front in --screen --plain; do
		open 80x24 "${quiet[@]}" $front chat Bob '<sip:bob@127.0.0.1:9>'
		until_shown '^bob>' && line 'hello there' && until_shown 'not delivered' && line '/close' && until_shown "$prompt" && line 'echo done' && until_shown '^done'
		close
	done
	open 80x24 "${quiet[@]}"
}
check chat_from_the_command_line

# ---- states ----

test_registration_failed() {
	open 80x24 "${quiet[@]}" -x 'account add sip:alice@127.0.0.1:9 password=x registrar=sip:127.0.0.1:9'
	until_shown '○ .*retry' && until_shown 'registration' && until_true '! show | grep -q "● "' && show | head -n 1 | grep -q 'alice' || broken "the status row: $(show | head -n 1)"
}
check registration_failed

test_two_calls() {
	listening
	open 120x40 -n -x "set sip.listen 127.0.0.1:$port" "${quiet[@]:3}"
	call_echo && caller Ann "sip:me@127.0.0.1:$port" && until_shown 'Ann.* answer: F2' && press_until F2 'on hold' && until_shown 'Ladder: call 2' && until_shown 'F8 hang up 2' || { callers_end; return; }
	keys F6 && until_shown 'F6 line' && text 1 && keys Home Enter && until_shown 'Ladder: call 1' && keys Escape && until_shown 'F6 view' && line 'show ladder 2' && until_shown 'Ladder: call 2'
	callers_end
}
check two_calls

# ---- the line ----

test_line_editing() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" && line 'echo first' && line 'echo second' && keys C-r && text fir && until_shown 'echo first$' && keys C-a && text 'x' && until_shown '^offhook> xecho first$' && keys C-c
	keys Up Up && until_shown '^offhook> echo first$' && keys C-w && text 'M' && keys M-b && text N && until_shown '^offhook> echo NM$|^offhook> NechoM$|^offhook> echo NM' && keys C-c
	line 'set screen.editing vi' && text 'echo abc' && keys Escape && text 'b' && text 'iX' && until_shown '^offhook> echo Xabc$' && keys Escape && text 'dd' && until_shown '^offhook>$'
}
check line_editing

test_long_paste() {
	open 80x24 "${quiet[@]}"
	until_shown "$prompt" || return
	{ printf 'echo '; head -c 10240 /dev/zero | tr '\0' 'p'; printf 'END\nquit\n'; } | mux load-buffer -
	mux paste-buffer -p
	until_shown 'pEND quit$' && keys Enter && until_shown 'END quit$' && until_shown "$prompt"
}
check long_paste

# A registrar that asks for a password: registrar PORT, in the background.
registrar() {
	rm -f "$work/registrar"
	python3 - "$1" "$work/registrar" <<'PYTHON' &
import re, socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("127.0.0.1", int(sys.argv[1])))
open(sys.argv[2], "w").close()
while True:
    data, source = s.recvfrom(65536)
    text = data.decode()
    kept = "".join(line + "\r\n" for line in re.findall(r"(?im)^((?:via|from|call-id|cseq):.*?)\r$", text))
    to = re.search(r"(?im)^(to:.*?)\r$", text).group(1)
    contact = re.search(r"(?im)^(contact:.*?)\r$", text)
    if re.search(r"(?im)^authorization:", text):
        start, more = "200 OK", f"{contact.group(1)};expires=600\r\n" if contact else ""
    else:
        start, more = "401 Unauthorized", 'WWW-Authenticate: Digest realm="atlanta", nonce="abc", algorithm=MD5\r\n'
    s.sendto(f"SIP/2.0 {start}\r\n{kept}{to};tag=r\r\n{more}Content-Length: 0\r\n\r\n".encode(), source)
PYTHON
	callers+=($!)
	until_true "[ -e '$work/registrar' ]"
}

# The password is asked for where the line stands, unechoed; C-c declines; nothing of it is in the line's history.
test_password() {
	local front
	listening
	registrar "$port"
	for front in --screen --plain; do
		open 80x24 "${quiet[@]}" $front
		until_shown "$prompt" && line "account add sip:a@127.0.0.1 registrar=sip:127.0.0.1:$port" && until_shown '^password for sip:a@127.0.0.1:' || break
		text 'wronX' && keys C-u && text 'secreX' && keys BSpace && text 't1' && until_shown '^password for sip:a@127.0.0.1:$' && keys Enter && until_shown 'registered for'
		show | grep -qE 'secre|wron' && broken 'the password is shown'
		keys Up && until_shown '^offhook> account add' && keys C-c && until_shown "$prompt\$"
		line "account add sip:b@127.0.0.1 registrar=sip:127.0.0.1:$port" && until_shown '^password for sip:b@127.0.0.1:' && text 'abc' && keys C-c && until_shown "$prompt\$" && line 'echo after' && until_shown '^after'
		# Who registers by hand is asked again.
		line 'register sip:b@127.0.0.1' && until_shown '^password for sip:b@127.0.0.1:$' && keys C-c && until_shown "$prompt\$"
	done
	callers_end
}
check password

# In every view the arrows move; they end no call.
test_arrows_end_nothing() {
	local view
	open 80x24 "${quiet[@]}"
	call_echo && keys Up Up Down Escape && keys C-c && keys F6 || return
	for view in 1 2 3 4 5 6 7; do
		text $view && keys Up Up Down Left Right Home End PPage NPage
	done
	text 1 && until_shown 'echo test <echo>.*[0-9]{2}:[0-9]{2}' && until_shown 'F8 hang up 1'
}
check arrows_end_nothing

# Names with controls, escapes and bidirectional tricks: nothing of them reaches the terminal as what it is.
test_hostile_names() {
	listening
	open 80x24 -n -x "set sip.listen 127.0.0.1:$port" "${quiet[@]:3}"
	until_shown "$prompt" && mux pipe-pane -o "cat >$work/hostile" || return
	printf 'INVITE sip:me@127.0.0.1:%s SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKevil;rport\r\nMax-Forwards: 70\r\nFrom: "e\\\e]0;EVIL\\\a\\\e[2J\u202egnp\u200b" <sip:%%1b%%5bevil@127.0.0.1>;tag=1\r\nTo: <sip:me@127.0.0.1>\r\nCall-ID: evil\r\nCSeq: 1 INVITE\r\nContact: <sip:evil@127.0.0.1:9>\r\nContent-Length: 0\r\n\r\n' "$port" >"$work/evil"
	cat "$work/evil" >"/dev/udp/127.0.0.1/$port" # one write, one packet
	until_shown 'is calling' && keys F6 && text 2 && until_shown 'INVITE' && keys Home Enter && until_shown '^From: ' || return
	grep -qaE $'\e\\]0;EVIL|\e\\[2J\xe2\x80\xae|\xe2\x80\xae|\xe2\x80\x8b' "$work/hostile" && broken 'raw bytes reached the terminal'
	:
}
check hostile_names


# Floods of marks, bidirectional controls, zero width, 8-bit controls, a name and an address that fill a packet: in every view each row stays in
# its columns, says who it is, and not one of these bytes reaches the terminal.
test_hostile_everywhere() {
	local view
	listening
	open 80x24 -n -x "set sip.listen 127.0.0.1:$port" "${quiet[@]:3}"
	until_shown "$prompt" && mux pipe-pane -o "cat >$work/hostile" || return
	python3 - "$port" <<'PYTHON'
import socket, sys
port, out = int(sys.argv[1]), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.bind(("127.0.0.1", 0))
me = out.getsockname()[1]
def send(method, number, name, user, body=""):
    out.sendto((f'{method} sip:me@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{me};branch=z9hG4bKev{number};rport\r\nMax-Forwards: 70\r\n'
                f'From: "{name}" <sip:{user}@127.0.0.1>;tag=t{number}\r\nTo: <sip:me@127.0.0.1>\r\nCall-ID: ev{number}\r\nCSeq: 1 {method}\r\n'
                f'Contact: <sip:u@127.0.0.1:{me}>\r\nContent-Type: text/plain\r\nContent-Length: {len(body.encode())}\r\n\r\n{body}').encode(), ("127.0.0.1", port))
evil = "hi\x1b]0;EVIL\x07\x1b[2J\x9b2J\u202erev\u202c a" + "\u0300" * 300 + " end"
names = ["a" + "\u0301" * 200 + "Zoe", "\u202eB\u2066en", "Ze\u200b\u200d\ufeffd", "\U0001f468\u200d\U0001f469 日本 Kim", "\u0085\u009b31mRed", "N" * 60000]
for number, name in enumerate(names):
    send("INVITE", number, name, f"u{number}")
    send("MESSAGE", 100 + number, name, f"u{number}", evil)
send("INVITE", 50, "", "L" * 60000)
PYTHON
	for view in calls history messages contacts quality log ladder; do
		line "show $view" && until_shown "[ ┬]${view^}" && line 'echo next' && until_shown next || return
	done
	line 'show calls' && until_shown ' 6 . NNNNNN.* .answer 6.' && until_shown ' 7 . sip:LLLL.* .answer 7.' && until_shown ' 1 .*[.]{3} <sip:u0@.*answer: F2' && until_shown 'Kim <sip:u3' || return
	line 'show messages' && until_shown 'NNNN' && until_shown 'Red: hi' && line 'reject call=6' && line 'reject call=7' && line 'show history' && until_shown 'in +failed 486  NNNN' && until_shown 'in +failed 486  sip:LLLL' || return
	grep -qaP '\x1b\]0;EVIL|\x1b\[2J\xc2|\xe2\x80[\xaa-\xae\x8b-\x8f]|\xe2\x81[\xa6-\xa9]|\xc2[\x80-\x9f]|\xef\xbb\xbf' "$work/hostile" && broken 'raw bytes reached the terminal'
	:
}
check hostile_everywhere

# 200 messages a second for 5 s: the line answers at once meanwhile, and all of it costs 5 % of a processor at most.
test_flood() {
	local pid before after
	listening
	open 120x40 -n -x "set sip.listen 127.0.0.1:$port" "${quiet[@]:3}"
	until_shown "$prompt" && pid=$(phone_pid) && line 'show messages' && until_shown '┬ Messages' || return
	before=$(awk '{print $14+$15}' "/proc/$pid/stat")
	python3 - "$port" <<'PYTHON' &
import socket, sys, time
out, port, begin = socket.socket(socket.AF_INET, socket.SOCK_DGRAM), int(sys.argv[1]), time.monotonic()
out.bind(("127.0.0.1", 0))
for i in range(1000):
    time.sleep(max(0, begin + i / 200 - time.monotonic()))
    text = f"message number {i}."
    out.sendto((f"MESSAGE sip:me@127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;rport;branch=z9hG4bK{i}\r\nMax-Forwards: 70\r\n"
                f"From: <sip:flood@127.0.0.1>;tag={i}\r\nTo: <sip:me@127.0.0.1>\r\nCall-ID: flood-{i}\r\nCSeq: 1 MESSAGE\r\n"
                f"Content-Type: text/plain\r\nContent-Length: {len(text)}\r\n\r\n{text}").encode(), ("127.0.0.1", port))
PYTHON
	local flood=$!
	until_shown 'number [0-9]+' && text 'echo still here' && LIMIT=1 until_shown '^offhook> echo still here' && keys Enter
	wait $flood
	until_shown 'number 999' || return
	after=$(awk '{print $14+$15}' "/proc/$pid/stat")
	local percent=$(((after - before) * 100 / $(getconf CLK_TCK) / 5))
	echo "      | $percent % CPU under 200 messages a second"
	[ $percent -le 5 ] || [ -n "${LIMIT:-}" ] || broken "$percent % CPU under 200 messages a second"
}
check flood
