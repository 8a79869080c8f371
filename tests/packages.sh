#!/usr/bin/env bash
# Acceptance by hand, as root: builds the Debian packages of this system's release and installs them in a bare root of it,
# where nothing of samlet is. Does `samlet track` follow the bundled clip there, does a project of somebody else build and
# run, and does all of it go away again?
# SPDX-License-Identifier: Apache-2.0
set -Eeuo pipefail

usage() {
    echo "usage: tests/packages.sh [--arm64] [--keep]"
    echo "  --arm64 cross-build them for 64-bit ARM in build-deb-arm64/, unpack them and use them under qemu, no more"
    echo "  --keep  leave the root in place (SAMLET_ROOTS, default \${TMPDIR:-/tmp}/samlet-roots)"
    echo "The packages are left in build-deb/."
}
keep=0 arm64=0
for arg in "$@"; do
    case $arg in
        --arm64) arm64=1 ;;
        --keep) keep=1 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done

if [ $arm64 = 1 ]; then
    cd "$(dirname "$0")/.."
    tools/setup_cross_arm64.sh --tools
    sysroot=$(tools/setup_cross_arm64.sh --print-sysroot)
    flags="--sysroot=$sysroot -B$sysroot/usr/lib/aarch64-linux-gnu"
    export CC="aarch64-linux-gnu-gcc $flags" CXX="aarch64-linux-gnu-g++ $flags"
    export SAMLET_EMULATOR="$(command -v qemu-aarch64 || command -v qemu-aarch64-static) -L $sysroot"
    export SAMLET_CMAKE_OPTIONS="--toolchain $PWD/ports/toolchains/aarch64.cmake"
    tests/package/debian.sh build-deb-arm64 --toolchain "$PWD/ports/toolchains/aarch64.cmake"
    exit
fi
# shellcheck source=tests/support/bare_root.sh
. "$(dirname "$0")/support/bare_root.sh"
own_mounts "$@"
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")

cd "$(dirname "$0")/.."
step "building the packages in build-deb/"
tests/package/debian.sh build-deb

make_root "$suite"
mkdir "$root/samlet"
cp build-deb/*.deb "$root/samlet/"
cp -r tests/package examples/data/bedroom "$root/samlet/"

quietly() { inside "$@" >"$root.log" 2>&1 || { tail -n 40 "$root.log"; die "$* failed."; }; }
packages() { chroot "$root" dpkg-query -W -f='${Package} ${db:Status-Status}\n' | grep samlet || true; }

quietly apt-get update
inside sh -c 'apt-get install -y --no-install-recommends ./samlet_*.deb ./libsamlet0_*.deb >install.log 2>&1 || { cat install.log; exit 1; }'
inside samlet --version
inside samlet info
inside samlet track --quiet --video bedroom --box 315,0,520,400 --max-frames 5 --out track --overlay track/overlay.mp4
inside sh -c 'ls track/00004.png track/results.json track/overlay.mp4' || die "samlet track left no results."
inside sh -c 'ldd /usr/bin/samlet | grep -E "samlet|pthreadpool|cpuinfo|not found"; ! ldd /usr/bin/samlet | grep "not found"'

inside sh -c 'apt-get install -y --no-install-recommends ./libsamlet-dev_*.deb gcc g++ libc6-dev cmake ninja-build pkg-config \
    >install.log 2>&1 || { cat install.log; exit 1; }'
inside package/use.sh /usr /usr/share/samlet/samlet_micro.gguf use

quietly apt-get purge -y samlet libsamlet0 libsamlet-dev
[ -z "$(packages)" ] || die "left behind: $(packages)"
left=$(chroot "$root" find /usr -name '*samlet*')
[ -z "$left" ] || die "left behind: $left"
step "$suite: passed"
