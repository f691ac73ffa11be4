/* SPDX-License-Identifier: Apache-2.0 */
/* The admin socket's own work: order, waiting, clients that come and go. */
#include "admin_rig.h"

/* A purge that stands still at the gate until it is opened. */
static int start_slow_purge(struct admin_rig *rig)
{
    int client = rig_connect(rig);

    rig_close_gate(rig);
    rig_send(client, "purge east --dry-run\n");
    rig_wait(&rig->at_gate);
    return client;
}

static void check_ok(json_t *reply, bool wanted)
{
    CHECK(json_is_true(json_object_get(reply, "ok")) == wanted);
    json_decref(reply);
}

static void requests_of_a_client_are_answered_in_order(void)
{
    struct admin_rig rig;
    int client = 0;

    rig_open(&rig);
    client = rig_connect(&rig);
    rig_send(client, "purge east --dry-run\nhelp\nnonsense\n{\"command\": \"pin list\"}\nstat");
    rig_send(client, "us east\n\nkill 99\n");
    for (int at = 0; at < 7; at++) {
        static const char *const proofs[] = {"blockers", NULL, NULL, NULL, NULL, NULL, NULL};
        static const bool is_ok[] = {true, true, false, true, true, false, false};
        json_t *reply = rig_read(client);

        CHECK(proofs[at] == NULL ||
              json_object_get(json_object_get(reply, "result"), proofs[at]) != NULL);
        check_ok(reply, is_ok[at]);
    }
    CHECK(close(client) == 0);
    rig_close(&rig);
}

static void a_slow_command_holds_up_no_other_client(void)
{
    struct admin_rig rig;
    int slow = 0;

    rig_open(&rig);
    slow = start_slow_purge(&rig);
    rig_send(slow, "cluster list\n");
    json_decref(rig_do(&rig, "cluster list"));
    json_decref(rig_do(&rig, "applier list"));
    json_decref(rig_do(&rig, "files east"));
    json_decref(rig_do(&rig, "status"));
    json_decref(rig_do(&rig, "applier add east 301"));
    rig_open_gate(&rig);
    check_ok(rig_read(slow), true);
    check_ok(rig_read(slow), true);
    CHECK(close(slow) == 0);
    rig_close(&rig);
}

static void a_client_may_leave_in_mid_command(void)
{
    struct admin_rig rig;
    int slow = 0;

    rig_open(&rig);
    slow = start_slow_purge(&rig);
    CHECK(close(slow) == 0);
    json_decref(rig_do(&rig, "cluster list"));
    rig_open_gate(&rig);
    json_decref(rig_do(&rig, "purge east --dry-run")); /* behind it, on the same worker */
    json_decref(rig_do(&rig, "cluster list"));
    rig_close(&rig);
}

/* As `printf 'purge east\n' | nc -U -N admin.sock` does. */
static void one_that_said_all_still_gets_its_reply(void)
{
    struct admin_rig rig;
    int slow = 0;

    rig_open(&rig);
    slow = start_slow_purge(&rig);
    CHECK(shutdown(slow, SHUT_WR) == 0);
    rig_open_gate(&rig);
    check_ok(rig_read(slow), true);
    CHECK(rig_read(slow) == NULL);
    CHECK(close(slow) == 0);
    rig_close(&rig);
}

static void closing_waits_for_what_runs_and_drops_what_waits(void)
{
    struct admin_rig rig;
    int first = 0;
    int second = 0;

    rig_open(&rig);
    first = start_slow_purge(&rig);
    second = rig_connect(&rig);
    rig_send(second, "purge east --dry-run\n");
    rig_open_gate(&rig);
    rig_close(&rig);
    json_decref(rig_read(first)); /* it may have been answered before */
    json_decref(rig_read(second));
    CHECK(rig_read(first) == NULL && rig_read(second) == NULL);
    CHECK(close(first) == 0 && close(second) == 0);
}

static void a_line_without_end_is_cut_off(void)
{
    struct admin_rig rig;
    char part[4096];
    int client = 0;

    rig_open(&rig);
    client = rig_connect(&rig);
    memset(part, 'x', sizeof(part));
    while (send(client, part, sizeof(part), MSG_NOSIGNAL) > 0) {
    }
    CHECK(close(client) == 0);
    json_decref(rig_do(&rig, "cluster list"));
    rig_close(&rig);
}

static void too_many_clients_are_turned_away(void)
{
    enum { MANY = 65 };
    struct admin_rig rig;
    int clients[MANY];

    rig_open(&rig);
    for (int at = 0; at < MANY; at++) {
        clients[at] = rig_connect(&rig);
        if (at + 1 < MANY) {
            rig_send(clients[at], "cluster list\n");
            check_ok(rig_read(clients[at]), true);
        }
    }
    CHECK(rig_read(clients[MANY - 1]) == NULL);
    for (int at = 0; at < MANY; at++) {
        CHECK(close(clients[at]) == 0);
    }
    rig_close(&rig);
}

static void a_message_that_is_cut_in_a_letter_is_a_message(void)
{
    struct admin_rig rig;

    rig_open(&rig);
    for (size_t lead = 0; lead < 2; lead++) {
        char line[700] = "cluster show x";
        size_t at = strlen("cluster show ") + lead;

        for (int letter = 0; letter < 300; letter++, at += 2) {
            memcpy(line + at, "\xc3\xa9", 3);
        }
        rig_refuse(&rig, line, "not_found", "there is no cluster");
    }
    rig_close(&rig);
}

static void commands_of_the_program_are_passed_on(void)
{
    struct admin_rig rig;

    rig_open(&rig);
    json_decref(rig_do(&rig, "reload"));
    CHECK(atomic_load(&rig.reloads) == 1);
    rig_refuse(&rig, "log-level loud", "invalid", "there is no level");
    rig_close(&rig);
}

int main(void)
{
    requests_of_a_client_are_answered_in_order();
    a_slow_command_holds_up_no_other_client();
    a_client_may_leave_in_mid_command();
    one_that_said_all_still_gets_its_reply();
    closing_waits_for_what_runs_and_drops_what_waits();
    a_line_without_end_is_cut_off();
    too_many_clients_are_turned_away();
    a_message_that_is_cut_in_a_letter_is_a_message();
    commands_of_the_program_are_passed_on();
    return 0;
}
