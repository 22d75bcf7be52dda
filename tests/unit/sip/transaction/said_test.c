#include "tests/unit/unit.h"

#include "base/buf.h"
#include "base/random.h"
#include "sip/transaction/said.h"

static void check(const struct said *said, const char *text)
{
	char *bytes = said_bytes(said);

	assert_int_equal(said->n, strlen(text));
	assert_memory_equal(bytes, text, said->n);
	free(bytes);
}

#define ALIKE                                                                                                        \
	"Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, PRACK, UPDATE, INFO, REFER\r\nAccept: application/sdp\r\n"        \
	"Supported: 100rel, timer\r\n\r\nv=0\r\n"

static void lines_that_are_alike_are_kept_once(void **state)
{
	struct said_models models = { .bytes = 0 };
	struct said a = { .n = 0 }, b = { .n = 0 }, other = { .n = 0 };
	const char *first = "SIP/2.0 200 OK\r\nCall-ID: 1\r\n" ALIKE "o=1\r\ns=-",
		   *second = "SIP/2.0 200 OK\r\nCall-ID: 22\r\n" ALIKE "o=2\r\ns=-\r\n";

	(void)state;
	said_keep(&models, &a, 1, slice_of(first));
	said_keep(&models, &b, 1, slice_of(second));
	said_keep(&models, &other, 2, slice_of(second));
	check(&a, first);
	check(&b, second);
	check(&other, second);
	assert_ptr_equal(a.model, b.model);
	assert_ptr_not_equal(a.model, other.model);
	assert_true(said_memory(&b) < strlen(second) / 2);
	/* The model outlives the one that it was made for. */
	said_keep_whole(&models, &a, slice_of("x"));
	check(&a, "x");
	check(&b, second);
	said_keep(&models, &a, 1, slice_of("nothing\nlike\nit"));
	check(&a, "nothing\nlike\nit");
	check(&b, second);
	said_forget(&models, &a);
	assert_int_equal(a.n, 0);
	said_forget(&models, &b);
	said_forget(&models, &other);
	said_models_fini(&models); /* and it asserts that no model is left */
}

/* Of any lines, empty ones and such with zero bytes too, in any order. */
static void what_is_kept_comes_back(void **state)
{
	struct said_models models = { .bytes = 0 };
	struct said said[8] = { { .n = 0 } };
	struct buf texts[8];
	struct random random;

	(void)state;
	random_init_seeded(&random, 7);
	for (size_t i = 0; i < 8; i++)
		buf_init(&texts[i], 1 << 20);
	for (unsigned round = 0; round < 4000; round++) {
		size_t at = random_below(&random, 8);
		buf_clear(&texts[at]);
		for (uint32_t lines = random_below(&random, round % 50 ? 30 : 700); lines; lines--) {
			uint32_t n = random_below(&random, 3) ? 20 : random_below(&random, round % 500 ? 50 : 70000);
			for (uint32_t k = 0; k < n; k++)
				buf_add_char(&texts[at],
					     random_below(&random, 60) ? 'a' : (char)random_below(&random, 256));
			buf_add_char(&texts[at], lines > 1 || random_below(&random, 2) ? '\n' : 'z');
		}
		if (random_below(&random, 9))
			said_keep(&models, &said[at], random_below(&random, 3), buf_slice(&texts[at]));
		else
			said_keep_whole(&models, &said[at], buf_slice(&texts[at]));
		for (size_t i = 0; i < 8; i++) {
			char *bytes = said_bytes(&said[i]);
			assert_int_equal(said[i].n, texts[i].n);
			assert_true(!texts[i].n || !memcmp(bytes, texts[i].p, texts[i].n));
			free(bytes);
		}
	}
	for (size_t i = 0; i < 8; i++) {
		said_forget(&models, &said[i]);
		buf_fini(&texts[i]);
	}
	said_models_fini(&models);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_that_are_alike_are_kept_once),
		cmocka_unit_test(what_is_kept_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
