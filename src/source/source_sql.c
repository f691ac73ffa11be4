/* SPDX-License-Identifier: Apache-2.0 */
#include "source_sql.h"

#include <fcntl.h>
#include <mysql.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binrelay/base/log.h"
#include "binrelay/base/memory.h"

enum {
    CONNECT_SEC = 5, /* for the connection and its login */
    ANSWER_SEC = 10, /* for each read and write after it */
    PACKET_MOST = 1024 * 1024,
    COLUMNS_MOST = 16,
};

/* The client's own error numbers; the server's are outside of both. The second range is
 * Connector/C's (errmsg.h). */
enum {
    CLIENT_ERROR_FIRST = 2000,
    CLIENT_ERROR_LAST = 2999,
    CONNECTOR_ERROR_FIRST = 5000,
    CONNECTOR_ERROR_LAST = 5999,
};

/* After these the server hangs up (mysqld_error.h). */
enum {
    SERVER_SHUTDOWN = 1053,
    SERVER_KILLED_MARIADB = 1927,
    SERVER_KILLED = 3169,
    SERVER_TIRED = 4031, /* nothing was asked for too long */
};

struct source_sql {
    const struct source_options *source; /* borrowed */
    MYSQL *mysql;                        /* owned; NULL while not connected */
    pthread_mutex_t lock;                /* of the two below */
    int descriptor;      /* owned: a second name of the socket, so that shutting it down
                            can never hit another one; -1: none */
    bool is_interrupted; /* for good */
};

/* ---- the library ---- */

enum status source_sql_prepare_library(struct error *error)
{
    return mysql_library_init(0, NULL, NULL) == 0
               ? STATUS_OK
               : error_set(error, STATUS_SYSTEM, "the MySQL client library does not start");
}

enum status source_sql_enter_thread(struct error *error)
{
    return mysql_thread_init() == 0
               ? STATUS_OK
               : error_set(error, STATUS_SYSTEM,
                           "the MySQL client library does not take a thread");
}

void source_sql_leave_thread(void)
{
    mysql_thread_end();
}

/* ---- what the two libraries say in different ways ---- */

#ifdef MARIADB_PACKAGE_VERSION_ID

/*
 * Connector/C falls back to no TLS where the server offers none, unless it
 * verifies the identity; check_security() looks afterwards, before anything is
 * said. Who took TLS away has a proof then, and not the password. A CA alone
 * makes it verify the chain.
 */
static void set_tls(MYSQL *mysql, const struct source_options *source)
{
    const my_bool is_wanted = source->tls_mode != SOURCE_TLS_OFF;
    const my_bool checks_host = source->tls_mode == SOURCE_TLS_VERIFY_IDENTITY;

    (void)mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &is_wanted);
    (void)mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &checks_host);
    if (source->tls_mode >= SOURCE_TLS_VERIFY_CA && source->tls_ca == NULL) {
        (void)mysql_options(mysql, MYSQL_OPT_SSL_CAPATH, "/etc/ssl/certs");
    }
}

/*
 * Plugins that send the password as it is are not let in. caching_sha2_password
 * asks the server for its key where none is given, or can be read, and would
 * send the password to whoever answers: an empty key file makes it fail instead.
 */
static void set_login(MYSQL *mysql, const struct source_options *source)
{
    const char *key = source->public_key == NULL ? "/dev/null" : source->public_key;

    (void)mysql_options(mysql, MARIADB_OPT_RESTRICTED_AUTH,
                        "mysql_native_password,caching_sha2_password");
    (void)mysql_options(mysql, MYSQL_SERVER_PUBLIC_KEY, key);
}

/* mysql_close() forgets to free this option. */
static void end(MYSQL *mysql)
{
    (void)mysql_options(mysql, MYSQL_SERVER_PUBLIC_KEY, NULL);
    mysql_close(mysql);
}

#else

