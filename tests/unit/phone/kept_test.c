/* What outlives the phone: contacts, history, saved settings and accounts. And quantities as people write them. */
#include "tests/unit/phone/phone_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>

static char *read_whole(struct world *world, const char *name)
{
	char path[256], text[65536];

	snprintf(path, sizeof path, "%s/%s", world->dir, name);
	FILE *file = fopen(path, "r");
	if (!file)
		return NULL;
	size_t n = fread(text, 1, sizeof text - 1, file);
	fclose(file);
	return slice_dup(slice_make(text, n));
}

static struct phone *restart(struct world *world)
{
	phone_free(world->phones[0]);
	return world_phone(world, 0, true);
}

static void join_contact(void *arg, const struct contact_view *contact)
{
	for (size_t i = 0; i < contact->count; i++) {
		contact_way(contact, i, arg);
		buf_printf(arg, "=%s;", contact->addresses[i].target);
	}
	contact_traits(contact, arg);
}

static bool add_contact(struct phone *phone, const char *name, const char *target, struct failure *failure)
{
	return phone_contact_add(phone, slice_of(name), slice_of(target), NULL, 0, failure);
}

static void contacts_are_kept_at_once(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, true);
	struct failure failure;
	struct buf all;

	assert_true(add_contact(phone, "Carol", "sip:carol@chicago.com", &failure));
	assert_true(add_contact(phone, "Bob Smith", "bob@biloxi.com", &failure));
	assert_true(phone_contact_remove(phone, SLICE("Carol"), &failure));
	assert_true(add_contact(phone, "Carol", "sip:carol@new.example", &failure));
	assert_true(add_contact(phone, "desk", "100", &failure)); /* no account yet: kept all the same */
	assert_false(add_contact(phone, "bad", "mailto:x@y", &failure));
	assert_false(add_contact(phone, "a\tb", "x@y", &failure));
	char *file = read_whole(world, "contacts");
	assert_string_equal(file,
			    CONTACTS_FORM "\nBob Smith\tbob@biloxi.com\nCarol\tsip:carol@new.example\ndesk\t100\n");
	free(file);
	phone = restart(world);
	buf_init(&all, 4096);
	phone_contacts(phone, join_contact, &all);
	assert_string_equal(buf_text(&all), "Bob Smith=bob@biloxi.com;Carol=sip:carol@new.example;desk=100;");
	assert_string_equal(contacts_name_of(phone->contacts, SLICE("sip:BOB@biloxi.com")), "Bob Smith");
	assert_true(phone_contact_remove(phone, SLICE("CAROL"), &failure));
	assert_false(phone_contact_remove(phone, SLICE("CAROL"), &failure));
	assert_string_equal(failure.reason, "no-such-contact");
	buf_fini(&all);
}

static void a_directory_that_cannot_be_written(void **state)
{
	struct world *world = *state;
	struct failure failure;
	struct phone_config config = {
		.loop = world->loop, .log = &world->log, .config_dir = "/proc/nothing", .state_dir = "/proc/nothing"
	};

	struct phone *phone = world->phones[0] = phone_new(&config);
	assert_false(add_contact(phone, "Bob", "bob@biloxi.com", &failure));
	assert_int_equal(failure.status, STATUS_SOUND);
	assert_false(phone_save(phone, (struct slice){ 0 }, &failure));
	struct call *call = call_new(phone, false);
	call->target = slice_dup(SLICE("bob@biloxi.com"));
	call_fail_locally(call, CAUSE_LOCAL, ERR_NO_ROUTE, "no route");
	assert_non_null(strstr(world->warnings, "history cannot be written"));
}

static void add_past_call(struct phone *phone, const char *target)
{
	struct call *call = call_new(phone, false);

	call->target = slice_dup(slice_of(target));
	call_set_peer(call, slice_of("Bob\tTab"), slice_of(target));
	call_fail_locally(call, CAUSE_TIMEOUT, ERR_TIMEOUT, "Request Timeout");
}

static void join_recent(void *arg, const char *target)
{
	buf_printf(arg, "%s ", target);
}

