#!/usr/bin/env bash
# Acceptance by hand, as root: does a bare Debian really get from a fresh copy of this tree to a finished track and to
# passing tests by the two commands of the README? Builds a minimal root from the mirror apt uses here and tries.
set -Eeuo pipefail

usage() {
    echo "usage: tests/clean_root.sh [bookworm|trixie] [--setup-only] [--deb822] [--keep]"
    echo "  --setup-only  stop after tools/setup_dependencies.sh (run twice)"
    echo "  --deb822      give the root a deb822 source with Signed-By instead of a one-line source"
    echo "  --keep        leave the root in place (SAMLET_ROOTS, default \${TMPDIR:-/tmp}/samlet-roots)"
}

suite=bookworm setup_only=0 deb822=0 keep=0
for arg in "$@"; do
    case $arg in
        bookworm | trixie) suite=$arg ;;
        --setup-only) setup_only=1 ;;
        --deb822) deb822=1 ;;
        --keep) keep=1 ;;
        -h | --help) usage; exit 0 ;;
        *) usage >&2; exit 2 ;;
    esac
done
die() { echo "clean_root: error: $*" >&2; exit 1; }
[ "$(id -u)" = 0 ] || die "needs root for debootstrap and chroot."
command -v debootstrap >/dev/null || die "needs the package debootstrap."

# Mounts made below live in this private namespace and end with it, so removing the root can never reach the host.
if [ -z "${SAMLET_CLEAN_ROOT_UNSHARED:-}" ]; then
    SAMLET_CLEAN_ROOT_UNSHARED=1 exec unshare --mount --propagation private "$0" "$@"
fi

repo=$(cd "$(dirname "$0")/.." && pwd)
root=${SAMLET_ROOTS:-${TMPDIR:-/tmp}/samlet-roots}/$suite
mirror=$(apt-get indextargets --format '$(REPO_URI) $(LABEL) $(COMPONENT)' 'Created-By: Packages' |
    awk '$2 == "Debian" && $3 == "main" && !seen++ { print $1 }')
[ -n "$mirror" ] || die "apt's sources here name no Debian archive."

started=$(date +%s)
step() { echo "clean_root: [$(($(date +%s) - started)) s] $*"; }
cleanup() {
    umount "$root/proc" "$root/sys" 2>/dev/null || true
    [ $keep = 1 ] || rm -rf --one-file-system "$root"
}
trap cleanup EXIT

step "$suite: bare root"
rm -rf --one-file-system "$root"
mkdir -p "$root"
debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || { tail "$root.log"; die "debootstrap failed."; }
cp /etc/resolv.conf /etc/hosts "$root/etc/"
apt-config dump | grep -E '^Acquire::(http|https|Check-)' >"$root/etc/apt/apt.conf.d/00host" || true
if [ $deb822 = 1 ]; then
    rm -f "$root/etc/apt/sources.list"
    printf 'Types: deb\nURIs: %s\nSuites: %s %s-updates\nComponents: main\nSigned-By: %s\n' "$mirror" "$suite" "$suite" \
        /usr/share/keyrings/debian-archive-keyring.gpg >"$root/etc/apt/sources.list.d/debian.sources"
fi
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"

step "copy of the working tree"
mkdir "$root/samlet"
(cd "$repo" && git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do
    [ ! -e "$f" ] || printf '%s\0' "$f"
done | tar -c --null -T -) | tar -x --no-same-owner -C "$root/samlet"

inside() {
    step "\$ $*"
    chroot "$root" /usr/bin/env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        SAMLET_JOBS="${SAMLET_JOBS:-}" sh -c 'cd /samlet && exec "$@"' sh "$@" </dev/null
}
libc_before=$(chroot "$root" dpkg-query -W -f='${Version}' libc6)
inside tools/setup_dependencies.sh
inside tools/setup_dependencies.sh
libc_after=$(chroot "$root" dpkg-query -W -f='${Version}' libc6)
[ "$libc_before" = "$libc_after" ] || die "libc6 changed from $libc_before to $libc_after."
if [ $setup_only = 0 ]; then
    inside tools/quickstart.sh
    inside tests/run_all.sh
fi
step "$suite: passed"
