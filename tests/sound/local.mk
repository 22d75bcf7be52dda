# The sound path in virtual time, which tests/sound/measure runs under many networks.
noinst_PROGRAMS += tests/sound/path_sim
tests_sound_path_sim_SOURCES = tests/sound/path_sim.c tests/unit/media/card.h
tests_sound_path_sim_LDADD = src/media/libmedia.a src/base/libbase.a $(OPUS_LIBS) $(SNDFILE_LIBS) $(SPEEXDSP_LIBS) -lpthread -lm
# The detector of digits: its table, and speech in which it must hear none; tests/sound/digits.
noinst_PROGRAMS += tests/sound/tones
tests_sound_tones_SOURCES = tests/sound/tones.c
tests_sound_tones_LDADD = src/media/libmedia.a src/base/libbase.a $(OPUS_LIBS) $(SNDFILE_LIBS) $(SPEEXDSP_LIBS) -lpthread -lm
# A network that loses and delays, between two namespaces, for tests/sound/live.
noinst_PROGRAMS += tests/sound/netemu
tests_sound_netemu_SOURCES = tests/sound/netemu.c
tests_sound_netemu_LDADD =
# What the concealment is worth beside that of G.711 Appendix I, for tests/sound/conceal.
noinst_PROGRAMS += tests/sound/conceal_sim
tests_sound_conceal_sim_SOURCES = tests/sound/conceal_sim.c tests/sound/appendix.c tests/sound/appendix.h
tests_sound_conceal_sim_LDADD = src/media/libmedia.a src/base/libbase.a $(OPUS_LIBS) $(SNDFILE_LIBS) $(SPEEXDSP_LIBS) -lpthread -lm
