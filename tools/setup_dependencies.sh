#!/usr/bin/env bash
# Installs what samlet needs on Debian 12 and 13 (amd64, arm64) and builds the XNNPACK it is written for.
# Running it again is cheap: what is already there is left alone, and then no root is needed.
set -Eeuo pipefail
# shellcheck source=tools/setup_common.sh
. "$(dirname "$0")/setup_common.sh"

usage() {
    cat <<'END'
usage: tools/setup_dependencies.sh [options]
  --tests          also install what only tests need: Rust, Go, GStreamer and djpeg for examples/, abidiff, groff,
                   lintian and a virtual display
  --dev            the same, and clang, clang-format and valgrind
  --packages-only  install the Debian packages, do not build XNNPACK
  --xnnpack-only   build XNNPACK, do not touch the Debian packages
  --print-prefix   print where XNNPACK is installed and exit
  -h, --help       this text
environment:
  SAMLET_CACHE     where XNNPACK is built and kept (default: ${XDG_CACHE_HOME:-~/.cache}/samlet)
  SAMLET_JOBS      parallel compile jobs (default: all processors)
  CC, CXX          compilers for XNNPACK (default: cc, c++)
END
}

xnn_version='0.0~git20241108.4ea82e5'
xnn_sha256=90bde2caef0f880f627bab0dc805a86c4b8070cd98e3243db3046ab3f3be1a99
xnn_pool_path="pool/main/x/xnnpack/xnnpack_$xnn_version.orig.tar.xz"
# The oldest pthreadpool and cpuinfo this XNNPACK compiles with; Debian 12 has older ones.
min_version='0.0~git2023'
trixie_sources=/etc/apt/sources.list.d/samlet-trixie.sources
trixie_preferences=/etc/apt/preferences.d/samlet

tests=0 dev=0 do_packages=1 do_xnnpack=1 print_prefix=0
for arg in "$@"; do
    case $arg in
        --tests) tests=1 ;;
        --dev) tests=1 dev=1 ;;
        --packages-only) do_xnnpack=0 ;;
        --xnnpack-only) do_packages=0 ;;
        --print-prefix) print_prefix=1 ;;
        -h | --help) usage; exit 0 ;;
        *) echo "setup_dependencies: unknown option '$arg'" >&2; usage >&2; exit 2 ;;
    esac
done

find_cache
machine=$(uname -m)
prefix_file=$cache/xnnpack-prefix-$machine
if [ $print_prefix = 1 ]; then
    [ -r "$prefix_file" ] || { echo "setup_dependencies: XNNPACK is not set up yet" >&2; exit 1; }
    cat "$prefix_file"
    exit 0
fi

begin_setup
case $machine in
    x86_64 | aarch64) ;;
    *) die "the architecture $machine is not supported, only x86_64 and aarch64." ;;
esac

# ---- Debian packages ----------------------------------------------------------------------------------------------

packages=(gcc g++ libc6-dev cmake ninja-build pkg-config python3 python3-numpy xz-utils
    libturbojpeg0-dev libjpeg-dev libpng-dev zlib1g-dev libavformat-dev libavcodec-dev libavutil-dev libswscale-dev
    libcli11-dev nlohmann-json3-dev libsdl2-dev libbenchmark-dev libcmocka-dev
    libpthreadpool-dev libcpuinfo-dev libfxdiv-dev)
check_debian "elsewhere install what corresponds to ${packages[*]}, build XNNPACK $xnn_version (the last part is its \
commit) and configure samlet with -DSAMLET_XNNPACK_PREFIX=, where it is installed."
# Debian 13's arm64 XNNPACK is the very version, and its hot loops are assembly; its x86 build is slow (see below).
apt_xnnpack=0
if [ "$debian" = 13 ] && [ "$machine" = aarch64 ]; then
    apt_xnnpack=1
    packages+=(libxnnpack-dev)
fi
[ $tests = 1 ] && packages+=(libjpeg-turbo-progs rustc cargo golang-go
    libgstreamer1.0-dev libgstreamer-plugins-base1.0-dev
    gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good
    abigail-tools groff-base dpkg-dev lintian xvfb xdotool imagemagick)
[ $dev = 1 ] && packages+=(clang clang-format valgrind)

oldest=([libpthreadpool-dev]=$min_version [libcpuinfo-dev]=$min_version)

# Debian 12's pthreadpool and cpuinfo are too old. Debian 13's run on Debian 12's libc, so take these and nothing else
# from the trixie suite of the same mirror: priority 1 keeps everything else out.
add_trixie() {
    local mirror
    logged "${as_root[@]}" mkdir -p /etc/apt/preferences.d /etc/apt/sources.list.d
    "${as_root[@]}" tee "$trixie_preferences" >/dev/null <<'END'
Package: *
Pin: release n=trixie
Pin-Priority: 1

Package: libpthreadpool* libcpuinfo*
Pin: release n=trixie
Pin-Priority: 990
END
    [ -e "$trixie_sources" ] || [ -z "$(archive_of trixie)" ] || return 0 # the system has trixie already
    mirror=$(archive_of bookworm)
    [ -n "$mirror" ] || die "apt's sources name no Debian 12 archive (bookworm, main)."
    "${as_root[@]}" tee "$trixie_sources" >/dev/null <<END
Types: deb
URIs: $mirror
Suites: trixie
Components: main
Signed-By: $archive_keyring
END
    # Older keyrings of Debian 12 lack the keys of Debian 13; the current one has them.
    apt_get install debian-archive-keyring
}