static void history_is_bounded_and_survives(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, true);
	struct failure failure;
	struct buf out;

	must_set(phone, "history.keep", "3");
	for (int i = 0; i < 40; i++) {
		char target[64];
		snprintf(target, sizeof target, "sip:user%d@biloxi.com", i % 10);
		add_past_call(phone, target);
	}
	phone = restart(world);
	must_set(phone, "history.keep", "3");
	buf_init(&out, 65536);
	phone_recent(phone, join_recent, &out);
	assert_string_equal(buf_text(&out), "sip:user9@biloxi.com sip:user8@biloxi.com sip:user7@biloxi.com ");
	buf_clear(&out);
	assert_true(phone_show(phone, SLICE("history"), SLICE("user8"), &out, &failure));
	assert_non_null(strstr(buf_text(&out), "out"));
	assert_non_null(strstr(buf_text(&out), "sip:user8@biloxi.com"));
	assert_null(strstr(buf_text(&out), "user9"));
	/* No more than these are in the file either. */
	phone = restart(world);
	buf_clear(&out);
	assert_true(phone_show(phone, SLICE("history"), SLICE("out"), &out, &failure));
	size_t lines = 0;
	for (const char *c = buf_text(&out); *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, 3);
	buf_fini(&out);
}

static void write_whole(struct world *world, const char *name, const char *text)
{
	char path[256];

	snprintf(path, sizeof path, "%s/%s", world->dir, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fputs(text, file) < 0, 0);
	assert_int_equal(fclose(file), 0);
}

static void recent_are(struct phone *phone, const char *wanted)
{
	struct buf out;

	buf_init(&out, 65536);
	phone_recent(phone, join_recent, &out);
	assert_string_equal(buf_text(&out), wanted);
	buf_fini(&out);
}

static void a_full_disk_is_a_warning(void **state)
{
	struct world *world = *state;
	struct rlimit before, limit;
	struct phone *phone = world_phone(world, 0, true);

	add_past_call(phone, "sip:first@biloxi.com");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	limit = before;
	limit.rlim_cur = 1;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	add_past_call(phone, "sip:second@biloxi.com");
	add_past_call(phone, "sip:third@biloxi.com");
	char *first = strstr(world->warnings, "history cannot be written");
	assert_non_null(first);
	assert_null(strstr(first + 1, "history cannot be written"));
	/* The phone knows them all the same, and with room again they are written at the latest when it ends. */
	recent_are(phone, "sip:third@biloxi.com sip:second@biloxi.com sip:first@biloxi.com ");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	signal(SIGXFSZ, SIG_DFL);
	recent_are(restart(world), "sip:third@biloxi.com sip:second@biloxi.com sip:first@biloxi.com ");
}

/* A pipe may block for ever, and a device may never end. Neither is read, written or replaced. */
static void what_is_no_file_is_left_alone(void **state)
{
	struct world *world = *state;
	struct failure failure;
	struct stat info;
	char path[256];

	snprintf(path, sizeof path, "%s/history.db", world->dir);
	assert_int_equal(mkfifo(path, 0600), 0);
	snprintf(path, sizeof path, "%s/contacts", world->dir);
	assert_int_equal(symlink("/dev/zero", path), 0);
	struct phone *phone = world_phone(world, 0, true);
	assert_non_null(strstr(world->warnings, "contacts cannot be read: it is no file"));
	add_past_call(phone, "sip:bob@biloxi.com");
	assert_non_null(strstr(world->warnings, "something else in the place of its file"));
	assert_false(add_contact(phone, "Bob", "bob@biloxi.com", &failure));
	assert_string_equal(failure.reason, "unread");
	assert_int_equal(lstat(path, &info), 0);
	assert_true(S_ISLNK(info.st_mode));
}

/* What a killed phone had only put into its journal is taken in; half a line was never reported. */
static void a_journal_is_taken_in(void **state)
{
	struct world *world = *state;

	write_whole(world, "history.journal",
		    "calls\ta-1\t1795344122\tout\tanswered\t3\t200\t\tsip:a@b\tA\\tB\t\n"
		    "calls\ta-1\t1795344122\tout\tanswered\t3\t200\t\tsip:a@b\tA\\tB\t\n"
		    "nonsense\tx\n\n\t\t\t\ncalls\ttoo few\n"
		    "calls\ta-2\t1795344123\tout\tfailed\t0\t408\t\tsip:c@d\t\twhy\ncalls\ta-3\t17953");
	recent_are(world_phone(world, 0, true), "sip:c@d sip:a@b ");
	recent_are(restart(world), "sip:c@d sip:a@b ");
	char *left = read_whole(world, "history.journal");
	assert_string_equal(left, "");
	free(left);
}

