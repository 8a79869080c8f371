# A bare Debian to try things in, made with debootstrap from the mirror that apt uses here. Sourced after
# `set -Eeuo pipefail` by scripts that run as root; not run.
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash

die() { echo "$(basename "$0" .sh): error: $*" >&2; exit 1; }
started=$(date +%s)
step() { echo "$(basename "$0" .sh): [$(($(date +%s) - started)) s] $*"; }

# Starts the script once more in a mount namespace of its own. Mounts made there end with it, so removing the root can
# never reach the host.
own_mounts() { # the script's arguments
    [ "$(id -u)" = 0 ] || die "needs root for debootstrap and chroot."
    command -v debootstrap >/dev/null || die "needs the package debootstrap."
    [ -n "${SAMLET_OWN_MOUNTS:-}" ] || SAMLET_OWN_MOUNTS=1 exec unshare --mount --propagation private "$0" "$@"
}

# Makes the root and sets `root`, `repo` and `mirror`; it goes with the script unless `keep` is 1.
make_root() { # suite
    repo=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
    root=${SAMLET_ROOTS:-${TMPDIR:-/tmp}/samlet-roots}/$1
    mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL) $(COMPONENT)' 'Created-By: Packages' |
        awk '$2 == "Debian" && $3 == "main" && !seen++ { print $1 }')
    [ -n "$mirror" ] || die "apt's sources here name no Debian archive."
    trap remove_root EXIT

    step "$1: bare root"
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    debootstrap --variant=minbase "$1" "$root" "$mirror" >"$root.log" 2>&1 || { tail "$root.log"; die "debootstrap failed."; }
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump | grep -E '^Acquire::(http|https|Check-)' >"$root/etc/apt/apt.conf.d/00host" || true
    mount -t proc proc "$root/proc"
    mount -t sysfs -o ro sysfs "$root/sys"
    # The live views' tests open terminals and windows.
    mkdir -p "$root/dev/pts" "$root/dev/shm"
    mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"
    ln -sf pts/ptmx "$root/dev/ptmx"
    mount -t tmpfs tmpfs "$root/dev/shm"
}
remove_root() {
    umount "$root/proc" "$root/sys" "$root/dev/pts" "$root/dev/shm" 2>/dev/null || true
    [ "${keep:-0}" = 1 ] || rm -rf --one-file-system "$root"
}

# Runs a command in the root, in its folder /samlet.
inside() {
    step "\$ $*"
    chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        DEBIAN_FRONTEND=noninteractive SAMLET_JOBS="${SAMLET_JOBS:-}" sh -c 'cd /samlet && exec "$@"' sh "$@" </dev/null
}
