#!/usr/bin/env bash
# Cross-builds for 64-bit ARM and runs the tests under qemu, once for each of several CPUs.
#
# SPDX-License-Identifier: Apache-2.0
#
# qemu computes floats about 500 times as slowly as AVX2 does, seconds for a frame of the smallest model. So not all
# tests run on all CPUs, and sessions that do not say otherwise run at a small image size: see the lists below, which
# the script prints too. Tests that no list names run everywhere.
# SAMLET_GOLDEN_DIR, if set, names the folder with the reference data; tests that need it are skipped without.
set -euo pipefail
if [ -n "${SAMLET_GOLDEN_DIR:-}" ]; then
    SAMLET_GOLDEN_DIR=$(cd "$SAMLET_GOLDEN_DIR" && pwd) # tests run elsewhere
    export SAMLET_GOLDEN_DIR
fi
cd "$(dirname "$0")/.."

usage() {
    cat <<'END'
usage: tests/run_arm64.sh [--full] [--build-only] [CPU...]
  CPU           as qemu-aarch64 names them (default: cortex-a76, the most tests, then cortex-a53 and max)
  --full        all tests at their own sizes: hours
  --build-only  no tests
environment:
  SAMLET_JOBS   parallel compile jobs and tests (default: all processors)
END
}

cpus=() full=0 build_only=0
for arg in "$@"; do
    case $arg in
        --full) full=1 ;;
        --build-only) build_only=1 ;;
        -h | --help) usage; exit 0 ;;
        -*) usage >&2; exit 2 ;;
        *) cpus+=("$arg") ;;
    esac
done
[ ${#cpus[@]} -gt 0 ] || cpus=(cortex-a76 cortex-a53 max)
most_tests_on=cortex-a76

jobs=${SAMLET_JOBS:-$(nproc)}
if [ -z "${SAMLET_GOLDEN_DIR:-}" ]; then
    echo "run_arm64: no SAMLET_GOLDEN_DIR, tests against reference data are skipped"
fi

# ---- What runs where ----------------------------------------------------------------------------------------------

image_size=64

# What qemu does not hand on: the calls of cameras. Whole programs: models and pictures of full size, thousands of
# sessions, the command line (which is not built), and Python, which does not run on the emulated CPU.
excluded_labels='^(soak|fuzz|examples)$'
excluded_tests='^golden/(tiny|image|sizes|trained|bundled|precision)$|^unit/(live_.*|latest_frame|camera)$|_py$'

# Tests by name that need the model's own image size; the first list runs at it, on one CPU.
own_size=(the_disc_is_followed points_boxes_and_logits_predict predictions_repeat_bit_by_bit features_have_their_shapes
    memory_attention_stands_alone same_as_c)
own_size_left_out=(errors_leave_no_trace holes_and_sprinkles_can_be_removed non_overlapping_does_not_touch_memories
    memory_attention_does_not_touch_tracks)

# Minutes each; the scenarios of golden/micro that are left exercise the same code. The last of them wants all.
too_long=(children places_are_used_again huge_values_do_no_harm trackers_fit_at_the_corners
    point_on_every_level point_from_normalised_images box two_clicks late_object object_prompted_ahead backwards
    occlusion most_scenarios_agree_to_rounding)

# What says little about a CPU.
one_cpu_is_enough=(two_objects mask correction explaining_changes_no_result memories_are_named_by_their_frames
    other_image_sizes_work numbers_only_count_as_distances sessions_repeat_bit_by_bit objects_do_not_see_each_other
    corrections_reach_the_following_frames a_cleared_correction_leaves_no_trace prompted_slots_hold_what_they_promise
    girl clip_length_changes_the_time_code_of_short_clips_only formats_of_the_same_colours_are_the_same
    non_overlapping_masks_share_out_the_pixels yielding_changes_nothing pinned_threads_stay_on_their_processors
    the_most_threads_work sessions_side_by_side a_session_changes_threads handles_move missing_tensors_are_named
    mis_shaped_tensors_are_named values_that_are_not_finite_are_named a_correction_after_one_taken_back_still_corrects
    the_mask_explained_is_the_mask_shown)

# The level that the library must choose, by its own report.
expected_kernels() {
    case $1 in
        cortex-a35 | cortex-a53 | cortex-a57 | cortex-a72) echo neon ;;
        *) echo neon_fp16 ;;
    esac
}

# ---- Build --------------------------------------------------------------------------------------------------------

started=$(date +%s)
step() { echo "run_arm64: [$(($(date +%s) - started)) s] $*"; }

tools/setup_cross_arm64.sh
folder=build-arm64
log=$folder/run_arm64.log
mkdir -p "$folder"
step "building in $folder/"
if ! {
    cmake -S . -B "$folder" -G Ninja --toolchain ports/toolchains/aarch64.cmake -DCMAKE_BUILD_TYPE=Release \
        -DSAMLET_BUILD_TESTS=ON -DSAMLET_BUILD_TOOLS=OFF -DSAMLET_WERROR=ON && cmake --build "$folder" --parallel "$jobs"
} >"$log" 2>&1; then
    tail -n 60 "$log" >&2
    echo "run_arm64: error: the build in $folder/ failed, see $log" >&2
    exit 1
fi
[ $build_only = 0 ] || exit 0

# ---- Tests --------------------------------------------------------------------------------------------------------

joined() { local IFS=,; echo "$*"; }
status=0
# ctest for the CPU $1 with options, and what became of the tests inside of its programs.
run() {
    local cpu=$1 log=Testing/Temporary/LastTest.log
    shift
    (cd "$folder" && QEMU_CPU=$cpu SAMLET_EXPECTED_KERNELS=$(expected_kernels "$cpu") \
        ctest --output-on-failure --parallel "$jobs" "$@") || status=1
    count() { grep -c "$1" "$folder/$log" || true; }
    step "$cpu: $(count '^\[       OK \]') passed, $(count '^\[  FAILED  \] [a-z]') failed," \
        "$(count '^\[  SKIPPED \] [a-z]') skipped by themselves, $(count '^left out: ') left out by this script"
}

for cpu in "${cpus[@]}"; do
    report=$(cd "$folder" && QEMU_CPU=$cpu ctest -V -R '^api/kernels$' | grep -o 'kernels: .*' || true)
    step "$cpu: ${report:-no report of kernels}"
    if [ $full = 1 ]; then
        run "$cpu"
        continue
    fi
    left_out=("${own_size[@]}" "${own_size_left_out[@]}" "${too_long[@]}")
    [ "$cpu" = $most_tests_on ] || left_out+=("${one_cpu_is_enough[@]}")
    step "$cpu: sessions at $image_size x $image_size; left out are $excluded_labels, $excluded_tests, ${left_out[*]}"
    SAMLET_TEST_IMAGE_SIZE=$image_size SAMLET_TEST_SKIP=$(joined "${left_out[@]}") \
        run "$cpu" -LE "$excluded_labels" -E "$excluded_tests"
    if [ "$cpu" = $most_tests_on ]; then
        step "$cpu: sessions in f16"
        SAMLET_TEST_IMAGE_SIZE=$image_size SAMLET_TEST_SKIP=$(joined "${left_out[@]}") SAMLET_PRECISION=f16 \
            run "$cpu" -R '^api/(segmenter|tracker_misuse)$'
        step "$cpu: sessions at the model's size, only ${own_size[*]}"
        SAMLET_TEST_ONLY=$(joined "${own_size[@]}") run "$cpu" -L '^api$'
    fi
done
if [ $status = 0 ]; then step "passed"; else step "failed"; fi
exit $status
