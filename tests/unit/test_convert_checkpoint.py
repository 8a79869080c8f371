#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checkpoint converter: what it writes, what it recognises, and what it refuses.

Needs numpy. Checkpoints are made here; SAMLET_SHARED may name a folder with golden/, weights/ and broken/ for the tests
on genuine files, which are skipped without it.
"""
import contextlib
import hashlib
import importlib.util
import io
import json
import os
import pickle
import struct
import subprocess
import sys
import tempfile
import types
import unittest
import zipfile
from collections import OrderedDict
from pathlib import Path
from unittest import mock

import numpy as np

CONVERTER = Path(__file__).resolve().parents[2] / "tools" / "convert_checkpoint.py"
SHARED = os.environ.get("SAMLET_SHARED")


def load_converter():
    spec = importlib.util.spec_from_file_location("convert_checkpoint", CONVERTER)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


converter = load_converter()

# ----------------------------------------------------------------------------------------------------------------------
# A small invented member of the family
# ----------------------------------------------------------------------------------------------------------------------

CONFIG = """\
# @package _global_
model:
  _target_: sam2.modeling.sam2_base.SAM2Base
  image_encoder:
    scalp: 1
    trunk:
      _target_: sam2.modeling.backbones.hieradet.Hiera
      embed_dim: 8
      num_heads: 2  # doubles with the channels
      stages: [1, 2, 1, 1]
      global_att_blocks: [3]
      window_spec: [4, 2, 4, 2]
      window_pos_embed_bkg_spatial_size: [5, 5]
    neck:
      position_encoding:
        normalize: true
        scale: null
        temperature: 10000
      d_model: 16
      fpn_top_down_levels: [2, 3]
      fpn_interp_model: 'nearest'

  memory_attention:
    d_model: 16
    pos_enc_at_input: true
    layer:
      activation: relu
      dim_feedforward: 24
      pos_enc_at_attn: false
      self_attention:
        rope_theta: 5000.0
        embedding_dim: 16
        num_heads: 1
      d_model: 16
      pos_enc_at_cross_attn_keys: true
      pos_enc_at_cross_attn_queries: false
      cross_attention:
        rope_theta: 5000.0
        rope_k_repeat: True
        embedding_dim: 16
        num_heads: 1
    num_layers: 3
  memory_encoder:
      out_dim: 8
      in_dim: 16
      mask_downsampler:
        embed_dim: 16
        kernel_size: 3
        stride: 2
        padding: 1
      fuser:
        layer:
          dim: 16
          layer_scale_init_value: 1e-6
        num_layers: 1
  num_maskmem: 5
  image_size: 64
  max_obj_ptrs_in_encoder: 9
  sigmoid_scale_for_mem_enc: 20.0
  sigmoid_bias_for_mem_enc: -10.0
  use_mask_input_as_output_without_sam: true
  directly_add_no_mem_embed: true
  no_obj_embed_spatial: true
  use_high_res_features_in_sam: true
  multimask_output_in_sam: true
  iou_prediction_use_sigmoid: True
  use_obj_ptrs_in_encoder: true
  add_tpos_enc_to_obj_ptrs: true
  proj_tpos_enc_in_obj_ptrs: true
  use_signed_tpos_enc_to_obj_ptrs: true
  only_obj_ptrs_in_the_past_for_eval: true
  pred_obj_scores: true
  pred_obj_scores_mlp: true
  fixed_no_obj_ptr: true
  multimask_output_for_tracking: true
  use_multimask_token_for_obj_ptr: true
  multimask_min_pt_num: 0
  multimask_max_pt_num: 1
  use_mlp_for_obj_ptr_proj: true
