/* The SQLite file of the store: its tables, its form, whether it is whole. */
#include "base/buf.h"
#include "base/xmalloc.h"
#include "phone/store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { VERSION_NOW = 3 };

static const struct {
	const char *name, *columns[STORE_COLUMNS_MAX + 1], *create;
} tables[STORE_TABLES] = {
	[STORE_CALLS] = { "calls",
			  { "at", "direction", "how", "seconds", "code", "account", "uri", "name", "why", "seen",
			    "dialled", NULL },
			  "CREATE TABLE IF NOT EXISTS calls (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
			  "at INTEGER, direction TEXT, how TEXT, seconds INTEGER, code INTEGER, account TEXT, "
			  "uri TEXT, name TEXT, why TEXT, seen INTEGER, dialled TEXT)" },
	[STORE_MESSAGES] = { "messages",
			     { "at", "state", "seen", "peer", "name", "account", "text", "code", "reason", NULL },
			     "CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, "
			     "at INTEGER, state TEXT, seen INTEGER, peer TEXT, name TEXT, account TEXT, text TEXT, "
			     "code INTEGER, reason TEXT)" },
};

size_t store_columns(enum store_table table)
{
	size_t n = 0;

	while (tables[table].columns[n])
		n++;
	return n;
}

const char *store_table_name(enum store_table table)
{
	return tables[table].name;
}

bool store_run_sql(sqlite3 *db, const char *sql)
{
	return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static sqlite3_stmt *prepare_put(sqlite3 *db, enum store_table table)
{
	size_t count = store_columns(table);
	sqlite3_stmt *statement = NULL;
	struct buf sql;

	buf_init(&sql, 4096);
	buf_printf(&sql, "INSERT INTO %s (key", tables[table].name);
	for (size_t i = 0; i < count; i++)
		buf_printf(&sql, ", %s", tables[table].columns[i]);
	buf_printf(&sql, ") VALUES (?1");
	for (size_t i = 0; i < count; i++)
		buf_printf(&sql, ", ?%zu", i + 2);
	buf_printf(&sql, ") ON CONFLICT (key) DO UPDATE SET ");
	for (size_t i = 0; i < count; i++)
		buf_printf(&sql, "%s%s = excluded.%s", i ? ", " : "", tables[table].columns[i],
			   tables[table].columns[i]);
	if (sqlite3_prepare_v3(db, buf_text(&sql), -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK)
		statement = NULL;
	buf_fini(&sql);
	return statement;
}

/* The statement of each table is made once: to read it costs more than to do it. */
bool store_put_row(struct store *store, enum store_table table, const char *key, const char *const columns[])
{
	size_t count = store_columns(table);

	if (!store->puts[table])
		store->puts[table] = prepare_put(store->db, table);
	sqlite3_stmt *statement = store->puts[table];
	if (!statement)
		return false;
	sqlite3_bind_text(statement, 1, key, -1, SQLITE_STATIC);
	for (size_t i = 0; i < count; i++)
		sqlite3_bind_text(statement, (int)i + 2, columns[i] ? columns[i] : "", -1, SQLITE_STATIC);
	bool good = sqlite3_step(statement) == SQLITE_DONE;
	/* What went wrong was told by the step. */
	(void)sqlite3_reset(statement);
	(void)sqlite3_clear_bindings(statement);
	return good;
}

void store_close_db(struct store *store)
{
	for (int i = 0; i < STORE_TABLES; i++) {
		sqlite3_finalize(store->puts[i]);
		store->puts[i] = NULL;
	}
	sqlite3_close(store->db);
	store->db = NULL;
}

bool store_prune(sqlite3 *db, enum store_table table, size_t keep)
{
	char sql[256];

	snprintf(sql, sizeof sql, "DELETE FROM %s WHERE id <= (SELECT id FROM %s ORDER BY id DESC LIMIT 1 OFFSET %zu)",
		 tables[table].name, tables[table].name, keep);
	return store_run_sql(db, sql);
}

static int first_number(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;
	int value = -1;

	if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW)
		value = sqlite3_column_int(statement, 0);
	sqlite3_finalize(statement);
	return value;
}

/* Is every page what it should be? What another program holds locked just now is no damage. */
static bool is_whole(sqlite3 *db)
{
	sqlite3_stmt *statement = NULL;
	int rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &statement, NULL);
	bool whole = rc == SQLITE_BUSY || rc == SQLITE_LOCKED;

	if (rc == SQLITE_OK) {
		rc = sqlite3_step(statement);
		whole = rc == SQLITE_BUSY ||
			(rc == SQLITE_ROW && !strcmp((const char *)sqlite3_column_text(statement, 0), "ok"));
	}
	sqlite3_finalize(statement);
	return whole;
}

