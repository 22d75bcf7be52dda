# Sourced by bootstrap: what `./bootstrap check` runs, and the sum in its last line.
# Every suite prints lines 'ok NAME', 'FAIL NAME: why' or 'skip NAME: why'; the sum counts them.

RESULTS=

# Unit tests, simulations, torture and layers, under the sanitizers; automake runs them, their logs are TAP.
check_unit() {
	local dir=$1; shift
	build "$dir" "$@"
	say "unit tests in $dir"
	find "$dir" -name '*.trs' -delete
	(ulimit -c 0; make -C "$dir" -k -j"$(nproc)" check) >"$dir/check.log" 2>&1
	local trs log name
	while read -r trs; do
		log=${trs%.trs}.log name=${trs%.trs}; name=$dir:${name#"$dir"/}
		sed -nE -e "s|^ok [0-9]+ - (.*)# SKIP.*|skip $name: \1|p; t" -e "s|^ok [0-9]+ # SKIP (.*)|skip $name: \1|p; t" \
			-e "s|^ok [0-9]+ - (.*)|ok $name: \1|p; s|^not ok [0-9]+ - (.*)|FAIL $name: \1|p" "$log"
		if grep -q ':test-result: \(FAIL\|ERROR\)' "$trs"; then
			grep -q '^not ok' "$log" || echo "FAIL $name: the test program ended badly"
			sed -n '/^not ok/,/^ok/p;/Sanitizer/,$p' "$log" | head -n 40 | sed 's/^/      | /' >&2
		fi
	done < <(find "$dir" -name '*.trs' | sort) >"$dir/results"
	[ -s "$dir/results" ] || { echo "FAIL $dir: no test ran" >"$dir/results"; grep -E 'error|\*\*\*' "$dir/check.log" | head -n 20 >&2; }
	grep -vE '^ok ' "$dir/results"
	say "$(grep -c '^ok ' "$dir/results") passed in $dir"
	RESULTS="$RESULTS $dir/results"
}

# A suite that is a program: its lines are shown as they come.
check_suite() {
	local name=$1; shift
	say "$name"
	mkdir -p build/results
	"$@" 2>"build/results/$name.err" | tee "build/results/$name" | grep --line-buffered -E '^(ok|FAIL|skip|      \|) '
	local status=${PIPESTATUS[0]}
	if ! grep -qE '^(ok|FAIL|skip) ' "build/results/$name" || { [ "$status" != 0 ] && ! grep -q '^FAIL ' "build/results/$name"; }; then
		echo "FAIL $name: ended with $status" | tee -a "build/results/$name"
		tail -n 20 "build/results/$name.err" >&2
	fi
	RESULTS="$RESULTS build/results/$name"
}

check_all() {
	mkdir -p build/results
	# What waits and what computes, side by side. The screens wait for what shall be shown, interop for peers, timers and sound; the compiler and the unit
	# tests take the processor that they leave.
	(renice -n $(($(nice) + 10)) -p $BASHPID >/dev/null; check_unit build-asan --enable-asan --enable-ubsan --enable-werror CFLAGS="-O1 -g") >build/results/unit.shown &
	local unit=$!
	(check_suite screen tests/screen/run) >build/results/screen.shown 2>&1 &
	local screen=$!
	check_suite interop tests/interop/run
	wait "$screen"
	cat build/results/screen.shown
	wait "$unit" || echo "FAIL build-asan: it was not built, or ended badly" | tee build-asan/results
	cat build/results/unit.shown
	RESULTS="$RESULTS build/results/screen build-asan/results"
	# Alone: it measures what arrives when.
	check_suite sound tests/sound/bars
	if [ -n "${OFFHOOK_CONTRACT:-}" ] && [ -x "${OFFHOOK_CONTRACT:-}" ]; then
		check_suite contract tests/contract
	else
		mkdir -p build/results
		echo "skip contract: OFFHOOK_CONTRACT names no program" | tee build/results/contract
		RESULTS="$RESULTS build/results/contract"
	fi
	[ "$1" = full ] && check_full
	# shellcheck disable=SC2086
	awk '/^ok /{p++} /^FAIL /{f++} /^skip /{s++} END {printf "%d passed, %d failed", p, f; if (s) printf ", %d skipped", s; print ""; exit f > 0 || !p}' $RESULTS
}

check_full() {
	check_unit build-tsan --enable-tsan CFLAGS="-O1 -g"
	check_unit build-clang --enable-werror CC=clang CFLAGS="-O2 -g"
	check_suite valgrind tests/interop/valgrind
	check_suite peers tests/interop/run full
	check_suite digits tests/sound/digits
	check_suite conceal tests/sound/conceal
	check_suite beside tests/sound/bars full
	say "distcheck"
	if make -C build -s distcheck >build/distcheck.log 2>&1; then echo "ok distcheck"; else echo "FAIL distcheck: build/distcheck.log"; fi | tee build/results/distcheck
	RESULTS="$RESULTS build/results/distcheck"
}
