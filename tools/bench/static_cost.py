#!/usr/bin/env python3
# What the hot loops cost by llvm-mca's model of a CPU, since emulators tell no time, and what frame rates that projects.
#
# SPDX-License-Identifier: Apache-2.0
"""Compiles the NEON kernels with their hot loops marked (SAMLET_HOT_LOOP), cuts the loops out of the assembly and lets
llvm-mca run them on two CPU models: neoverse-n1, the server twin of the Cortex-A76, and cortex-a57, which stands for the
Cortex-A72. The main loops of XNNPACK's assembly kernels are cut out of its archive in the same way.

A loop's figure is multiply-adds per cycle, all data in the first-level cache, against the limit of the multiply pipes:
per cycle two vectors on the N1 (8 f32 or 16 f16 numbers), one on the A57 (4 f32; it has no f16 arithmetic). "Whole" is the
call of the function around the loop: its turns and, as compiled, everything before, between and after.

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
TURNS = 300

Loop = namedtuple("Loop", "kernel name multiply_adds code turns whole")  # turns: of the loop, in `whole`
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

# Function, multiply-adds of a turn of its loop, turns in a row, how often it comes to them. In f16 turns in a row make a sum.
# Sizes are those of SAM 2: heads of 96 channels, tiles of 256 keys, memories of 64 channels, 7 at a place, runs of 8 places,
# W of 2 x 128 rows. `times` None: any number, without what comes before and after: in f16 values, loops over rows, which
# take up to 225 cycles per tile (8 %).
Part = namedtuple("Part", "name function multiply_adds turns times")
PARTS = {
    "neon": [Part("attention scores", "score_panel", 256, 96 // 4, 1), Part("attention values", "add_values", 256, 256 // 4, 1),
             Part("axial scores", "scores_of_keys", 224, 64 // 4, 1), Part("axial values", "product_of_columns", 64, 56, 4),
             Part("axial tables", "product_of_columns", 64, 128, 1)],
    "neon_fp16": [Part("attention scores", "score_panel", 1024, 16 // 8, 96 // 16),
                  Part("attention values", "add_values", 1024, 32 // 8, None),
                  Part("axial scores", "scores_of_half_keys", 896, 16 // 8, 64 // 16),
                  Part("axial values", "add_product_of_columns", 128, 32, 1),
                  Part("axial tables", "add_product_of_columns", 128, 8, 1)]}


class Function:
    """The instructions of a function. `mark` is the first one after the mark of that many multiply-adds."""

    def __init__(self, text, multiply_adds):
        self.code, self.labels, self.mark = [], {}, None
        for line in text.splitlines():
            label = re.match(r"(\.L\w+):", line)
            if label:
                self.labels[label.group(1)] = len(self.code)
            elif re.match(rf"\s+// samlet loop .* {multiply_adds}$", line):
                self.mark = len(self.code)
            elif re.match(r"\t[a-z]", line):
                self.code.append(line)

    def after(self, at):
        branch = re.match(r"\t(b\.?\w*|cbn?z|tbn?z)\t.*?(\.L\w+)$", self.code[at])
        there = [self.labels[branch.group(2)]] if branch else []
        return there if branch and branch.group(1) == "b" else there + [at + 1]

    def way(self, begin, *ends):
        """The shortest way from an instruction to one of `ends`, without that: so what serves sizes that are no multiple
        of the blocks' is left out."""
        ways, seen = [[begin]], set()
        for way in ways:
            for at in self.after(way[-1]):
                if at in ends:
                    return way
                if at not in seen and at < len(self.code):
                    seen.add(at)
                    ways.append(way + [at])
        return None

    def loop(self, kernel, part):
        """The ways once around the loop and, whole, through the function."""
        ends = [at for at, text in enumerate(self.code) if text == "\tret"]
        turn = self.way(self.mark, self.mark)
        leaving = self.way(self.mark, *ends)
        left = next(i for i, at in enumerate(leaving) if at not in turn)
        turns = turn * (part.turns - 1) + leaving[:left]
        if part.times == 1:
            whole = self.way(0, self.mark) + turns + leaving[left:]
        else:
            whole = turns + self.way(leaving[left], self.mark)
            if part.times:
                whole = self.way(0, self.mark) + whole * (part.times - 1) + turns + leaving[left:]
        turn, whole = ([self.code[at] for at in way] for way in (turn, whole))
        return Loop(kernel, part.name, part.multiply_adds, turn, part.turns * (part.times or 1), whole)


def compiled_loops(compiler, sysroot):
    flags = ["-O3", "-DNDEBUG", "-fPIC", "-fno-exceptions", "-fno-rtti", "-ffp-contract=off", "-std=c++17",
             "-DSAMLET_STATIC_COST", "-I" + ROOT, "-S", "-o", "-"]
    flags += ["--sysroot=" + sysroot] if sysroot else []
    for kernel, options in (("neon", []), ("neon_fp16", ["-march=armv8.2-a+fp16"])):
        assembly = run(compiler, *flags, *options, f"{ROOT}/kernels/{kernel}/table.cpp")
        functions = re.findall(r"^(_Z\w+)[\w.]*:\n(.*?)^\t\.size", assembly, re.M | re.S)
        for part in PARTS[kernel]:
            there = [Function(text, part.multiply_adds) for name, text in functions if part.function in name]
            yield next(f for f in there if f.mark is not None).loop(kernel, part)


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
            yield Loop("XNNPACK", name, count, ["\t" + t for t in best] + ["\tb.hs .Lloop"], 0, None)


