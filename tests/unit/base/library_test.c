#include "tests/unit/unit.h"

#include "base/library.h"

#include <math.h>

/* The C library's mathematics: it is on every machine that runs this, and nothing here is linked with it. */
#define FUNCTIONS(X) X(floor) X(ceil)

struct functions {
	FUNCTIONS(LIBRARY_MEMBER)
};

static void functions_are_found_in_their_order(void **state)
{
	static const char *const names[] = { FUNCTIONS(LIBRARY_NAME) NULL };
	struct functions found = { 0 };
	volatile double between = 2.5;

	(void)state;
	assert_true(library_open("libm.so.6", names, &found));
	assert_true(found.floor(between) == 2.0);
	assert_true(found.ceil(between) == 3.0);
}

static void a_library_that_is_not_there(void **state)
{
	static const char *const names[] = { FUNCTIONS(LIBRARY_NAME) NULL };
	struct functions found = { 0 };

	(void)state;
	assert_false(library_open("libnobody-has-this.so.1", names, &found));
	assert_null(found.floor);
}

static void a_library_that_lacks_a_function_gives_none(void **state)
{
	static const char *const names[] = { "floor", "a function that nobody has", NULL };
	struct functions found = { 0 };

	(void)state;
	assert_false(library_open("libm.so.6", names, &found));
	assert_null(found.floor);
	assert_null(found.ceil);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_are_found_in_their_order),
		cmocka_unit_test(a_library_that_is_not_there),
		cmocka_unit_test(a_library_that_lacks_a_function_gives_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
