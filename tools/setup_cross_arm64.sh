#!/usr/bin/env bash
# Sets up what cross-compiling for 64-bit ARM needs on Debian 12 and 13: the cross compiler and qemu-user from the system's
# own release, and a sysroot of Debian 13's arm64 packages, whose XNNPACK is the very version we want. The sysroot lies in
# the cache; the system gets no foreign architecture, and its package lists are not touched for it. Running it again is
# cheap: what is already there is left alone, and then no root is needed.
#
# SPDX-License-Identifier: Apache-2.0
set -Eeuo pipefail
# shellcheck source=tools/setup_common.sh
. "$(dirname "$0")/setup_common.sh"

usage() {
    cat <<'END'
usage: tools/setup_cross_arm64.sh [options]
  --tools          a sysroot with what the command line needs, too: two hundred packages more
  --packages-only  install the compiler and qemu, make no sysroot
  --sysroot-only   make the sysroot, do not touch the Debian packages
  --refresh        make the sysroot anew, from the packages of today
  --print-sysroot  print where the sysroot is and exit
  -h, --help       this text
environment:
  SAMLET_CACHE     where the sysroot is kept (default: ${XDG_CACHE_HOME:-~/.cache}/samlet)
Then: cmake -S . -B build-arm64 --toolchain ports/toolchains/aarch64.cmake -DSAMLET_BUILD_TOOLS=OFF
END
}

# What is linked, and what the tests need.
arm_packages=(libc6-dev libstdc++6 libxnnpack-dev libpthreadpool-dev libcpuinfo-dev libcmocka-dev libjpeg-dev zlib1g-dev)
tools_packages=(libturbojpeg0-dev libpng-dev libavformat-dev libavcodec-dev libavutil-dev libswscale-dev libcli11-dev
    nlohmann-json3-dev)

tools=0 do_packages=1 do_sysroot=1 refresh=0 print_sysroot=0
for arg in "$@"; do
    case $arg in
        --tools) tools=1 ;;
        --packages-only) do_sysroot=0 ;;
        --sysroot-only) do_packages=0 ;;
        --refresh) refresh=1 ;;
        --print-sysroot) print_sysroot=1 ;;
        -h | --help) usage; exit 0 ;;
        *) echo "setup_cross_arm64: unknown option '$arg'" >&2; usage >&2; exit 2 ;;
    esac
done

find_cache
pointer=$cache/sysroot-aarch64 # ports/toolchains/aarch64.cmake reads it
if [ $print_sysroot = 1 ]; then
    [ -r "$pointer" ] || { echo "setup_cross_arm64: the sysroot is not set up yet" >&2; exit 1; }
    cat "$pointer"
    exit 0
fi

[ $tools = 0 ] || arm_packages+=("${tools_packages[@]}")

begin_setup
check_debian "elsewhere give cmake a sysroot of your own: -DSAMLET_SYSROOT=... (see ports/toolchains/aarch64.cmake)."
[ "$(uname -m)" != aarch64 ] || die "this is a 64-bit ARM machine: run tools/setup_dependencies.sh and build natively."

# ---- Debian packages ----------------------------------------------------------------------------------------------

packages=(gcc-aarch64-linux-gnu g++-aarch64-linux-gnu cmake ninja-build pkg-config python3 python3-numpy
    debian-archive-keyring)
oldest=([debian-archive-keyring]=2023.3+deb12u2) # the first to have Debian 13's keys
# qemu-user-static does as well.
command -v qemu-aarch64 >/dev/null || command -v qemu-aarch64-static >/dev/null || packages+=(qemu-user)

[ $do_packages = 1 ] && install_packages
[ $do_sysroot = 1 ] || exit 0

if [ -n "$build_as" ]; then
    forward=(--sysroot-only)
    [ $tools = 0 ] || forward+=(--tools)
    [ $refresh = 0 ] || forward+=(--refresh)
    sudo -u "$build_as" -H bash "$0" "${forward[@]}"
    sudo -u "$build_as" -H bash "$0" --print-sysroot >"$pointer" # who goes on as root finds it too
    exit 0
fi

# ---- Sysroot ------------------------------------------------------------------------------------------------------

sysroot=$cache/sysroot-trixie-arm64-$(printf '%s\n' "${arm_packages[@]}" | sha256sum | cut -c1-8)
if [ $refresh = 1 ] || [ ! -e "$sysroot/samlet-shlibs" ]; then
    mirror=$(archive_of trixie)
    [ -n "$mirror" ] || mirror=$(own_archive)
    [ -n "$mirror" ] || die "apt's sources name no Debian archive to fetch the packages from."
    scratch=$(mktemp -d "$cache/sysroot.XXXXXX")
    apt=$scratch/apt
    mkdir -p "$apt/lists/partial" "$apt/archives/partial"
    : >"$apt/status" # nothing is installed: apt resolves every dependency

    # An apt of its own beside the system's: arm64, one source, own lists. It takes over how to reach the mirror (proxies,
    # certificates), and none of the hooks.
    {
        apt-config dump | grep '^Acquire::' || true
        cat <<END
Acquire::Languages "none";
Acquire::Retries "3";
APT::Architecture "arm64";
APT::Architectures { "arm64"; };
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Debug::NoLocking "true";
Dir::Etc::Main "/dev/null";
Dir::Etc::Parts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::Status "$apt/status";
Dir::Cache "$apt";
Dir::Cache::Archives "$apt/archives";
END
    } >"$apt/apt.conf"
    echo "deb [arch=arm64 signed-by=$archive_keyring] $mirror trixie main" >"$apt/sources.list"

    step "sysroot: reading the arm64 package lists of Debian 13"
    logged env APT_CONFIG="$apt/apt.conf" apt-get update --error-on=any
    step "sysroot: fetching ${arm_packages[*]} and what they need"
    logged env APT_CONFIG="$apt/apt.conf" apt-get --yes --download-only install "${arm_packages[@]}"
    mkdir -p "$scratch/root/usr/lib"
    ln -s usr/lib "$scratch/root/lib" # Debian's base system has this link, no library package does
    for deb in "$apt"/archives/*.deb; do
        logged dpkg-deb --extract "$deb" "$scratch/root"
        dpkg-deb --show --showformat='${Package} ${Version}\n' "$deb" >>"$scratch/root/samlet-packages"
        dpkg-deb --info "$deb" shlibs >>"$scratch/root/samlet-shlibs" 2>/dev/null || true # for packages made with it
    done
    # The installed packages would choose among implementations; any will do.
    for library in blas lapack; do
        for folder in "$scratch"/root/usr/lib/aarch64-linux-gnu/$library; do
            [ ! -d "$folder" ] || ln -s $library/lib$library.so.3 "$folder/../lib$library.so.3"
        done
    done
    [ -e "$scratch/root/usr/lib/aarch64-linux-gnu/libXNNPACK.so" ] ||
        die "Debian's arm64 package has no libXNNPACK.so; it has changed."
    # Renamed as a whole, so that an interrupted run leaves no half sysroot.
    rm -rf "$sysroot"
    mv "$scratch/root" "$sysroot"
fi
echo "$sysroot" >"$pointer.tmp" && mv "$pointer.tmp" "$pointer"
step "sysroot: $sysroot ($(wc -l <"$sysroot/samlet-packages") packages)"
