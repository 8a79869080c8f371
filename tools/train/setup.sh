#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
#
# PyTorch and what else training needs, from Debian. On Debian 13 that is PyTorch 2.6; on Debian 12 it is 1.13, which
# trains too, but slower on a CPU (its operations are built without AVX). --root makes a small Debian 13 beside the
# system instead, entered by tools/train/enter.sh.
set -Eeuo pipefail
# shellcheck source=tools/setup_common.sh
. "$(dirname "$0")/../setup_common.sh"

usage() {
    cat <<'END'
usage: tools/train/setup.sh [--root DIR]
  --root DIR  do not install here: make a Debian 13 with PyTorch 2.6 in DIR (needs root and the package debootstrap)
END
}
root=
while [ $# -gt 0 ]; do
    case $1 in
        --root) root=${2:?--root needs a folder}; shift 2 ;;
        -h | --help) usage; exit 0 ;;
        *) echo "setup: unknown option '$1'" >&2; usage >&2; exit 2 ;;
    esac
done

find_cache
begin_setup
check_debian "elsewhere any PyTorch from 1.13 on serves, with numpy, Pillow and OpenCV."
packages=(python3-torch python3-numpy python3-pil python3-opencv libopenblas0-pthread)

if [ -z "$root" ]; then
    install_packages
    exit 0
fi
[ "$(id -u)" = 0 ] || die "--root needs root, for debootstrap and chroot."
command -v debootstrap >/dev/null || die "--root needs the package debootstrap."
mirror=$(own_archive)
[ -n "$mirror" ] || die "apt's sources name no Debian archive."
if [ ! -e "$root/ready" ]; then
    step "Debian 13 in $root"
    logged debootstrap --variant=minbase trixie "$root" "$mirror"
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump | grep -E '^Acquire::(http|https|Check-)' >"$root/etc/apt/apt.conf.d/00host" || true
    step "PyTorch"
    logged chroot "$root" apt-get update
    logged env DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get install -y --no-install-recommends "${packages[@]}"
    touch "$root/ready"
fi
step "PyTorch is ready: tools/train/enter.sh $root python3 ..."
