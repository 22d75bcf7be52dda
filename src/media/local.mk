noinst_LIBRARIES += src/media/libmedia.a
src_media_libmedia_a_SOURCES = \
	src/media/engine.c src/media/engine.h src/media/engine_internal.h src/media/engine_media.c src/media/engine_tick.c src/media/engine_devices.c \
	src/media/stream.c src/media/stream.h src/media/stream_network.c src/media/stream_guard.c src/media/stream_source.c src/media/stream_comfort.c src/media/comfort.c src/media/comfort.h src/media/stream_report.c src/media/stream_hear.c src/media/stream_rate.c src/media/stream_red.c \
	src/media/red.c src/media/red.h src/media/stream_security.c src/media/tap.c src/media/tap.h \
	src/media/names.c src/media/srtp.c src/media/srtp.h \
	src/media/rtp.c src/media/rtp.h src/media/rtcp.c src/media/rtcp.h src/media/rtcp_xr.c src/media/rtcp_xr.h src/media/burst.c src/media/burst.h \
	src/media/delay.c src/media/delay.h src/media/jitter.c src/media/jitter.h src/media/stretch.c src/media/stretch.h \
	src/media/engine_files.c src/media/engine_rest.c src/media/engine_mix.c src/media/probe.c src/media/probe.h src/media/cleaner.c src/media/cleaner.h src/media/engine_slots.c src/media/file.c src/media/file.h src/media/record.c src/media/record.h \
	src/media/sndfile.c src/media/sndfile.h \
	src/media/mixer.c src/media/mixer.h src/media/dtmf.c src/media/dtmf.h src/media/tone.c src/media/tone.h src/media/tones.def \
	src/media/dtmf_detect.c src/media/dtmf_detect.h \
	src/media/level.c src/media/level.h src/media/quality.c src/media/quality.h \
	src/media/codec/codec.c src/media/codec/codec.h src/media/codec/opus.c src/media/codec/opus.h \
	src/media/codec/pcm.c src/media/codec/pcm.h src/media/codec/conceal.c src/media/codec/conceal.h \
	src/media/codec/g711.c src/media/codec/g711.h src/media/codec/g722.c src/media/codec/g722.h \
	src/media/codec/l16.c src/media/codec/l16.h \
	src/media/audio/device.c src/media/audio/device.h src/media/audio/null.c src/media/audio/tone.c src/media/audio/file.c \
	src/media/audio/helper.c src/media/audio/helper.h src/media/audio/leaving.c src/media/audio/leaving.h src/media/audio/shared.h
