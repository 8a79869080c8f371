#!/usr/bin/env python3
# What the hot loops cost by llvm-mca's model of a CPU, since emulators tell no time, and what frame rates that projects.
#
# SPDX-License-Identifier: Apache-2.0
"""Compiles the NEON kernels with their hot loops marked (SAMLET_HOT_LOOP), cuts the loops out of the assembly and lets
llvm-mca run them on two CPU models: neoverse-n1, the server twin of the Cortex-A76, and cortex-a57, which stands for the
Cortex-A72. The main loops of XNNPACK's assembly kernels are cut out of its archive in the same way.

A loop's figure is multiply-adds per cycle, all data in the first-level cache, against the limit of the multiply pipes:
per cycle two vectors on the N1 (8 f32 or 16 f16 numbers), one on the A57 (4 f32; it has no f16 arithmetic).

needs: llvm-mca (Debian: llvm-19), g++ for aarch64 and XNNPACK for arm64 (tools/setup_cross_arm64.sh)"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TURNS = 1000

Loop = namedtuple("Loop", "kernel name multiply_adds code")
Cpu = namedtuple("Cpu", "model stands_for f32 f16")  # limits: multiply-adds per cycle
CPUS = [Cpu("neoverse-n1", "A76", 8, 16), Cpu("cortex-a57", "A72", 4, None)]


def run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, universal_newlines=True, **options).stdout


def find(*names):
    for name in names:
        if shutil.which(name):
            return name
    sys.exit("static_cost: none of these programs is there: " + ", ".join(names))


# ---- Our loops -------------------------------------------------------------------------------------------------------

LABEL = re.compile(r"^(\.L\w+):")
BRANCH = re.compile(r"^\s+(?:b\.?\w*|cbn?z\s+\w+,|tbn?z\s+\w+,\s*#?\d+,)\s+(\.L\w+)\s*$")
MARK = re.compile(r"^\s*// samlet loop (.*) (\d+)\s*$")


def marked_loops(kernel, assembly):
    """The innermost loop around each mark: from a label before it to the nearest branch back there."""
    lines = assembly.splitlines()
    labels = {m.group(1): i for i, line in enumerate(lines) for m in [LABEL.match(line)] if m}
    for at, line in enumerate(lines):
        mark = MARK.match(line)
        if not mark:
            continue
        spans = [(labels[m.group(1)], i) for i in range(at, min(at + 4000, len(lines)))
                 for m in [BRANCH.match(lines[i])] if m and labels.get(m.group(1), at) < at]
        if not spans or mark.group(2) == "0":
            continue
        begin, end = max(spans, key=lambda span: span[0] - span[1])
        code = [text for text in lines[begin + 1:end + 1] if text.startswith("\t") and not re.match(r"\t(\.|//|#)", text)]
        yield Loop(kernel, mark.group(1), int(mark.group(2)), code)


def compiled_loops(compiler, sysroot):
    flags = ["-O3", "-DNDEBUG", "-fPIC", "-fno-exceptions", "-fno-rtti", "-ffp-contract=off", "-std=c++17",
             "-DSAMLET_STATIC_COST", "-I" + ROOT, "-S", "-o", "-"]
    flags += ["--sysroot=" + sysroot] if sysroot else []
    for kernel, options in (("neon", []), ("neon_fp16", ["-march=armv8.2-a+fp16"])):
        best = {}  # the same loop is there for fewer rows too: the full one counts
        for loop in marked_loops(kernel, run(compiler, *flags, *options, f"{ROOT}/kernels/{kernel}/table.cpp")):
            if loop.name not in best or loop.multiply_adds > best[loop.name].multiply_adds:
                best[loop.name] = loop
        yield from best.values()


# ---- XNNPACK's loops -------------------------------------------------------------------------------------------------

XNNPACK = {"f32 6x8": "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_ld128",
           "f32 6x8 a75": "xnn_f32_gemm_minmax_ukernel_6x8__asm_aarch64_neonfma_cortex_a75_prfm",
           "f32 4x8 a75": "xnn_f32_gemm_minmax_ukernel_4x8__asm_aarch64_neonfma_cortex_a75_prfm",
           "f16 6x16": "xnn_f16_gemm_minmax_ukernel_6x16__asm_aarch64_neonfp16arith_ld64",
           "f16 6x16 a75": "xnn_f16_gemm_minmax_ukernel_6x16__asm_aarch64_neonfp16arith_cortex_a75"}


def xnnpack_loops(objdump, archive):
    for name, symbol in XNNPACK.items():
        text = run(objdump, "-d", "--no-show-raw-insn", f"--disassemble={symbol}", archive)
        code = [(int(m.group(1), 16), m.group(2)) for m in re.finditer(r"^\s*([0-9a-f]+):\s+(.*?)(?:\s+//.*)?$", text, re.M)]
        best = []
        for i, (address, instruction) in enumerate(code):
            back = re.match(r"b\.\w+\s+([0-9a-f]+)", instruction)
            if back and int(back.group(1), 16) < address:
                body = [t for a, t in code[:i] if a >= int(back.group(1), 16)]
                products = [t for t in body if t.startswith("fmla")]
                if not any(re.match(r"b\b|b\.", t) for t in body) and len(products) > len(
                        [t for t in best if t.startswith("fmla")]):
                    best = body
        if best:
            lanes = 8 if name.startswith("f16") else 4
            count = sum(lanes for t in best if t.startswith("fmla"))
            yield Loop("XNNPACK", name, count, ["\t" + t for t in best] + ["\tb.hs .Lloop"])


# ---- Cost ------------------------------------------------------------------------------------------------------------

def cycles(mca, cpu, loops):
    text = ""
    for i, loop in enumerate(loops):
        code = "\n".join(re.sub(r"^(\tb\.\w+|\tcbn?z\s+\w+,)\s+\S+$", r"\1 .Lloop", line) for line in loop.code)
        text += f"# LLVM-MCA-BEGIN {i}\n{code}\n# LLVM-MCA-END {i}\n"
    out = run(mca, "-mtriple=aarch64-linux-gnu", "-mcpu=" + cpu.model, "-mattr=+fullfp16", f"-iterations={TURNS}", "--json",
              "-instruction-info=false", "-resource-pressure=false", input=".Lloop:\n" + text)
    regions = json.loads(out)["CodeRegions"]
    return [region["SummaryView"]["TotalCycles"] / TURNS for region in regions]


def is_f16(loop):
    return loop.kernel == "neon_fp16" or loop.name.startswith("f16")


def costs(mca, loops):
    """{(cpu model, kernel, loop name): share of the pipe limit}, printed on the way."""
    shares = {}
    for cpu in CPUS:
        there = [loop for loop in loops if cpu.f16 or not is_f16(loop)]
        print(f"\n{cpu.model} ({cpu.stands_for})")
        print(f"  {'loop':34} {'MAC':>6} {'cycles':>8} {'MAC/cycle':>10} {'of limit':>9}")
        for loop, turn in zip(there, cycles(mca, cpu, there)):
            rate = loop.multiply_adds / turn
            share = rate / (cpu.f16 if is_f16(loop) else cpu.f32)
            shares[cpu.model, loop.kernel, loop.name] = share
            print(f"  {loop.kernel + ': ' + loop.name:34} {loop.multiply_adds:6} {turn:8.2f} {rate:10.2f} {share:9.0%}")
    return shares


# ---- Projection ------------------------------------------------------------------------------------------------------

Model = namedtuple("Model", "image embed stages windows globals d_model memory layers hidden fuser_hidden")
MODELS = {
    "samlet_micro, 256": Model(256, 32, (1, 2, 4, 1), (8, 4, 14, 7), (), 128, 32, 2, 0, 0),
    "SAM 2.1 tiny, 512": Model(512, 96, (1, 2, 7, 2), (8, 4, 14, 7), (5, 7, 9), 256, 64, 4, 2048, 1024),
    "SAM 2.1 tiny, 1024": Model(1024, 96, (1, 2, 7, 2), (8, 4, 14, 7), (5, 7, 9), 256, 64, 4, 2048, 1024),
}

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sysroot", default=None, help="default: what tools/setup_cross_arm64.sh has set up")
    arguments = parser.parse_args()
    root = arguments.sysroot or run(ROOT + "/tools/setup_cross_arm64.sh", "--print-sysroot").strip()
    found = list(compiled_loops(find("aarch64-linux-gnu-g++"), root))
    archive = root + "/usr/lib/aarch64-linux-gnu/libmicrokernels-prod.a"
    if os.path.exists(archive):
        found += xnnpack_loops(find("aarch64-linux-gnu-objdump"), archive)
    costs(find("llvm-mca-19", "llvm-mca"), found)
