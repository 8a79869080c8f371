"""The rules of tests/abi: which changes of the header break compiled programs, and which do not.

SPDX-License-Identifier: Apache-2.0

Small libraries stand for samlet: a header in the manner of samlet.h with its functions made empty, compiled as it is for
the release and with one change for what comes after.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(os.environ.get("SAMLET_SOURCE_DIR", Path(__file__).resolve().parents[2]))
HEADER = """#include <stdint.h>
#define SAMLET_API __attribute__((visibility("default")))
typedef enum samlet_status {
    SAMLET_OK = 0,
    SAMLET_ERROR_STATE = 2
} samlet_status;
typedef enum samlet_stage {
    SAMLET_STAGE_TRUNK = 0,
    SAMLET_STAGE_NECK = 1,
    SAMLET_STAGE_COUNT = 2
} samlet_stage;
typedef struct samlet_error {
    samlet_status status;
    char message[252];
} samlet_error;
typedef struct samlet_point {
    float x, y;
    int32_t label;
} samlet_point;
typedef struct samlet_model samlet_model;
typedef struct samlet_prompt {
    uint32_t size;
    uint32_t point_count;
    const samlet_point *points;
} samlet_prompt;
typedef struct samlet_result {
    uint32_t size;
    uint32_t low_res_size;
    float iou;
    float object_score;
    uint64_t area;
} samlet_result;
SAMLET_API void samlet_model_close(samlet_model *model);
SAMLET_API samlet_status samlet_model_open(const char *path, samlet_model **model, samlet_error *error);
SAMLET_API const char *samlet_stage_name(samlet_stage stage);
SAMLET_API samlet_status samlet_track(samlet_model *model, const samlet_prompt *prompt, samlet_result *result);
"""
CHECK = ROOT / "tests/abi/check.py"
DUMP = ROOT / "tests/abi/dump.sh"
CC = os.environ.get("CC", "cc")


def build(header, folder, soname="libsamlet.so.0"):
    """Compiles a library of the header's functions; returns the paths of library and header."""
    include = folder / "include" / "samlet"
    include.mkdir(parents=True)
    (include / "samlet.h").write_text(header)
    declarations = re.findall(r"^SAMLET_API [^;]*;", header, re.MULTILINE)
    source = folder / "c_api" / "stub.c"
    source.parent.mkdir()
    bodies = [d.replace(";", " { __builtin_unreachable(); }") for d in declarations]
    source.write_text("#include <samlet/samlet.h>\n" + "\n".join(bodies) + "\n")
    library = folder / "libsamlet.so"
    subprocess.run([CC, "-std=c99", "-g", "-w", "-shared", "-fPIC", f"-Wl,-soname,{soname}", "-I", folder / "include",
                    source, "-o", library], check=True)
    return library, include / "samlet.h"


class AbiRules(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = Path(tempfile.mkdtemp())
        cls.dump = cls.folder / "release.abi"
        library, header = build(HEADER, cls.folder / "release")
        subprocess.run([DUMP, library, header, cls.dump], check=True)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.folder)

    def passes(self, *changes, **options):
        """Whether the check lets the header with these (old, new) pieces of text pass."""
        header = HEADER
        for old, new in changes:
            self.assertEqual(header.count(old), 1, f"the header has no {old!r}")
            header = header.replace(old, new)
        with tempfile.TemporaryDirectory() as folder:
            library, path = build(header, Path(folder), **options)
            done = subprocess.run([sys.executable, CHECK, library, path, self.dump], capture_output=True, text=True)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        return done.returncode == 0

    RESULT_END = "    uint64_t area;\n"
    MODEL_CLOSE = "SAMLET_API void samlet_model_close(samlet_model *model);"

    def test_no_change_passes(self):
        self.assertTrue(self.passes())

    def test_a_new_function_passes(self):
        self.assertTrue(self.passes((self.MODEL_CLOSE, self.MODEL_CLOSE + "\nSAMLET_API int samlet_new(int x);")))

    def test_a_new_struct_passes(self):
        self.assertTrue(self.passes((self.MODEL_CLOSE, self.MODEL_CLOSE +
                                     "\ntypedef struct samlet_extra {\n    uint32_t size;\n} samlet_extra;"
                                     "\nSAMLET_API void samlet_extra_init(samlet_extra *extra);")))

    def test_members_at_the_end_of_sized_structs_pass(self):
        self.assertTrue(self.passes((self.RESULT_END, self.RESULT_END + "    float entropy;\n    const float *shares;\n")))

    def test_an_enumerator_more_passes(self):
        self.assertTrue(self.passes(("SAMLET_STAGE_COUNT = 2", "SAMLET_STAGE_NEW = 2,\n    SAMLET_STAGE_COUNT = 3")))
        self.assertTrue(self.passes(("SAMLET_ERROR_STATE = 2", "SAMLET_ERROR_STATE = 2,\n    SAMLET_ERROR_NEW = 3")))

    def test_a_function_less_fails(self):
        self.assertFalse(self.passes((self.MODEL_CLOSE, "")))

    def test_a_member_in_the_middle_fails(self):
        self.assertFalse(self.passes(("    uint64_t area;", "    uint64_t before;\n    uint64_t area;")))
        self.assertFalse(self.passes(("    float iou;", "    float before;\n    float iou;")))

    def test_a_member_less_fails(self):
        self.assertFalse(self.passes((self.RESULT_END, "")))

    def test_members_that_change_places_fail(self):
        self.assertFalse(self.passes(("    float iou;\n    float object_score;", "    float object_score;\n    float iou;")))

    def test_a_member_of_another_type_fails(self):
        self.assertFalse(self.passes(("    float iou;", "    double iou;")))
        self.assertFalse(self.passes(("    float iou;", "    uint32_t iou;")))

    def test_another_type_and_a_member_more_fail(self):
        self.assertFalse(self.passes(("    float iou;", "    uint32_t iou;"),
                                     (self.RESULT_END, self.RESULT_END + "    float entropy;\n")))

    def test_members_at_the_end_of_structs_without_size_fail(self):
        self.assertFalse(self.passes(("    int32_t label;\n", "    int32_t label;\n    float weight;\n")))
        self.assertFalse(self.passes(("    char message[252];", "    char message[252];\n    int line;")))

    def test_a_longer_array_fails(self):
        self.assertFalse(self.passes(("message[252]", "message[508]")))

    def test_another_parameter_fails(self):
        self.assertFalse(self.passes((self.MODEL_CLOSE, self.MODEL_CLOSE.replace("model)", "model, int force)"))))
        self.assertFalse(self.passes((self.MODEL_CLOSE, self.MODEL_CLOSE.replace("void s", "int s"))))

    def test_another_value_of_an_enumerator_fails(self):
        self.assertFalse(self.passes(("SAMLET_ERROR_STATE = 2", "SAMLET_ERROR_STATE = 12")))
        self.assertFalse(self.passes(("SAMLET_STAGE_NECK = 1", "SAMLET_STAGE_NECK = 7")))

    def test_all_is_allowed_under_a_new_soname(self):
        self.assertTrue(self.passes((self.MODEL_CLOSE, ""), soname="libsamlet.so.1"))

if __name__ == "__main__":
    if not (shutil.which("abidiff") and shutil.which("abidw")):
        print("skipped: no abidiff (tools/setup_dependencies.sh --tests installs it)")
        sys.exit(77)
    unittest.main()
