noinst_LIBRARIES += src/ui/libui.a
src_ui_libui_a_SOURCES = src/ui/ui.h src/ui/output.h src/ui/output.c src/ui/input.h src/ui/input.c \
	src/ui/terminal.h src/ui/terminal.c src/ui/keys.h src/ui/keys.c src/ui/text.h src/ui/text.c \
	src/ui/line.h src/ui/line.c src/ui/prompt.h src/ui/prompt.c src/ui/show.h src/ui/show.c \
	src/ui/notify.c src/ui/notify.h src/ui/plain.c src/ui/client.h src/ui/client.c src/ui/json.c src/ui/socket.h src/ui/socket.c src/ui/service.h src/ui/service.c src/ui/ctl.h src/ui/ctl.c src/ui/options.h src/ui/options.c src/ui/errand.h src/ui/errand.c \
	src/ui/process.h src/ui/process.c src/ui/sources.h src/ui/sources.c \
	src/ui/screen/screen.h src/ui/screen/screen.c src/ui/screen/control.c src/ui/screen/bars.c src/ui/screen/view_calls.c \
	src/ui/screen/view_ladder.c src/ui/screen/view_log.c src/ui/screen/view_messages.c src/ui/screen/view_people.c src/ui/screen/view_quality.c \
	src/ui/screen/layout.c src/ui/screen/pane.c src/ui/screen/pane.h src/ui/screen/draw.h src/ui/screen/draw.c \
	src/ui/screen/theme.h src/ui/screen/theme.c
