/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver.h"

#include <event2/dns.h>
#include <event2/util.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "binrelay/base/memory.h"

struct resolver {
    struct loop *loop;       /* borrowed */
    struct evdns_base *base; /* owned; NULL until a name is asked for */
    unsigned open_requests;  /* of base */
    uint64_t answered_turn;  /* when the last answer came */
};

struct resolution {
    struct resolver *resolver;                 /* borrowed */
    struct loop_task task;                     /* tells the answer */
    char *host;                                /* owned */
    resolved_fn fn;                            /* NULL: cancelled */
    void *context;                             /* borrowed */
    struct evdns_getaddrinfo_request *request; /* borrowed from evdns until it answers */
    struct socket_address addresses[RESOLVED_ADDRESSES_MAX];
    size_t count;
    struct error error;
};

struct resolver *resolver_new(struct loop *loop)
{
    struct resolver *resolver = mem_zeroed(sizeof(*resolver));

    resolver->loop = loop;
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    /* Cancelled requests are answered by libevent in the next turns. */
    for (int turns = 0; resolver->open_requests > 0 && turns < 100; turns++) {
        (void)event_base_loop(loop_base(resolver->loop), EVLOOP_NONBLOCK);
    }
    if (resolver->base != NULL) {
        evdns_base_free(resolver->base, 1);
    }
    free(resolver);
}

/* Reads resolv.conf and the hosts file as they are now. */
static struct evdns_base *fresh_base(struct resolver *resolver)
{
    /* After an answer libevent may still have the other half of the question to clear away. */
    bool is_busy =
        resolver->open_requests > 0 || loop_turns(resolver->loop) - resolver->answered_turn < 3;

    if (resolver->base != NULL && is_busy) {
        return resolver->base;
    }
    if (resolver->base != NULL) {
        evdns_base_free(resolver->base, 0);
    }
    resolver->base =
        evdns_base_new(loop_base(resolver->loop), EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    if (resolver->base == NULL) {
        abort(); /* out of memory */
    }
    /* Without a file, or a nameserver in it, the hosts file must still do. */
    (void)evdns_base_resolv_conf_parse(resolver->base, DNS_OPTIONS_ALL, "/etc/resolv.conf");
    return resolver->base;
}

static void keep_addresses(struct resolution *resolution, const struct addrinfo *found)
{
    for (; found != NULL && resolution->count < RESOLVED_ADDRESSES_MAX;
         found = found->ai_next) {
        struct socket_address *address = &resolution->addresses[resolution->count];

        if (found->ai_addrlen <= sizeof(address->storage)) {
            memcpy(&address->storage, found->ai_addr, found->ai_addrlen);
            address->size = found->ai_addrlen;
            resolution->count++;
        }
    }
}

static void tell(void *context)
{
    struct resolution *resolution = context;

    if (resolution->fn != NULL) {
        resolution->fn(resolution->context, resolution->addresses, resolution->count,
                       &resolution->error);
    }
    free(resolution->host);
    free(resolution);
}

/* May be called from within evdns_getaddrinfo(): so it only notes the answer. */
static void on_answer(int code, struct evutil_addrinfo *found, void *context)
{
    struct resolution *resolution = context;

    resolution->resolver->open_requests--;
    resolution->resolver->answered_turn = loop_turns(resolution->resolver->loop);
    resolution->request = NULL;
    if (code == 0) {
        keep_addresses(resolution, found);
        evutil_freeaddrinfo(found);
    } else {
        (void)error_set(&resolution->error, STATUS_NOT_FOUND, "resolve %s: %s",
                        resolution->host, evutil_gai_strerror(code));
    }
    loop_schedule(resolution->resolver->loop, &resolution->task);
}

/* Numbers need no question. The scope of an IPv6 address ("fe80::1%eth0") is one of them. */
static bool find_numeric(struct resolution *resolution, const char *host, const char *port)
{
    const struct addrinfo hints = {
        .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
        .ai_socktype = SOCK_STREAM,
    };
    struct addrinfo *found = NULL;

    if (getaddrinfo(host, port, &hints, &found) != 0) {
        return false;
    }
    keep_addresses(resolution, found);
    freeaddrinfo(found);
    return true;
}

struct resolution *resolver_start(
    struct resolver *resolver, const char *host, uint16_t port, resolved_fn fn, void *context)
{
    const struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_protocol = IPPROTO_TCP,
    };
    struct resolution *resolution = mem_zeroed(sizeof(*resolution));
    struct evdns_getaddrinfo_request *request = NULL;
    char service[8];

    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    resolution->host = mem_text(host);
    resolution->resolver = resolver;
    resolution->task = (struct loop_task){.fn = tell, .context = resolution};
    resolution->fn = fn;
    resolution->context = context;
    if (find_numeric(resolution, host, service)) {
        loop_schedule(resolver->loop, &resolution->task);
        return resolution;
    }
    resolver->open_requests++;
    request =
        evdns_getaddrinfo(fresh_base(resolver), host, service, &hints, on_answer, resolution);
    if (resolution->task.next == NULL) {
        resolution->request = request; /* else it was answered already */
    }
    return resolution;
}

void resolution_cancel(struct resolution *resolution)
{
    resolution->fn = NULL;
    if (resolution->request != NULL) {
        evdns_getaddrinfo_cancel(resolution->request); /* on_answer() follows */
        resolution->request = NULL;
    }
}
