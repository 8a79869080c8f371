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
# shellcheck source=tests/support/bare_root.sh
. "$(dirname "$0")/support/bare_root.sh"
own_mounts "$@"
make_root "$suite"
if [ $deb822 = 1 ]; then
    rm -f "$root/etc/apt/sources.list"
    printf 'Types: deb\nURIs: %s\nSuites: %s %s-updates\nComponents: main\nSigned-By: %s\n' "$mirror" "$suite" "$suite" \
        /usr/share/keyrings/debian-archive-keyring.gpg >"$root/etc/apt/sources.list.d/debian.sources"
fi

step "copy of the working tree"
mkdir "$root/samlet"
(cd "$repo" && git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' f; do
    [ ! -e "$f" ] || printf '%s\0' "$f"
done | tar -c --null -T -) | tar -x --no-same-owner -C "$root/samlet"

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
