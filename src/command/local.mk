noinst_LIBRARIES += src/command/libcommand.a
src_command_libcommand_a_SOURCES = \
	src/command/binding.c src/command/binding.h src/command/do_keys.c \
	src/command/argument.c src/command/argument.h \
	src/command/bind.c src/command/bind.h src/command/bind_command.c src/command/bind_members.c src/command/bind_rest.c src/command/binder.h \
	src/command/command.h src/command/commands.c \
	src/command/compare.c \
	src/command/complete.c \
	src/command/devices.c \
	src/command/do_accounts.c \
	src/command/call_rows.h src/command/do_calls.c src/command/do_in_call.c \
	src/command/do_messages.c \
	src/command/do_people.c \
	src/command/do_presence.c \
	src/command/do_phone.c \
	src/command/do_protocol.c \
	src/command/do_screening.c \
	src/command/do_scripts.c \
	src/command/do_sound.c \
	src/command/do_trace.c \
	src/command/do_watching.c \
	src/command/doctor.c \
	src/command/earlier.c \
	src/command/event_keys.c src/command/event_keys.h \
	src/command/foreign.c src/command/foreign.h \
	src/command/handler.c \
	src/command/help.c src/command/help.h \
	src/command/internal.h src/command/invocation.c \
	src/command/man.c \
	src/command/offer.c src/command/offer.h \
	src/command/options.c src/command/options.h \
	src/command/outcomes.c \
	src/command/program.c \
	src/command/rpc.c src/command/rpc.h \
	src/command/runner.c src/command/queue.c \
	src/command/script.c src/command/script.h \
	src/command/shell.c \
	src/command/table.c src/command/table.h \
	src/command/variable.c \
	src/command/wait.c \
	src/command/words.c src/command/words.h
