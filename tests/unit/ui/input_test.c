/* Every kind of standard input: terminal, pipe, socket, file, /dev/null, directory, closed. */
#include "tests/unit/unit.h"
#include "ui/input.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/socket.h>
#include <unistd.h>

struct reader {
	struct loop *loop;
	struct input *input;
	struct buf got;
	size_t stop_at; /* leave the loop after so many bytes */
	bool ended, pause;
};

static void on_bytes(void *arg, struct slice bytes)
{
	struct reader *reader = arg;

	assert_true(bytes.n > 0);
	assert_false(reader->pause);
	buf_add(&reader->got, bytes);
	if (reader->stop_at && reader->got.n >= reader->stop_at)
		loop_stop(reader->loop);
}

static void on_end(void *arg)
{
	struct reader *reader = arg;

	assert_false(reader->ended);
	reader->ended = true;
	loop_stop(reader->loop);
}

static void start(struct reader *reader, int fd)
{
	*reader = (struct reader){ .loop = loop_new() };
	buf_init(&reader->got, 16 << 20);
	reader->input = input_new(reader->loop, fd, on_bytes, on_end, reader);
	assert_int_equal(reader->got.n, 0);
	assert_false(reader->ended);
}

static void finish(struct reader *reader)
{
	input_free(reader->input);
	loop_free(reader->loop);
	buf_fini(&reader->got);
}

static void test_pipe(void **state)
{
	struct reader reader;
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	int flags = fcntl(ends[0], F_GETFL);
	start(&reader, ends[0]);
	assert_int_equal(write(ends[1], "help\n", 5), 5);
	reader.stop_at = 5;
	loop_run(reader.loop);
	assert_string_equal(buf_text(&reader.got), "help\n");
	assert_false(reader.ended);
	close(ends[1]);
	loop_run(reader.loop);
	assert_true(reader.ended);
	finish(&reader);
	assert_int_equal(fcntl(ends[0], F_GETFL), flags); /* whoever shares the pipe finds it as it was */
	close(ends[0]);
}

static void test_socket(void **state)
{
	struct reader reader;
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	int flags = fcntl(ends[0], F_GETFL);
	start(&reader, ends[0]);
	assert_int_equal(write(ends[1], "quit", 4), 4);
	close(ends[1]);
	loop_run(reader.loop);
	assert_string_equal(buf_text(&reader.got), "quit");
	assert_true(reader.ended);
	finish(&reader);
	assert_int_equal(fcntl(ends[0], F_GETFL), flags);
	close(ends[0]);
}

static void test_terminal(void **state)
{
	struct reader reader;
	int master, slave;

	(void)state;
	assert_int_equal(openpty(&master, &slave, NULL, NULL, NULL), 0);
	int flags = fcntl(slave, F_GETFL);
	start(&reader, slave);
	assert_int_equal(write(master, "call echo\n", 10), 10);
	reader.stop_at = 10;
	loop_run(reader.loop);
	assert_string_equal(buf_text(&reader.got), "call echo\n");
	assert_int_equal(fcntl(slave, F_GETFL), flags); /* the shell shares these */
	close(slave);
	close(master); /* the window was closed */
	loop_run(reader.loop);
	assert_true(reader.ended);
	finish(&reader);
}

static void test_file(void **state)
{
	struct reader reader;
	char path[] = "/tmp/offhook-input-XXXXXX";
	int fd = mkstemp(path);
	char block[4096];

	(void)state;
	assert_true(fd >= 0);
	memset(block, 'x', sizeof block);
	for (int i = 0; i < 64; i++)
		assert_int_equal(write(fd, block, sizeof block), sizeof block);
	lseek(fd, 0, SEEK_SET);
	start(&reader, fd);
	loop_run(reader.loop);
	assert_true(reader.ended);
	assert_int_equal(reader.got.n, 64 * sizeof block);
	finish(&reader);
	close(fd);
	unlink(path);
}

static void test_null_and_directory(void **state)
{
	static const char *const paths[] = { "/dev/null", "/" };
	struct reader reader;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		int fd = open(paths[i], O_RDONLY);
		start(&reader, fd);
		loop_run(reader.loop);
		assert_true(reader.ended);
		assert_int_equal(reader.got.n, 0);
		finish(&reader);
		close(fd);
	}
}

static void test_closed(void **state)
{
	struct reader reader;
	int fd = open("/dev/null", O_RDONLY);

	(void)state;
	close(fd);
	start(&reader, fd);
	loop_run(reader.loop);
	assert_true(reader.ended);
	finish(&reader);
}

static void on_pause_over(void *arg)
{
	struct reader *reader = arg;

	assert_int_equal(reader->got.n, 0);
	reader->pause = false;
	input_pause(reader->input, false);
}

static void test_paused(void **state)
{
	struct reader reader;
	struct timer timer = { 0 };
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	start(&reader, ends[0]);
	assert_int_equal(write(ends[1], "x", 1), 1);
	close(ends[1]);
	reader.pause = true;
	input_pause(reader.input, true);
	timer_start(loop_timers(reader.loop), &timer, 20 * MS_US, on_pause_over, &reader);
	loop_run(reader.loop);
	assert_string_equal(buf_text(&reader.got), "x");
	assert_true(reader.ended);
	finish(&reader);
	close(ends[0]);
}

static void expect_line(struct lines *lines, bool ended, const char *wanted)
{
	char *line = lines_next(lines, ended);

	if (wanted)
		assert_string_equal(line, wanted);
	else
		assert_null(line);
	free(line);
}

static void test_lines(void **state)
{
	struct lines lines;

	(void)state;
	lines_init(&lines);
	lines_add(&lines, SLICE("one\r\ntw"));
	expect_line(&lines, false, "one");
	expect_line(&lines, false, NULL);
	lines_add(&lines, SLICE("o\n\nthree"));
	expect_line(&lines, false, "two");
	expect_line(&lines, false, "");
	expect_line(&lines, false, NULL);
	expect_line(&lines, true, "three");
	expect_line(&lines, true, NULL);
	lines_fini(&lines);
}

static void test_endless_line(void **state)
{
	struct lines lines;
	char block[8192];

	(void)state;
	memset(block, 'y', sizeof block);
	lines_init(&lines);
	for (int i = 0; i < 4 * INPUT_LINE_BYTES / (int)sizeof block; i++) {
		lines_add(&lines, slice_make(block, sizeof block));
		assert_true(lines.rest.n <= INPUT_LINE_BYTES + sizeof block);
	}
	assert_int_equal(lines.too_long, 1);
	lines_add(&lines, SLICE("yy\nhelp\n"));
	expect_line(&lines, false, "help");
	lines_fini(&lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_socket),
		cmocka_unit_test(test_terminal),
		cmocka_unit_test(test_file),
		cmocka_unit_test(test_null_and_directory),
		cmocka_unit_test(test_closed),
		cmocka_unit_test(test_paused),
		cmocka_unit_test(test_lines),
		cmocka_unit_test(test_endless_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
