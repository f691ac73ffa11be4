/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"
#include "check.h"
#include "temp_dir.h"

static const char sample[] =
    "{'data_dir': '/tmp/d', 'endpoint': {'listen': ['127.0.0.1:3306', {'address': '[::]:3307',"
    " 'cluster': 'east', 'version': '8.0.40'}], 'tls': {'mode': 'required'}},"
    " 'accounts': [{'user': 'r', 'password': 'p', 'rights': ['replicate', 'read'],"
    " 'clusters': ['east']}],"
    " 'clusters': [{'name': 'east', 'server_id': 199, 'start': {'file': 'b.000002',"
    " 'position': 4711}, 'read_timeout': '30s',"
    " 'sources': [{'host': 'h', 'user': 'u', 'password': 's'}]}]}";

/* Writes the text, with ' for ", into a file of the directory and reads it as configuration. */
static enum status read_text(const char *directory,
                             const char *text,
                             struct config **config,
                             struct option_faults *faults)
{
    autofree char *path = mem_format("%s/config.json", directory);
    autofree char *json = mem_text(text);
    FILE *file = fopen(path, "w");
    struct error error;

    for (char *at = json; *at != '\0'; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    CHECK(file != NULL && fputs(json, file) >= 0 && fclose(file) == 0);
    return config_read(config, path, faults, &error);
}

static void fills_values_and_defaults(void)
{
    char *directory = temp_dir_make();
    struct option_faults faults = {0};
    struct config *config = NULL;

    CHECK(read_text(directory, sample, &config, &faults) == STATUS_OK);
    CHECK(config->endpoint.listen.count == 2);
    CHECK(strcmp(config_listen_at(config, 0)->address, "127.0.0.1:3306") == 0);
    CHECK(strcmp(config_listen_at(config, 0)->version, "auto") == 0);
    CHECK(strcmp(config_listen_at(config, 1)->cluster, "east") == 0);
    CHECK(config->endpoint.tls.mode == TLS_REQUIRED);
    CHECK(config->endpoint.max_connections == 1000 && config->serve_threads == 2);
    CHECK(config_cluster_at(config, 0)->read_timeout_usec == 30000000);
    CHECK(config_cluster_at(config, 0)->heartbeat_period_usec == 1000000);
    CHECK(config_cluster_at(config, 0)->start.position == 4711);
    CHECK(config_source_at(config_cluster_at(config, 0), 0)->port == 3306);
    CHECK(config->admin.mode == 0660);
    config_free(config);
    temp_dir_remove(directory);
}

static bool complains(const char *text, const char *of)
{
    char *directory = temp_dir_make();
    struct option_faults faults = {0};
    struct config *config = NULL;
    bool has = false;

    CHECK(read_text(directory, text, &config, &faults) == STATUS_INVALID && config == NULL);
    buffer_add_number(&faults.lines, 0, 1);
    has = strstr((const char *)faults.lines.data, of) != NULL;
    if (!has) {
        fprintf(stderr, "no \"%s\" in:\n%s", of, (const char *)faults.lines.data);
    }
    buffer_release(&faults.lines);
    temp_dir_remove(directory);
    return has;
}

/* The sample with one part replaced. */
static char *sample_with(const char *part, const char *other)
{
    const char *at = strstr(sample, part);

    CHECK(at != NULL);
    return mem_format("%.*s%s%s", (int)(at - sample), sample, other, at + strlen(part));
}

#define POLL(cluster, more)                                                                    \
    "'heartbeat': {'poll': [{'cluster': '" cluster "', 'host': 'h', 'user': 'u'" more "}]},"

static void names_every_fault_with_its_path(void)
{
    static const struct {
        const char *part;
        const char *other;
        const char *complaint;
    } cases[] = {
        {"'data_dir'", "'datadir'", "$.datadir: there is no such option"},
        {"'host': 'h', ", "", "$.clusters[0].sources[0].host: is missing"},
        {"199", "0", "$.clusters[0].server_id: must be from 1 to 4294967295"},
        {"199", "'x'", "$.clusters[0].server_id: must be a number"},
        {"'30s'", "30", "$.clusters[0].read_timeout: must be a duration"},
        {"'30s'", "'1s'", "must be longer than heartbeat_period"},
        {"'mode': 'required'", "'mode': 'on'", "$.endpoint.tls.mode: must be one of off|opt"},
        {"['east']", "['west']", "$.accounts[0].clusters[0]: there is no cluster west"},
        {"'replicate', ", "'write', ", "$.accounts[0]: rights[0]: must be one of"},
        {"'name': 'east'", "'name': '../east'", "$.clusters[0].name: must be 1 to"},
        {"'position': 4711", "'position': 3",
         "$.clusters[0].start.position: must be at least 4"},
        {"'file': 'b.000002'", "'epoch': 5", "file and position go together"},
        {"'password': 'p'", "'password_file': '/nonexistent'", "$.accounts[0].password_file: "},
        {"'127.0.0.1:3306'", "'here'", "$.endpoint.listen[0].address: must be host:port"},
        {"'127.0.0.1:3306'", "'here:99999'", "$.endpoint.listen[0].address: must be host:port"},
        {"'mode': 'required'", "'cert': '/nonexistent', 'key': '/nonexistent'",
         "$.endpoint.tls: "},
        {"'/tmp/d'", "''", "$.data_dir: must not be empty"},
        {"'user': 'r'", "'user': 'r+s'", "$.accounts[0].user: must not hold a '+'"},
        {"'start'", "'epochs': 'none', 'purge': {'policy': 'applied'}, 'start'",
         "needs a heartbeat.poll"},
        {"'clusters': [{", POLL("west", "") " 'clusters': [{",
         "$.heartbeat.poll[0].cluster: there is no cluster west"},
        {"'clusters': [{", POLL("east", ", 'tls': {'mode': 'on'}") " 'clusters': [{",
         "$.heartbeat.poll[0].tls.mode: must be one of off|pref"},
        {"'clusters': [{", POLL("east", ", 'tls': {'cert': 'c'}") " 'clusters': [{",
         "$.heartbeat.poll[0].tls: a cert needs its key"},
        {"'file': 'b.000002', 'position': 4711", "'epoch': 5",
         "$.clusters[0].start.epoch: needs"},
        {"'start': {'file': 'b.000002', 'position': 4711}",
         "'epochs': 'heartbeat', 'start': {'epoch': 5}", "$.clusters[0].start.epoch: needs"},
        {"'start'", "'identity': 'both', 'start'", "$.clusters[0].identity: must be one of"},
        {"'clusters': [{", "'heartbeat': {'table': 'heartbeat'}, 'clusters': [{",
         "$.heartbeat.table: must be a"},
        {"'clusters': [{", "'heartbeat': {'table': 'a.b.c'}, 'clusters': [{",
         "$.heartbeat.table: must be a"},
        {"'clusters': [{", "'heartbeat': {'table': '.b'}, 'clusters': [{",
         "$.heartbeat.table: must be a"},
        {"'clusters': [{", "'heartbeat': {'table': 'a`.b'}, 'clusters': [{",
         "$.heartbeat.table: must be a"},
        {"'clusters': [{", "'heartbeat': {'table': 'MySQL.heartbeat'}, 'clusters': [{",
         "$.heartbeat.table: must be in a database of its own"},
        {"'clusters': [{", "'heartbeat': {'interval': '1ms'}, 'clusters': [{",
         "$.heartbeat.interval: must be"},
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        autofree char *text = sample_with(cases[at].part, cases[at].other);

        CHECK(complains(text, cases[at].complaint));
    }
}

#define APPLIERS(list) "'appliers': [" list "], 'start'"

static void names_the_faults_of_appliers(void)
{
    static const struct {
        const char *part;
        const char *other;
        const char *complaint;
    } cases[] = {
        {"'start'", "'lease': {'ttl': '30s'}, 'start'", "$.clusters[0].lease: needs"},
        {"'start'", "'epochs': 'ndb', 'lease': {'ttl': '10ms'}, 'start'",
         "$.clusters[0].lease.ttl: must be"},
        {"'start'", "'epochs': 'ndb', 'lease': {}, 'start'",
         "$.clusters[0].lease.ttl: is missing"},
        {"'start'", APPLIERS("{'server_id': 7}, {'server_id': 8}, {'server_id': 7}"),
         "$.clusters[0].appliers[2].server_id: is that of appliers[0], too"},
        {"'start'", APPLIERS("{'server_id': 199}"),
         "$.clusters[0].appliers[0].server_id: is the cluster's own"},
        {"'start'", APPLIERS("{'server_id': 7, 'group': 'a b'}"),
         "$.clusters[0].appliers[0].group: must be up to 64 of"},
    };

    for (size_t at = 0; at < sizeof(cases) / sizeof(cases[0]); at++) {
        autofree char *text = sample_with(cases[at].part, cases[at].other);

        CHECK(complains(text, cases[at].complaint));
    }
}

static void wants_something_where_it_is_required(void)
{
    autofree char *source = sample_with("'host': 'h'", "'host': ''");
    autofree char *user = sample_with("'user': 'r'", "'user': ''");
    autofree char *poll =
        sample_with("'clusters': [{", "'heartbeat': {'poll': [{'cluster': 'east', 'host': '', "
                                      "'user': 'u'}]}, 'clusters': [{");

    CHECK(complains(source, "$.clusters[0].sources[0].host: must not be empty"));
    CHECK(complains(user, "$.accounts[0].user: must not be empty"));
    CHECK(complains(poll, "$.heartbeat.poll[0].host: must not be empty"));
}

static void reports_all_faults_at_once(void)
{
    autofree char *text = sample_with("199", "0, 'nonsense': 1, 'semi_sync': 'yes'");

    CHECK(complains(text, "server_id: must be from"));
    CHECK(complains(text, "nonsense: there is no such option"));
    CHECK(complains(text, "semi_sync: must be true or false"));
}

static void reads_secrets_from_files_and_prints_none(void)
{
    char *directory = temp_dir_make();
    autofree char *secret_path = mem_format("%s/secret", directory);
    autofree char *option = mem_format("'password_file': '%s'", secret_path);
    autofree char *text = sample_with("'password': 'p'", option);
    FILE *file = fopen(secret_path, "w");
    struct option_faults faults = {0};
    struct config *config = NULL;
    char *printed = NULL;

    CHECK(file != NULL && fputs("s3cret\n", file) >= 0 && fclose(file) == 0);
    CHECK(read_text(directory, text, &config, &faults) == STATUS_OK);
    CHECK(strcmp(config_account_at(config, 0)->password, "s3cret") == 0);
    printed = config_print(config);
    CHECK(strstr(printed, "s3cret") == NULL && strstr(printed, "\"password\"") == NULL);
    CHECK(strstr(printed, "\"read_timeout\": \"30s\"") != NULL);
    free(printed);
    config_free(config);
    temp_dir_remove(directory);
}

/* What is printed can be read, and says the same. */
static void prints_what_it_reads(void)
{
    static const char *const parts[] = {"'start'",
                                        "'epochs': 'ndb', 'lease': {'ttl': '30s'}, 'start'"};

    for (size_t at = 0; at < sizeof(parts) / sizeof(parts[0]); at++) {
        char *directory = temp_dir_make();
        autofree char *secret_path = mem_format("%s/secret", directory);
        autofree char *option = mem_format("'password_file': '%s'", secret_path);
        autofree char *text = sample_with("'password': 'p'", option);
        const char *part = strstr(text, "'start'");
        autofree char *more = mem_format("%.*s%s%s", (int)(part - text), text, parts[at],
                                         part + strlen("'start'"));
        FILE *file = fopen(secret_path, "w");
        struct option_faults faults = {0};
        struct config *config = NULL;
        char *first = NULL;
        char *second = NULL;

        CHECK(file != NULL && fputs("s3cret\n", file) >= 0 && fclose(file) == 0);
        CHECK(read_text(directory, more, &config, &faults) == STATUS_OK);
        first = config_print(config);
        CHECK((strstr(first, "\"lease\"") != NULL) == (at == 1));
        config_free(config);
        CHECK(read_text(directory, first, &config, &faults) == STATUS_OK);
        second = config_print(config);
        CHECK(strcmp(first, second) == 0);
        config_free(config);
        free(first);
        free(second);
        temp_dir_remove(directory);
    }
}

static void survives_what_is_no_json(void)
{
    static const char *const texts[] = {"",
                                        "[]",
                                        "{",
                                        "null",
                                        "{'clusters': 7}",
                                        "{'clusters': [7]}",
                                        "{'endpoint': []}",
                                        "{'clusters': []}"};

    for (size_t at = 0; at < sizeof(texts) / sizeof(texts[0]); at++) {
        char *directory = temp_dir_make();
        struct option_faults faults = {0};
        struct config *config = NULL;

        CHECK(read_text(directory, texts[at], &config, &faults) == STATUS_INVALID);
        buffer_release(&faults.lines);
        temp_dir_remove(directory);
    }
}

int main(void)
{
    fills_values_and_defaults();
    names_every_fault_with_its_path();
    names_the_faults_of_appliers();
    wants_something_where_it_is_required();
    reports_all_faults_at_once();
    reads_secrets_from_files_and_prints_none();
    prints_what_it_reads();
    survives_what_is_no_json();
    return 0;
}
