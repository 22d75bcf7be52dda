/* Rows: which are shown, which one is meant, what is found. */
#include "tests/unit/unit.h"
#include "ui/screen/pane.h"

/* Ten things of two rows, a heading above. */
static void fill(struct pane *pane)
{
	*pane = (struct pane){ .has_cursor = true, .page = 5 };
	pane_add(pane, STYLE_PLAIN, 0, SLICE("heading"));
	for (unsigned i = 1; i <= 10; i++) {
		pane_printf(pane, STYLE_PLAIN, i, "thing %u", i);
		pane_add(pane, STYLE_PLAIN, i, SLICE("its second row"));
	}
}

static void moves_by_things(void **state)
{
	struct pane pane;

	(void)state;
	fill(&pane);
	pane_ends(&pane, true);
	assert_int_equal(pane_at(&pane)->key, 1);
	assert_int_equal(pane.top, 0);
	pane_move(&pane, 1);
	assert_int_equal(pane_at(&pane)->key, 2);
	pane_move(&pane, 1);
	assert_int_equal(pane_at(&pane)->key, 3);
	assert_int_equal(pane.top, 2); /* both rows of it are in sight */
	pane_move(&pane, 20);
	assert_int_equal(pane_at(&pane)->key, 10);
	assert_int_equal(pane.top, 16);
	pane_move(&pane, -20);
	assert_int_equal(pane_at(&pane)->key, 1);
	assert_int_equal(pane.top, 0); /* with the heading */
	pane_page(&pane, false, false);
	assert_int_equal(pane.top, 4);
	assert_int_equal(pane_at(&pane)->key, 2);
	pane_fini(&pane);
}

static void scrolls_where_nothing_can_be_meant(void **state)
{
	struct pane pane;

	(void)state;
	fill(&pane);
	pane.has_cursor = false;
	pane_move(&pane, 3);
	assert_int_equal(pane.top, 3);
	pane_scroll(&pane, 100);
	assert_int_equal(pane.top, 16);
	pane_move(&pane, -100);
	assert_int_equal(pane.top, 0);
	assert_null(pane_at(&pane));
	pane_fini(&pane);
}

static void finds_and_goes_round(void **state)
{
	struct pane pane;

	(void)state;
	fill(&pane);
	assert_true(pane_find(&pane, "THING 1", false));
	assert_int_equal(pane.cursor, 1);
	assert_true(pane_find(&pane, NULL, false));
	assert_int_equal(pane_at(&pane)->key, 10);
	assert_true(pane_find(&pane, NULL, false));
	assert_int_equal(pane_at(&pane)->key, 1);
	assert_true(pane_find(&pane, NULL, true));
	assert_int_equal(pane_at(&pane)->key, 10);
	assert_false(pane_find(&pane, "nowhere", false));
	assert_int_equal(pane_at(&pane)->key, 10);
	assert_false(pane_find(&pane, "", false));
	assert_null(pane.find);
	pane_fini(&pane);
}

static void forgets_the_oldest(void **state)
{
	struct pane pane;

	(void)state;
	fill(&pane);
	pane_ends(&pane, false);
	pane_trim(&pane, 4);
	assert_int_equal(pane.count, 4);
	assert_int_equal(pane_at(&pane)->key, 10);
	assert_string_equal(pane.row[0].text, "thing 9");
	pane_clear(&pane);
	pane_move(&pane, 1);
	pane_ends(&pane, true);
	assert_null(pane_at(&pane));
	assert_false(pane_find(&pane, "x", false));
	pane_fini(&pane);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(moves_by_things),
		cmocka_unit_test(scrolls_where_nothing_can_be_meant),
		cmocka_unit_test(finds_and_goes_round),
		cmocka_unit_test(forgets_the_oldest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