static void set_tls(MYSQL *mysql, const struct source_options *source)
{
    static const unsigned modes[] = {
        [SOURCE_TLS_OFF] = SSL_MODE_DISABLED,
        [SOURCE_TLS_PREFERRED] = SSL_MODE_PREFERRED,
        [SOURCE_TLS_REQUIRED] = SSL_MODE_REQUIRED,
        [SOURCE_TLS_VERIFY_CA] = SSL_MODE_VERIFY_CA,
        [SOURCE_TLS_VERIFY_IDENTITY] = SSL_MODE_VERIFY_IDENTITY,
    };

    (void)mysql_options(mysql, MYSQL_OPT_SSL_MODE, &modes[source->tls_mode]);
    if (source->tls_mode >= SOURCE_TLS_VERIFY_CA && source->tls_ca == NULL) {
        (void)mysql_options(mysql, MYSQL_OPT_SSL_CAPATH, "/etc/ssl/certs");
    }
}

static void set_login(MYSQL *mysql, const struct source_options *source)
{
    const bool no = false;

    (void)mysql_options(mysql, MYSQL_ENABLE_CLEARTEXT_PLUGIN, &no);
    (void)mysql_options(mysql, MYSQL_OPT_GET_SERVER_PUBLIC_KEY, &no);
    if (source->public_key != NULL) {
        (void)mysql_options(mysql, MYSQL_SERVER_PUBLIC_KEY, source->public_key);
    }
}

static void end(MYSQL *mysql)
{
    mysql_close(mysql);
}

#endif

/* ---- errors ---- */

/* The client's own, or the server's last words on this connection. */
static bool is_end(unsigned code)
{
    switch (code) {
    case 0:
    case SERVER_SHUTDOWN:
    case SERVER_KILLED_MARIADB:
    case SERVER_KILLED:
    case SERVER_TIRED:
        return true;
    default:
        return (code >= CLIENT_ERROR_FIRST && code <= CLIENT_ERROR_LAST) ||
               (code >= CONNECTOR_ERROR_FIRST && code <= CONNECTOR_ERROR_LAST);
    }
}

/* What the library says happened. */
static enum status explain(MYSQL *mysql, struct error *error)
{
    unsigned code = mysql_errno(mysql);
    struct log_text words = log_safe(bytes_of_text(mysql_error(mysql)));

    if (is_end(code)) {
        return error_set(error, STATUS_CLOSED, "%s",
                         words.text[0] == '\0' ? "the login failed" : words.text);
    }
    (void)error_set(error, STATUS_DENIED, "%s", words.text);
    error->sql_code = (int)code;
    return STATUS_DENIED;
}

/* Where the empty key of set_login() stopped a login, the library has no words for it. */
static enum status explain_login(MYSQL *mysql,
                                 const struct source_options *source,
                                 struct error *error)
{
    if (mysql_errno(mysql) == CLIENT_ERROR_FIRST && source->public_key == NULL &&
        source->tls_mode < SOURCE_TLS_REQUIRED) {
        return error_set(error, STATUS_INVALID,
                         "the source wants the password itself, and there is neither TLS nor a "
                         "public_key to send it by");
    }
    return explain(mysql, error);
}

/* After a statement; a connection that is lost, or out of step, is given up. */
static enum status fail(struct source_sql *sql, struct error *error)
{
    if (explain(sql->mysql, error) == STATUS_CLOSED) {
        source_sql_hang_up(sql);
    }
    return error->status;
}

/* ---- connecting ---- */

struct source_sql *source_sql_new(const struct source_options *source)
{
    struct source_sql *sql = mem_zeroed(sizeof(*sql));

    (void)pthread_mutex_init(&sql->lock, NULL); /* cannot fail for a default mutex */
    sql->source = source;
    sql->descriptor = -1;
    return sql;
}

void source_sql_free(struct source_sql *sql)
{
    if (sql == NULL) {
        return;
    }
    source_sql_hang_up(sql);
    (void)pthread_mutex_destroy(&sql->lock);
    free(sql);
}

bool source_sql_is_connected(const struct source_sql *sql)
{
    return sql->mysql != NULL;
}

