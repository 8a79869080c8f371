# What the setup scripts share. Sourced by them, after `set -Eeuo pipefail`; not run.
#
# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034

archive_keyring=/usr/share/keyrings/debian-archive-keyring.gpg

step() { echo "setup: $*"; }
die() { echo "setup: error: $*" >&2; trap - ERR; exit 1; }

# Sets `cache`. Under sudo only the packages are root's business; the rest goes to the cache of the user who will build,
# who is then named by `build_as`.
find_cache() {
    build_as=
    if [ "$(id -u)" = 0 ] && [ -n "${SUDO_USER:-}" ] && [ "$SUDO_USER" != root ] && [ -z "${SAMLET_CACHE:-}" ]; then
        build_as=$SUDO_USER
        HOME=~root # sudo may have kept the user's
        unset XDG_CACHE_HOME
    fi
    cache=${SAMLET_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/samlet}
}

# Takes the lock, starts the log, and makes every failing step show the end of it. `scratch` is removed at the end.
begin_setup() {
    log=$cache/setup.log
    scratch=
    mkdir -p "$cache" || die "cannot create $cache; set SAMLET_CACHE to a writable directory."
    exec 9>"$cache/lock"
    flock 9 # two runs at once would build twice
    : >"$log"
    trap on_error ERR
    trap '[ -z "$scratch" ] || rm -rf "$scratch"' EXIT
}
on_error() {
    [ "$BASH_SUBSHELL" = 0 ] || return 0 # the parent shell reports too
    echo "setup: error: the step above failed; end of $log:" >&2
    tail -n 40 "$log" >&2
}
logged() { echo "+ $*" >>"$log"; "$@" >>"$log" 2>&1 </dev/null; }

# Sets `debian` to 12 or 13, or ends.
check_debian() { # what to do elsewhere
    # shellcheck source=/dev/null
    [ ! -r /etc/os-release ] || . /etc/os-release
    [ "${ID:-}" = debian ] && command -v apt-get >/dev/null || die "only Debian 12 and 13 are supported; $1"
    case ${VERSION_ID:-} in
        12 | 13) debian=$VERSION_ID ;;
        *) die "Debian ${VERSION_ID:-(unknown version)} is not supported, only 12 and 13." ;;
    esac
}

# Prints those of `packages` that are not installed, or older than `oldest` says.
declare -A oldest=()
packages=()
missing_packages() {
    local p state
    for p in "${packages[@]}"; do
        state=$(dpkg-query -W -f='${db:Status-Status} ${Version}' "$p" 2>/dev/null || true)
        [ "${state%% *}" = installed ] &&
            { [ -z "${oldest[$p]:-}" ] || dpkg --compare-versions "${state#* }" ge "${oldest[$p]}"; } || echo "$p"
    done
}

# Base address of the Debian archive that apt already uses for the given release ("bookworm", "trixie"), whatever the
# syntax of its sources. Only main of the archive itself: no security, no updates, no third parties.
archive_of() {
    apt-get indextargets --format '$(REPO_URI) $(LABEL) $(CODENAME) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
        awk -v codename="$1" '$2 == "Debian" && $3 == codename && $4 == "main" && !seen++ { print $1 }'
}

# The same for this system's own release, even if apt's lists are gone.
own_archive() {
    local mirror
    mirror=$(archive_of "$VERSION_CODENAME")
    if [ -z "$mirror" ]; then
        # The lists may have been removed to save space; the sources are enough.
        mirror=$(apt-get indextargets --no-release-info --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
            'Created-By: Packages' |
            awk -v suite="$VERSION_CODENAME" '$2 == suite && $3 == "main" && !seen++ { print $1 }')
    fi
    mirror=${mirror%/}
    case $mirror in
        mirror+file:*) # cloud images keep the mirrors in a list
            mirror=$(awk '!/^#/ && NF && !seen++ { print $1 }' "${mirror#mirror+file:}") ;;
    esac
    echo "${mirror%/}"
}

as_root=()
become_root() { # what for
    [ "$(id -u)" != 0 ] || return 0
    command -v sudo >/dev/null ||
        die "these packages are missing and neither root nor sudo is available to install them: $1"
    as_root=(sudo)
    [ -t 2 ] || as_root=(sudo -n)
    # logged() hides the prompt, so ask for the password here.
    "${as_root[@]}" true || die "these packages are missing and sudo was refused: $1"
}
apt_get() {
    logged "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -o DPkg::Lock::Timeout=600 \
        -o Acquire::Retries=3 "$@"
}

# Installs what is missing of `packages`; `before` is a command to run in between, once the package lists are read.
install_packages() { # [before]
    local missing
    mapfile -t missing < <(missing_packages)
    if [ ${#missing[@]} = 0 ]; then
        step "packages: all ${#packages[@]} present"
        return
    fi
    become_root "${missing[*]}"
    step "packages: reading the package lists"
    # A broken third-party source must not stop us here; if it matters, the installation below fails.
    apt_get update || true
    [ $# = 0 ] || "$@"
    step "packages: installing ${#missing[@]}: ${missing[*]}"
    apt_get install --no-install-recommends "${missing[@]}"
    mapfile -t missing < <(missing_packages)
    [ ${#missing[@]} = 0 ] || die "apt did not deliver a usable version of: ${missing[*]} (see $log)"
}
