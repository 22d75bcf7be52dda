/* arena, buf, list, map, random: things that hold things. */
#include "tests/unit/unit.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/random.h"

static void arena_gives_zeroed_aligned_memory(void **state)
{
	(void)state;
	struct arena arena;

	arena_init(&arena);
	for (size_t n = 1; n < 9000; n += 37) {
		unsigned char *p = arena_alloc(&arena, n);
		assert_int_equal((uintptr_t)p % 16, 0);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		memset(p, 0xff, n);
	}
	struct slice copy = arena_copy(&arena, SLICE("text"));
	assert_string_equal(copy.p, "text");
	assert_string_equal(arena_printf(&arena, "%d-%s", 7, "x").p, "7-x");
	arena_fini(&arena);
}

static void buf_never_passes_its_maximum(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 10);
	assert_true(buf_add(&buf, SLICE("12345")));
	assert_false(buf_add(&buf, SLICE("678901")));
	assert_true(buf.full);
	assert_int_equal(buf.n, 5);
	buf_clear(&buf);
	assert_true(buf_printf(&buf, "%s", "1234567890"));
	assert_false(buf_add_char(&buf, 'x'));
	buf_drop(&buf, 4);
	assert_string_equal(buf_text(&buf), "567890");
	buf_drop(&buf, 400);
	assert_int_equal(buf.n, 0);
	buf_fini(&buf);
	assert_string_equal(buf_text(&buf), "");
}

static void buf_prints_long_texts(void **state)
{
	(void)state;
	struct buf buf;

	buf_init(&buf, 5000);
	assert_true(buf_printf(&buf, "%4000d|", 7));
	assert_int_equal(buf.n, 4001);
	char *text = buf_take(&buf);
	assert_int_equal(strlen(text), 4001);
	free(text);
	assert_int_equal(buf.n, 0);
}

struct thing {
	int value;
	struct list_node node;
	struct map_node entry;
	char key[16];
};

static void list_keeps_order_and_lets_go(void **state)
{
	(void)state;
	struct list list;
	struct thing things[5] = { 0 };
	int sum = 0;

	list_init(&list);
	assert_true(list_empty(&list));
	for (int i = 0; i < 5; i++) {
		things[i].value = i;
		list_append(&list, &things[i].node);
	}
	LIST_EACH(&list, node) {
		struct thing *thing = LIST_ENTRY(node, struct thing, node);
		sum = sum * 10 + thing->value;
		if (thing->value % 2)
			list_remove(node);
	}
	assert_int_equal(sum, 1234);
	assert_null(things[1].node.next);
	list_remove(&things[1].node); /* harmless */
	assert_ptr_equal(list_next(&list, list_first(&list)), &things[2].node);
	assert_ptr_equal(list_last(&list), &things[4].node);
	assert_null(list_next(&list, &things[4].node));
}

static void map_finds_what_was_added(void **state)
{
	(void)state;
	enum { MANY = 1000 };
	struct thing *things = calloc(MANY, sizeof *things);
	struct random random;
	struct map map;

	random_init_seeded(&random, 1);
	map_init(&map, &random);
	for (int i = 0; i < MANY; i++) {
		snprintf(things[i].key, sizeof things[i].key, "key%d", i);
		map_add(&map, &things[i].entry, slice_of(things[i].key));
	}
	for (int i = 0; i < MANY; i += 3)
		map_remove(&map, &things[i].entry);
	for (int i = 0; i < MANY; i++) {
		struct map_node *found = map_find(&map, slice_of(things[i].key));
		assert_ptr_equal(found, i % 3 ? &things[i].entry : NULL);
	}
	assert_int_equal(map.count, MANY - (MANY + 2) / 3);
	map_fini(&map);
	free(things);
}

static void map_keeps_equal_keys_newest_first(void **state)
{
	(void)state;
	struct thing things[40] = { 0 };
	struct random random;
	struct map map;

	random_init_seeded(&random, 2);
	map_init(&map, &random);
	for (int i = 0; i < 40; i++)
		map_add(&map, &things[i].entry, i % 2 ? SLICE("same") : SLICE("other")); /* grows on the way */
	struct map_node *node = map_find(&map, SLICE("same"));
	for (int i = 39; i > 0; i -= 2) {
		assert_ptr_equal(node, &things[i].entry);
		node = map_find_next(node);
	}
	assert_null(node);
	map_fini(&map);
}

/* The vector of the SipHash paper, appendix A. */
static void siphash_is_siphash(void **state)
{
	(void)state;
	const uint64_t key[2] = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	char message[15];

	for (int i = 0; i < 15; i++)
		message[i] = (char)i;
	assert_true(map_siphash(key, slice_make(message, 15)) == 0xa129ca6149be45e5);
}

/* The first two vectors for 128 bits that the authors of SipHash publish. */
static void fingerprints_are_siphash_128(void **state)
{
	(void)state;
	const struct map map = { .key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 } };
	struct fingerprint none = map_fingerprint(&map, slice_of("")), one = map_fingerprint(&map, slice_make("\0", 1));

	assert_true(none.half[0] == 0xe6a825ba047f81a3 && none.half[1] == 0x930255c71472f66d);
	assert_true(one.half[0] == 0x44af996bd8c187da && one.half[1] == 0x45fc229b11597634);
	assert_int_equal(fingerprint_slice(&one).n, 16);
}

static void seeded_random_repeats(void **state)
{
	(void)state;
	struct random a, b, kernel;
	char x[33], y[33];

	random_init_seeded(&a, 7);
	random_init_seeded(&b, 7);
	for (int i = 0; i < 100; i++) {
		random_token(&a, x, 32);
		random_token(&b, y, 32);
		assert_string_equal(x, y);
		assert_int_equal(strspn(x, "abcdefghijklmnopqrstuvwxyz234567"), 32);
		assert_true(random_below(&a, 10) < 10 && random_below(&b, 10) < 10);
	}
	random_init(&kernel);
	random_token(&kernel, x, 32);
	random_token(&kernel, y, 32);
	assert_string_not_equal(x, y);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arena_gives_zeroed_aligned_memory),
		cmocka_unit_test(buf_never_passes_its_maximum),
		cmocka_unit_test(buf_prints_long_texts),
		cmocka_unit_test(list_keeps_order_and_lets_go),
		cmocka_unit_test(map_finds_what_was_added),
		cmocka_unit_test(map_keeps_equal_keys_newest_first),
		cmocka_unit_test(siphash_is_siphash),
		cmocka_unit_test(fingerprints_are_siphash_128),
		cmocka_unit_test(seeded_random_repeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
