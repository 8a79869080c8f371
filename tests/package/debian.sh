#!/usr/bin/env bash
# debian.sh FOLDER [cmake option...]: builds the Debian packages in FOLDER, looks into them, unpacks them there and uses
# them. tests/packages.sh installs them in a clean system instead.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
folder=$1
shift
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
die() { echo "debian: error: $*" >&2; exit 1; }
for program in dpkg-deb dpkg-shlibdeps gzip; do
    command -v $program >/dev/null || { echo "skipped: no $program (Debian: dpkg-dev)"; exit 77; }
done

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -f "$folder"/*.deb
{
    cmake -S "$source" -B "$folder" -G Ninja -DSAMLET_DEBIAN=ON "$@" &&
        cmake --build "$folder" --parallel "${SAMLET_JOBS:-2}" --target package
} >"$folder/build.log" 2>&1 || { tail -n 40 "$folder/build.log" >&2; die "the build failed."; }

# ---- what they say ---------------------------------------------------------------------------------------------------

arch=$(sed -n 's/^set(CPACK_DEBIAN_PACKAGE_ARCHITECTURE "\(.*\)")/\1/p' "$folder/CPackConfig.cmake")
version=$(sed -n '1s/.*(\(.*\)).*/\1/p' "$source/ports/packaging/debian/changelog")
runtime=$(sed -n 's/^set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME "\(.*\)")/\1/p' "$folder/CPackConfig.cmake")
packages=("$runtime" libsamlet-dev)
! grep -q '^SAMLET_BUILD_TOOLS:BOOL=ON' "$folder/CMakeCache.txt" || packages+=(samlet)
file() { echo "$folder/${1}_${version}_$arch.deb"; }
field() { dpkg-deb --field "$(file "$1")" "$2"; }
has() { # package, path, and how often
    local count
    count=$(dpkg-deb --contents "$(file "$1")" | awk '{ print $6 }' | grep -cE "^\./usr/$2\$" || true)
    [ "$count" = "${3:-1}" ] || die "$1 has $count times /usr/$2."
}
for package in "${packages[@]}"; do
    [ -r "$(file "$package")" ] || die "no $(file "$package")."
    [ "$(field "$package" Architecture) $(field "$package" Version)" = "$arch $version" ] || die "$package: wrong control file."
    has "$package" "share/doc/$package/copyright"
    has "$package" "share/doc/$package/changelog.Debian.gz"
done
lib='lib/[a-z0-9_]*-linux-gnu'
has "$runtime" "$lib/libsamlet\.so\.${runtime#libsamlet}"
has "$runtime" "$lib/libsamlet\.so\.${runtime#libsamlet}\.[0-9.]*"
has "$runtime" '(bin|include|share/samlet)/.*' 0
has libsamlet-dev "$lib/libsamlet\.(a|so)" 2
has libsamlet-dev 'include/samlet/samlet\.h(pp)?' 2
has libsamlet-dev "$lib/pkgconfig/samlet(-static)?\.pc" 2
has libsamlet-dev "$lib/cmake/samlet/samletConfig\.cmake"
field "$runtime" Depends | grep -q 'libc6 (>=' || die "$runtime depends on: $(field "$runtime" Depends)"
field libsamlet-dev Depends | grep -qF "$runtime (= $version)" || die "libsamlet-dev depends on: $(field libsamlet-dev Depends)"
if [ "${#packages[@]}" = 3 ]; then
    has samlet bin/samlet
    has samlet 'share/man/man1/samlet\.1\.gz'
    has samlet 'share/samlet/samlet_micro\.gguf'
    field samlet Depends | grep -qF "$runtime (= $version)" || die "samlet depends on: $(field samlet Depends)"
    field samlet Depends | grep -q 'libavcodec' || die "samlet depends on: $(field samlet Depends)"
fi
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error --tag-display-limit 0 "$folder"/*.deb || die "lintian."
else
    echo "no lintian (tools/setup_dependencies.sh --tests installs it)"
fi

# ---- what they do ----------------------------------------------------------------------------------------------------

root=$folder/unpacked
rm -rf "$root" "$folder/track"
for package in "${packages[@]}"; do
    dpkg-deb --extract "$(file "$package")" "$root"
done
traces=$(grep -raoE "(^|[^[:alnum:]_.}/-])($folder|$source)/" "$root" | head -n 3 || true)
[ -z "$traces" ] || die "folders of the build are named: $traces"
libdir=$(dirname "$(echo "$root"/usr/lib/*/"libsamlet.so.${runtime#libsamlet}")")
if [ "${#packages[@]}" = 3 ]; then
    # shellcheck disable=SC2086
    env -u SAMLET_MODEL "LD_LIBRARY_PATH=$libdir" ${SAMLET_EMULATOR:-} "$root/usr/bin/samlet" track --quiet \
        --video "$source/examples/data/bedroom" --box 315,0,520,400 --max-frames 3 --out "$folder/track"
    [ "$(find "$folder/track" -name '0*.png' | wc -l)" = 3 ] || die "samlet track left no masks."
fi
"$here/use.sh" "$root/usr" "$source/examples/data/samlet_micro.gguf" "$folder/use"
echo "packages: ${packages[*]} $version $arch"
