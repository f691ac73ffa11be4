# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016,SC2034 # apt's own $(…); lists used by who reads this file
# What demo.sh and test.sh share: progress, packages, the roots with the real servers.

BINRELAY_ROOTS=${BINRELAY_ROOTS:-/var/cache/binrelay-roots}
export BINRELAY_ROOTS
DEFAULT_MIRROR=http://deb.debian.org/debian

BUILD_PACKAGES=(gcc libc6-dev cmake ninja-build pkg-config python3 libevent-dev libssl-dev libjansson-dev
                libsqlite3-dev libdeflate-dev libzstd-dev default-libmysqlclient-dev libsystemd-dev)
# The -core packages bring the servers without a service, so nothing is started behind our back.
SERVER_PACKAGES=(debootstrap ca-certificates openssl mariadb-server-core mariadb-client-core
                 mariadb-client python3-pymysql python3-pytest)
CHECK_PACKAGES=(clang clang-format)

say() {
    printf '[%4d s] %s\n' "$SECONDS" "$*"
}

fail() {
    say "$*" >&2
    exit 1
}

# Starts the script again as root where it is not: installing and chroot need it.
become_root() {
    if [ "$(id -u)" != 0 ]; then
        command -v sudo >/dev/null || fail "run this as root, or install sudo"
        exec sudo --preserve-env=BINRELAY_ROOTS,BINRELAY_SEED "scripts/$(basename "$0")" "$@"
    fi
    # A bare root made by debootstrap may come without /proc, which sanitizers and tests read,
    # and without the one name that they look up.
    [ -e /proc/self/status ] || mount -t proc proc /proc
    getent hosts localhost >/dev/null || echo '127.0.0.1 localhost' >>/etc/hosts
}

# The mirror that this machine's own apt takes its release from.
debian_mirror() {
    local mirror
    mirror=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
        awk '$1 == "bookworm" && $2 == "main" && $3 ~ /^(https?|file):/ {print $3; exit}')
    printf '%s\n' "${mirror:-$DEFAULT_MIRROR}"
}

install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -q '^installed$' ||
            missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get -qq update </dev/null
    apt-get -qq install --no-install-recommends -o Dpkg::Use-Pty=0 "${missing[@]}" </dev/null >/dev/null
}

# make_root NAME SUITE PROGRAM PACKAGES: a root with one server, unless it is there already.
make_root() {
    local name=$1 suite=$2 program=$3 packages=$4
    local root=$BINRELAY_ROOTS/$name log=$BINRELAY_ROOTS/$name.log proxy="" mirror

    if [ -x "$root$program" ]; then
        return 0
    fi
    mkdir -p "$BINRELAY_ROOTS"
    rm -rf --one-file-system "$root.new"
    eval "$(apt-config shell proxy Acquire::http::Proxy)"
    [ -z "$proxy" ] || export http_proxy=$proxy
    for mirror in "$(debian_mirror)" "$DEFAULT_MIRROR"; do
        if debootstrap --variant=minbase --include="$packages" "$suite" "$root.new" "$mirror" \
            </dev/null >"$log" 2>&1; then
            mv "$root.new" "$root"
            return 0
        fi
        rm -rf --one-file-system "$root.new"
    done
    tail -n 20 "$log" >&2
    fail "could not make $root"
}

make_roots() {
    make_root mysql sid /usr/sbin/mysqld mysql-server-core,mysql-client-core
    make_root mariadb trixie /usr/sbin/mariadbd mariadb-server-core,mariadb-client-core
    say "servers: $(server_versions)"
}

server_versions() {
    chroot "$BINRELAY_ROOTS/mysql" mysqld --version | grep -o 'Ver [^ ]*'
    chroot "$BINRELAY_ROOTS/mariadb" mariadbd --version | grep -o 'Ver [^ ]*'
    mariadbd --version | grep -o 'Ver [^ ]*'
}

# quietly WHAT LOG COMMAND…: one line of progress; the output only where it failed.
quietly() {
    local what=$1 log=$2
    shift 2
    say "$what"
    mkdir -p "$(dirname "$log")"
    if ! "$@" </dev/null >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        fail "$what: failed"
    fi
}