# ---- Cost ------------------------------------------------------------------------------------------------------------

def cycles(mca, cpu, regions):
    text = ".Lloop:\n"
    for i, region in enumerate(regions):
        code = "\n".join(re.sub(r"^(\tb\S*|\tcbn?z\s+\w+,)\s+\S+$", r"\1 .Lloop", line) for line in region)
        text += f"# LLVM-MCA-BEGIN {i}\n{code}\n# LLVM-MCA-END {i}\n"
    out = run(mca, "-mtriple=aarch64-linux-gnu", "-mcpu=" + cpu.model, "-mattr=+fullfp16", f"-iterations={TURNS}", "--json",
              "-instruction-info=false", "-resource-pressure=false", input=text)
    return [region["SummaryView"]["TotalCycles"] / TURNS for region in json.loads(out)["CodeRegions"]]


def is_f16(loop):
    return loop.kernel == "neon_fp16" or loop.name.startswith("f16")


def costs(mca, loops):
    """{(cpu model, kernel, loop name): share of the pipe limit, whole if that is known}, printed on the way."""
    shares = {}
    for cpu in CPUS:
        there = [loop for loop in loops if cpu.f16 or not is_f16(loop)]
        regions = [region for loop in there for region in (loop.code, loop.whole or loop.code)]
        times = cycles(mca, cpu, regions)
        print(f"\n{cpu.model} ({cpu.stands_for})")
        print(f"  {'loop':34} {'MAC':>6} {'cycles':>8} {'of limit':>9} {'whole: MAC':>12} {'cycles':>8} {'of limit':>9}")
        for loop, turn, whole in zip(there, times[::2], times[1::2]):
            limit = cpu.f16 if is_f16(loop) else cpu.f32
            share = loop.multiply_adds / turn / limit
            line = f"  {loop.kernel + ': ' + loop.name:34} {loop.multiply_adds:6} {turn:8.2f} {share:9.0%}"
            if loop.whole:
                share = loop.multiply_adds * loop.turns / whole / limit
                line += f" {loop.multiply_adds * loop.turns:12} {whole:8.2f} {share:9.0%}"
            shares[cpu.model, loop.kernel, loop.name] = share
            print(line)
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

GEMM_SHARE = 0.81  # of kernels/neon_fp16/gemm.h: see there

# CPU model, cores, clock in Hz
BOARDS = [("Pi 4: 4 x A72, 1.8 GHz", CPUS[1], 4, 1.8e9), ("Pi 5: 4 x A76, 2.4 GHz", CPUS[0], 4, 2.4e9),
          ("Jetson Orin Nano: 6 x A78AE, 1.5 GHz", CPUS[0], 6, 1.5e9), ("Jetson AGX Orin: 12 x A78AE, 2.2 GHz", CPUS[0], 12, 2.2e9)]


def multiply_adds(m):
    """What samlet spends on a tracked frame of one object: (products, attention, attention to memories, the tables A and B
    of that). core/cost.cpp counts the reference formulation; here values are projected after they were summed, and keys are
    never formed."""
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
    memories, tables = m.layers * cells * 2 * keys * m.memory, m.layers * cells * grid * d * m.memory
    tokens, half = 8, d // 2
    cross = 2 * tokens * d * half + 2 * cells * d * half + 2 * tokens * cells * half
    products += 5 * cross + cells * d * d + 4 * cells * d // 4 * d // 2 + 16 * cells * d // 8 * 4  # mask decoder
    side, channels = m.image * m.image, 1
    for out in (4, 16, 64, 256):  # memory encoder
        side //= 4
        products += side * 9 * channels * out
        channels = out
    products += cells * d * (256 + d + m.memory) + 2 * cells * d * (49 + 8 * d)
    return products, attention, memories, tables


def project(shares):
    """Frames per second: e f n / (sum of M / (s l)), with M multiply-adds of a kind, s the share of the pipe limit l
    (multiply-adds per cycle) of its loop (of ours, whole), f the clock, n the cores, and e the share of XNNPACK's rate that
    whole frames reached where they were measured."""
    print("\nPROJECTION, frames per second with 7 memories, not measured; formula: see project()")
    print(f"  {'':38} " + " ".join(f"{name:>19}" for name, _, _ in MODELS))
    for board, cpu, cores, clock in BOARDS:
        kinds = [("f32", "f32 6x8", "neon", cpu.f32, cpu.f32)]
        if cpu.f16:
            kinds += [("f16 attention", "f32 6x8", "neon_fp16", cpu.f32, cpu.f16),
                      ("all f16", None, "neon_fp16", cpu.f16, cpu.f16)]
        for kind, product, kernel, product_limit, limit in kinds:
            row = []
            for _, model, measured in MODELS:
                products, attention, memories, tables = parts = multiply_adds(model)
                whole = sum(parts) / measured / MEASURED_RATE
                turns = products / product_limit / (shares[cpu.model, "XNNPACK", product] if product else GEMM_SHARE)
                for part, *names in ((attention, "attention scores", "attention values"),
                                     (memories, "axial scores", "axial values"), (tables, "axial tables")):
                    turns += sum(part / len(names) / shares[cpu.model, kernel, name] for name in names) / limit
                row.append(whole * clock * cores / turns)
            print(f"  {board + ', ' + kind if kind == 'f32' else '- ' + kind:38} " + " ".join(f"{fps:19.2f}" for fps in row))
    print("\nmultiply-adds of a frame, 1e9: products, attention, attention to memories, its tables; share e")
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
