#!/usr/bin/env bash
# rust.sh CARGO FOLDER CHECK...: builds and tests examples/rust in FOLDER and has its program checked.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
cargo=$1 folder=$2
shift 2
cd "$(dirname "$0")/../rust"

# Nothing from the network, nothing outside FOLDER.
export CARGO_NET_OFFLINE=true CARGO_HOME=$folder/home CARGO_TARGET_DIR=$folder/target
# The compiler that came with this cargo, not the first one of the path.
tools=$(dirname "$cargo")
[ ! -x "$tools/rustc" ] || export RUSTC=$tools/rustc
[ ! -x "$tools/rustdoc" ] || export RUSTDOC=$tools/rustdoc

# What only builds here is no use: an example must build without warnings.
export RUSTFLAGS=-Dwarnings
"$cargo" build --offline --locked --example track
"$cargo" test --offline --locked --quiet
"$@" "$CARGO_TARGET_DIR/debug/examples/track"