/* The file is held by another program just then: what is left waits in its journal, and nobody empties that. */
static void a_journal_waits_while_the_file_is_held(void **state)
{
	struct world *world = *state;
	char path[128];
	sqlite3 *db;

	recent_are(world_phone(world, 0, true), "");
	phone_free(world->phones[0]);
	write_whole(world, "history.journal",
		    "calls\tkilled\t1795344124\tout\tfailed\t0\t487\t\tsip:e@f\t\t\t1\t\n");
	snprintf(path, sizeof path, "%s/history.db", world->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
	recent_are(world_phone(world, 0, true), "");
	assert_int_equal(sqlite3_exec(db, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
	add_past_call(world->phones[0], "sip:g@h");
	recent_are(restart(world), "sip:e@f sip:g@h ");
}

/* A line of 600 KB is no row; those before and behind it are. */
static void damage_in_a_journal_costs_no_other_row(void **state)
{
	struct world *world = *state;
	struct buf text;

	buf_init(&text, 1 << 20);
	buf_printf(&text, "calls\ta-1\t1795344122\tout\tanswered\t3\t200\t\tsip:a@b\t\t\ncalls\ta-9\t");
	for (int i = 0; i < 600000; i++)
		buf_add_char(&text, '9');
	buf_printf(&text, "\tout\tfailed\t0\t408\t\tsip:e@f\t\t\n"
			  "calls\ta-2\t1795344123\tout\tfailed\t0\t408\t\tsip:c@d\t\twhy\n");
	write_whole(world, "history.journal", buf_text(&text));
	buf_fini(&text);
	recent_are(world_phone(world, 0, true), "sip:c@d sip:a@b ");
	char *left = read_whole(world, "history.journal");
	assert_string_equal(left, "");
	free(left);
}

static size_t missed(struct phone *phone)
{
	return history_missed(phone->history);
}

/* Who was missed is missed until somebody looks, however often the phone is started meanwhile. Journals of the version
 * before do not say: those were seen. */
static void missed_calls_outlive_the_phone(void **state)
{
	struct world *world = *state;

	write_whole(world, "history.journal",
		    "calls\ta-1\t1795344122\tin\tmissed\t0\t487\t\tsip:a@b\t\t\t0\n"
		    "calls\ta-2\t1795344123\tin\tmissed\t0\t487\t\tsip:c@d\t\t\t1\n"
		    "calls\ta-3\t1795344124\tin\tmissed\t0\t487\t\tsip:e@f\t\t\n");
	assert_int_equal(missed(world_phone(world, 0, true)), 1);
	struct phone *phone = restart(world);
	assert_int_equal(missed(phone), 1);
	phone_history_seen(phone);
	assert_int_equal(missed(phone), 0);
	assert_int_equal(missed(restart(world)), 0);
}

static void run_on(struct world *world, const char *sql)
{
	char path[256];
	sqlite3 *db;

	snprintf(path, sizeof path, "%s/history.db", world->dir);
	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

/* The file of version 1 is brought to the present form: nothing is lost, nothing counts as missed anew. */
static void a_history_of_version_1_is_migrated(void **state)
{
	struct world *world = *state;

	run_on(world,
	       "CREATE TABLE calls (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, at INTEGER, direction TEXT, "
	       "how TEXT, seconds INTEGER, code INTEGER, account TEXT, uri TEXT, name TEXT, why TEXT);"
	       "INSERT INTO calls VALUES (1, 'k', 1795344122, 'in', 'missed', 0, 487, '', 'sip:a@b', '', '');"
	       "INSERT INTO calls VALUES (2, 'l', 1795344123, 'out', 'failed', 0, 486, '', 'sip:c@d', '', '');"
	       "CREATE TABLE messages (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, at INTEGER, state TEXT, "
	       "seen INTEGER, peer TEXT, name TEXT, account TEXT, text TEXT, code INTEGER, reason TEXT);"
	       "PRAGMA user_version = 1");
	struct phone *phone = world_phone(world, 0, true);
	recent_are(phone, "sip:c@d ");
	assert_int_equal(missed(phone), 0);
	add_past_call(phone, "sip:bob@biloxi.com");
	recent_are(restart(world), "sip:bob@biloxi.com sip:c@d ");
}

/* That of version 2, which had what was dialled in the place of the address, and a journal of it beside. */
static void a_history_of_version_2_is_migrated(void **state)
{
	struct world *world = *state;

	run_on(world,
	       "CREATE TABLE calls (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, at INTEGER, direction TEXT, "
	       "how TEXT, seconds INTEGER, code INTEGER, account TEXT, uri TEXT, name TEXT, why TEXT, seen INTEGER);"
	       "INSERT INTO calls VALUES (1, 'k', 1795344122, 'in', 'missed', 0, 487, '', 'sip:a@b', '', '', 0);"
	       "INSERT INTO calls VALUES (2, 'l', 1795344123, 'out', 'failed', 0, 486, '', 'Bob/work', '', '', 1);"
	       "CREATE TABLE messages (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, at INTEGER, state TEXT, "
	       "seen INTEGER, peer TEXT, name TEXT, account TEXT, text TEXT, code INTEGER, reason TEXT);"
	       "PRAGMA user_version = 2");
	write_whole(world, "history.journal", "calls\tm\t1795344124\tout\tfailed\t0\t487\t\tsip:e@f\t\t\t1\n");
	struct phone *phone = world_phone(world, 0, true);
	recent_are(phone, "sip:e@f Bob/work ");
	assert_int_equal(missed(phone), 1);
	add_past_call(phone, "sip:bob@biloxi.com");
	recent_are(restart(world), "sip:bob@biloxi.com sip:e@f Bob/work ");
}

/* The text file of older versions is taken over once. */
static void an_old_history_is_taken_over(void **state)
{
	struct world *world = *state;

	write_whole(world, "history", "1\tout\tfailed\t0\t408\t\tsip:a@b\t\n2\tout\tfai");
	recent_are(world_phone(world, 0, true), "sip:a@b ");
	assert_null(read_whole(world, "history"));
	recent_are(restart(world), "sip:a@b ");
}

/* It is kept for whoever can mend it, and calls go on being written. */
static void a_damaged_history_is_set_aside(void **state)
{
	struct world *world = *state;

	write_whole(world, "history.db", "no database at all, but long enough to be taken for one by its size");
	add_past_call(world_phone(world, 0, true), "sip:bob@biloxi.com");
	assert_non_null(strstr(world->warnings, "history.db.damaged-"));
	recent_are(restart(world), "sip:bob@biloxi.com ");
}

/* Cards of several programs; what has no address is left out, what was written is read again. */
static void contacts_come_and_go_as_vcards(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, true);
	struct failure failure;
	char path[256], out_path[256];
	size_t taken, left, count;
	struct buf all, again;

	write_whole(world, "in.vcf",
		    "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Bob \\, Smith\r\nIMPP;PREF=1:sip:bob@\r\n biloxi.com\r\n"
		    "item1.TEL;VALUE=uri;X-A=\"x:y;z\";TYPE=\"voice,home\":tel:+15550100\r\nEMAIL:bob@x\r\n"
		    "IMPP;TYPE=x-boat;PREF=9x:sips:b@sea.example\r\nEND:VCARD\r\n"
		    "BEGIN:VCARD\nVERSION:3.0\nFN:Carol\nX-SIP;TYPE=work:carol@chicago.com\nEND:VCARD\n"
		    "BEGIN:VCARD\nFN:Nobody\nEMAIL:n@x\nEND:VCARD\nBEGIN:VCARD\nFN:cut off\nTEL:12");
	snprintf(path, sizeof path, "%s/in.vcf", world->dir);
	snprintf(out_path, sizeof out_path, "%s/out.vcf", world->dir);
	assert_true(phone_contacts_import(phone, path, &taken, &left, &failure));
	assert_int_equal(taken, 2);
	assert_int_equal(left, 1);
	buf_init(&all, 4096);
	buf_init(&again, 4096);
	phone_contacts(phone, join_contact, &all);
	assert_string_equal(buf_text(&all),
			    "Bob , Smith=sip:bob@biloxi.com;Bob , Smith/home=tel:+15550100;"
			    "Bob , Smith/boat=sips:b@sea.example;Carol/work=carol@chicago.com;");
	assert_true(phone_contacts_export(phone, out_path, &count, &failure));
	assert_int_equal(count, 2);
	char *file = read_whole(world, "out.vcf");
	assert_string_equal(
		file,
		"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Bob \\, Smith\r\nIMPP;PREF=1:sip:bob@biloxi.com\r\n"
		"TEL;VALUE=uri;TYPE=home:tel:+15550100\r\nIMPP;TYPE=x-boat:sips:b@sea.example\r\nEND:VCARD\r\n"
		"BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Carol\r\nIMPP;TYPE=work:sip:carol@chicago.com\r\nEND:VCARD\r\n");
	free(file);
	assert_true(phone_contacts_import(phone, out_path, &taken, &left, &failure));
	phone_contacts(restart(world), join_contact, &again);
	/* Nothing is there twice. */
	assert_string_equal(buf_text(&again),
			    "Bob , Smith=sip:bob@biloxi.com;Bob , Smith/home=tel:+15550100;"
			    "Bob , Smith/boat=sips:b@sea.example;Carol/work=sip:carol@chicago.com;");
	phone = world->phones[0];
	assert_false(phone_contacts_import(phone, "/nonexistent", &taken, &left, &failure));
	assert_false(phone_contacts_import(phone, "/dev/zero", &taken, &left, &failure));
	write_whole(world, "in.vcf", "no card");
	assert_false(phone_contacts_import(phone, path, &taken, &left, &failure));
	assert_non_null(strstr(failure.text, "no vCard"));
	buf_fini(&all);
	buf_fini(&again);
}

static void finds(struct phone *phone, const char *word, const char *target)
{
	struct contact_found found = { 0 };

	bool any = contacts_find(phone->contacts, slice_of(word), &found);
	if (!target) {
		assert_false(any);
		return;
	}
	assert_true(any);
	assert_string_equal(found.target, target);
}

/* The preferred one is called; each has a word; what they have is changed and not added twice. */
static void a_contact_has_several_addresses(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, true);
	struct failure failure;

	assert_true(add_contact(phone, "Bob", "sip:bob@biloxi.com", &failure));
	assert_true(phone_contact_add(phone, SLICE("bob"), SLICE("+1-555-0100"), "Mobile", 0, &failure));
	assert_true(phone_contact_add(phone, SLICE("Bob"), SLICE("sip:b@work.example"), "work", 2, &failure));
	assert_true(phone_contact_add(phone, SLICE("Bob"), SLICE("+15550100"), NULL, 0, &failure));
	assert_false(phone_contact_add(phone, SLICE("Bob"), SLICE("sip:x@y"), "2", 0, &failure));
	assert_true(phone_contact_set(phone, SLICE("BOB"), "speed", SLICE("7"), &failure));
	assert_true(phone_contact_set(phone, SLICE("bob"), "ring", SLICE("chime"), &failure));
	assert_true(phone_contact_set(phone, SLICE("bob"), "auto-answer", SLICE("on"), &failure));
	assert_false(phone_contact_set(phone, SLICE("bob"), "speed", SLICE("100"), &failure));
	assert_false(phone_contact_set(phone, SLICE("bob"), "auto-answer", SLICE("maybe"), &failure));
	assert_false(phone_contact_set(phone, SLICE("Nobody"), "speed", SLICE("8"), &failure));
	assert_true(add_contact(phone, "Carol", "sip:carol@chicago.com", &failure));
	assert_false(phone_contact_set(phone, SLICE("Carol"), "speed", SLICE("7"), &failure));
	assert_non_null(strstr(failure.text, "speed dial 7 is Bob"));
	for (int round = 0; round < 2; round++) {
		finds(phone, "bob", "sip:b@work.example");
		finds(phone, "7", "sip:b@work.example");
		finds(phone, "Bob/mobile", "+15550100");
		finds(phone, "bob/2", "sip:bob@biloxi.com");
		finds(phone, "Bob 3", "+15550100");
		finds(phone, "Bob/4", NULL);
		finds(phone, "Bob/fax", NULL);
		finds(phone, "8", NULL);
		assert_string_equal(contacts_name_of(phone->contacts, SLICE("sip:+15550100@gateway.example")), "Bob");
		assert_string_equal(contacts_ring_of(phone->contacts, SLICE("sip:+15550100@gateway.example")), "chime");
		assert_string_equal(contacts_auto_answer_of(phone->contacts, SLICE("sip:bob@biloxi.com")), "on");
		assert_string_equal(contacts_auto_answer_of(phone->contacts, SLICE("sip:+15550100@evil.example")), "");
		phone = restart(world);
	}
	assert_true(phone_contact_remove(phone, SLICE("Bob/work"), &failure));
	finds(phone, "7", "sip:bob@biloxi.com");
	assert_true(phone_contact_set(phone, SLICE("bob"), "speed", SLICE(""), &failure));
	finds(phone, "7", NULL);
	assert_true(phone_contact_remove(phone, SLICE("Bob/2"), &failure));
	assert_true(phone_contact_remove(phone, SLICE("Bob/1"), &failure));
	assert_null(contacts_name_of(phone->contacts, SLICE("sip:bob@biloxi.com")));
	finds(phone, "Bob", NULL);
}

/* "Bob 2" of the form before is Bob's; in this one it is somebody else. */
static void contacts_of_older_versions(void **state)
{
	struct world *world = *state;
	struct failure failure;
	struct buf all;

	write_whole(world, "contacts", "Bob\tsip:bob@a\nBob 2\t100\nBob 3\tsip:bob@c\nAnn 7\tsip:ann@a\n");
	struct phone *phone = world_phone(world, 0, true);
	assert_true(add_contact(phone, "Bob 9", "sip:nine@a", &failure));
	buf_init(&all, 4096);
	phone_contacts(restart(world), join_contact, &all);
	assert_string_equal(buf_text(&all),
			    "Ann 7=sip:ann@a;Bob=sip:bob@a;Bob/2=100;Bob/3=sip:bob@c;Bob 9=sip:nine@a;");
	buf_fini(&all);
}

static void comments_and_damaged_contacts_stay_in_the_file(void **state)
{
	struct world *world = *state;
	struct failure failure;

	write_whole(world, "contacts", "# friends\nBob\tbob@biloxi.com\nCarol carol@chic");
	struct phone *phone = world_phone(world, 0, true);
	assert_non_null(strstr(world->warnings, "1 lines are not NAME TAB ADDRESS"));
	assert_true(add_contact(phone, "desk", "sip:100@biloxi.com", &failure));
	char *file = read_whole(world, "contacts");
	assert_string_equal(file, CONTACTS_FORM
			    "\n# friends\nCarol carol@chic\nBob\tbob@biloxi.com\ndesk\tsip:100@biloxi.com\n");
	free(file);
}

/* An account of the host that is new has no ~/.config and no ~/.local yet. */
static void folders_are_made_down_to_the_last(void **state)
{
	struct world *world = *state;
	struct failure failure;
	char dir[200];

	snprintf(dir, sizeof dir, "%s/a/b/c", world->dir);
	struct phone_config config = { .loop = world->loop, .log = &world->log, .config_dir = dir, .state_dir = dir };
	struct phone *phone = world->phones[0] = phone_new(&config);
	assert_true(add_contact(phone, "Bob", "bob@biloxi.com", &failure));
	add_past_call(phone, "sip:bob@biloxi.com");
	char *file = read_whole(world, "a/b/c/history.db");
	assert_non_null(file);
	free(file);
	static const char *const made[] = { "a/b/c/history.journal",
					    "a/b/c/history.db-shm",
					    "a/b/c/history.db-wal",
					    "a/b/c/history.db",
					    "a/b/c/contacts",
					    "a/b/c",
					    "a/b",
					    "a" };
	for (size_t i = 0; i < ARRAY_LEN(made); i++) {
		char path[300];
		snprintf(path, sizeof path, "%s/%s", world->dir, made[i]);
		assert_int_equal(remove(path), 0);
	}
}

static void what_is_saved_can_be_read_again(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, true);
	struct failure failure;
	const char *const options[] = { "registrar=none",        "name=work",           "password=pa\"ss $word\\",
					"display=Alice Example", "proxy=sip:192.0.2.9", NULL };

	must_set(phone, "call.max", "5");
	must_set(phone, "sip.user-agent", "my phone");
	assert_true(phone_account_add(phone, SLICE("sip:alice@atlanta.com"), options, &failure));
	assert_true(phone_screen(phone, SLICE("two\nlines"), false, &failure));
	assert_true(phone_save(phone, SLICE("alias x echo hi\n"), &failure));
	char *file = read_whole(world, "saved");
	assert_non_null(strstr(file, "\nblock \"two\\nlines\"\n"));
	assert_non_null(strstr(file, "\nset call.max 5\n"));
	assert_non_null(strstr(file, "\nset sip.user-agent \"my phone\"\n"));
	assert_non_null(strstr(file, "\naccount add sip:alice@atlanta.com name=work display=\"Alice Example\" "
				     "password=\"pa\\\"ss \\$word\\\\\" "
				     "registrar=none proxy=sip:192.0.2.9 expires=3600s\n"));
	assert_non_null(strstr(file, "alias x echo hi\n"));
	free(file);
	struct stat info;
	char path[128];
	snprintf(path, sizeof path, "%s/saved", world->dir);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

/* Somebody who may write to the folder has put a link where the phone writes before it renames. */
static void what_is_saved_follows_no_link(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, true);
	struct failure failure;
	char victim[128], link[128];

	assert_true(phone_save(phone, SLICE(""), &failure));
	snprintf(victim, sizeof victim, "%s/victim", world->dir);
	snprintf(link, sizeof link, "%s/.saved.new", world->dir);
	FILE *file = fopen(victim, "w");
	assert_non_null(file);
	fputs("precious", file);
	fclose(file);
	assert_int_equal(symlink(victim, link), 0);
	must_set(phone, "call.max", "5");
	assert_true(phone_save(phone, SLICE(""), &failure));
	char *left = read_whole(world, "victim"), *saved = read_whole(world, "saved");
	assert_string_equal(left, "precious");
	assert_non_null(strstr(saved, "\nset call.max 5\n"));
	free(left);
	free(saved);
}

static void quantities_as_people_write_them(void **state)
{
	static const struct {
		const char *text;
		double value;
	} good[] = { { "1%", 0.01 }, { "-20dB", -20 }, { "250ms", 0.25 }, { "440", 440 },  { "-50dB", -50 },
		     { "4.2", 4.2 }, { "2s", 2 },      { "5m", 300 },     { "64k", 65536 } };
	static const char *const bad[] = { "", "x", "inf", "nan", "0x10", "1e", "10parsec", "--5" };
	double value;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(quantity_parse(slice_of(good[i].text), &value));
		assert_true(value > good[i].value - 1e-9 && value < good[i].value + 1e-9);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(quantity_parse(slice_of(bad[i]), &value));
}

static void quantities_of_a_phone_without_calls(void **state)
{
	struct world *world = *state;
	struct phone *phone = world_phone(world, 0, false);
	struct buf text;
	double value;
	bool is_number;

	buf_init(&text, 4096);
	assert_true(phone_quantity(phone, 0, SLICE("calls.count"), &text, &value, &is_number));
	assert_true(is_number && value == 0);
	for (const char *const *name = phone_quantity_names(); *name; name++) {
		struct slice whole = slice_of(*name);
		if (whole.p[whole.n - 1] == '.')
			whole = slice_of(whole.p[0] == 's' ? "sent.Via" : "received.Via");
		assert_true(phone_quantity(phone, 0, whole, &text, &value, &is_number));
	}
	assert_true(phone_quantity(phone, 0, SLICE("sip.t1"), &text, &value, &is_number));
	assert_true(is_number && value == 0.5);
	assert_false(phone_quantity(phone, 0, SLICE("media.los"), &text, &value, &is_number));
	assert_false(phone_quantity(phone, 0, SLICE("sent."), &text, &value, &is_number));
	buf_fini(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(contacts_are_kept_at_once, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_directory_that_cannot_be_written, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(history_is_bounded_and_survives, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_full_disk_is_a_warning, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_is_left_alone, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_contact_has_several_addresses, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_journal_waits_while_the_file_is_held, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(damage_in_a_journal_costs_no_other_row, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(missed_calls_outlive_the_phone, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_history_of_version_1_is_migrated, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_history_of_version_2_is_migrated, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(contacts_of_older_versions, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(contacts_come_and_go_as_vcards, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_journal_is_taken_in, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(an_old_history_is_taken_over, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(a_damaged_history_is_set_aside, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(comments_and_damaged_contacts_stay_in_the_file, world_setup,
						world_teardown),
		cmocka_unit_test_setup_teardown(folders_are_made_down_to_the_last, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_is_saved_can_be_read_again, world_setup, world_teardown),
		cmocka_unit_test_setup_teardown(what_is_saved_follows_no_link, world_setup, world_teardown),
		cmocka_unit_test(quantities_as_people_write_them),
		cmocka_unit_test_setup_teardown(quantities_of_a_phone_without_calls, world_setup, world_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
