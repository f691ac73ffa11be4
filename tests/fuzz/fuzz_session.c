/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer may send, in portions of any size, to a session without a
 * socket. The first byte says how the peer is met; then each portion has its
 * size in front.
 */
#include "../../src/serve/session_dump.h"
#include "binrelay/base/log.h"
#include "session_script.h"

enum {
    LOGGED_IN = 1, /* else the login is in the bytes */
    FROM_PROXY = 2,
    OLD_PLUGIN = 4,
    DUMPS_END = 8, /* a dump that is asked for ends at once; else it stays */
    REPLICATES = 16,
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct settings *make_settings(const struct session_script *script, unsigned how)
{
    const struct account_options account = {
        .user = "u",
        .password = "a password of 30 random letters",
        .is_native = (how & OLD_PLUGIN) != 0,
        .rights = (how & REPLICATES) != 0 ? RIGHT_REPLICATE : RIGHT_READ | RIGHT_ADMIN,
        .clusters = &script->clusters[0].name,
        .cluster_count = 1,
    };
    const struct endpoint_settings wanted = {.accounts = &account, .account_count = 1};
    struct settings *settings = NULL;
    struct error error;

    CHECK_OK(settings_new(&settings, &wanted, script->clusters, 2, &error), &error);
    return settings;
}

/* As if the password had been right. */
static void log_in(struct session_script *script)
{
    struct session *session = &script->session;

    session->account = &session->settings->accounts[0];
    session->sql.rights = session->account->rights;
    session->sql.cluster = &script->clusters[0];
    session_move_to(session, SESSION_AUTHENTICATING);
    session_move_to(session, SESSION_READY);
}

/* What the world does between two portions. */
static void go_on(struct session_script *script, unsigned how)
{
    struct session *session = &script->session;

    if (session->state == SESSION_ANSWERING) {
        session_answered(session, (struct bytes){0});
    }
    if (session->state == SESSION_STREAMING && (how & DUMPS_END) != 0) {
        struct dump_request request;

        session_dump_request(session, &request);
        CHECK(request.command.file_name.size <= session->wish.texts.size);
        session_move_to(session, SESSION_READY);
    }
    while (script->turns_asked > 0 && session->state != SESSION_CLOSED) {
        script->turns_asked = 0;
        session_run(session);
    }
    CHECK(session->state != SESSION_READY || (how & LOGGED_IN) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct session_script script;
    struct byte_reader input = byte_reader_of((struct bytes){.data = data, .size = size});
    unsigned how = (unsigned)byte_reader_number(&input, 1);

    if (script.house.directory == NULL) {
        script_open_house(&script); /* once: it has a store */
        log_set_level(LOG_ERROR);
    }
    script_begin(&script, make_settings(&script, how));
    script.session.may_send_proxy_header = (how & FROM_PROXY) != 0;
    if ((how & LOGGED_IN) != 0) {
        log_in(&script);
    }
    while (input.left > 0 && script.session.state < SESSION_CLOSING) {
        uint64_t portion = byte_reader_number(&input, 1);

        script_feed(&script,
                    byte_reader_take(&input, portion < input.left ? portion : input.left));
        go_on(&script, how);
    }
    script_end(&script);
    login_limits_free(script.house.limits); /* no input may spoil the next one */
    script.house.limits = login_limits_new();
    return 0;
}
