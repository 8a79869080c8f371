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

Model = namedtuple("Model", "image embed stages windows globals d_model memory layers hidden")
MICRO = Model(256, 32, (1, 2, 4, 1), (8, 4, 8, 4), (4, 6), 128, 32, 2, 512)
TINY = Model(1024, 96, (1, 2, 7, 2), (8, 4, 14, 7), (5, 7, 9), 256, 64, 4, 2048)
MEMORIES, POINTERS = 7, 16

# Frame, model, and the seconds of a tracked frame on two cores of the Zen 4 of README's table, where XNNPACK's f32 product
# ran at 112 GMAC/s: what share of that rate the whole frame reaches is taken over to the ARM CPUs.
MODELS = [("samlet_micro, 256", MICRO, 0.014), ("SAM 2.1 tiny, 512", TINY._replace(image=512), 0.49),
          ("SAM 2.1 tiny, 1024", TINY, 2.75)]
MEASURED_RATE = 112e9

SCORE_DEPTH, VALUE_DEPTH = 16, 32  # of kernels/neon_fp16
GEMM_SHARE = 1024 / 1280  # of kernels/neon_fp16/gemm.h, by its count of pipe cycles

# CPU model, cores, clock in Hz
BOARDS = [("Pi 4: 4 x A72, 1.8 GHz", CPUS[1], 4, 1.8e9), ("Pi 5: 4 x A76, 2.4 GHz", CPUS[0], 4, 2.4e9),
          ("Jetson Orin Nano: 6 x A78AE, 1.5 GHz", CPUS[0], 6, 1.5e9), ("Jetson AGX Orin: 12 x A78AE, 2.2 GHz", CPUS[0], 12, 2.2e9)]


def multiply_adds(m):
    """What samlet spends on a tracked frame of one object: (products, attention, attention to memories). core/cost.cpp
    counts the reference formulation; here values are projected after they were summed, and keys are never formed."""
    side, width, block = m.image // 4, m.embed, 0
    products, attention = 147 * width * side * side, 0
    for stage, blocks in enumerate(m.stages):
        for i in range(blocks):
            pools = stage > 0 and i == 0
            window = 0 if block in m.globals else m.windows[stage - 1 if pools else stage]
            window = window or side
            out = 2 * width if pools else width
            tokens = (-(-side // window) * window) ** 2
            queries, kept = (tokens // 4, side * side // 4) if pools else (tokens, side * side)
            products += tokens * width * 3 * out + queries * out * out + 8 * kept * out * out
            products += side * side * width * out if pools else 0
            attention += queries * window * window * 2 * out
            if pools:
                side //= 2
            width, block = out, block + 1
    cells, d, c, grid = (m.image // 16) ** 2, m.d_model, m.embed, m.image // 16
    products += 16 * cells * c * d + 8 * cells * c * d + 4 * cells * c * d + 2 * cells * c * d + 3 * cells * d * d  # neck
    keys = MEMORIES * cells + POINTERS * d // m.memory
    products += m.layers * cells * (5 * d * d + m.memory * d + 2 * d * m.hidden)
    attention += m.layers * 2 * cells * cells * d
    memories = m.layers * cells * (2 * keys * m.memory + grid * d * m.memory)
    tokens, half = 8, d // 2
    cross = 2 * tokens * d * half + 2 * cells * d * half + 2 * tokens * cells * half
    products += 5 * cross + cells * d * d + 4 * cells * d // 4 * d // 2 + 16 * cells * d // 8 * 4  # mask decoder
    side, channels = m.image * m.image, 1
    for out in (4, 16, 64, 256):  # memory encoder
        side //= 4
        products += side * 9 * channels * out
        channels = out
    products += cells * d * (256 + d + m.memory) + 2 * cells * d * (49 + 8 * d)
    return products, attention, memories


def project(shares):
    """Frames per second: e f n / (sum of M / (s l)), with M multiply-adds of a kind, s the share of the pipe limit l
    (multiply-adds per cycle) of its loop, f the clock, n the cores, and e the share of XNNPACK's rate that whole frames
    reached where they were measured."""
    def share(cpu, kernel, name, depth=0):
        loop = shares[cpu.model, kernel, name]
        if kernel != "neon_fp16":
            return loop
        # 16 sums of halves become f32 after `depth` steps: 32 conversions of two cycles, 32 multiply-adds in f32.
        return 1 / (1 / loop + 96 / (16 * depth))

    def product_share(cpu, name):
        return GEMM_SHARE if name == "gemm" else share(cpu, "XNNPACK", name)

    def mean(a, b):  # of two halves of the work
        return 2 / (1 / a + 1 / b)

    print("\nPROJECTION, frames per second with 7 memories, not measured; formula: see project()")
    print(f"  {'':38} " + " ".join(f"{name:>19}" for name, _, _ in MODELS))
    for board, cpu, cores, clock in BOARDS:
        kinds = [("f32", "f32 6x8", "neon", cpu.f32, cpu.f32)]
        if cpu.f16:
            kinds += [("f16 attention", "f32 6x8", "neon_fp16", cpu.f32, cpu.f16),
                      ("all f16", "gemm", "neon_fp16", cpu.f16, cpu.f16)]
        for kind, product, kernel, product_limit, limit in kinds:
            row = []
            for _, model, measured in MODELS:
                products, attention, memories = multiply_adds(model)
                whole = (products + attention + memories) / measured / MEASURED_RATE
                turns = (products / (product_share(cpu, product) * product_limit) +
                         attention / (mean(share(cpu, kernel, "attention", SCORE_DEPTH),
                                           share(cpu, kernel, "attention", VALUE_DEPTH)) * limit) +
                         memories / (mean(share(cpu, kernel, "axial scores", SCORE_DEPTH),
                                          share(cpu, kernel, "axial values", VALUE_DEPTH)) * limit))
                row.append(whole * clock * cores / turns)
            print(f"  {board + ', ' + kind if kind == 'f32' else '- ' + kind:38} " + " ".join(f"{fps:19.2f}" for fps in row))
    print("\nmultiply-adds of a frame, 1e9: products, attention, attention to memories; share e")
    for name, model, measured in MODELS:
        parts = multiply_adds(model)
        print(f"  {name:24} " + " ".join(f"{part * 1e-9:8.2f}" for part in parts) +
              f"  {sum(parts) / measured / MEASURED_RATE:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sysroot", default=None, help="default: what tools/setup_cross_arm64.sh has set up")
    arguments = parser.parse_args()
    root = arguments.sysroot or run(ROOT + "/tools/setup_cross_arm64.sh", "--print-sysroot").strip()
    found = list(compiled_loops(find("aarch64-linux-gnu-g++"), root))
    archive = root + "/usr/lib/aarch64-linux-gnu/libmicrokernels-prod.a"
    if os.path.exists(archive):
        found += xnnpack_loops(find("aarch64-linux-gnu-objdump"), archive)
    project(costs(find("llvm-mca-19", "llvm-mca"), found))
