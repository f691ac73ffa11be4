/* SPDX-License-Identifier: Apache-2.0 */
#include "admin_socket.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum status admin_socket_connect(int *made, const char *path, struct error *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int descriptor = -1;

    if (strlen(path) >= sizeof(address.sun_path)) {
        return error_set(error, STATUS_INVALID, "%s: too long for a socket's path", path);
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 ||
        connect(descriptor, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        enum status status =
            error_set_errno(error, "cannot reach %s (does binrelayd run?)", path);

        if (descriptor >= 0) {
            (void)close(descriptor); /* nothing was sent */
        }
        return status;
    }
    *made = descriptor;
    return STATUS_OK;
}

enum status admin_socket_ask(int descriptor,
                             struct bytes request,
                             struct buffer *reply,
                             struct error *error)
{
    while (request.size > 0) {
        ssize_t sent = send(descriptor, request.data, request.size, MSG_NOSIGNAL);

        if (sent < 0) {
            return error_set_errno(error, "send the command");
        }
        request.data += sent;
        request.size -= (size_t)sent;
    }
    while (reply->size == 0 || reply->data[reply->size - 1] != '\n') {
        ssize_t got = recv(descriptor, buffer_room(reply, 65536), 65536, 0);

        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return error_set_errno(error, "read the reply");
        }
        if (got == 0) {
            return error_set(error, STATUS_CLOSED, "the relay closed the connection");
        }
        reply->size += (size_t)got;
    }
    return STATUS_OK;
}