"""
METADATA = {
    "general.architecture": "sam2", "general.name": "invented", "general.alignment": 32,
    "sam2.family": "sam2.1", "sam2.has_video": True, "sam2.image_size": 64,
    "sam2.image_mean": [0.485, 0.456, 0.406], "sam2.image_std": [0.229, 0.224, 0.225],
    "sam2.trunk.embed_dim": 8, "sam2.trunk.num_heads": 2, "sam2.trunk.stages": [1, 2, 1, 1],
    "sam2.trunk.window_spec": [4, 2, 4, 2], "sam2.trunk.global_att_blocks": [3], "sam2.trunk.q_pool": 3,
    "sam2.neck.top_down_levels": [2, 3], "sam2.d_model": 16,
    "sam2.decoder.layers": 2, "sam2.decoder.heads": 8,
    "sam2.decoder.stability_delta": 0.05, "sam2.decoder.stability_thresh": 0.98,
    "sam2.memory.dim": 8, "sam2.memory.layers": 3, "sam2.memory.num_maskmem": 5,
    "sam2.memory.max_object_pointers": 9, "sam2.memory.sigmoid_scale": 20.0, "sam2.memory.sigmoid_bias": -10.0,
    "sam2.memory.rope_theta": 5000.0, "sam2.pointer_time_encoding": True, "sam2.pointer_time_signed": True,
}
STAYS_F32 = ("image_encoder.trunk.pos_embed", "maskmem_tpos_enc", "no_", "sam_mask_decoder.iou_token",
             "sam_mask_decoder.mask_tokens", "sam_mask_decoder.obj_score_token", "sam_prompt_encoder.pe_layer",
             "sam_prompt_encoder.point_embeddings", "sam_prompt_encoder.not_a_point", "sam_prompt_encoder.no_mask")
QKV = "image_encoder.trunk.blocks.0.attn.qkv.weight"


def invented_architecture():
    config = converter.Config(converter.parse_yaml(CONFIG))
    return converter.replace(converter.config_architecture(config, "invented"), decoder_mlp=32)


def invented_weights():
    """Random tensors; small multiples of 1/64, which every floating-point type holds exactly."""
    rng = np.random.default_rng(1)
    specs = converter.expected_tensors(invented_architecture())
    return {name: (rng.integers(-64, 65, spec.shape) / 64).astype(np.float32) for name, spec in specs.items()}


WEIGHTS = invented_weights()


# ----------------------------------------------------------------------------------------------------------------------
# Writers of checkpoints, and a reader of GGUF that shares nothing with the converter
# ----------------------------------------------------------------------------------------------------------------------


def bfloat16(array):
    return (np.ascontiguousarray(array, "<f4").view("<u4") >> 16).astype("<u2")


def safetensors(weights, kind="F32"):
    encode = {"F32": lambda a: a.astype("<f4"), "F16": lambda a: a.astype("<f2"), "F64": lambda a: a.astype("<f8"),
              "BF16": bfloat16}[kind]
    header, chunks, end = {"__metadata__": {"format": "pt"}}, [], 0
    for name, array in weights.items():
        chunks.append(encode(array).tobytes())
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + len(chunks[-1])]}
        end += len(chunks[-1])
    return safetensors_file(header, b"".join(chunks))


def safetensors_file(header, buffer):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + buffer


class FakeStorage:
    """Elements of one storage and the name of its torch type."""

    def __init__(self, kind, data):
        self.kind, self.data = kind, data


class FakeTensor:
    """Pickles as a tensor of PyTorch does."""

    def __init__(self, storage, offset, shape, strides):
        self.arguments = (storage, offset, tuple(shape), tuple(strides), False, OrderedDict())

    def __reduce__(self):
        return sys.modules["torch._utils"]._rebuild_tensor_v2, self.arguments


def contiguous_strides(shape):
    return [int(np.prod(shape[axis + 1:], dtype=int)) for axis in range(len(shape))]


def fake_tensor(array, kind="FloatStorage", encode=lambda a: a.astype("<f4")):
    return FakeTensor(FakeStorage(kind, encode(array).ravel()), 0, array.shape, contiguous_strides(array.shape))


def fake_torch():
    """Modules with the names that the pickles of PyTorch refer to."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")
    utils._rebuild_tensor_v2 = types.FunctionType((lambda: None).__code__, {}, "_rebuild_tensor_v2")
    utils._rebuild_tensor_v2.__module__ = "torch._utils"
    utils._rebuild_tensor_v2.__qualname__ = "_rebuild_tensor_v2"
    for kind in ("Float", "Half", "BFloat16", "Double", "Long"):
        setattr(torch, kind + "Storage", type(kind + "Storage", (), {"__module__": "torch"}))
    return {"torch": torch, "torch._utils": utils}


class CheckpointPickler(pickle.Pickler):
    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.storages = []

    def persistent_id(self, item):
        if not isinstance(item, FakeStorage):
            return None
        if item not in self.storages:
            self.storages.append(item)
        kind = getattr(sys.modules["torch"], item.kind)
        return "storage", kind, str(self.storages.index(item)), "cpu", len(item.data)


def torch_file(content, protocol=2, byteorder=b"little", compression=zipfile.ZIP_STORED, replaced=None):
    """A .pt file of any content; replaced maps members to other bytes, or to None to leave them out."""
    stream = io.BytesIO()
    with mock.patch.dict(sys.modules, fake_torch()):
        pickler = CheckpointPickler(stream, protocol)
        pickler.dump(content)
    members = {"data.pkl": stream.getvalue(), "byteorder": byteorder, "version": b"3\n"}
    members.update({f"data/{key}": storage.data.tobytes() for key, storage in enumerate(pickler.storages)})
    members.update(replaced or {})
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr("archive/" + name, data)
    return file.getvalue()


def state_dict(weights=None, **changes):
    """The invented weights as tensors of PyTorch, some replaced."""
    tensors = OrderedDict((name, fake_tensor(array)) for name, array in (weights or WEIGHTS).items())
    tensors.update(changes)
    return tensors


