#include "base/xmalloc.h"
#include "tests/unit/unit.h"
#include "ui/output.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

static struct loop *loop;
static int drained;

static char *notice(size_t lines)
{
	return xasprintf("[%zu left out]\n", lines);
}

static void on_drained(void *arg)
{
	(void)arg;
	drained++;
	loop_stop(loop);
}

static size_t read_all(int fd, char *to, size_t room)
{
	ssize_t n;
	size_t sum = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (sum < room && (n = read(fd, to + sum, room - sum)) > 0)
		sum += (size_t)n;
	return sum;
}

struct reading {
	int fd;
	char *to;
	size_t room, n;
};

static void on_readable(void *arg, int events)
{
	struct reading *reading = arg;

	(void)events;
	reading->n += read_all(reading->fd, reading->to + reading->n, reading->room - reading->n - 1);
}

/* A reader that stands still: nothing blocks, what does not fit is counted, and what comes later tells of it. */
static void test_stalled_reader(void **state)
{
	static char got[1 << 20];
	char line[1000];
	int ends[2];

	(void)state;
	loop = loop_new();
	assert_int_equal(pipe(ends), 0);
	int flags = fcntl(ends[1], F_GETFL);
	struct output *output = output_new(loop, ends[1], 100000, notice);
	memset(line, 'x', sizeof line);
	line[sizeof line - 1] = '\n';
	for (int i = 0; i < 400; i++)
		output_write(output, slice_make(line, sizeof line));
	assert_int_equal(fcntl(ends[1], F_GETFL), flags);
	assert_true(output_pending(output) > 90000);
	assert_true(output_pending(output) <= 100000);
	drained = 0;
	output_on_drained(output, on_drained, NULL);
	size_t n = read_all(ends[0], got, sizeof got);
	struct reading reading = { ends[0], got, sizeof got, n };
	struct loop_watch *watch = loop_watch(loop, ends[0], LOOP_READ, on_readable, &reading);
	loop_run(loop);
	loop_unwatch(watch);
	on_readable(&reading, LOOP_READ);
	n = reading.n;
	assert_int_equal(drained, 1);
	got[n] = 0;
	size_t lines = 0;
	for (char *p = got; (p = strchr(p, 'x')); p = strchr(p, '\n'))
		lines++;
	char wanted[40];
	snprintf(wanted, sizeof wanted, "[%zu left out]\n", 400 - lines);
	assert_non_null(strstr(got, wanted));
	assert_int_equal(n, lines * sizeof line + strlen(wanted)); /* whole lines only */
	output_free(output);
	close(ends[0]);
	close(ends[1]);
	loop_free(loop);
}

static void test_nobody_reads_any_more(void **state)
{
	int ends[2];

	(void)state;
	loop = loop_new();
	assert_int_equal(pipe(ends), 0);
	struct output *output = output_new(loop, ends[1], 1000, NULL);
	close(ends[0]);
	output_write(output, SLICE("gone\n"));
	assert_true(output_broken(output));
	output_write(output, SLICE("gone\n"));
	assert_int_equal(output_pending(output), 0);
	output_flush(output, -1);
	output_free(output);
	close(ends[1]);
	loop_free(loop);
}

static void test_file_and_closed(void **state)
{
	char path[] = "/tmp/offhook-output-XXXXXX", got[32] = "";
	int fd = mkstemp(path);

	(void)state;
	loop = loop_new();
	struct output *output = output_new(loop, fd, 1000, NULL);
	output_printf(output, "%s %d\n", "line", 1);
	assert_int_equal(pread(fd, got, sizeof got, 0), 7);
	assert_string_equal(got, "line 1\n");
	output_free(output);
	close(fd);
	output = output_new(loop, fd, 1000, NULL);
	output_write(output, SLICE("into nothing"));
	assert_true(output_broken(output));
	output_flush(output, -1);
	output_free(output);
	unlink(path);
	loop_free(loop);
}

static void test_flush_has_a_limit(void **state)
{
	char line[1000];
	int ends[2];

	(void)state;
	loop = loop_new();
	assert_int_equal(pipe(ends), 0);
	struct output *output = output_new(loop, ends[1], 1 << 20, NULL);
	memset(line, 'x', sizeof line);
	for (int i = 0; i < 200; i++)
		output_write(output, slice_make(line, sizeof line));
	assert_true(output_pending(output) > 0);
	output_flush(output, 20);
	assert_true(output_pending(output) > 0);
	output_free(output);
	close(ends[0]);
	close(ends[1]);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stalled_reader),
		cmocka_unit_test(test_nobody_reads_any_more),
		cmocka_unit_test(test_file_and_closed),
		cmocka_unit_test(test_flush_has_a_limit),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