static void set_options(MYSQL *mysql, const struct source_options *source)
{
    const unsigned connect_sec = CONNECT_SEC;
    const unsigned answer_sec = ANSWER_SEC;
    const unsigned no = 0;
    const unsigned protocol = MYSQL_PROTOCOL_TCP; /* "localhost" is a host, not a socket */
    const unsigned long packet_most = PACKET_MOST;

    (void)mysql_options(mysql, MYSQL_OPT_PROTOCOL, &protocol);
    (void)mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect_sec);
    (void)mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &answer_sec);
    (void)mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &answer_sec);
    (void)mysql_options(mysql, MYSQL_OPT_LOCAL_INFILE, &no);
    (void)mysql_options(mysql, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet_most);
    (void)mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (source->tls_mode >= SOURCE_TLS_VERIFY_CA) {
        (void)mysql_options(mysql, MYSQL_OPT_SSL_CA, source->tls_ca);
    }
    if (source->tls_mode != SOURCE_TLS_OFF && source->tls_certificate != NULL) {
        (void)mysql_options(mysql, MYSQL_OPT_SSL_CERT, source->tls_certificate);
        (void)mysql_options(mysql, MYSQL_OPT_SSL_KEY, source->tls_key);
    }
    set_tls(mysql, source);
    set_login(mysql, source);
}

/* A file that cannot be read would count as none. */
static enum status check_files(const struct source_options *source, struct error *error)
{
    const char *const files[] = {source->public_key, source->tls_ca, source->tls_certificate,
                                 source->tls_key};

    for (size_t at = 0; at < sizeof(files) / sizeof(files[0]); at++) {
        if (files[at] != NULL && access(files[at], R_OK) != 0) {
            (void)error_set_errno(error, "read %s", files[at]);
            return error->status = STATUS_INVALID;
        }
    }
    return STATUS_OK;
}

static enum status check_security(MYSQL *mysql,
                                  const struct source_options *source,
                                  struct error *error)
{
    if (source->tls_mode >= SOURCE_TLS_REQUIRED && mysql_get_ssl_cipher(mysql) == NULL) {
        return error_set(error, STATUS_INVALID,
                         "the source offers no TLS, and tls.mode demands it");
    }
    return STATUS_OK;
}

static enum status log_in(MYSQL *mysql,
                          const struct source_options *source,
                          struct error *error)
{
    set_options(mysql, source);
    /* The flag: a failure leaves the options to end(). */
    if (mysql_real_connect(mysql, source->host, source->user, source->password, NULL,
                           source->port, NULL, CLIENT_REMEMBER_OPTIONS) == NULL) {
        return explain_login(mysql, source, error);
    }
    return check_security(mysql, source, error);
}

/* From now on the connection can be interrupted. False if it was before. */
static bool show_socket(struct source_sql *sql, int descriptor)
{
    bool is_wanted = false;

    pthread_mutex_lock(&sql->lock);
    sql->descriptor = descriptor;
    is_wanted = !sql->is_interrupted;
    pthread_mutex_unlock(&sql->lock);
    return is_wanted;
}

static enum status connect_anew(struct source_sql *sql, MYSQL *mysql, struct error *error)
{
    int descriptor = -1;

    if (log_in(mysql, sql->source, error) != STATUS_OK) {
        end(mysql);
        return error->status;
    }
    descriptor = fcntl((int)mysql->net.fd, F_DUPFD_CLOEXEC, 0);
    if (descriptor < 0) {
        (void)error_set_errno(error, "name the connection's socket");
        end(mysql);
        return error->status;
    }
    sql->mysql = mysql;
    if (!show_socket(sql, descriptor)) {
        source_sql_hang_up(sql);
        return error_set(error, STATUS_CLOSED, "interrupted");
    }
    return STATUS_OK;
}

enum status source_sql_connect(struct source_sql *sql, struct error *error)
{
    MYSQL *mysql = NULL;

    if (sql->mysql != NULL) {
        return STATUS_OK;
    }
    if (!show_socket(sql, -1)) {
        return error_set(error, STATUS_CLOSED, "interrupted");
    }
    if (check_files(sql->source, error) != STATUS_OK) {
        return error->status;
    }
    mysql = mysql_init(NULL);
    if (mysql == NULL) {
        abort(); /* want of memory */
    }
    return connect_anew(sql, mysql, error);
}

