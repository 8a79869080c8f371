#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Turn a published SAM 2 / SAM 2.1 checkpoint into a model file that samlet reads.

The input is a PyTorch checkpoint (.pt), a .safetensors file or a model file of samlet's that is to be stored in another
type; PyTorch itself is not needed, and nothing that a checkpoint contains is ever executed. The output is one GGUF file
with the tensors under their published names.

The size of the model (tiny, small, base+, large) is recognised from its tensors. For a model of another size give the
YAML file it was trained with: it tells what tensors cannot (heads, windows, image size).
"""
from __future__ import annotations

import argparse
import json
import math
import os
import re
import struct
import sys
import zipfile
import zlib
from collections import Counter
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Callable, Dict, Iterable, Iterator, List, NamedTuple, Optional, Tuple

try:
    import numpy as np
except ImportError:  # --help and --list work without it
    np = None

EXAMPLES = """\
examples:
  convert_checkpoint.py sam2.1_hiera_tiny.pt sam2.1_hiera_tiny.gguf
  convert_checkpoint.py sam2.1_hiera_large.pt large.gguf --type f16
  convert_checkpoint.py sam2.1_hiera_tiny.pt tiny_int8.gguf --type int8
  convert_checkpoint.py mine.safetensors mine.gguf --config mine.yaml --name mine
  convert_checkpoint.py tiny_f16.gguf tiny_int8.gguf --type int8
  convert_checkpoint.py --list sam2.1_hiera_tiny.gguf
"""

Shape = Tuple[int, ...]


class ConversionError(Exception):
    """Bad input: one sentence for the user, and any number of details, one line each."""

    def __init__(self, message: str, details: Iterable[str] = ()):
        super().__init__(message)
        self.details = list(details)


def plural(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def printable(name: Any) -> str:
    """A name from a file, fit for a terminal."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(name)[:200])


def show(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return ",".join(map(show, value))
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:.7g}" if isinstance(value, float) else printable(value)


def file_size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


# ----------------------------------------------------------------------------------------------------------------------
# Element types
# ----------------------------------------------------------------------------------------------------------------------


class ElementType(NamedTuple):
    name: str
    numpy: str  # kind and size; bfloat16 travels as the upper half of a float32
    size: int


F32 = ElementType("F32", "f4", 4)
F16 = ElementType("F16", "f2", 2)
BF16 = ElementType("BF16", "u2", 2)
F64 = ElementType("F64", "f8", 8)
I64 = ElementType("I64", "i8", 8)
I32 = ElementType("I32", "i4", 4)
I16 = ElementType("I16", "i2", 2)
I8 = ElementType("I8", "i1", 1)
U8 = ElementType("U8", "u1", 1)

LARGEST_EXACT_INTEGER = 1 << 24  # beyond it float32 skips integers


def decode(raw: bytes, element: ElementType, byte_order: str):
    """The bytes of a storage as a flat array of its own type (bfloat16: of float32)."""
    flat = np.frombuffer(raw, dtype=np.dtype(byte_order + element.numpy))
    if element is BF16:
        return (flat.astype("<u4") << 16).view("<f4")
    return flat


def to_float32(array):
    """float32 values, or ValueError with the reason why they cannot be."""
    if array.dtype.kind in "iu":
        if array.size and max(abs(int(array.min())), abs(int(array.max()))) > LARGEST_EXACT_INTEGER:
            raise ValueError("it holds integers that float32 cannot represent")
        return array.astype("<f4")
    if not np.isfinite(array).all():
        raise ValueError(f"{np.count_nonzero(~np.isfinite(array))} of {array.size} values are NaN or infinite")
    with np.errstate(over="ignore"):
        result = np.ascontiguousarray(array, dtype="<f4")
    if not np.isfinite(result).all():
        raise ValueError("it holds values beyond the range of float32")
    return result


def to_float16(array):
    with np.errstate(over="ignore"):
        result = array.astype("<f2")
    if not np.isfinite(result).all():
        largest = float(np.abs(array).max())
        raise ValueError(f"it holds values beyond the range of float16 (largest magnitude {largest:g}); use --type f32")
    return result


# ----------------------------------------------------------------------------------------------------------------------
# PyTorch checkpoints: a zip archive with a pickle that describes tensors, and one member per storage
# ----------------------------------------------------------------------------------------------------------------------

PICKLE_LIMIT = 4 << 20  # published ones take about 100 KB
RANK_LIMIT = 8
STORAGE_SLACK = 64 << 20

STORAGE_TYPES = {
    "torch.FloatStorage": F32,
    "torch.HalfStorage": F16,
    "torch.BFloat16Storage": BF16,
    "torch.DoubleStorage": F64,
    "torch.LongStorage": I64,
    "torch.IntStorage": I32,
    "torch.ShortStorage": I16,
    "torch.CharStorage": I8,
    "torch.ByteStorage": U8,
    "torch.BoolStorage": U8,
}
ORDERED_DICT = "collections.OrderedDict"
REBUILD_TENSOR = "torch._utils._rebuild_tensor_v2"


class Global(NamedTuple):
    """A name that a pickle refers to. It stays a name: nothing is imported."""

    name: str


class Storage(NamedTuple):
    key: str
    element: ElementType
    count: int


class TorchTensor(NamedTuple):
    storage: Storage
    offset: int
    shape: Shape
    strides: Shape


def is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 62


def make_storage(identity: Any) -> Storage:
    """('storage', type, key, device, number of elements), as torch.save writes it."""
    if not (type(identity) is tuple and len(identity) == 5 and identity[0] == "storage"):
        raise ConversionError("its pickle refers to something outside that is no tensor storage")
    _, kind, key, _, count = identity
    if not (isinstance(kind, Global) and kind.name in STORAGE_TYPES and isinstance(key, str) and is_size(count)):
        raise ConversionError("its pickle describes a tensor storage in a way that PyTorch does not")
    return Storage(key, STORAGE_TYPES[kind.name], count)


def make_tensor(arguments: Tuple[Any, ...]) -> TorchTensor:
    """The arguments of _rebuild_tensor_v2, each checked against the size of the storage."""
    if not (len(arguments) in (6, 7) and isinstance(arguments[0], Storage)):
        raise ConversionError("its pickle describes a tensor in a way that PyTorch does not")
    storage, offset, shape, strides = arguments[:4]
    lists_of_sizes = all(type(x) is tuple and all(map(is_size, x)) for x in (shape, strides))
    if not (is_size(offset) and lists_of_sizes and len(shape) == len(strides) <= RANK_LIMIT):
        raise ConversionError("its pickle describes a tensor with an impossible shape")
    elements = math.prod(shape)
    if elements > storage.count:
        raise ConversionError(f"a tensor of shape {list(shape)} is larger than its storage of {storage.count} elements")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides))
    if elements and last >= storage.count:
        raise ConversionError(f"a tensor of shape {list(shape)} reaches beyond its storage of {storage.count} elements")
    return TorchTensor(storage, offset, shape, strides)


