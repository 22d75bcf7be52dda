noinst_LIBRARIES += src/bodies/libbodies.a
src_bodies_libbodies_a_SOURCES = \
	src/bodies/bodies.h \
	src/bodies/composing.c src/bodies/composing.h \
	src/bodies/dialog_info.c src/bodies/dialog_info.h \
	src/bodies/pidf.c src/bodies/pidf.h \
	src/bodies/reginfo.c src/bodies/reginfo.h \
	src/bodies/summary.c src/bodies/summary.h \
	src/bodies/xml.c src/bodies/xml.h
