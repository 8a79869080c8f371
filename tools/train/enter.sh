#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# Runs a command in the Debian that setup.sh --root made, in the same folder as here:
#   tools/train/enter.sh ROOT [--with FOLDER]... COMMAND...
# The repository is seen inside, and every FOLDER given by --with (the training's work folder, say).
set -Eeuo pipefail
[ $# -ge 2 ] || { sed -n '4,6s/^# //p' "$0" >&2; exit 2; }
# Mounts live in a name space of their own and end with the command. /proc must be there: PyTorch asks it what the
# processor can do, and is slow if it does not know.
if [ -z "${SAMLET_TRAIN_UNSHARED:-}" ]; then
    SAMLET_TRAIN_UNSHARED=1 exec unshare --mount --propagation private "$0" "$@"
fi
root=$(readlink -f "$1")
shift
[ -e "$root/ready" ] || { echo "enter: $root was not made by tools/train/setup.sh --root" >&2; exit 1; }
show() { mkdir -p "$root$1" && mount --bind "$1" "$root$1"; }
show "$(readlink -f "$(dirname "$0")/../..")"
while [ "${1:-}" = --with ]; do
    show "$(readlink -f "$2")"
    shift 2
done
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
here=$(pwd -P)
# shellcheck disable=SC2016
exec chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
    ${OMP_NUM_THREADS:+"OMP_NUM_THREADS=$OMP_NUM_THREADS"} sh -c 'cd "$0" 2>/dev/null || cd /; exec "$@"' "$here" "$@"