class PickleMachine:
    """A small pickle interpreter that knows only what a checkpoint of tensors needs.

    Python's own pickle module can import and call anything that a file names, and a file decides how much memory it
    takes. This one has no way to import, keeps its memo in a dict, and its work is bounded by the length of the pickle.
    """

    CONSTANTS = {ord("N"): None, 0x88: True, 0x89: False}
    CONTAINERS: Dict[int, Callable[[], Any]] = {ord("}"): dict, ord("]"): list, ord(")"): tuple}
    NUMBERS = {ord("J"): "<i", ord("K"): "<B", ord("M"): "<H", ord("G"): ">d"}
    STRINGS = {ord("X"): "<I", 0x8C: "<B", 0x8D: "<Q"}
    TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}
    MEMO_PUTS = {ord("q"): "<B", ord("r"): "<I"}
    MEMO_GETS = {ord("h"): "<B", ord("j"): "<I"}

    def __init__(self, data: bytes):
        self.data = data
        self.position = 0
        self.stack: List[Any] = []
        self.marks: List[int] = []
        self.memo: Dict[int, Any] = {}
        self.others = {
            ord("("): lambda: self.marks.append(len(self.stack)),
            ord("t"): lambda: self.stack.append(tuple(self.pop_to_mark())),
            ord("s"): lambda: self.set_items([self.stack.pop(-2), self.stack.pop()]),
            ord("u"): lambda: self.set_items(self.pop_to_mark()),
            ord("a"): lambda: self.append([self.stack.pop()]),
            ord("e"): lambda: self.append(self.pop_to_mark()),
            ord("b"): self.build,
            ord("c"): self.named_global,
            ord("Q"): lambda: self.stack.append(make_storage(self.stack.pop())),
            ord("R"): self.reduce,
            0x80: lambda: self.take(1),  # protocol number
            0x8A: self.long_integer,
            0x93: self.stacked_global,
            0x94: lambda: self.remember(len(self.memo)),
            0x95: lambda: self.take(8),  # frame length
        }

    def run(self) -> Any:
        try:
            while True:
                code = self.take(1)[0]
                if code == ord("."):
                    return self.stack.pop()
                self.step(code)
        except (IndexError, KeyError, TypeError, ValueError, struct.error):
            raise ConversionError(f"its pickle is damaged near byte {self.position}") from None

    def step(self, code: int) -> None:
        if code in self.CONSTANTS:
            self.stack.append(self.CONSTANTS[code])
        elif code in self.CONTAINERS:
            self.stack.append(self.CONTAINERS[code]())
        elif code in self.NUMBERS:
            self.stack.append(self.number(self.NUMBERS[code]))
        elif code in self.STRINGS:
            self.stack.append(self.take(self.number(self.STRINGS[code])).decode())
        elif code in self.TUPLES:
            self.stack[-self.TUPLES[code]:] = [tuple(self.top(self.TUPLES[code]))]
        elif code in self.MEMO_PUTS:
            self.remember(self.number(self.MEMO_PUTS[code]))
        elif code in self.MEMO_GETS:
            self.stack.append(self.memo[self.number(self.MEMO_GETS[code])])
        elif code in self.others:
            self.others[code]()
        else:
            raise ConversionError(f"its pickle uses operation 0x{code:02x}, which checkpoints of tensors do not need")

    def take(self, count: int) -> bytes:
        end = self.position + count
        if end > len(self.data):
            raise ValueError("end of data")
        piece = self.data[self.position:end]
        self.position = end
        return piece

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def line(self) -> str:
        end = self.data.index(b"\n", self.position)
        return self.take(end + 1 - self.position)[:-1].decode()

    def top(self, count: int) -> List[Any]:
        if len(self.stack) < count:
            raise IndexError
        return self.stack[-count:]

    def pop_to_mark(self) -> List[Any]:
        start = self.marks.pop()
        items = self.stack[start:]
        del self.stack[start:]
        return items

    def remember(self, index: int) -> None:
        if index >= len(self.data):  # they count up from 0
            raise ValueError
        self.memo[index] = self.stack[-1]

    def long_integer(self) -> None:
        self.stack.append(int.from_bytes(self.take(self.take(1)[0]), "little", signed=True))

    def set_items(self, items: List[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict or len(items) % 2:
            raise TypeError
        # Weights have names. Other keys (numbers, in the state of an optimizer) are dropped and so never hashed, which
        # for a hostile key can take for ever.
        target.update((key, value) for key, value in zip(items[::2], items[1::2]) if type(key) is str)

    def append(self, items: List[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise TypeError
        self.stack[-1].extend(items)

    def build(self) -> None:
        """Attributes of an object: only state dicts have some (_metadata), and they say nothing about weights."""
        self.stack.pop()
        if type(self.stack[-1]) is not dict:
            raise TypeError

    def named_global(self) -> None:
        module = self.line()
        self.push_global(f"{module}.{self.line()}")

    def stacked_global(self) -> None:
        module, name = self.top(2)
        del self.stack[-2:]
        if not (isinstance(module, str) and isinstance(name, str)):
            raise TypeError
        self.push_global(f"{module}.{name}")

    def push_global(self, name: str) -> None:
        if name not in STORAGE_TYPES and name not in (ORDERED_DICT, REBUILD_TENSOR):
            raise ConversionError(f"it refers to {printable(name)}, which a checkpoint of tensors does not need; "
                                  "nothing was executed")
        self.stack.append(Global(name))

    def reduce(self) -> None:
        function, arguments = self.top(2)
        del self.stack[-2:]
        if not (isinstance(function, Global) and type(arguments) is tuple):
            raise TypeError
        if function.name == REBUILD_TENSOR:
            self.stack.append(make_tensor(arguments))
        elif function.name == ORDERED_DICT and not arguments:
            self.stack.append({})
        else:
            raise ConversionError(f"it calls {function.name} in a way that checkpoints of tensors do not")


class Archive:
    """The zip archive of a checkpoint, read with every size known beforehand."""

    # What zipfile is known to raise for damaged archives; OSError is a seek to an impossible place.
    ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OverflowError,
              OSError, struct.error)

    def __init__(self, file: BinaryIO):
        try:
            self.zip = zipfile.ZipFile(file)
        except self.ERRORS:
            raise ConversionError("it is cut off or damaged: it begins like a PyTorch checkpoint but the archive's "
                                  f"directory at the end is missing or broken ({plural(file_size(file), 'byte')} "
                                  "on disk); download it again") from None
        self.members = {info.filename: info for info in self.zip.infolist()}

    def prefix(self) -> str:
        """The folder that all members lie in."""
        folders = [name[:-len("data.pkl")] for name in self.members if name == "data.pkl" or name.endswith("/data.pkl")]
        if len(folders) != 1:
            raise ConversionError("it is a zip archive but no PyTorch checkpoint: it has no data.pkl")
        if folders[0] + "constants.pkl" in self.members:
            raise ConversionError("it is a TorchScript program, not a checkpoint of tensors")
        return folders[0]

    def size(self, name: str) -> int:
        return self.members[name].file_size

    def read(self, name: str, size: int) -> bytes:
        info = self.members[name]
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) or info.flag_bits & 1:
            raise ConversionError(f"member {name!r} of the archive is compressed or encrypted in an unknown way")
        try:
            with self.zip.open(info) as member:
                data = member.read(size)
                whole = len(data) == size and not member.read(1)
        except self.ERRORS:
            whole = False
        if not whole:
            raise ConversionError(f"member {name!r} of the archive is cut off or damaged; download the file again")
        return data


class TorchCheckpoint:
    """The tensors of a .pt file; each storage is read when a tensor needs it."""

    def __init__(self, file: BinaryIO):
        self.archive = Archive(file)
        self.folder = self.archive.prefix()
        self.byte_order = self.read_byte_order()
        self.tensors = self.read_description()
        self.check_storages()
        self.shapes = {name: tensor.shape for name, tensor in self.tensors.items()}
        self.loaded: Tuple[str, Any] = ("", None)

    def read_byte_order(self) -> str:
        name = self.folder + "byteorder"
        if name not in self.archive.members:
            return "<"  # older versions of PyTorch do not say
        if self.archive.size(name) > 16:
            raise ConversionError("its byteorder entry is damaged")
        order = self.archive.read(name, self.archive.size(name)).strip()
        if order not in (b"little", b"big"):
            raise ConversionError("its byteorder entry names neither little nor big")
        return "<" if order == b"little" else ">"

    def read_description(self) -> Dict[str, TorchTensor]:
        name = self.folder + "data.pkl"
        size = self.archive.size(name)
        if size > PICKLE_LIMIT:
            raise ConversionError(f"its data.pkl takes {plural(size, 'byte')}; at most {PICKLE_LIMIT:,} are read")
        top = PickleMachine(self.archive.read(name, size)).run()
        if type(top) is dict and type(top.get("model")) is dict:
            top = top["model"]
        if type(top) is not dict or not top:
            raise ConversionError("it holds no tensors by name")
        strangers = [printable(key) for key, value in top.items()
                     if not isinstance(value, TorchTensor)]
        if strangers:
            raise ConversionError("some of its entries are no tensors", strangers)
        return top

    def check_storages(self) -> None:
        """Every storage lies in the archive in its declared size, and all are about as large as the tensors."""
        storages = {tensor.storage.key: tensor.storage for tensor in self.tensors.values()}
        problems = []
        for name, tensor in self.tensors.items():
            problem = self.storage_problem(tensor.storage)
            if storages[tensor.storage.key] != tensor.storage:
                problem = "another tensor describes its storage differently"
            if problem:
                problems.append(f"{printable(name)}: {problem}")
        if problems:
            raise ConversionError("its tensors and the archive do not fit together", problems)
        stored = sum(storage.count * storage.element.size for storage in storages.values())
        used = sum(math.prod(t.shape) * t.storage.element.size for t in self.tensors.values())
        if stored > 2 * used + STORAGE_SLACK:
            raise ConversionError(f"its storages take {plural(stored, 'byte')} but its tensors only {used:,}")

    def storage_problem(self, storage: Storage) -> Optional[str]:
        declared = storage.count * storage.element.size
        if self.member(storage) not in self.archive.members:
            return f"its storage {printable(storage.key)} is missing from the archive"
        found = self.archive.size(self.member(storage))
        return None if found == declared else f"its storage has {plural(found, 'byte')}, expected {declared:,}"

    def member(self, storage: Storage) -> str:
        return f"{self.folder}data/{storage.key}"

    def load(self, storage: Storage):
        """The storage's elements; the latest one is kept, since tensors that share one mostly follow each other."""
        if self.loaded[0] != storage.key:
            self.loaded = ("", None)
            raw = self.archive.read(self.member(storage), storage.count * storage.element.size)
            self.loaded = (storage.key, decode(raw, storage.element, self.byte_order))
        return self.loaded[1]

    def read(self, name: str):
        tensor = self.tensors[name]
        flat = self.load(tensor.storage)
        strides = [stride * flat.itemsize for stride in tensor.strides]
        return np.lib.stride_tricks.as_strided(flat[tensor.offset:], tensor.shape, strides, writeable=False)


# ----------------------------------------------------------------------------------------------------------------------
# Safetensors: length of the header, JSON header, one buffer
# ----------------------------------------------------------------------------------------------------------------------

SAFETENSORS_TYPES = {"F32": F32, "F16": F16, "BF16": BF16, "F64": F64}
SAFETENSORS_HEADER_LIMIT = 16 << 20


class SafeTensor(NamedTuple):
    element: ElementType
    shape: Shape
    begin: int
    end: int


def json_object_without_duplicates(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("a name occurs twice")
    return result


def json_integer(digits: str) -> int:
    if len(digits) > 20:
        raise ValueError("a number is too large")
    return int(digits)


class SafetensorsCheckpoint:
    def __init__(self, file: BinaryIO):
        self.file = file
        self.total = file_size(file)
        header = self.read_header()
        header.pop("__metadata__", None)
        self.tensors = {name: self.parse_entry(name, entry) for name, entry in header.items()}
        if not self.tensors:
            raise ConversionError("it holds no tensors")
        self.check_layout()
        self.shapes = {name: tensor.shape for name, tensor in self.tensors.items()}

    def read_header(self) -> Dict[str, Any]:
        length = struct.unpack("<Q", self.file.read(8))[0]
        self.start = 8 + length
        if length > SAFETENSORS_HEADER_LIMIT:
            raise ConversionError(f"its header claims {plural(length, 'byte')}; at most {SAFETENSORS_HEADER_LIMIT:,} "
                                  "are read")
        if self.start > self.total:
            raise ConversionError(self.cut_off(self.start))
        try:
            header = json.loads(self.file.read(length), object_pairs_hook=json_object_without_duplicates,
                                parse_int=json_integer)
        except (ValueError, RecursionError) as reason:
            raise ConversionError(f"its header is no valid JSON ({reason})") from None
        if not isinstance(header, dict):
            raise ConversionError("its header is no JSON object")
        return header

    def cut_off(self, needed: int) -> str:
        return (f"it is cut off: its header promises {plural(needed, 'byte')} and the file has {self.total:,}; "
                "download it again")

    @staticmethod
    def parse_entry(name: str, entry: Any) -> SafeTensor:
        def bad(reason: str) -> ConversionError:
            return ConversionError(f"the header entry of {printable(name)} is wrong: {reason}")

        if not isinstance(entry, dict):
            raise bad("no JSON object")
        kind, shape, offsets = (entry.get(key) for key in ("dtype", "shape", "data_offsets"))
        if not (isinstance(kind, str) and kind in SAFETENSORS_TYPES):
            raise bad(f"its type {printable(kind)} is none of {', '.join(SAFETENSORS_TYPES)}")
        if not (isinstance(shape, list) and all(map(is_size, shape)) and len(shape) <= RANK_LIMIT):
            raise bad("impossible shape")
        if not (isinstance(offsets, list) and len(offsets) == 2 and all(map(is_size, offsets))):
            raise bad("impossible offsets")
        element = SAFETENSORS_TYPES[kind]
        if offsets[1] - offsets[0] != math.prod(shape) * element.size:
            raise bad(f"shape {shape} of {kind} does not take {offsets[1] - offsets[0]} bytes")
        return SafeTensor(element, tuple(shape), offsets[0], offsets[1])

    def check_layout(self) -> None:
        """Tensors follow each other without gap or overlap and fill the buffer exactly."""
        end = 0
        for tensor in sorted(self.tensors.values(), key=lambda tensor: (tensor.begin, tensor.end)):
            if tensor.begin != end:
                raise ConversionError("its header is wrong: tensors overlap or leave gaps")
            end = tensor.end
        if self.start + end > self.total:
            raise ConversionError(self.cut_off(self.start + end))
        if self.start + end < self.total:
            raise ConversionError(f"it has {plural(self.total - self.start - end, 'byte')} more than its header says")

    def read(self, name: str):
        tensor = self.tensors[name]
        self.file.seek(self.start + tensor.begin)
        raw = self.file.read(tensor.end - tensor.begin)
        if len(raw) != tensor.end - tensor.begin:
            raise ConversionError("the file became shorter while it was read")
        return decode(raw, tensor.element, "<").reshape(tensor.shape)


# ----------------------------------------------------------------------------------------------------------------------
# Which kind of file is it?
# ----------------------------------------------------------------------------------------------------------------------

LEGACY_MAGIC = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."  # the first pickle of a file of PyTorch before 1.6


def open_checkpoint(file: BinaryIO):
    """Decides by content, not by name."""
    head = file.read(512)
    file.seek(0)
    if head.startswith(b"PK"):
        return TorchCheckpoint(file)
    if head[8:9] == b"{":
        return SafetensorsCheckpoint(file)
    if head.startswith(b"GGUF"):
        return GgufCheckpoint(file)
    raise ConversionError(explain_stranger(head))


def explain_stranger(head: bytes) -> str:
    if not head:
        return "it is empty"
    if head[2:2 + len(LEGACY_MAGIC)] == LEGACY_MAGIC or re.match(rb"\x80[\x02-\x05]", head):
        return ("it has the old format of PyTorch before 1.6 or is a bare pickle; load it with a current PyTorch and "
                "save it again with torch.save")
    if head.startswith(b"version https://git-lfs"):
        return "it is a Git LFS pointer, not the file itself; fetch it with git lfs pull"
    if head.lstrip()[:1] == b"<":
        return "it is a web page, not a checkpoint; the download went wrong"
    return "it is neither a PyTorch checkpoint (.pt) nor a .safetensors or .gguf file"


# ----------------------------------------------------------------------------------------------------------------------
# Architecture: hyper-parameters, the known variants, and the tensors that follow from them
# ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Architecture:
    name: str
    # image encoder
    image_size: int
    embed_dim: int
    num_heads: int
    stages: Shape
    window_spec: Shape
    global_att_blocks: Shape
    background: Shape  # height and width of the position embedding behind the windows
    d_model: int
    image_mean: Tuple[float, ...] = (0.485, 0.456, 0.406)
    image_std: Tuple[float, ...] = (0.229, 0.224, 0.225)
    q_pool: int = 3
    top_down_levels: Shape = (2, 3)
    # mask decoder
    decoder_layers: int = 2
    decoder_heads: int = 8
    decoder_mlp: int = 2048
    stability_delta: float = 0.05
    stability_thresh: float = 0.98
    # memory
    has_video: bool = True
    memory_dim: int = 64
    memory_layers: int = 4
    memory_ffn: int = 2048
    fuser_layers: int = 2
    num_maskmem: int = 7
    max_object_pointers: int = 16
    sigmoid_scale: float = 20.0
    sigmoid_bias: float = -10.0
    rope_theta: float = 10000.0
    # what SAM 2.1 adds
    no_object_embedding: bool = False
    pointer_time_encoding: bool = False
    pointer_time_projection: bool = False
    pointer_time_signed: bool = False

    @property
    def family(self) -> str:
        return "sam2.1" if self.no_object_embedding or self.pointer_time_encoding else "sam2"


IMAGE_STRIDE = 32  # of the last stage
MASK_TOKENS = 4
IOU_HEAD_WIDTH = 256
MASK_PROMPT_CHANNELS = 16
TRUNK_MLP_RATIO = 4

# Names without the family: "{family}" is filled in when it is known.
VARIANTS = (
    Architecture("{family}_hiera_tiny", 1024, 96, 1, (1, 2, 7, 2), (8, 4, 14, 7), (5, 7, 9), (7, 7), 256),
    Architecture("{family}_hiera_small", 1024, 96, 1, (1, 2, 11, 2), (8, 4, 14, 7), (7, 10, 13), (7, 7), 256),
    Architecture("{family}_hiera_base_plus", 1024, 112, 2, (2, 3, 16, 3), (8, 4, 14, 7), (12, 16, 20), (14, 14), 256),
    Architecture("{family}_hiera_large", 1024, 144, 2, (2, 6, 36, 4), (8, 4, 16, 8), (23, 33, 43), (7, 7), 256),
    Architecture("{family}_micro_test", 256, 16, 1, (1, 1, 3, 1), (8, 4, 6, 3), (3,), (7, 7), 64,
                 memory_dim=16, memory_layers=2, memory_ffn=128),
    Architecture("samlet_micro", 256, 32, 1, (1, 2, 4, 1), (8, 4, 8, 4), (4, 6), (7, 7), 128,
                 decoder_mlp=512, memory_dim=32, memory_layers=2, memory_ffn=512),
)


class TensorSpec(NamedTuple):
    shape: Shape
    is_weight: bool  # multiplied with activations, so that half precision is enough


class TensorList:
    """Collects expected tensors under a prefix."""

    def __init__(self) -> None:
        self.specs: Dict[str, TensorSpec] = {}

    def parameter(self, name: str, *shape: int) -> None:
        self.specs[name] = TensorSpec(shape, False)

    def weight(self, name: str, bias: int, *shape: int) -> None:
        self.specs[name + ".weight"] = TensorSpec(shape, True)
        self.parameter(name + ".bias", bias)

    def linear(self, name: str, outputs: int, inputs: int) -> None:
        self.weight(name, outputs, outputs, inputs)

    def conv(self, name: str, outputs: int, inputs: int, kernel: int) -> None:
        self.weight(name, outputs, outputs, inputs, kernel, kernel)

    def conv_transposed(self, name: str, inputs: int, outputs: int, kernel: int) -> None:
        self.weight(name, outputs, inputs, outputs, kernel, kernel)

    def norm(self, name: str, channels: int) -> None:
        self.parameter(name + ".weight", channels)
        self.parameter(name + ".bias", channels)

    def mlp(self, name: str, *widths: int) -> None:
        for layer, (inputs, outputs) in enumerate(zip(widths, widths[1:])):
            self.linear(f"{name}.layers.{layer}", outputs, inputs)

    def attention(self, name: str, outside: int, inside: int, key_inputs: Optional[int] = None) -> None:
        key_inputs = outside if key_inputs is None else key_inputs
        self.linear(name + ".q_proj", inside, outside)
        self.linear(name + ".k_proj", inside, key_inputs)
        self.linear(name + ".v_proj", inside, key_inputs)
        self.linear(name + ".out_proj", outside, inside)


def expected_tensors(arch: Architecture) -> Dict[str, TensorSpec]:
    """Every tensor of the model in the order of the published files."""
    tensors = TensorList()
    list_loose_embeddings(tensors, arch)
    list_trunk(tensors, arch)
    list_neck(tensors, arch)
    if arch.has_video:
        tensors.conv("mask_downsample", 1, 1, 4)
        list_memory_attention(tensors, arch)
        list_memory_encoder(tensors, arch)
    list_prompt_encoder(tensors, arch)
    list_mask_decoder(tensors, arch)
    if arch.has_video:
        list_pointer_projections(tensors, arch)
    return tensors.specs


def list_loose_embeddings(tensors: TensorList, arch: Architecture) -> None:
    if arch.has_video:
        tensors.parameter("maskmem_tpos_enc", arch.num_maskmem, 1, 1, arch.memory_dim)
    tensors.parameter("no_mem_embed", 1, 1, arch.d_model)
    if arch.has_video:
        tensors.parameter("no_mem_pos_enc", 1, 1, arch.d_model)
        tensors.parameter("no_obj_ptr", 1, arch.d_model)
        if arch.no_object_embedding:
            tensors.parameter("no_obj_embed_spatial", 1, arch.memory_dim)


def list_trunk(tensors: TensorList, arch: Architecture) -> None:
    trunk = "image_encoder.trunk"
    window = arch.window_spec[0]
    tensors.parameter(f"{trunk}.pos_embed", 1, arch.embed_dim, *arch.background)
    tensors.parameter(f"{trunk}.pos_embed_window", 1, arch.embed_dim, window, window)
    tensors.conv(f"{trunk}.patch_embed.proj", arch.embed_dim, 3, 7)
    inputs = arch.embed_dim
    for block, outputs in enumerate(block_channels(arch)):
        list_trunk_block(tensors, f"{trunk}.blocks.{block}", inputs, outputs)
        inputs = outputs


def block_channels(arch: Architecture) -> List[int]:
    return [arch.embed_dim << stage for stage, count in enumerate(arch.stages) for _ in range(count)]


def list_trunk_block(tensors: TensorList, name: str, inputs: int, outputs: int) -> None:
    tensors.norm(f"{name}.norm1", inputs)
    tensors.linear(f"{name}.attn.qkv", 3 * outputs, inputs)
    tensors.linear(f"{name}.attn.proj", outputs, outputs)
    tensors.norm(f"{name}.norm2", outputs)
    tensors.mlp(f"{name}.mlp", outputs, TRUNK_MLP_RATIO * outputs, outputs)
    if inputs != outputs:
        tensors.linear(f"{name}.proj", outputs, inputs)


def list_neck(tensors: TensorList, arch: Architecture) -> None:
    last = len(arch.stages) - 1
    for level in range(len(arch.stages)):  # level 0 has the lowest resolution
        tensors.conv(f"image_encoder.neck.convs.{level}.conv", arch.d_model, arch.embed_dim << (last - level), 1)


def list_memory_attention(tensors: TensorList, arch: Architecture) -> None:
    for layer in range(arch.memory_layers):
        name = f"memory_attention.layers.{layer}"
        tensors.attention(f"{name}.self_attn", arch.d_model, arch.d_model)
        tensors.attention(f"{name}.cross_attn_image", arch.d_model, arch.d_model, arch.memory_dim)
        tensors.linear(f"{name}.linear1", arch.memory_ffn, arch.d_model)
        tensors.linear(f"{name}.linear2", arch.d_model, arch.memory_ffn)
        for norm in ("norm1", "norm2", "norm3"):
            tensors.norm(f"{name}.{norm}", arch.d_model)
    tensors.norm("memory_attention.norm", arch.d_model)


def list_memory_encoder(tensors: TensorList, arch: Architecture) -> None:
    downsampler = "memory_encoder.mask_downsampler.encoder"
    channels = 1
    for step in range(4):  # stride 16, two at a time; every step has a convolution, a norm and a GELU
        tensors.conv(f"{downsampler}.{3 * step}", 4 * channels, channels, 3)
        tensors.norm(f"{downsampler}.{3 * step + 1}", 4 * channels)
        channels *= 4
    tensors.conv(f"{downsampler}.12", arch.d_model, channels, 1)
    tensors.conv("memory_encoder.pix_feat_proj", arch.d_model, arch.d_model, 1)
    for layer in range(arch.fuser_layers):
        name = f"memory_encoder.fuser.layers.{layer}"
        tensors.parameter(f"{name}.gamma", arch.d_model)
        tensors.conv(f"{name}.dwconv", arch.d_model, 1, 7)
        tensors.norm(f"{name}.norm", arch.d_model)
        tensors.linear(f"{name}.pwconv1", 4 * arch.d_model, arch.d_model)
        tensors.linear(f"{name}.pwconv2", arch.d_model, 4 * arch.d_model)
    tensors.conv("memory_encoder.out_proj", arch.memory_dim, arch.d_model, 1)


def list_prompt_encoder(tensors: TensorList, arch: Architecture) -> None:
    name = "sam_prompt_encoder"
    quarter, whole = MASK_PROMPT_CHANNELS // 4, MASK_PROMPT_CHANNELS
    tensors.parameter(f"{name}.pe_layer.positional_encoding_gaussian_matrix", 2, arch.d_model // 2)
    for label in range(4):
        tensors.parameter(f"{name}.point_embeddings.{label}.weight", 1, arch.d_model)
    tensors.parameter(f"{name}.not_a_point_embed.weight", 1, arch.d_model)
    tensors.conv(f"{name}.mask_downscaling.0", quarter, 1, 2)
    tensors.norm(f"{name}.mask_downscaling.1", quarter)
    tensors.conv(f"{name}.mask_downscaling.3", whole, quarter, 2)
    tensors.norm(f"{name}.mask_downscaling.4", whole)
    tensors.conv(f"{name}.mask_downscaling.6", arch.d_model, whole, 1)
    tensors.parameter(f"{name}.no_mask_embed.weight", 1, arch.d_model)


def list_mask_decoder(tensors: TensorList, arch: Architecture) -> None:
    name, width = "sam_mask_decoder", arch.d_model
    list_two_way_transformer(tensors, f"{name}.transformer", arch)
    tensors.parameter(f"{name}.iou_token.weight", 1, width)
    tensors.parameter(f"{name}.mask_tokens.weight", MASK_TOKENS, width)
    tensors.parameter(f"{name}.obj_score_token.weight", 1, width)
    tensors.conv_transposed(f"{name}.output_upscaling.0", width, width // 4, 2)
    tensors.norm(f"{name}.output_upscaling.1", width // 4)
    tensors.conv_transposed(f"{name}.output_upscaling.3", width // 4, width // 8, 2)
    tensors.conv(f"{name}.conv_s0", width // 8, width, 1)
    tensors.conv(f"{name}.conv_s1", width // 4, width, 1)
    for token in range(MASK_TOKENS):
        tensors.mlp(f"{name}.output_hypernetworks_mlps.{token}", width, width, width, width // 8)
    tensors.mlp(f"{name}.iou_prediction_head", width, IOU_HEAD_WIDTH, IOU_HEAD_WIDTH, MASK_TOKENS)
    if arch.has_video:
        tensors.mlp(f"{name}.pred_obj_score_head", width, width, width, 1)


def list_two_way_transformer(tensors: TensorList, name: str, arch: Architecture) -> None:
    width, inside = arch.d_model, arch.d_model // 2
    for index in range(arch.decoder_layers):
        layer = f"{name}.layers.{index}"
        tensors.attention(f"{layer}.self_attn", width, width)
        tensors.norm(f"{layer}.norm1", width)
        tensors.attention(f"{layer}.cross_attn_token_to_image", width, inside)
        tensors.norm(f"{layer}.norm2", width)
        tensors.mlp(f"{layer}.mlp", width, arch.decoder_mlp, width)
        tensors.norm(f"{layer}.norm3", width)
        tensors.norm(f"{layer}.norm4", width)
        tensors.attention(f"{layer}.cross_attn_image_to_token", width, inside)
    tensors.attention(f"{name}.final_attn_token_to_image", width, inside)
    tensors.norm(f"{name}.norm_final_attn", width)


def list_pointer_projections(tensors: TensorList, arch: Architecture) -> None:
    tensors.mlp("obj_ptr_proj", arch.d_model, arch.d_model, arch.d_model, arch.d_model)
    if arch.pointer_time_projection:
        tensors.linear("obj_ptr_tpos_proj", arch.memory_dim, arch.d_model)


def check_architecture(arch: Architecture) -> None:
    """What the model needs beyond what tensors show. core/config.cpp has the same rules, so that no file is written
    that the library then refuses."""
    blocks = sum(arch.stages)
    rules = (
        (len(arch.stages) == 4 and min(arch.stages, default=0) >= 1 and blocks <= 128,
         "stages must be four numbers of blocks, 128 in all at most"),
        (len(arch.window_spec) == 4 and all(1 <= window <= 64 for window in arch.window_spec)
         and not any(window % 2 for window in arch.window_spec[:3]),
         "window_spec must be four windows of at most 64, the first three even"),
        (len(arch.global_att_blocks) <= 32 and all(block < blocks for block in arch.global_att_blocks),
         "global_att_blocks must name at most 32 existing blocks"),
        (arch.q_pool == 3, "q_pool must be 3"),
        (len(arch.background) == 2 and min(arch.background, default=0) >= 1,
         "window_pos_embed_bkg_spatial_size must be two sizes"),
        (set(arch.top_down_levels) <= {2, 3}, "fpn_top_down_levels must be among 2 and 3"),
        (8 <= arch.embed_dim <= 1024 and 1 <= arch.num_heads <= 64 and arch.embed_dim % arch.num_heads == 0,
         "embed_dim must be a multiple of num_heads, 8 to 1024"),
        (16 <= arch.d_model <= 2048 and arch.d_model % 16 == 0, "d_model must be a multiple of 16, at most 2048"),
        (IMAGE_STRIDE <= arch.image_size <= 4096 and arch.image_size % IMAGE_STRIDE == 0,
         f"image_size must be a multiple of {IMAGE_STRIDE}, at most 4096"),
        (arch.memory_dim >= 4 and arch.memory_dim % 4 == 0 and arch.d_model % arch.memory_dim == 0,
         "the memory's out_dim must be a multiple of 4 that divides d_model"),
        (1 <= arch.memory_layers <= 16 and 1 <= arch.fuser_layers <= 16, "the memory must have 1 to 16 layers"),
        (arch.memory_ffn >= 1, "dim_feedforward must be positive"),
        (2 <= arch.num_maskmem <= 64, "num_maskmem must be 2 to 64"),
        (1 <= arch.max_object_pointers <= 256, "max_obj_ptrs_in_encoder must be 1 to 256"),
        (arch.rope_theta > 1, "rope_theta must be more than 1"),
    )
    problems = [rule for holds, rule in rules if not holds]
    if not problems and arch.image_size // 4 % arch.window_spec[0]:
        problems.append("a quarter of image_size must be a multiple of the first window")
    if problems:
        raise ConversionError("this architecture is not possible", problems)


# ----------------------------------------------------------------------------------------------------------------------
# What the tensors of a checkpoint tell about its architecture
# ----------------------------------------------------------------------------------------------------------------------

VIDEO_PREFIXES = ("maskmem_tpos_enc", "no_mem_pos_enc", "no_obj_ptr", "no_obj_embed_spatial", "mask_downsample.",
                  "memory_attention.", "memory_encoder.", "obj_ptr_proj.", "obj_ptr_tpos_proj.",
                  "sam_mask_decoder.pred_obj_score_head.")
SECOND_EDITION_PREFIXES = ("no_obj_embed_spatial", "obj_ptr_tpos_proj.")


class Observer:
    """Reads facts off the shapes. A fact that several tensors tell is decided by majority, so that one wrong tensor
    does not hide what the others are; a fact that none tells is None."""

    def __init__(self, shapes: Dict[str, Shape]):
        self.shapes = shapes

    def has_any(self, prefixes: Tuple[str, ...]) -> bool:
        return any(name.startswith(prefixes) for name in self.shapes)

    def size(self, name: str, axis: int) -> Optional[int]:
        shape = self.shapes.get(name, ())
        return shape[axis] if axis < len(shape) else None

    def majority(self, *places: Tuple[str, int]) -> Optional[int]:
        sizes = Counter(self.size(name, axis) for name, axis in places)
        del sizes[None]
        return sizes.most_common(1)[0][0] if sizes else None

    def count(self, prefix: str) -> Optional[int]:
        """How many different numbers follow a prefix."""
        numbers = {name[len(prefix):].split(".")[0] for name in self.shapes if name.startswith(prefix)}
        return len(numbers) or None

    def stages(self, embed_dim: Optional[int]) -> Optional[Shape]:
        """Blocks per stage: channels double from stage to stage."""
        stage_of = {embed_dim << stage: stage for stage in range(4)} if embed_dim else {}
        blocks = self.count("image_encoder.trunk.blocks.") or 0
        stages = [stage_of.get(self.block_channels(f"image_encoder.trunk.blocks.{block}")) for block in range(blocks)]
        if None in stages or stages != sorted(stages):
            return None
        return tuple(stages.count(stage) for stage in range(4)) if stages else None

    def block_channels(self, name: str) -> Optional[int]:
        return self.majority((f"{name}.norm2.weight", 0), (f"{name}.norm2.bias", 0), (f"{name}.attn.proj.weight", 0),
                             (f"{name}.mlp.layers.1.bias", 0))

    def pair(self, name: str) -> Optional[Shape]:
        shape = self.shapes.get(name, ())
        return tuple(shape[2:]) if len(shape) == 4 else None

    def facts(self) -> Dict[str, Any]:
        trunk, neck = "image_encoder.trunk", "image_encoder.neck.convs"
        attention, decoder = "memory_attention.layers.0", "sam_mask_decoder.transformer.layers.0.mlp.layers"
        embed_dim = self.majority((f"{trunk}.patch_embed.proj.weight", 0), (f"{trunk}.patch_embed.proj.bias", 0),
                                  (f"{trunk}.blocks.0.norm1.weight", 0), (f"{trunk}.pos_embed", 1),
                                  (f"{trunk}.pos_embed_window", 1))
        return {
            "embed_dim": embed_dim,
            "stages": self.stages(embed_dim),
            "background": self.pair(f"{trunk}.pos_embed"),
            "first window": self.size(f"{trunk}.pos_embed_window", 2),
            "d_model": self.majority(*((f"{neck}.{level}.conv.bias", 0) for level in range(4))),
            "decoder_mlp": self.majority((f"{decoder}.0.weight", 0), (f"{decoder}.0.bias", 0),
                                         (f"{decoder}.1.weight", 1)),
            "memory_dim": self.majority(("maskmem_tpos_enc", 3), ("memory_encoder.out_proj.weight", 0),
                                        ("memory_encoder.out_proj.bias", 0)),
            "memory_layers": self.count("memory_attention.layers."),
            "memory_ffn": self.majority((f"{attention}.linear1.weight", 0), (f"{attention}.linear1.bias", 0),
                                        (f"{attention}.linear2.weight", 1)),
            "num_maskmem": self.size("maskmem_tpos_enc", 0),
        }


def facts_of(arch: Architecture) -> Dict[str, Any]:
    facts = asdict(arch)
    facts["first window"] = arch.window_spec[0]
    return facts


def contradictions(arch: Architecture, facts: Dict[str, Any]) -> List[str]:
    claimed = facts_of(arch)
    return [fact for fact, value in facts.items() if value is not None and value != claimed[fact]]


def with_family(variant: Architecture, observer: Observer) -> Architecture:
    """Fills in what the presence of tensors tells: video modules, and the switches of SAM 2.1. Without video modules
    the two families have the same tensors and run alike; such a model counts as SAM 2."""
    second = observer.has_any(SECOND_EDITION_PREFIXES)
    arch = replace(variant, has_video=observer.has_any(VIDEO_PREFIXES), no_object_embedding=second,
                   pointer_time_encoding=second, pointer_time_projection=second, pointer_time_signed=second)
    return replace(arch, name=arch.name.format(family=arch.family))


def recognise(shapes: Dict[str, Shape]) -> Architecture:
    """The known variant that nothing in the checkpoint contradicts."""
    observer = Observer(shapes)
    facts = observer.facts()
    candidates = [with_family(variant, observer) for variant in VARIANTS]
    fitting = [arch for arch in candidates if not contradictions(arch, facts)]
    closest = max(fitting or candidates, key=lambda arch: agreement(arch, shapes))
    if not agreement(closest, shapes):
        raise ConversionError("none of its tensors is known from the SAM 2 family; --config names the configuration of "
                              "a model of another size")
    if not fitting:
        raise ConversionError(*explain_unknown(closest, facts, shapes))
    return closest


def agreement(arch: Architecture, shapes: Dict[str, Shape]) -> int:
    return sum(shapes.get(name) == spec.shape for name, spec in expected_tensors(arch).items())


def explain_unknown(closest: Architecture, facts: Dict[str, Any], shapes: Dict[str, Shape]) -> Tuple[str, List[str]]:
    told = ", ".join(f"{fact} {show(value)}" for fact, value in facts.items() if value is not None)
    differing = ", ".join(contradictions(closest, facts))
    message = (f"its size is not one that this program knows ({told}); the closest is {closest.name}, which has "
               f"another {differing}. Give the YAML file it was trained with as --config, or mend these tensors")
    return message, compare_tensors(expected_tensors(closest), shapes)


def compare_tensors(expected: Dict[str, TensorSpec], found: Dict[str, Shape]) -> List[str]:
    """One line for each tensor that is missing, mis-shaped or unexpected."""
    lines = []
    for name, spec in expected.items():
        if name not in found:
            lines.append(f"missing     {name}: expected {list(spec.shape)}")
        elif found[name] != spec.shape:
            lines.append(f"mis-shaped  {name}: expected {list(spec.shape)}, found {list(found[name])}")
    return lines + [f"unexpected  {printable(name)}: found {list(shape)}"
                    for name, shape in found.items() if name not in expected]


def check_tensors(arch: Architecture, shapes: Dict[str, Shape]) -> Dict[str, TensorSpec]:
    expected = expected_tensors(arch)
    lines = compare_tensors(expected, shapes)
    if lines:
        kinds = Counter(line.split()[0] for line in lines)
        counts = ", ".join(f"{kinds[kind]} {kind}" for kind in ("missing", "mis-shaped", "unexpected") if kinds[kind])
        parts = "image and video" if arch.has_video else "image only"
        raise ConversionError(f"its tensors are not those of {arch.name} ({parts}): {counts}", lines)
    return expected


# ----------------------------------------------------------------------------------------------------------------------
# YAML: nested maps by indentation, inline lists, scalars, comments. That is all that the published files use.
# ----------------------------------------------------------------------------------------------------------------------

YAML_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "yes": True, "on": True,
                  "false": False, "no": False, "off": False}
YAML_LIMIT = 1 << 20
FLOAT32_LIMIT = 3.4e38


def yaml_lines(text: str) -> Iterator[Tuple[int, int, str]]:
    """Line number, indentation and content of every line that says something."""
    for number, line in enumerate(text.splitlines(), 1):
        content = re.sub(r"(^|\s)#.*", "", line).rstrip()
        if not content.strip() or content == "---":
            continue
        if "\t" in content:
            raise ConversionError(f"line {number}: tabs are not allowed in YAML")
        yield number, len(content) - len(content.lstrip(" ")), content.strip()


def yaml_scalar(text: str) -> Any:
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    if text.lower() in YAML_CONSTANTS:
        return YAML_CONSTANTS[text.lower()]
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", text):
        return float(text)
    if text[0] in "[]{}&*!|>%@`-'\"":
        raise ValueError(f"{text[:40]!r} is beyond the YAML that this program reads")
    return text


def yaml_value(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        inside = text[1:-1].strip()
        return [yaml_scalar(item.strip()) for item in inside.split(",")] if inside else []
    return yaml_scalar(text)


@dataclass
class YamlLevel:
    map: Dict[str, Any]
    above: int  # indentation of the key that this map belongs to
    indent: Optional[int] = None  # of its own keys, once the first is seen


def parse_yaml(text: str) -> Dict[str, Any]:
    levels = [YamlLevel({}, -1)]
    for number, indent, content in yaml_lines(text):
        while indent <= levels[-1].above:
            levels.pop()
        level = levels[-1]
        level.indent = indent if level.indent is None else level.indent
        match = re.fullmatch(r"([^\s:\[\]{}'\"-][^:]*):(?:\s+(.*))?", content)
        if indent != level.indent or not match or match[1] in level.map:
            raise ConversionError(f"line {number}: expected one new 'key: value' in line with those above, found "
                                  f"{content[:60]!r}")
        try:
            level.map[match[1]] = {} if match[2] is None else yaml_value(match[2])
        except ValueError as reason:
            raise ConversionError(f"line {number}: {reason}") from None
        if match[2] is None:
            levels.append(YamlLevel(level.map[match[1]], indent))
    return levels[0].map


# ----------------------------------------------------------------------------------------------------------------------
# Configurations as published: what the reference would build from them
# ----------------------------------------------------------------------------------------------------------------------

# Settings that samlet knows in one value only: path, the reference's default, what it must be.
TRUNK, NECK = "image_encoder.trunk", "image_encoder.neck"
LAYER, MEMORY = "memory_attention.layer", "memory_encoder"
FIXED_SETTINGS = (
    ("image_encoder.scalp", 0, 1),
    (f"{TRUNK}.q_stride", [2, 2], [2, 2]),
    (f"{TRUNK}.dim_mul", 2.0, 2),
    (f"{TRUNK}.head_mul", 2.0, 2),
    (f"{NECK}.kernel_size", 1, 1),
    (f"{NECK}.fuse_type", "sum", "sum"),
    (f"{NECK}.fpn_interp_model", "bilinear", "nearest"),
    (f"{NECK}.position_encoding.normalize", True, True),
    (f"{NECK}.position_encoding.temperature", 10000, 10000),
    ("backbone_stride", 16, 16),
    ("memory_attention.pos_enc_at_input", None, True),
    (f"{LAYER}.activation", None, "relu"),
    (f"{LAYER}.pos_enc_at_attn", None, False),
    (f"{LAYER}.pos_enc_at_cross_attn_keys", None, True),
    (f"{LAYER}.pos_enc_at_cross_attn_queries", None, False),
    (f"{LAYER}.self_attention.num_heads", None, 1),
    (f"{LAYER}.self_attention.downsample_rate", 1, 1),
    (f"{LAYER}.cross_attention.num_heads", None, 1),
    (f"{LAYER}.cross_attention.downsample_rate", 1, 1),
    (f"{LAYER}.cross_attention.rope_k_repeat", False, True),
    (f"{MEMORY}.position_encoding.normalize", True, True),
    (f"{MEMORY}.position_encoding.temperature", 10000, 10000),
    (f"{MEMORY}.mask_downsampler.kernel_size", 4, 3),
    (f"{MEMORY}.mask_downsampler.stride", 4, 2),
    (f"{MEMORY}.mask_downsampler.padding", 0, 1),
    (f"{MEMORY}.mask_downsampler.total_stride", 16, 16),
    (f"{MEMORY}.fuser.layer.kernel_size", 7, 7),
    (f"{MEMORY}.fuser.layer.padding", 3, 3),
    (f"{MEMORY}.fuser.layer.use_dwconv", True, True),
    ("use_mask_input_as_output_without_sam", False, True),
    ("directly_add_no_mem_embed", False, True),
    ("use_high_res_features_in_sam", False, True),
    ("multimask_output_in_sam", False, True),
    ("multimask_output_for_tracking", False, True),
    ("multimask_min_pt_num", 1, 0),
    ("multimask_max_pt_num", 1, 1),
    ("use_multimask_token_for_obj_ptr", False, True),
    ("iou_prediction_use_sigmoid", False, True),
    ("use_obj_ptrs_in_encoder", False, True),
    ("only_obj_ptrs_in_the_past_for_eval", False, True),
    ("pred_obj_scores", False, True),
    ("pred_obj_scores_mlp", False, True),
    ("fixed_no_obj_ptr", False, True),
    ("soft_no_obj_ptr", False, False),
    ("use_mlp_for_obj_ptr_proj", False, True),
    ("memory_temporal_stride_for_eval", 1, 1),
    ("non_overlap_masks_for_mem_enc", False, False),
)
# Settings that must repeat another one: path, the reference's default.
WIDTH_SETTINGS = (
    ("memory_attention.d_model", None),
    (f"{LAYER}.d_model", None),
    (f"{LAYER}.self_attention.embedding_dim", None),
    (f"{LAYER}.cross_attention.embedding_dim", None),
    (f"{MEMORY}.in_dim", 256),
    (f"{MEMORY}.mask_downsampler.embed_dim", 256),
    (f"{MEMORY}.fuser.layer.dim", None),
)


class Config:
    """A parsed configuration; every getter says which setting is wrong."""

    def __init__(self, root: Dict[str, Any]):
        self.model = root["model"] if isinstance(root.get("model"), dict) else root

    def get(self, path: str, default: Any = None) -> Any:
        value: Any = self.model
        for key in path.split("."):
            if not isinstance(value, dict) or key not in value:
                return default
            value = value[key]
        return value

    def typed(self, path: str, default: Any, wanted: str, fits: Callable[[Any], bool]) -> Any:
        value = self.get(path, default)
        if not fits(value):
            problem = "is not given" if value is None else f"is {str(value)[:60]!r}"
            raise ConversionError(f"{path} {problem}; expected {wanted}")
        return value

    def integer(self, path: str, default: Optional[int] = None) -> int:
        return self.typed(path, default, "a number", lambda value: type(value) is int and 0 <= value < 1 << 31)

    def number(self, path: str, default: float) -> float:
        return float(self.typed(path, default, "a number of float32", lambda value: type(value) in (int, float)
                                and abs(value) < FLOAT32_LIMIT))

    def switch(self, path: str, default: bool) -> bool:
        return self.typed(path, default, "true or false", lambda value: type(value) is bool)

    def integers(self, path: str, default: Iterable[int]) -> Shape:
        return tuple(self.typed(path, list(default), "a list of numbers", lambda value: isinstance(value, list) and all(
            type(item) is int and 0 <= item < 1 << 31 for item in value)))


def read_config(path: Path) -> Config:
    if path.stat().st_size > YAML_LIMIT:
        raise ConversionError("it is too large for a configuration")
    try:
        config = Config(parse_yaml(path.read_text(encoding="utf-8")))
    except UnicodeDecodeError:
        raise ConversionError("it is no text") from None
    if not isinstance(config.get(TRUNK), dict):
        raise ConversionError("it has no image_encoder.trunk, so it is no configuration of a SAM 2 model")
    return config


def check_fixed_settings(config: Config) -> None:
    problems = []
    trunk = str(config.get(f"{TRUNK}._target_", "Hiera")).split(".")[-1]
    if trunk != "Hiera":
        problems.append(f"{TRUNK}._target_ is {trunk}; only Hiera is known")
    for path, default, wanted in FIXED_SETTINGS:
        value = config.get(path, default)
        if value != wanted:
            problems.append(f"{path} is {value}; only {wanted} is known")
    d_model = config.integer(f"{NECK}.d_model")
    for path, default in WIDTH_SETTINGS:
        if config.get(path, default) != d_model:
            problems.append(f"{path} is {config.get(path, default)}; expected {NECK}.d_model, {d_model}")
    thetas = [config.get(f"{LAYER}.{part}.rope_theta", 10000.0) for part in ("self_attention", "cross_attention")]
    if thetas[0] != thetas[1]:
        problems.append(f"{LAYER} has two different values of rope_theta, {thetas[0]} and {thetas[1]}")
    if problems:
        raise ConversionError("it describes a model that samlet cannot run", problems)


def config_architecture(config: Config, name: str) -> Architecture:
    """Settings that a configuration leaves out have the reference's defaults."""
    check_fixed_settings(config)
    decoder = "sam_mask_decoder_extra_args.dynamic_multimask_stability"
    return Architecture(
        name=name,
        image_size=config.integer("image_size", 512),
        embed_dim=config.integer(f"{TRUNK}.embed_dim", 96),
        num_heads=config.integer(f"{TRUNK}.num_heads", 1),
        stages=config.integers(f"{TRUNK}.stages", (2, 3, 16, 3)),
        window_spec=config.integers(f"{TRUNK}.window_spec", (8, 4, 14, 7)),
        global_att_blocks=config.integers(f"{TRUNK}.global_att_blocks", (12, 16, 20)),
        background=config.integers(f"{TRUNK}.window_pos_embed_bkg_spatial_size", (14, 14)),
        d_model=config.integer(f"{NECK}.d_model"),
        q_pool=config.integer(f"{TRUNK}.q_pool", 3),
        top_down_levels=config.integers(f"{NECK}.fpn_top_down_levels", range(4)),
        stability_delta=config.number(f"{decoder}_delta", 0.05),
        stability_thresh=config.number(f"{decoder}_thresh", 0.98),
        memory_dim=config.integer(f"{MEMORY}.out_dim"),
        memory_layers=config.integer("memory_attention.num_layers"),
        memory_ffn=config.integer(f"{LAYER}.dim_feedforward"),
        fuser_layers=config.integer(f"{MEMORY}.fuser.num_layers"),
        num_maskmem=config.integer("num_maskmem", 7),
        max_object_pointers=config.integer("max_obj_ptrs_in_encoder", 16),
        sigmoid_scale=config.number("sigmoid_scale_for_mem_enc", 1.0),
        sigmoid_bias=config.number("sigmoid_bias_for_mem_enc", 0.0),
        rope_theta=config.number(f"{LAYER}.self_attention.rope_theta", 10000.0),
        no_object_embedding=config.switch("no_obj_embed_spatial", False),
        pointer_time_encoding=config.switch("add_tpos_enc_to_obj_ptrs", True),
        pointer_time_projection=config.switch("proj_tpos_enc_in_obj_ptrs", False),
        pointer_time_signed=config.switch("use_signed_tpos_enc_to_obj_ptrs", False),
    )


def configured(path: Path, shapes: Dict[str, Shape]) -> Architecture:
    """The architecture of a configuration, held against what the tensors tell."""
    try:
        arch = config_architecture(read_config(path), path.stem)
        check_architecture(arch)
    except ConversionError as problem:
        raise ConversionError(f"the configuration {path}: {problem}", problem.details) from None
    observer = Observer(shapes)
    facts = observer.facts()
    # The reference fixes the width of the decoder's MLP in its code, so that a configuration does not tell it.
    arch = replace(arch, has_video=observer.has_any(VIDEO_PREFIXES),
                   decoder_mlp=facts["decoder_mlp"] or arch.decoder_mlp)
    claimed = facts_of(arch)
    lines = [f"{fact}: {show(claimed[fact])} in the configuration, {show(facts[fact])} in the tensors"
             for fact in contradictions(arch, facts)]
    if lines:
        raise ConversionError(f"the configuration {path} belongs to another model", lines)
    return arch


# ----------------------------------------------------------------------------------------------------------------------
# GGUF
# ----------------------------------------------------------------------------------------------------------------------

GGUF_VERSION = 3
ALIGNMENT = 32
GGUF_F32, GGUF_F16, GGUF_I8 = 0, 1, 24
GGUF_ELEMENT_SIZES = {GGUF_F32: 4, GGUF_F16: 2, GGUF_I8: 1}
GGUF_TYPE_NAMES = {GGUF_F32: "f32", GGUF_F16: "f16", GGUF_I8: "int8"}
U32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
GGUF_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", U32: "<I", 5: "<i", FLOAT32: "<f", BOOL: "<?", 10: "<Q", 11: "<q",
                12: "<d"}


class Value(NamedTuple):
    """A metadata value with its GGUF type; a tuple becomes an array of that type."""

    type: int
    value: Any


# Metadata and the field of Architecture that it holds.
MODEL_FIELDS = (
    ("general.name", STRING, "name"),
    ("sam2.has_video", BOOL, "has_video"),
    ("sam2.image_size", U32, "image_size"),
    ("sam2.image_mean", FLOAT32, "image_mean"),
    ("sam2.image_std", FLOAT32, "image_std"),
    ("sam2.trunk.embed_dim", U32, "embed_dim"),
    ("sam2.trunk.num_heads", U32, "num_heads"),
    ("sam2.trunk.stages", U32, "stages"),
    ("sam2.trunk.window_spec", U32, "window_spec"),
    ("sam2.trunk.global_att_blocks", U32, "global_att_blocks"),
    ("sam2.trunk.q_pool", U32, "q_pool"),
    ("sam2.neck.top_down_levels", U32, "top_down_levels"),
    ("sam2.d_model", U32, "d_model"),
    ("sam2.decoder.layers", U32, "decoder_layers"),
    ("sam2.decoder.heads", U32, "decoder_heads"),
    ("sam2.decoder.stability_delta", FLOAT32, "stability_delta"),
    ("sam2.decoder.stability_thresh", FLOAT32, "stability_thresh"),
)
VIDEO_FIELDS = (
    ("sam2.memory.dim", U32, "memory_dim"),
    ("sam2.memory.layers", U32, "memory_layers"),
    ("sam2.memory.num_maskmem", U32, "num_maskmem"),
    ("sam2.memory.max_object_pointers", U32, "max_object_pointers"),
    ("sam2.memory.sigmoid_scale", FLOAT32, "sigmoid_scale"),
    ("sam2.memory.sigmoid_bias", FLOAT32, "sigmoid_bias"),
    ("sam2.memory.rope_theta", FLOAT32, "rope_theta"),
    ("sam2.pointer_time_encoding", BOOL, "pointer_time_encoding"),
    ("sam2.pointer_time_signed", BOOL, "pointer_time_signed"),
)


def metadata(arch: Architecture) -> Dict[str, Value]:
    entries = {
        "general.architecture": Value(STRING, "sam2"),
        "general.alignment": Value(U32, ALIGNMENT),
        "sam2.family": Value(STRING, arch.family),
    }
    for key, kind, field in MODEL_FIELDS + (VIDEO_FIELDS if arch.has_video else ()):
        entries[key] = Value(kind, getattr(arch, field))
    return entries


def described(entries: Dict[str, Any], shapes: Dict[str, Shape]) -> Architecture:
    """The architecture of a model file: what metadata() wrote, and of the rest what the tensors tell."""
    fields: Dict[str, Any] = {}
    for key, kind, field in MODEL_FIELDS + (VIDEO_FIELDS if entries.get("sam2.has_video") else ()):
        value = entries.get(key)
        values = value if isinstance(value, list) else [value]
        wanted = {STRING: str, BOOL: bool, U32: int, FLOAT32: float}[kind]
        if not all(type(one) is wanted for one in values):
            raise ConversionError(f"its metadata has no proper {key}; it is no model file of samlet's")
        fields[field] = tuple(value) if isinstance(value, list) else value
    observer = Observer(shapes)
    told = {field: observer.facts()[field] for field in ("background", "decoder_mlp", "memory_ffn")}
    told["fuser_layers"] = observer.count("memory_encoder.fuser.layers.")
    fields.update((field, value) for field, value in told.items() if value is not None)
    try:
        arch = Architecture(**fields, no_object_embedding="no_obj_embed_spatial" in shapes,
                            pointer_time_projection="obj_ptr_tpos_proj.weight" in shapes)
        check_architecture(arch)
    except TypeError:  # of a field that only tensors tell, or a list where a number should be
        raise ConversionError("its metadata and tensors do not describe a model") from None
    return arch


def align(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def pack_string(text: str) -> bytes:
    data = text.encode()
    return struct.pack("<Q", len(data)) + data


def pack_scalar(kind: int, value: Any) -> bytes:
    return pack_string(value) if kind == STRING else struct.pack(GGUF_SCALARS[kind], value)


def pack_value(entry: Value) -> bytes:
    if not isinstance(entry.value, tuple):
        return struct.pack("<I", entry.type) + pack_scalar(entry.type, entry.value)
    head = struct.pack("<IIQ", ARRAY, entry.type, len(entry.value))
    return head + b"".join(pack_scalar(entry.type, item) for item in entry.value)


class OutputTensor(NamedTuple):
    name: str
    shape: Shape
    type: int

    @property
    def bytes(self) -> int:
        return math.prod(self.shape) * GGUF_ELEMENT_SIZES[self.type]


SCALE_SUFFIX = "_scale"

# Weights that --type int8 leaves in f16, and why. tools/rank_layers.py measures the loss of each layer; the last entry
# is the head of its list for SAM 2 tiny with trained weights (each of them 0.003 to 0.008 of the logits' size, the median
# of all layers 0.0007).
KEPT_IN_F16 = (
    (r"^memory_attention\.layers\.\d+\.cross_attn_image\.k_proj\.", "keys are not formed: attention reads the weights"),
    (r"^memory_attention\.layers\.\d+\.cross_attn_image\.(v|out)_proj\.", "multiplied out with another layer at load"),
    (r"^image_encoder\.neck\.convs\.[23]\.|^sam_mask_decoder\.conv_s[01]\.", "multiplied out with another layer at load"),
    (r"\.dwconv\.|^mask_downsample\.|^obj_ptr_tpos_proj\.", "not a product of matrices at run time"),
    (r"^sam_mask_decoder\.output_upscaling\.", "a deconvolution: a row of the file is not a channel of its output"),
    (r"^image_encoder\.trunk\.patch_embed\.|^sam_prompt_encoder\.|^memory_encoder\.mask_downsampler\.encoder\.[036]\.",
     "few inputs: nothing to save"),
    (r"^sam_mask_decoder\.(output_hypernetworks_mlps\.\d|iou_prediction_head|pred_obj_score_head)\.layers\.2\.",
     "makes the filters and scores themselves: small, and every error shows"),
    (r"^image_encoder\.trunk\.blocks\.([01]\.mlp\.|2\.mlp\.layers\.0\.)", "measured: among the most sensitive, and small"),
)


def kept_reason(name: str, rules: Iterable[Tuple[str, str]]) -> Optional[str]:
    return next((reason for pattern, reason in rules if re.search(pattern, name)), None)


def to_int8(array):
    """Symmetric, one scale for each element of the outermost dimension; the largest number of each is +-127."""
    rows = array.reshape(array.shape[0], -1)
    scales = np.abs(rows).max(axis=1) / np.float32(127)
    scales[scales < np.finfo("<f4").tiny] = 1  # a row of zeros
    numbers = np.clip(np.rint(rows / scales[:, None]), -127, 127).astype("i1")
    return numbers, scales.astype("<f4")


def pack_header(entries: Dict[str, Value], tensors: List[OutputTensor]) -> bytes:
    """Everything before the tensor data. Names are written in full: some readers of GGUF stop at 64 characters, which
    published names exceed, but samlet has no such limit."""
    parts = [struct.pack("<4sIQQ", b"GGUF", GGUF_VERSION, len(tensors), len(entries))]
    parts += [pack_string(key) + pack_value(entry) for key, entry in entries.items()]
    offset = 0
    for tensor in tensors:
        rank = len(tensor.shape)
        parts.append(pack_string(tensor.name))
        parts.append(struct.pack(f"<I{rank}QIQ", rank, *reversed(tensor.shape), tensor.type, offset))
        offset += align(tensor.bytes)
    header = b"".join(parts)
    return header + bytes(align(len(header)) - len(header))


def plan_output(specs: Dict[str, TensorSpec], kind: str,
                kept: Iterable[Tuple[str, str]] = KEPT_IN_F16) -> List[OutputTensor]:
    """The tensors of the file in order; the scales of an int8 tensor follow it."""
    tensors = []
    for name, spec in specs.items():
        if not spec.is_weight or kind == "f32":
            tensors.append(OutputTensor(name, spec.shape, GGUF_F32))
        elif kind == "f16" or kept_reason(name, kept):
            tensors.append(OutputTensor(name, spec.shape, GGUF_F16))
        else:
            tensors.append(OutputTensor(name, spec.shape, GGUF_I8))
            tensors.append(OutputTensor(name + SCALE_SUFFIX, spec.shape[:1], GGUF_F32))
    return tensors


def kept_entries(tensors: List[OutputTensor], kept: Iterable[Tuple[str, str]]) -> Dict[str, Value]:
    """What an int8 file says of the weights that it holds in f16."""
    lines = tuple(f"{t.name}: {kept_reason(t.name, kept)}" for t in tensors if t.type == GGUF_F16)
    return {"samlet.kept_in_f16": Value(STRING, lines)} if lines else {}


# Why CPUs with fp16 arithmetic shall multiply in f32 nevertheless; the library heeds it.
F32_PRODUCTS = "samlet.f32_products"


def write_gguf(file: BinaryIO, entries: Dict[str, Value], tensors: List[OutputTensor],
               read: Callable[[str], Any]) -> int:
    """Writes one tensor after the other, so that only one is in memory; returns the size of the file. Values that
    cannot be stored are all named in one error."""
    size = file.write(pack_header(entries, tensors))
    problems = []
    scales = None  # of the int8 tensor just written
    for tensor in tensors:
        try:
            if scales is not None:
                data, scales = scales.tobytes(), None
            else:
                values = to_float32(read(tensor.name))
                if tensor.type == GGUF_I8:
                    values, scales = to_int8(values)
                data = (to_float16(values) if tensor.type == GGUF_F16 else values).tobytes()
        except ValueError as reason:
            problems.append(f"{tensor.name}: {reason}")
            continue
        size += file.write(data + bytes(align(len(data)) - len(data)))
    if problems:
        raise ConversionError("some weights cannot be used", problems)
    return size


@contextmanager
def replaced_when_complete(path: Path) -> Iterator[BinaryIO]:
    """A new file beside the path that takes its name when all went well and vanishes otherwise."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with open(partial, "xb") as file:
            yield file
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


# ----------------------------------------------------------------------------------------------------------------------
# Reading GGUF, for --list and to store a model in another type
# ----------------------------------------------------------------------------------------------------------------------


class GgufReader:
    def __init__(self, file: BinaryIO):
        self.file = file
        self.total = file_size(file)

    def take(self, count: int) -> bytes:
        if count > self.total - self.file.tell():
            raise ConversionError("the file is cut off or damaged")
        return self.file.read(count)

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def string(self) -> str:
        return self.take(self.number("<Q")).decode(errors="replace")

    def scalar(self, kind: int) -> Any:
        if kind == STRING:
            return self.string()
        if kind not in GGUF_SCALARS:
            raise ConversionError(f"unknown metadata type {kind}")
        return self.number(GGUF_SCALARS[kind])

    def value(self) -> Any:
        kind = self.number("<I")
        if kind != ARRAY:
            return self.scalar(kind)
        kind, count = self.number("<I"), self.number("<Q")
        return [self.scalar(kind) for _ in range(count)]  # ends at the end of the file at the latest

    def tensor(self) -> Dict[str, Any]:
        name, rank = self.string(), self.number("<I")
        if not 1 <= rank <= 4:
            raise ConversionError(f"tensor {printable(name)} has {rank} dimensions")
        shape = [self.number("<Q") for _ in range(rank)][::-1]
        kind, offset = self.number("<I"), self.number("<Q")
        return {"name": name, "type": GGUF_TYPE_NAMES.get(kind, f"type {kind}"), "shape": shape, "offset": offset}

    def contents(self) -> Dict[str, Any]:
        if self.take(4) != b"GGUF":
            raise ConversionError("it is no GGUF file")
        version = self.number("<I")
        if version != GGUF_VERSION:
            raise ConversionError(f"it has GGUF version {version}; only {GGUF_VERSION} is known")
        tensor_count, entry_count = self.number("<Q"), self.number("<Q")
        entries = {}
        for _ in range(entry_count):
            key = self.string()
            entries[key] = self.value()
        return {"metadata": entries, "tensors": [self.tensor() for _ in range(tensor_count)]}


class GgufCheckpoint:
    """A model file as the source of another one. What int8 has rounded stays rounded."""

    ELEMENTS = {"f32": F32, "f16": F16, "int8": I8}

    def __init__(self, file: BinaryIO):
        reader = GgufReader(file)
        contents = reader.contents()
        alignment = contents["metadata"].get("general.alignment", ALIGNMENT)
        if not (is_size(alignment) and 0 < alignment <= 1 << 20 and alignment & (alignment - 1) == 0):
            raise ConversionError(f"its alignment is {printable(alignment)}; it must be a power of two")
        self.file, self.start = file, -(-file.tell() // alignment) * alignment
        self.metadata = contents["metadata"]
        self.tensors = {tensor["name"]: tensor for tensor in contents["tensors"]}
        if len(self.tensors) != len(contents["tensors"]):
            raise ConversionError("a tensor's name occurs twice")
        for name, tensor in self.tensors.items():
            if tensor["type"] not in self.ELEMENTS:
                raise ConversionError(f"tensor {printable(name)} has {tensor['type']}; f32, f16 and int8 are read")
            if self.start + tensor["offset"] + self.bytes_of(tensor) > reader.total:
                raise ConversionError("the file is cut off or damaged")
            if tensor["type"] == "int8" and self.scale_of(name) is None:
                raise ConversionError(f"the int8 tensor {printable(name)} has no scales, one f32 for each row")
        self.shapes = {name: tuple(tensor["shape"]) for name, tensor in self.tensors.items()
                       if not (name.endswith(SCALE_SUFFIX) and name[:-len(SCALE_SUFFIX)] in self.tensors)}

    def architecture(self) -> Architecture:
        return described(self.metadata, self.shapes)

    def bytes_of(self, tensor: Dict[str, Any]) -> int:
        return math.prod(tensor["shape"]) * self.ELEMENTS[tensor["type"]].size

    def scale_of(self, name: str) -> Optional[Dict[str, Any]]:
        scale = self.tensors.get(name + SCALE_SUFFIX)
        fits = scale and scale["type"] == "f32" and scale["shape"] == self.tensors[name]["shape"][:1]
        return scale if fits else None

    def stored(self, tensor: Dict[str, Any]):
        self.file.seek(self.start + tensor["offset"])
        raw = self.file.read(self.bytes_of(tensor))
        if len(raw) != self.bytes_of(tensor):
            raise ConversionError("the file became shorter while it was read")
        return decode(raw, self.ELEMENTS[tensor["type"]], "<").reshape(tensor["shape"])

    def read(self, name: str):
        tensor = self.tensors[name]
        values = self.stored(tensor)
        if tensor["type"] != "int8":
            return values
        scales = self.stored(self.scale_of(name))
        return values * scales.reshape([-1] + [1] * (values.ndim - 1))


def list_gguf(path: Path, as_json: bool) -> None:
    with open(path, "rb") as file:
        contents = GgufReader(file).contents()
    if as_json:
        print(json.dumps(contents, indent=1))
        return
    for key, value in contents["metadata"].items():
        print(f"{printable(key)} = {show(value)}")
    for tensor in contents["tensors"]:
        print(f"{tensor['type']}  {printable(tensor['name'])}  {tensor['shape']}  at {tensor['offset']}")


# ----------------------------------------------------------------------------------------------------------------------
# Command line
# ----------------------------------------------------------------------------------------------------------------------


NUMPY_MISSING = ("converting needs numpy: install it with 'python3 -m pip install numpy' or your system's package "
                 "python3-numpy")


def architecture_of(checkpoint, config: Optional[Path] = None) -> Architecture:
    if config:
        return configured(config, checkpoint.shapes)
    if isinstance(checkpoint, GgufCheckpoint):
        return checkpoint.architecture()
    return recognise(checkpoint.shapes)


def convert(source: Path, target: Path, kind: str = "f32", config: Optional[Path] = None,
            name: Optional[str] = None, kept: Iterable[Tuple[str, str]] = KEPT_IN_F16,
            f32_products: Optional[str] = None) -> Dict[str, Any]:
    """Converts one file and returns a summary. `kept`: patterns of weights that int8 leaves in f16, with reasons.
    `f32_products`: why the file asks for products in f32; a model file keeps what it says."""
    check_target(source, target)
    with open(source, "rb") as input_file:
        checkpoint = open_checkpoint(input_file)
        arch = architecture_of(checkpoint, config)
        arch = replace(arch, name=printable(name or arch.name))
        kept = tuple(kept)
        tensors = plan_output(check_tensors(arch, checkpoint.shapes), kind, kept)
        entries = metadata(arch)
        if kind == "int8":
            entries.update(kept_entries(tensors, kept))
        if isinstance(checkpoint, GgufCheckpoint):
            f32_products = f32_products or checkpoint.metadata.get(F32_PRODUCTS)
        if f32_products:
            entries[F32_PRODUCTS] = Value(STRING, printable(f32_products))
        with replaced_when_complete(target) as output_file:
            size = write_gguf(output_file, entries, tensors, checkpoint.read)
    return {"name": arch.name, "family": arch.family, "has_video": arch.has_video, "type": kind,
            "tensors": len(tensors), "bytes": size,
            "parameters": sum(math.prod(t.shape) for t in tensors if not t.name.endswith(SCALE_SUFFIX)),
            "output": str(target)}


def check_target(source: Path, target: Path) -> None:
    if not target.parent.is_dir():
        raise ConversionError(f"the folder {target.parent} for the output does not exist")
    if target.exists() and not target.is_file():
        raise ConversionError(f"the output {target} exists and is no regular file")
    if target.exists() and target.samefile(source):
        raise ConversionError("input and output are the same file")


def describe(summary: Dict[str, Any]) -> str:
    parts = "image and video" if summary["has_video"] else "image only"
    return (f"{summary['name']} ({summary['family']}, {parts}): {plural(summary['tensors'], 'tensor')}, "
            f"{plural(summary['parameters'], 'parameter')}\n"
            f"{summary['output']}: {summary['type']}, {plural(summary['bytes'], 'byte')}")


def parse_arguments(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, epilog=EXAMPLES,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("input", type=Path, help="a .pt, .safetensors or .gguf file (with --list: a GGUF file)")
    parser.add_argument("output", type=Path, nargs="?", help="the GGUF file to write")
    parser.add_argument("--type", choices=("f32", "f16", "int8"), default="f32",
                        help="how to store weights of linear and convolution layers (default f32); everything else "
                             "stays f32, and int8 leaves layers in f16 that would lose too much")
    parser.add_argument("--config", type=Path, metavar="FILE.yaml", help="the model's published-style configuration")
    parser.add_argument("--name", help="general.name of the model (default: the recognised variant)")
    parser.add_argument("--f32-products", metavar="WHY",
                        help="CPUs with fp16 arithmetic shall multiply in f32 all the same: for models whose masks were "
                             "found to lose too much by f16. WHY is stored in the file")
    parser.add_argument("--list", action="store_true", help="print metadata and tensors of a GGUF file")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    result = parser.parse_args(arguments)
    if result.list == bool(result.output):
        parser.error("give an input and an output, or --list and one GGUF file")
    return result


def run(arguments: argparse.Namespace) -> None:
    if arguments.list:
        list_gguf(arguments.input, arguments.json)
        return
    summary = convert(arguments.input, arguments.output, arguments.type, arguments.config, arguments.name,
                      f32_products=arguments.f32_products)
    print(json.dumps(summary) if arguments.json else describe(summary))


def fail(message: str, details: List[str], as_json: bool) -> int:
    if as_json:
        print(json.dumps({"error": message, "details": details}))
    print("\n".join([f"error: {message}"] + ["  " + line for line in details]), file=sys.stderr)
    return 1


def main(arguments: Optional[List[str]] = None) -> int:
    options = parse_arguments(arguments)
    sys.stdout.reconfigure(errors="backslashreplace")
    if np is None and not options.list:
        return fail(NUMPY_MISSING, [], options.json)
    try:
        run(options)
        sys.stdout.flush()
        return 0
    except ConversionError as problem:
        return fail(f"{options.input}: {problem}", problem.details, options.json)
    except BrokenPipeError:  # the reader of --list has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as problem:
        return fail(f"{problem.filename or options.input}: {problem.strerror or problem}", [], options.json)
    except MemoryError:
        return fail(f"{options.input}: not enough memory", [], options.json)
    except KeyboardInterrupt:
        return fail("interrupted", [], options.json)
    except Exception as problem:  # a mistake in this program: still one sentence, and never a half-written file
        return fail(f"{options.input}: internal error, please report it ({type(problem).__name__}: {problem})", [],
                    options.json)


if __name__ == "__main__":
    sys.exit(main())
