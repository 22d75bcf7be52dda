pkglibexec_PROGRAMS += offhook-sound
offhook_sound_SOURCES = src/sound/main.c src/sound/portaudio.c src/sound/portaudio.h
offhook_sound_CPPFLAGS = $(AM_CPPFLAGS) $(PORTAUDIO_CFLAGS)
offhook_sound_LDADD = src/base/libbase.a $(PORTAUDIO_LIBS)