/* Of version 1: who was missed had been seen when the phone ended. */
static bool add_seen(sqlite3 *db)
{
	return store_run_sql(db, "ALTER TABLE calls ADD COLUMN seen INTEGER") &&
	       store_run_sql(db, "UPDATE calls SET seen = 1");
}

/* Of version 2: what was dialled stood in the place of the address. */
static bool add_dialled(sqlite3 *db)
{
	return store_run_sql(db, "ALTER TABLE calls ADD COLUMN dialled TEXT");
}

/* Each step brings the form before it to its own. */
static bool migrate(sqlite3 *db, int version)
{
	bool good = store_run_sql(db, "BEGIN IMMEDIATE");
	char set_version[40];

	for (int i = 0; i < STORE_TABLES; i++)
		good = good && store_run_sql(db, tables[i].create);
	if (version && version < 2)
		good = good && add_seen(db);
	if (version && version < 3)
		good = good && add_dialled(db);
	snprintf(set_version, sizeof set_version, "PRAGMA user_version = %d", VERSION_NOW);
	good = good && store_run_sql(db, set_version) && store_run_sql(db, "COMMIT");
	if (!good)
		store_run_sql(db, "ROLLBACK");
	return good;
}

/* Made here, so that nobody else may read it; SQLite gives the files beside it the same rights. */
static bool make_file(struct store *store, const char *path, enum err no_folder)
{
	struct stat info;
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW, 0600);

	if (fd < 0) {
		store_warn(store, err_text(errno == ENOENT && no_folder ? no_folder : err_from_errno(errno)));
		return false;
	}
	bool good = !fstat(fd, &info) && S_ISREG(info.st_mode);
	close(fd);
	if (!good)
		store_warn(store, "there is something else in the place of its file");
	return good;
}

static void set_aside(struct store *store, const char *path)
{
	char *aside = xasprintf("%s.damaged-%" PRId64, path, (int64_t)time(NULL));

	if (rename(path, aside) == 0) {
		static const char *const beside[] = { "-wal", "-shm" };
		for (size_t i = 0; i < ARRAY_LEN(beside); i++) {
			char *old = xasprintf("%s%s", path, beside[i]);
			unlink(old);
			free(old);
		}
		log_line(store->log, LOG_WARNING, "the history was damaged: it is kept as %s, and a new one begins",
			 aside);
	}
	free(aside);
}

/* @return false: *damaged, or it cannot be used (told) */
static bool open_db(struct store *store, const char *path, enum err no_folder, bool *damaged)
{
	*damaged = false;
	if (!make_file(store, path, no_folder))
		return false;
	if (sqlite3_open_v2(path, &store->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
		store_warn(store, store->db ? sqlite3_errmsg(store->db) : "no memory");
	} else {
		sqlite3_busy_timeout(store->db, STORE_BUSY_MS);
		*damaged = !is_whole(store->db);
		int version = *damaged ? 0 : first_number(store->db, "PRAGMA user_version");
		if (!*damaged && version > VERSION_NOW)
			store_warn(store, "a newer offhook has made history.db");
		else if (!*damaged && store_run_sql(store->db, "PRAGMA journal_mode = WAL") &&
			 store_run_sql(store->db, "PRAGMA synchronous = NORMAL") &&
			 (version == VERSION_NOW || migrate(store->db, version)))
			return true;
		else if (!*damaged)
			store_warn(store, sqlite3_errmsg(store->db));
	}
	store_close_db(store);
	return false;
}

void store_open_db(struct store *store, enum err no_folder)
{
	char *path = xasprintf("%s/history.db", store->dir);
	bool damaged = false;

	if (!open_db(store, path, no_folder, &damaged) && damaged) {
		set_aside(store, path);
		open_db(store, path, no_folder, &damaged);
	}
	free(path);
}
