/* SPDX-License-Identifier: Apache-2.0 */
#include "source_copy.h"

#include <stdlib.h>
#include <string.h>

#include "binrelay/base/memory.h"

void source_copy_make(struct source_options *copy, const struct source_options *from)
{
    *copy = *from;
    copy->host = mem_text(from->host);
    copy->user = mem_text(from->user);
    copy->password = mem_text(from->password != NULL ? from->password : "");
    copy->tls_ca = mem_text(from->tls_ca);
    copy->tls_certificate = mem_text(from->tls_certificate);
    copy->tls_key = mem_text(from->tls_key);
    copy->public_key = mem_text(from->public_key);
}

void source_copy_forget_secret(char *secret)
{
    if (secret != NULL) {
        explicit_bzero(secret, strlen(secret));
    }
    free(secret);
}

void source_copy_release(struct source_options *copy)
{
    source_copy_forget_secret((char *)copy->password);
    free((char *)copy->host);
    free((char *)copy->user);
    free((char *)copy->tls_ca);
    free((char *)copy->tls_certificate);
    free((char *)copy->tls_key);
    free((char *)copy->public_key);
    *copy = (struct source_options){0};
}
