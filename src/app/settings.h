/* SPDX-License-Identifier: Apache-2.0 */
/* From the configuration to what the endpoint and the pullers take. */
#pragma once

#include "binrelay/serve/endpoint.h"
#include "binrelay/source/puller.h"
#include "config.h"

/* Endpoint settings that borrow from the configuration: release before it is freed. */
struct settings {
    struct endpoint_settings endpoint;
    struct account_options *accounts; /* owned */
    struct tls *tls;                  /* owned: a reference */
};

/* Loads certificates; makes a self-signed pair in data_dir where none is configured. */
MUST_CHECK enum status settings_make(struct settings *settings,
                                     const struct config *config,
                                     struct error *error);
void settings_release(struct settings *settings);

/* One of them, or a server that is polled; borrows from the configuration. */
struct source_options settings_source(const struct config_source *source);

/* Sources of a cluster as the puller takes them; borrows from the configuration; freed by the
 * caller. */
struct source_options *settings_sources(const struct config_cluster *cluster);

/* Listeners as the endpoint takes them; as above. */
struct listener_options *settings_listeners(const struct config *config);

/* How epochs are known in the cluster's stream; the bits as the source said, 0: all. */
struct epoch_rules settings_epochs(const struct config *config,
                                   const struct config_cluster *cluster,
                                   uint8_t server_id_bits);

/* The server_id that epoch markers are stored with; 0: the source's own. */
uint32_t settings_marker_id(const struct config_cluster *cluster);

/* True if replicas see the source's own server_id: an NDB applier knows epochs by it. */
bool settings_presents_upstream(const struct config_cluster *cluster);