void source_sql_hang_up(struct source_sql *sql)
{
    int descriptor = -1;

    if (sql->mysql == NULL) {
        return;
    }
    pthread_mutex_lock(&sql->lock);
    descriptor = sql->descriptor;
    sql->descriptor = -1;
    pthread_mutex_unlock(&sql->lock);
    end(sql->mysql);
    sql->mysql = NULL;
    (void)close(descriptor); /* a socket that nothing is lost with */
}

void source_sql_interrupt(struct source_sql *sql)
{
    pthread_mutex_lock(&sql->lock);
    sql->is_interrupted = true;
    if (sql->descriptor >= 0) {
        (void)shutdown(sql->descriptor, SHUT_RDWR); /* it may be closed by the source */
    }
    pthread_mutex_unlock(&sql->lock);
}

/* ---- statements ---- */

/* Gives up an answer that is not read to its end: without the socket, what is left of it is
 * not waited for. The connection must be there still when the result is freed. */
static void break_off(struct source_sql *sql, MYSQL_RES *result)
{
    (void)shutdown(sql->descriptor, SHUT_RDWR); /* it may be closed by the source */
    mysql_free_result(result);
    source_sql_hang_up(sql);
}

enum status source_sql_run(struct source_sql *sql, const char *statement, struct error *error)
{
    MYSQL_RES *rows = NULL;

    if (mysql_query(sql->mysql, statement) != 0) {
        return fail(sql, error);
    }
    rows = mysql_use_result(sql->mysql);
    if (rows != NULL) {
        break_off(sql, rows);
        return error_set(error, STATUS_INVALID, "the source answered with rows");
    }
    return mysql_errno(sql->mysql) == 0 ? STATUS_OK : fail(sql, error);
}

static void take_row(MYSQL_RES *result, MYSQL_ROW row, const struct source_sql_rows *rows)
{
    const unsigned long *sizes = mysql_fetch_lengths(result);
    struct bytes values[COLUMNS_MOST];

    for (size_t at = 0; at < rows->columns; at++) {
        values[at] = (struct bytes){.data = (const uint8_t *)row[at],
                                    .size = row[at] == NULL ? 0 : sizes[at]};
    }
    rows->take(rows->context, values);
}

/* STATUS_FULL: there are more rows, which stay unread. */
static enum status take_rows(struct source_sql *sql,
                             MYSQL_RES *result,
                             const struct source_sql_rows *rows,
                             struct error *error)
{
    size_t count = 0;
    MYSQL_ROW row = NULL;

    if (mysql_num_fields(result) < rows->columns ||
        (mysql_num_fields(result) > rows->columns && !rows->may_be_wider)) {
        return error_set(error, STATUS_INVALID, "the source answered with %u columns",
                         mysql_num_fields(result));
    }
    while ((row = mysql_fetch_row(result)) != NULL) {
        if (count++ == rows->most) {
            return error_set(error, STATUS_FULL, "the source answered with over %zu rows",
                             rows->most);
        }
        take_row(result, row, rows);
    }
    return mysql_errno(sql->mysql) == 0 ? STATUS_OK : explain(sql->mysql, error);
}

bool source_sql_number(struct bytes value, uint64_t *number)
{
    uint64_t found = 0;

    if (value.data == NULL || value.size == 0) {
        return false;
    }
    for (size_t at = 0; at < value.size; at++) {
        unsigned digit = (unsigned)value.data[at] - '0';

        if (digit > 9 || found > (UINT64_MAX - digit) / 10) {
            return false;
        }
        found = found * 10 + digit;
    }
    *number = found;
    return true;
}

enum status source_sql_ask(struct source_sql *sql,
                           const char *statement,
                           const struct source_sql_rows *rows,
                           struct error *error)
{
    MYSQL_RES *result = NULL;
    enum status status = STATUS_OK;

    if (mysql_query(sql->mysql, statement) != 0) {
        return fail(sql, error);
    }
    result = mysql_use_result(sql->mysql);
    if (result == NULL) {
        return mysql_errno(sql->mysql) != 0
                   ? fail(sql, error)
                   : error_set(error, STATUS_INVALID, "the source answered without rows");
    }
    status = take_rows(sql, result, rows, error);
    if (status == STATUS_OK || status == STATUS_DENIED) {
        mysql_free_result(result);
        return status;
    }
    break_off(sql, result);
    return status;
}