class Gguf:
    """Reads GGUF version 3 and checks its layout on the way."""

    SCALARS = {4: "<I", 6: "<f", 7: "<?"}

    def __init__(self, data):
        self.data, self.position = data, 0
        magic, version, tensor_count, entry_count = self.unpack("<4sIQQ")
        assert (magic, version) == (b"GGUF", 3)
        self.metadata = dict((self.string(), self.value(self.unpack("<I")[0])) for _ in range(entry_count))
        infos = [self.tensor_info() for _ in range(tensor_count)]
        start = end = -(-self.position // 32) * 32
        self.tensors = {}
        for name, shape, kind, offset in infos:
            assert start + offset == end, f"{name} does not follow the tensor before it"
            kind = {0: "<f4", 1: "<f2", 24: "i1"}[kind]
            count = int(np.prod(shape))
            self.tensors[name] = np.frombuffer(data, kind, count, end).reshape(shape)
            end += -(-self.tensors[name].nbytes // 32) * 32
        assert end == len(data), "the file does not end with its last tensor"

    def unpack(self, form):
        values = struct.unpack_from(form, self.data, self.position)
        self.position += struct.calcsize(form)
        return values

    def string(self):
        length, = self.unpack("<Q")
        return self.unpack(f"{length}s")[0].decode()

    def value(self, kind):
        if kind == 8:
            return self.string()
        if kind == 9:
            kind, count = self.unpack("<IQ")
            return [self.value(kind) for _ in range(count)]
        return self.unpack(self.SCALARS[kind])[0]

    def tensor_info(self):
        name = self.string()
        rank, = self.unpack("<I")
        dims = self.unpack(f"<{rank}Q")
        return (name, dims[::-1], *self.unpack("<IQ"))


# ----------------------------------------------------------------------------------------------------------------------
# Tests
# ----------------------------------------------------------------------------------------------------------------------


class ConverterTest(unittest.TestCase):
    """Runs the converter as a user does, in a folder of its own."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.output = self.folder / "out.gguf"
        self.config = self.file("invented.yaml", CONFIG.encode())

    def file(self, name, data):
        path = self.folder / name
        path.write_bytes(data)
        return path

    def run_converter(self, *arguments):
        """As in a process of its own, but faster."""
        output, errors = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            try:
                status = converter.main([str(argument) for argument in arguments])
            except SystemExit as end:  # argparse
                status = end.code
        texts = []
        for stream in (output, errors):
            stream.flush()
            texts.append(stream.buffer.getvalue().decode())
        return subprocess.CompletedProcess(arguments, status, *texts)

    def run_process(self, *command):
        result = subprocess.run([sys.executable, *map(str, command)], capture_output=True, text=True, timeout=60)
        self.assertNotIn("Traceback", result.stderr)
        return result

    def convert(self, data, *options):
        """Converts a file of the invented model and reads the result."""
        source = self.file("in", data)
        result = self.run_converter(source, self.output, "--config", self.config, *options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return Gguf(self.output.read_bytes())

    def refused(self, data, *options, config=True):
        """Converts a file that must be refused without a trace; returns the message."""
        source = self.file("in", data)
        before = sorted(self.folder.iterdir())
        options = ["--config", self.config, *options] if config else options
        result = self.run_converter(source, self.output, *options)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertTrue(result.stderr.startswith("error: "), result.stderr)
        self.assertNotIn("internal error", result.stderr)
        self.assertEqual(sorted(self.folder.iterdir()), before)
        return result.stderr

    def assert_weights(self, gguf, expected=None):
        expected = WEIGHTS if expected is None else expected
        self.assertEqual(set(gguf.tensors), set(expected))
        for name, array in expected.items():
            np.testing.assert_array_equal(gguf.tensors[name], array, name)


class KnownVariants(unittest.TestCase):
    # Of the text "name shape\n..." in the order of the published files.
    LISTS = {
        ("sam2.1_hiera_tiny", 471): "8d518fc6d80f24828ba196d13303b5254f0f42a7ef733a43e8b66d13bfc0e900",
        ("sam2.1_hiera_small", 519): "bbee6510204eb2367ab777e9800fa5e8d9051e04ee69049eb43da42f9e44f899",
        ("sam2.1_hiera_base_plus", 615): "92d19a6454360730248793eb784007d8c26edb8cf0bd5dc6c521c4b5ef23ac72",
        ("sam2.1_hiera_large", 903): "d673ed95bc1eb6fe97a425b2a5c03ed8f88134946040d4baa050edf998241514",
        ("sam2_hiera_tiny", 468): "f29244ddfa949a2a669ba211650fd9cdb30d990ce1a73b78abdc3ee88160adef",
        ("sam2.1_micro_test", 347): "ede3b4498c738e05ec7c9ef96895648e355a4a1eba693b6831308dd98133ed87",
    }

    @staticmethod
    def variant(name):
        family = name.split("_")[0]
        second = family == "sam2.1"
        found = [v for v in converter.VARIANTS if v.name.format(family=family) == name]
        return converter.replace(found[0], name=name, no_object_embedding=second, pointer_time_encoding=second,
                                 pointer_time_projection=second, pointer_time_signed=second)

    def test_tensors_are_those_of_the_published_files(self):
        for (name, count), digest in self.LISTS.items():
            specs = converter.expected_tensors(self.variant(name))
            text = "".join(f"{tensor} {list(spec.shape)}\n" for tensor, spec in specs.items())
            self.assertEqual((len(specs), hashlib.sha256(text.encode()).hexdigest()), (count, digest), name)

    def test_every_variant_is_recognised_from_its_shapes(self):
        for variant in converter.VARIANTS:
            for family in ("sam2", "sam2.1"):
                arch = self.variant(variant.name.format(family=family)) if "{" in variant.name else variant
                shapes = {name: spec.shape for name, spec in converter.expected_tensors(arch).items()}
                self.assertEqual(converter.recognise(shapes), arch)

    def test_a_few_wrong_tensors_do_not_hide_the_variant(self):
        shapes = {name: spec.shape for name, spec in
                  converter.expected_tensors(self.variant("sam2.1_hiera_small")).items()}
        shapes["image_encoder.trunk.patch_embed.proj.weight"] = (97, 3, 7, 7)
        del shapes["image_encoder.trunk.blocks.9.norm2.weight"], shapes["maskmem_tpos_enc"]
        self.assertEqual(converter.recognise(shapes).name, "sam2.1_hiera_small")

    def test_published_sizes_pass_the_checks(self):
        for variant in converter.VARIANTS:
            converter.check_architecture(variant)


class Output(ConverterTest):
    def test_metadata_and_tensors(self):
        gguf = self.convert(safetensors(WEIGHTS))
        self.assertEqual(gguf.metadata.keys(), METADATA.keys())
        for key, value in METADATA.items():
            found = gguf.metadata[key]
            if isinstance(value, float) or isinstance(value, list):
                np.testing.assert_allclose(found, value, rtol=1e-7, err_msg=key)
            else:
                self.assertEqual((found, type(found)), (value, type(value)), key)
        self.assert_weights(gguf)
        self.assertTrue(all(array.dtype == np.float32 for array in gguf.tensors.values()))

    def test_half_precision_is_for_weights_of_layers_only(self):
        gguf = self.convert(safetensors(WEIGHTS), "--type", "f16")
        self.assert_weights(gguf)
        for name, array in gguf.tensors.items():
            single = array.ndim == 1 or name.startswith(STAYS_F32)
            self.assertEqual(array.dtype, np.float32 if single else np.float16, name)

    def test_int8_has_scales_and_says_what_it_keeps(self):
        gguf = self.convert(safetensors(WEIGHTS), "--type", "int8")
        kept = dict(line.split(": ", 1) for line in gguf.metadata["samlet.kept_in_f16"])
        self.assertEqual(set(kept), {name for name, array in gguf.tensors.items() if array.dtype == np.float16})
        self.assertTrue(all(kept.values()))
        quantised = 0
        for name, want in WEIGHTS.items():
            array = gguf.tensors[name]
            if array.dtype != np.int8:
                self.assertNotIn(name + "_scale", gguf.tensors)
                continue
            quantised += 1
            scale = gguf.tensors[name + "_scale"]
            self.assertEqual((scale.dtype, scale.shape), (np.float32, array.shape[:1]))
            rows, exact = array.reshape(len(scale), -1).astype("f8"), want.reshape(len(scale), -1)
            self.assertTrue((np.abs(rows).max(axis=1) == 127).all(), name)
            self.assertLessEqual((np.abs(rows * scale[:, None] - exact) / scale[:, None]).max(), 0.501, name)
        self.assertGreater(quantised, 20)
        self.assertEqual(gguf.tensors[QKV].dtype, np.int8)

    def test_int8_survives_rows_of_zeros(self):
        weights = dict(WEIGHTS)
        weights[QKV] = weights[QKV].copy()
        weights[QKV][3] = 0
        gguf = self.convert(safetensors(weights), "--type", "int8")
        self.assertTrue((gguf.tensors[QKV][3] == 0).all())
        self.assertGreater(gguf.tensors[QKV + "_scale"][3], 0)

    def test_same_input_gives_same_bytes_whatever_the_order(self):
        self.convert(safetensors(WEIGHTS))
        first = self.output.read_bytes()
        self.convert(safetensors(dict(reversed(WEIGHTS.items()))))
        self.assertEqual(self.output.read_bytes(), first)
        self.convert(torch_file(state_dict()))
        self.assertEqual(self.output.read_bytes(), first)

    def test_a_model_file_is_stored_in_another_type(self):
        direct = {}
        for kind in ("f32", "f16", "int8"):
            self.convert(safetensors(WEIGHTS), "--type", kind)
            direct[kind] = self.output.read_bytes()
        def store(data, kind):  # without the configuration: the file itself says what it is
            source = self.file("in.gguf", data)
            result = self.run_converter(source, self.output, "--type", kind)
            self.assertEqual((result.returncode, result.stderr), (0, ""))
            return self.output.read_bytes()

        for kind in ("f32", "f16", "int8"):
            self.assertEqual(store(direct["f32"], kind), direct[kind], kind)
            again = store(direct[kind], kind)
            if kind != "int8":  # its scales may move in the last place
                self.assertEqual(again, direct[kind], kind)
        one, two = Gguf(direct["int8"]).tensors, Gguf(again).tensors
        for name, array in one.items():
            np.testing.assert_allclose(two[name], array, rtol=1e-6, err_msg=name)

    def test_the_bundled_model_is_the_same_in_every_type(self):
        bundled = CONVERTER.parents[1] / "examples" / "data" / "samlet_micro.gguf"  # its weights: tools/train/rounding.py
        int8, exact = self.folder / "int8.gguf", self.folder / "f32.gguf"
        for source, target, kind in ((bundled, int8, "int8"), (int8, self.output, "f32"), (bundled, exact, "f32")):
            self.assertEqual(self.run_converter(source, target, "--type", kind).returncode, 0)
        one, two = (Gguf(path.read_bytes()) for path in (self.output, exact))
        self.assertEqual(one.metadata, two.metadata)
        for name, array in two.tensors.items():
            np.testing.assert_array_equal(one.tensors[name], array, name)

    def test_the_wish_for_products_in_f32_is_kept(self):
        gguf = self.convert(safetensors(WEIGHTS), "--type", "f16", "--f32-products", "one mask in ten\nchanges")
        self.assertEqual(gguf.metadata["samlet.f32_products"], "one mask in ten\\nchanges")
        source = self.file("in.gguf", self.output.read_bytes())
        self.assertEqual(self.run_converter(source, self.output, "--type", "int8").returncode, 0)
        self.assertEqual(Gguf(self.output.read_bytes()).metadata["samlet.f32_products"], "one mask in ten\\nchanges")

    def test_damaged_model_files(self):
        self.convert(safetensors(WEIGHTS), "--type", "int8")
        whole = self.output.read_bytes()
        self.output.unlink()
        for length in (4, 7, 60, 3000, len(whole) // 2, len(whole) - 33):
            self.assertIn("cut off", self.refused(whole[:length]))
        scale = (QKV + "_scale").encode()
        self.assertIn("no scales", self.refused(whole.replace(scale, scale[:-1] + b"x")))
        strange = whole.replace(b"sam2.trunk.stages", b"sam2.trunk.stagez")
        self.assertIn("sam2.trunk.stages", self.refused(strange, config=False))
        at = whole.index(b"sam2.d_model") + len(b"sam2.d_model") + 4
        other = whole[:at] + struct.pack("<I", 48) + whole[at + 4:]
        self.assertIn("error: ", self.refused(other, config=False))
        alignment = struct.pack("<II", 4, 32)
        at = whole.index(b"general.alignment") + len(b"general.alignment")
        self.assertEqual(whole[at:at + 8], alignment)
        self.assertIn("power of two", self.refused(whole[:at + 4] + struct.pack("<I", 33) + whole[at + 8:]))
        name = QKV.encode()
        at = whole.index(name) + len(name)
        kind = at + 4 + 8 * struct.unpack_from("<I", whole, at)[0]
        self.assertIn("type 8", self.refused(whole[:kind] + struct.pack("<I", 8) + whole[kind + 4:]))

    def test_summary_and_name(self):
        source = self.file("in", safetensors(WEIGHTS))
        result = self.run_converter(source, self.output, "--config", self.config, "--name", "mine", "--json")
        summary = json.loads(result.stdout)
        self.assertEqual(summary, {"name": "mine", "family": "sam2.1", "has_video": True, "type": "f32",
                                   "tensors": len(WEIGHTS), "parameters": sum(a.size for a in WEIGHTS.values()),
                                   "bytes": self.output.stat().st_size, "output": str(self.output)})
        self.assertEqual(Gguf(self.output.read_bytes()).metadata["general.name"], "mine")
        result = self.run_converter(source, self.output, "--config", self.config)
        self.assertIn(f"invented (sam2.1, image and video): {len(WEIGHTS)} tensors", result.stdout)

    def test_list(self):
        self.convert(safetensors(WEIGHTS), "--type", "f16")
        text = self.run_converter("--list", self.output).stdout
        self.assertIn("sam2.trunk.stages = 1,2,1,1\n", text)
        self.assertIn(f"f16  {QKV}  [24, 8]", text)
        listed = json.loads(self.run_converter("--list", self.output, "--json").stdout)
        self.assertEqual([t["name"] for t in listed["tensors"]], list(WEIGHTS))
        cut = self.file("cut.gguf", self.output.read_bytes()[:1000])
        result = self.run_converter("--list", cut)
        self.assertEqual(result.returncode, 1)
        self.assertIn("cut off", result.stderr)

    def test_as_a_program(self):
        self.assertIn("examples:", self.run_process(CONVERTER, "--help").stdout)
        self.assertEqual(self.run_process(CONVERTER, "in").returncode, 2)
        source = self.file("in", safetensors(WEIGHTS))
        result = self.run_process(CONVERTER, source, self.output, "--config", self.config)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assert_weights(Gguf(self.output.read_bytes()))
        result = self.run_process(CONVERTER, self.config, self.folder / "other")
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertTrue(os.access(CONVERTER, os.X_OK))

    def test_model_without_video_modules(self):
        arch = converter.replace(invented_architecture(), has_video=False)
        weights = {name: WEIGHTS[name] for name in converter.expected_tensors(arch)}
        gguf = self.convert(safetensors(weights))
        self.assert_weights(gguf, weights)
        self.assertNotIn("maskmem_tpos_enc", weights)
        self.assertIs(gguf.metadata["sam2.has_video"], False)
        self.assertFalse([key for key in gguf.metadata if "memory" in key or "pointer" in key])


class TorchFiles(ConverterTest):
    def test_layouts_of_the_file(self):
        for protocol in (2, 4):
            self.assert_weights(self.convert(torch_file(state_dict(), protocol)))
        self.assert_weights(self.convert(torch_file(state_dict(), compression=zipfile.ZIP_DEFLATED)))
        self.assert_weights(self.convert(torch_file(state_dict(), replaced={"byteorder": None})))
        training = {"model": state_dict(), "epoch": 3, "lr": 1e-4, "best": None, "done": True, "betas": [0.9, 0.99],
                    "optimizer": {"state": {0: {"step": 1 << 40, "exp_avg": fake_tensor(WEIGHTS[QKV])}}}}
        self.assert_weights(self.convert(torch_file(training)))

    def test_element_types(self):
        kinds = {"HalfStorage": lambda a: a.astype("<f2"), "DoubleStorage": lambda a: a.astype("<f8"),
                 "BFloat16Storage": bfloat16}
        for kind, encode in kinds.items():
            content = {name: fake_tensor(array, kind, encode) for name, array in WEIGHTS.items()}
            self.assert_weights(self.convert(torch_file(content)))
        whole = np.arange(192).reshape(24, 8)
        tensors = state_dict(**{QKV: fake_tensor(whole, "LongStorage", lambda a: a.astype("<i8"))})
        self.assert_weights(self.convert(torch_file(tensors)), {**WEIGHTS, QKV: whole})
        tensors[QKV] = fake_tensor(whole + (1 << 24), "LongStorage", lambda a: a.astype("<i8"))
        self.assertIn(f"{QKV}: it holds integers", self.refused(torch_file(tensors)))

    def test_big_endian(self):
        content = {name: fake_tensor(array, encode=lambda a: a.astype(">f4")) for name, array in WEIGHTS.items()}
        self.assert_weights(self.convert(torch_file(content, byteorder=b"big")))
        self.assertIn("byteorder", self.refused(torch_file(content, byteorder=b"middle")))

    def test_strides_offsets_and_shared_storages(self):
        bias, scale = QKV.replace("weight", "bias"), "image_encoder.trunk.blocks.0.norm1.weight"
        shared = FakeStorage("FloatStorage", np.concatenate(
            [np.float32([7] * 5), WEIGHTS[QKV].T.ravel(), WEIGHTS[bias].repeat(2), WEIGHTS[scale]]))
        tensors = state_dict(**{QKV: FakeTensor(shared, 5, (24, 8), (1, 24)),
                                bias: FakeTensor(shared, 5 + 192, (24,), (2,)),
                                scale: FakeTensor(shared, 5 + 192 + 48, (8,), (1,))})
        self.assert_weights(self.convert(torch_file(tensors)))


class HostileTorchFiles(ConverterTest):
    def with_pickle(self, data):
        return torch_file(state_dict(), replaced={"data.pkl": data})

    def test_calls_are_refused_by_name_and_not_made(self):
        trace = self.folder / "executed"

        class Attack:
            def __reduce__(self):
                return os.system, (f"touch '{trace}'",)

        for protocol in (2, 4):
            message = self.refused(torch_file(state_dict(no_mem_embed=Attack()), protocol))
            self.assertIn(f"{os.system.__module__}.system", message)
            self.assertIn("nothing was executed", message)
        self.assertFalse(trace.exists())
        for code, name in ((b"cbuiltins\neval\n.", "builtins.eval"), (b"\x8c\x02io\x8c\x04open\x93.", "io.open")):
            self.assertIn(name, self.refused(self.with_pickle(b"\x80\x04" + code)))

    def test_broken_pickles(self):
        cases = {
            "empty": b"", "no end": b"\x80\x02}", "memo index of 4 billion": b"\x80\x02}r\xff\xff\xff\xff.",
            "string of 2^62 bytes": b"\x80\x04\x8d" + struct.pack("<Q", 1 << 62) + b"x.",
            "no such memo": b"\x80\x02h\x07.", "no mark": b"\x80\x02u.", "underflow": b"\x80\x02\x87.",
            "list key": b"\x80\x02}]Ns.", "no dict": b"\x80\x02]X\x01\x00\x00\x00aNs.", "wrong utf-8":
            b"\x80\x02X\x01\x00\x00\x00\xff.", "text protocol": b"(dp0\n.", "persistent number": b"\x80\x02K\x01Q.",
            "call of a string": b"\x80\x02X\x01\x00\x00\x00a)R.", "bare list": b"\x80\x02].",
            "itself": b"\x80\x02}q\x00h\x00s.",
            "a tensor of nothing": b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n)R.",
            "storage without fields": b"\x80\x02(X\x07\x00\x00\x00storageK\x01K\x01K\x01K\x01tQ.",
        }
        for what, data in cases.items():
            with self.subTest(what), self.assertRaises(converter.ConversionError):
                top = converter.PickleMachine(data).run()
                if type(top) is not dict or not top:
                    raise converter.ConversionError("no tensors")
        self.assertIn("damaged near byte", self.refused(self.with_pickle(cases["no end"])))
        self.assertIn("no tensors", self.refused(self.with_pickle(b"\x80\x02].")))

    def test_dict_that_contains_itself(self):
        tensors = state_dict()
        tensors["loop"] = tensors
        self.assertIn("loop", self.refused(torch_file(tensors)))
        nested = {}
        nested["model"] = nested
        self.assertIn("model", self.refused(torch_file(nested)))

    def test_tensors_that_do_not_fit_their_storage(self):
        storage = FakeStorage("FloatStorage", np.zeros(192, np.float32))
        cases = {"larger than its storage": ((24, 9), (9, 1), 0), "reaches beyond": ((24, 8), (8, 1), 1),
                 "larger than its storage of": ((1 << 40, 8), (0, 0), 0), "impossible shape": ((-24, -8), (8, 1), 0),
                 "reaches beyond its storage": ((24, 8), (1 << 60, 1), 0), "an impossible": ((24, 8), (8,), 0),
                 "with an impossible": ((24, 8), (-8, 1), 191)}
        for message, (shape, strides, offset) in cases.items():
            tensors = state_dict(**{QKV: FakeTensor(storage, offset, shape, strides)})
            self.assertIn(message, self.refused(torch_file(tensors)))

    def test_missing_or_wrong_storages(self):
        self.assertIn("storage 3 is missing", self.refused(torch_file(state_dict(), replaced={"data/3": None})))
        self.assertIn("expected", self.refused(torch_file(state_dict(), replaced={"data/3": b"1234"})))

    def test_bombs(self):
        deflated = {"compression": zipfile.ZIP_DEFLATED}
        message = self.refused(torch_file(state_dict(), replaced={"data.pkl": bytes(64 << 20)}, **deflated))
        self.assertIn("data.pkl takes 67,108,864 bytes", message)
        big = FakeStorage("FloatStorage", np.zeros(18 << 20, np.float32))
        tensors = state_dict(**{QKV: FakeTensor(big, 0, (24, 8), (8, 1))})
        self.assertIn("storages take", self.refused(torch_file(tensors, **deflated)))
        size = struct.pack("<I", 0x123457)
        whole = torch_file(state_dict(), replaced={"data.pkl": bytes(0x123457)}, **deflated)
        self.assertEqual(whole.count(size), 2)  # before the member, and in the directory
        message = self.refused(whole.replace(size, struct.pack("<I", 100)))
        self.assertIn("data.pkl' of the archive is cut off or damaged", message)

    def test_entries_that_are_no_tensors(self):
        self.assertIn("note", self.refused(torch_file(state_dict(note="hello"))))
        self.assertIn("no tensors by name", self.refused(torch_file([1, 2])))

    def test_other_archives(self):
        script = torch_file(state_dict(), replaced={"constants.pkl": b"\x80\x02)."})
        self.assertIn("TorchScript", self.refused(script))
        self.assertIn("no data.pkl", self.refused(torch_file({}, replaced={"data.pkl": None})))


class DamagedFiles(ConverterTest):
    def test_truncated(self):
        for whole, name in ((torch_file(state_dict()), "torch"), (safetensors(WEIGHTS), "safetensors")):
            for length in (0, 1, 7, 60, 5000, len(whole) // 2, len(whole) - 30, len(whole) - 1):
                with self.subTest(name, length=length):
                    self.refused(whole[:length])
            self.assertIn("cut off", self.refused(whole[:len(whole) // 2]))
            self.assertIn("download it again", self.refused(whole[:len(whole) // 2]))

    def test_flipped_bit_in_a_storage(self):
        data = bytearray(torch_file(state_dict()))
        at = data.index(WEIGHTS[QKV].tobytes())
        data[at] ^= 1
        self.assertIn("damaged", self.refused(bytes(data)))

    def test_strangers(self):
        cases = {b"": "empty", b"<!DOCTYPE html><html>": "web page", b"GGUF\3\0\0\0": "cut off",
                 b"version https://git-lfs.github.com/spec/v1\noid": "Git LFS", b"\x89PNG\r\n\x1a\n....": "neither",
                 b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.\x80\x02M": "old format"}
        for data, message in cases.items():
            self.assertIn(message, self.refused(data))

    def test_safetensors_headers(self):
        def entry(**changes):
            return {"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8], **changes}}

        cases = [
            (b"{", "JSON"), (b"{" + b"[" * 100000, "JSON"), (b'{"a":1,"a":2}', "twice"), (b"{} ", "no tensors"),
            (b'{"a":' + b"9" * 5000 + b"}", "too large"), ({"a": []}, "entry of a is wrong"),
            (entry(dtype="I4"), "type I4"), (entry(shape=[3]), "does not take"), (entry(shape=[-2, -1]), "shape"),
            (entry(shape=[True, 2]), "shape"), (entry(data_offsets=[8, 0]), "does not take"),
            (entry(data_offsets=[-8, 0]), "offsets"), (entry(data_offsets=[4, 12]), "gaps"),
            ({**entry(), "b": entry()["a"]}, "overlap"), (entry(shape=[4], data_offsets=[0, 16]), "cut off"),
            ({"\x1b[31m": {}}, "\\x1b"),
        ]
        for header, message in cases:
            with self.subTest(message):
                self.assertIn(message, self.refused(safetensors_file(header, bytes(8))))
        self.assertIn("more than", self.refused(safetensors_file(entry(), bytes(9))))
        self.assertIn("claims", self.refused(struct.pack("<Q", 1 << 60) + b"{}"))


class WrongTensors(ConverterTest):
    def test_every_difference_gets_its_line(self):
        weights = dict(WEIGHTS)
        weights[QKV] = weights[QKV][:-1]
        del weights["no_mem_embed"], weights["obj_ptr_proj.layers.1.bias"]
        weights["stranger\x07"] = np.zeros((2, 3), np.float32)
        lines = self.refused(safetensors(weights)).splitlines()
        self.assertIn("invented (image and video): 2 missing, 1 mis-shaped, 1 unexpected", lines[0])
        self.assertEqual(lines[1:], ["  missing     no_mem_embed: expected [1, 1, 16]",
                                     f"  mis-shaped  {QKV}: expected [24, 8], found [23, 8]",
                                     "  missing     obj_ptr_proj.layers.1.bias: expected [16]",
                                     "  unexpected  stranger\\x07: found [2, 3]"])

    def test_video_modules_in_part(self):
        weights = {name: a for name, a in WEIGHTS.items() if not name.startswith("memory_encoder.")}
        self.assertIn("missing     memory_encoder.out_proj.weight", self.refused(safetensors(weights)))

    def test_values_that_are_no_numbers(self):
        weights = {name: array.copy() for name, array in WEIGHTS.items()}
        weights[QKV][3, 3] = np.nan
        weights["no_obj_ptr"][0, :2] = -np.inf
        for data in (safetensors(weights), safetensors(weights, "F16"), torch_file(state_dict(weights))):
            lines = self.refused(data).splitlines()
            self.assertEqual(lines[1:], ["  no_obj_ptr: 2 of 16 values are NaN or infinite",
                                         f"  {QKV}: 1 of 192 values are NaN or infinite"])

    def test_values_beyond_the_range(self):
        weights = {**WEIGHTS, QKV: WEIGHTS[QKV] + np.float32(65504), "no_obj_ptr": WEIGHTS["no_obj_ptr"] * 1e30}
        weights[QKV][0, 0] = 1e6
        message = self.refused(safetensors(weights), "--type", "f16")
        self.assertIn(f"{QKV}: it holds values beyond the range of float16 (largest magnitude 1e+06)", message)
        self.assertNotIn("no_obj_ptr", message)
        self.assert_weights(self.convert(safetensors(weights)), weights)
        weights["no_obj_ptr"] = np.full((1, 16), 1e300)
        self.assertIn("no_obj_ptr: it holds values beyond the range of float32",
                      self.refused(safetensors({k: a.astype("f8") for k, a in weights.items()}, "F64")))

    def test_safetensors_types(self):
        for kind in ("F16", "BF16", "F64"):
            self.assert_weights(self.convert(safetensors(WEIGHTS, kind)))

    def test_unknown_size_without_configuration(self):
        message = self.refused(safetensors(WEIGHTS), config=False)
        for part in ("embed_dim 8", "stages 1,2,1,1", "--config", "mis-shaped  maskmem_tpos_enc"):
            self.assertIn(part, message)
        self.assertIn("none of its tensors is known", self.refused(safetensors({"a": WEIGHTS[QKV]}), config=False))


class Configurations(ConverterTest):
    def refused_config(self, old, new):
        self.assertIn(old, CONFIG)
        self.config.write_text(CONFIG.replace(old, new))
        return self.refused(safetensors(WEIGHTS))

    def test_of_another_model(self):
        message = self.refused_config("stages: [1, 2, 1, 1]", "stages: [1, 1, 2, 1]")
        self.assertIn("belongs to another model", message)
        self.assertIn("stages: 1,1,2,1 in the configuration, 1,2,1,1 in the tensors", message)
        self.assertIn("unexpected  obj_ptr_tpos_proj.weight",
                      self.refused_config("proj_tpos_enc_in_obj_ptrs: true", "proj_tpos_enc_in_obj_ptrs: false"))

    def test_settings_that_cannot_be(self):
        cases = (("fixed_no_obj_ptr: true", "fixed_no_obj_ptr: false", "fixed_no_obj_ptr is False; only True is known"),
                 ("hieradet.Hiera", "vit.ViT", "only Hiera is known"),
                 ("global_att_blocks: [3]", "global_att_blocks: [5]", "existing blocks"),
                 ("window_spec: [4, 2, 4, 2]", "window_spec: []", "must be four windows"),
                 ("stages: [1, 2, 1, 1]", "stages: [1, 2000000000, 1, 1]", "128 in all at most"),
                 ("num_heads: 2 ", "num_heads: three ", "num_heads is 'three'; expected a number"),
                 ("num_heads: 2 ", "num_heads: 3 ", "multiple of num_heads"),
                 ("image_size: 64", "image_size: 100", "multiple of 32"),
                 ("d_model: 16\n      fpn", "fpn", "d_model is not given"),
                 ("scale_for_mem_enc: 20.0", "scale_for_mem_enc: 1e99", "number of float32"),
                 ("in_dim: 16", "in_dim: 32", "in_dim is 32; expected image_encoder.neck.d_model, 16"))
        for old, new, message in cases:
            with self.subTest(message):
                self.assertIn(message, self.refused_config(old, new))

    def test_defaults_are_those_of_the_reference(self):
        lines = [line for line in CONFIG.splitlines(True) if not any(key in line for key in (
            "stages", "window", "global_att", "num_maskmem", "max_obj_ptrs", "sigmoid_", "rope_theta", "image_size"))]
        arch = converter.config_architecture(converter.Config(converter.parse_yaml("".join(lines))), "x")
        self.assertEqual((arch.stages, arch.window_spec, arch.global_att_blocks, arch.background),
                         ((2, 3, 16, 3), (8, 4, 14, 7), (12, 16, 20), (14, 14)))
        self.assertEqual((arch.num_maskmem, arch.max_object_pointers, arch.image_size, arch.rope_theta),
                         (7, 16, 512, 10000.0))
        self.assertEqual((arch.sigmoid_scale, arch.sigmoid_bias), (1.0, 0.0))

    def test_yaml(self):
        text = "---\na: 1\nb:\n    c: [1, -2, 0.5]  # list\n    d:\n      e: 'x y'\n    f: ~\ng: []\nh: x#y\ni: -1e-6\n"
        self.assertEqual(converter.parse_yaml(text), {
            "a": 1, "b": {"c": [1, -2, 0.5], "d": {"e": "x y"}, "f": None}, "g": [], "h": "x#y", "i": -1e-6})
        for bad in ("- a", "a", "a: 1\na: 2", "a: {}", "a: [1", "a: &x 1", "a:\n\tb: 1", "a:\n  b: 1\n   c: 2",
                    "a: 1\n  b: 2", "a: |\n  text", "a: [[1]]"):
            with self.subTest(bad), self.assertRaisesRegex(converter.ConversionError, "line [0-9]"):
                converter.parse_yaml(bad)
        self.config.write_bytes(b"\xff\xfe")
        self.assertIn("no text", self.refused(safetensors(WEIGHTS)))
        self.config.write_text("a: 1\n")
        self.assertIn("no configuration of a SAM 2 model", self.refused(safetensors(WEIGHTS)))


class Paths(ConverterTest):
    def test_a_failure_leaves_an_existing_output_alone(self):
        self.output.write_bytes(b"precious")
        bad = {**WEIGHTS, QKV: WEIGHTS[QKV] * np.nan}
        self.refused(safetensors(bad))
        self.assertEqual(self.output.read_bytes(), b"precious")

    def test_impossible_paths(self):
        source = self.file("in", safetensors(WEIGHTS))
        options = ("--config", self.config)
        for arguments, message in (
                ((self.folder / "absent", self.output), "No such file"), ((self.folder, self.output), "directory"),
                ((source, self.folder / "absent" / "out"), "does not exist"), ((source, source), "same file"),
                ((source, self.folder), "no regular file"), ((source, os.devnull), "no regular file"),
                ((source, self.output, "--config", self.folder / "absent"), "No such file")):
            result = self.run_converter(*arguments, *(options if len(arguments) == 2 else ()))
            self.assertEqual(result.returncode, 1)
            self.assertIn(message, result.stderr)
        self.assertEqual(sorted(path.name for path in self.folder.iterdir()), ["in", "invented.yaml"])

    def test_errors_as_json(self):
        result = self.run_converter(self.file("in", b""), self.output, "--json")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(json.loads(result.stdout), {"error": f"{self.folder / 'in'}: it is empty", "details": []})

    def test_without_numpy(self):
        self.file("numpy.py", b"raise ImportError\n")
        code = ("import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
                "runpy.run_path(sys.argv.pop(1), run_name='__main__')")
        command = ["-c", code, self.folder, CONVERTER]
        result = self.run_process(*command, "in", "out")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr, r"^error: converting needs numpy: install it [^\n]*\n$")
        self.assertEqual(self.run_process(*command, "--help").returncode, 0)


@unittest.skipUnless(SHARED, "SAMLET_SHARED names no folder")
class GenuineFiles(ConverterTest):
    def convert_genuine(self, name, *options):
        result = self.run_converter(Path(SHARED) / name, self.output, *options)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return Gguf(self.output.read_bytes())

    def test_manifests(self):
        manifests = sorted(Path(SHARED, "golden", "manifests").glob("*.json"))
        self.assertTrue(manifests)
        for path in manifests:
            shapes = {row[0]: tuple(row[1]) for row in json.loads(path.read_text())}
            expected = {name: spec.shape for name, spec in converter.check_tensors(
                converter.recognise(shapes), shapes).items()}
            self.assertEqual(expected, shapes)

    def test_checkpoint_of_pytorch(self):
        gguf = self.convert_genuine("golden/micro/weights.pt")
        self.assertEqual(gguf.metadata["general.name"], "sam2.1_micro_test")

        class Reader(pickle.Unpickler):
            def persistent_load(self, identity):
                return identity[2]

            def find_class(self, module, name):
                return OrderedDict if name == "OrderedDict" else lambda key, *rest: (key, *rest[:2])

        with zipfile.ZipFile(Path(SHARED, "golden", "micro", "weights.pt")) as archive:
            folder = archive.namelist()[0].split("/")[0]
            state = Reader(io.BytesIO(archive.read(f"{folder}/data.pkl"))).load()
            for name, (key, offset, shape) in state.get("model", state).items():
                values = np.frombuffer(archive.read(f"{folder}/data/{key}"), "<f4")[offset:]
                np.testing.assert_array_equal(gguf.tensors[name].ravel(), values[:int(np.prod(shape))], name)

    def test_model_with_its_configuration(self):
        self.convert_genuine("weights/samlet_micro.safetensors")
        known = self.output.read_bytes()
        self.convert_genuine("weights/samlet_micro.safetensors", "--config", Path(SHARED, "weights/samlet_micro.yaml"))
        self.assertEqual(self.output.read_bytes(), known)

    def test_image_model(self):
        gguf = self.convert_genuine("weights/sam2_hiera_tiny_image_f16.safetensors", "--type", "f16")
        self.assertEqual((gguf.metadata["general.name"], gguf.metadata["sam2.has_video"]), ("sam2_hiera_tiny", False))
        self.assertEqual(len(gguf.tensors), 305)

    def test_truncated_download(self):
        result = self.run_converter(Path(SHARED, "broken", "truncated_sam2.1_hiera_tiny.pt"), self.output)
        self.assertEqual((result.returncode, result.stdout), (1, ""))
        self.assertRegex(result.stderr, r"^error: [^\n]* cut off or damaged: [^\n]* download it again\n$")
        self.assertEqual([path.name for path in self.folder.iterdir()], ["invented.yaml"])


if __name__ == "__main__":
    unittest.main()
