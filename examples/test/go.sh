#!/usr/bin/env bash
# go.sh GO FOLDER CHECK...: builds and tests examples/go in FOLDER and has its program checked.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
go=$1 folder=$2
shift 2
cd "$(dirname "$0")/../go"

# Nothing from the network, nothing outside FOLDER.
export GOCACHE=$folder/cache GOPATH=$folder/path GOENV=off GOPROXY=off GOTOOLCHAIN=local GOFLAGS='-mod=mod -buildvcs=false'
# Go links again when flags change, not when a static library does: its checksum is one of them.
stamp=$(cat "$LD_LIBRARY_PATH"/libsamlet.* | cksum | cut -d ' ' -f 1)
export CGO_LDFLAGS="-g -O2 -Wl,--defsym=samlet_library_stamp=$stamp"
"$go" vet ./...
"$go" test -count=1 ./...
"$go" build -o "$folder/track" ./cmd/track
"$@" "$folder/track"
