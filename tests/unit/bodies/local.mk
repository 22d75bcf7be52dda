check_PROGRAMS += tests/unit/bodies/bodies_test
tests_unit_bodies_bodies_test_SOURCES = tests/unit/bodies/bodies_test.c
tests_unit_bodies_bodies_test_LDADD = src/bodies/libbodies.a src/base/libbase.a $(EXPAT_LIBS) $(TEST_LIBS)