before_installing() {
    [ "$debian" = 12 ] || return 0
    step "packages: taking pthreadpool and cpuinfo from the trixie suite of the same mirror"
    add_trixie
    apt_get update || true
}

[ $do_packages = 1 ] && install_packages before_installing
[ $do_xnnpack = 1 ] || exit 0

if [ -n "$build_as" ]; then
    sudo -u "$build_as" -H CC="${CC:-}" CXX="${CXX:-}" SAMLET_JOBS="${SAMLET_JOBS:-}" bash "$0" --xnnpack-only
    sudo -u "$build_as" -H bash "$0" --print-prefix >"$prefix_file" # who goes on as root finds it too
    exit 0
fi

# ---- XNNPACK ------------------------------------------------------------------------------------------------------

publish_prefix() {
    echo "$1" >"$prefix_file.tmp" && mv "$prefix_file.tmp" "$prefix_file"
    step "XNNPACK: $1"
}

if [ $apt_xnnpack = 1 ]; then
    publish_prefix /usr
    exit 0
fi

cc=${CC:-cc} cxx=${CXX:-c++}
command -v "$cc" >/dev/null && command -v "$cxx" >/dev/null || die "no C and C++ compiler found ($cc, $cxx)."
if "$cc" --version 2>/dev/null | grep -qi clang; then compiler=clang; else compiler=gcc; fi
compiler_id=$("$cc" -dumpversion 2>/dev/null) || die "$cc is not a working compiler."
compiler_id=$compiler-$compiler_id

c_flags=
if [ $compiler = gcc ] && [ "$machine" = x86_64 ]; then
    # Without these gcc spills registers in the f32 FMA micro-kernels: 37 instead of 95 GFLOP/s on one core.
    c_flags='-fschedule-insns -fsched-pressure'
fi
options=(
    -DCMAKE_BUILD_TYPE=Release
    -DCMAKE_POSITION_INDEPENDENT_CODE=ON
    -DCMAKE_INSTALL_LIBDIR=lib
    -DBUILD_SHARED_LIBS=OFF
    -DXNNPACK_LIBRARY_TYPE=static
    -DXNNPACK_USE_SYSTEM_LIBS=ON
    -DCPUINFO_SOURCE_DIR=/usr -DPTHREADPOOL_SOURCE_DIR=/usr -DFXDIV_SOURCE_DIR=/usr
    -DXNNPACK_ENABLE_KLEIDIAI=OFF
    -DXNNPACK_BUILD_ALL_MICROKERNELS=OFF
    -DXNNPACK_BUILD_TESTS=OFF -DXNNPACK_BUILD_BENCHMARKS=OFF
    -DPython_EXECUTABLE=/usr/bin/python3
    "-DCMAKE_C_FLAGS=$c_flags"
)
flags_hash=$(printf '%s\n' "$xnn_sha256" "${options[@]}" | sha256sum | cut -c1-8)
prefix=$cache/xnnpack-${xnn_version#0.0~}-$machine-$compiler_id-$flags_hash

if [ ! -e "$prefix/lib/libXNNPACK.a" ]; then
    mirror=$(own_archive)
    [ -n "$mirror" ] || die "apt's sources name no Debian archive to fetch XNNPACK from."
    scratch=$(mktemp -d "$cache/build.XXXXXX")
    step "XNNPACK $xnn_version: fetching the source"
    # apt's own downloader knows its proxies and credentials.
    logged /usr/lib/apt/apt-helper -o APT::Sandbox::User=root -o Acquire::Retries=3 \
        download-file "$mirror/$xnn_pool_path" "$scratch/xnnpack.tar.xz"
    echo "$xnn_sha256  $scratch/xnnpack.tar.xz" | sha256sum --check --status ||
        die "the XNNPACK source archive has an unexpected checksum; nothing was built."
    mkdir "$scratch/src"
    logged tar -xf "$scratch/xnnpack.tar.xz" -C "$scratch/src"
    step "XNNPACK $xnn_version: compiling with $compiler_id (some minutes)"
    logged cmake -S "$scratch/src" -B "$scratch/build" -G Ninja "-DCMAKE_C_COMPILER=$cc" "-DCMAKE_CXX_COMPILER=$cxx" \
        "-DCMAKE_INSTALL_PREFIX=$prefix" "${options[@]}"
    logged cmake --build "$scratch/build" --parallel "${SAMLET_JOBS:-$(nproc)}"
    # Install beside the final place and rename, so that an interrupted run leaves no half prefix.
    logged cmake --install "$scratch/build" --prefix "$scratch/prefix"
    mkdir -p "$scratch/prefix/share/doc/xnnpack"
    cp "$scratch/src/LICENSE" "$scratch/prefix/share/doc/xnnpack/"
    rm -rf "$prefix"
    mv "$scratch/prefix" "$prefix"
fi
publish_prefix "$prefix"
