#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Training data, prompts, losses and one step of training. Needs torch; skipped without."""
import sys
import tempfile
import unittest
from pathlib import Path
from unittest import mock

try:
    import numpy as np
    import torch
    from PIL import Image  # noqa: F401, the data package needs it
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "train"))
import losses  # noqa: E402
import prompts  # noqa: E402
from data import moving  # noqa: E402
from data.assets import held_out  # noqa: E402
from data.pictures import Pictures  # noqa: E402
from data.render import render  # noqa: E402
from data.segments import from_run_lengths  # noqa: E402
from data.splat import FINE, SIDE, Surface, sequence, strew, view  # noqa: E402
from follow import Plan, clip_cost, remember  # noqa: E402
from optimizer import Optimizer, orthogonal  # noqa: E402
from rounding import Rounding, on_grid, rounded, rounding_error  # noqa: E402
from sam2 import weights  # noqa: E402
from sam2.mask_decoder import Decoded  # noqa: E402
from sam2.model import Sam2  # noqa: E402
from start import start_image, start_memory  # noqa: E402
from team import Team  # noqa: E402

SIZE = 64


def make_pictures(folder):
    """A few of each kind, red discs on noise, with names on both sides of the hold-out."""
    rng = np.random.default_rng(0)
    names = [f"freedoom:{a}{b}{c}" for a in "ABCDEFGHIJ" for b in "012" for c in "01"]
    y, x = np.mgrid[:128, :128] - 63.5
    disc = np.zeros((128, 128, 4), np.uint8)
    disc[np.hypot(x, y) < 60] = (255, 0, 0, 255)
    np.savez(folder / "pictures.npz", photos=rng.integers(0, 255, (len(names), 64, 64, 3), dtype=np.uint8),
             photo_names=["budgie-backgrounds:" + n for n in names], sprites=np.stack([disc] * len(names)),
             sprite_names=names)


def run_lengths(mask):
    """The COCO string of a mask, as its authors' code writes it."""
    flat = mask.T.reshape(-1)
    edges = np.flatnonzero(np.diff(np.concatenate(([0], flat.astype(int)))))
    runs = np.diff(np.concatenate(([0], edges, [flat.size]))).tolist()
    text = ""
    for i, run in enumerate(runs):
        value, more = run - (runs[i - 2] if i > 2 else 0), True
        while more:
            bits, value = value & 31, value >> 5
            more = value != (-1 if bits & 16 else 0)
            text += chr(48 + bits + 32 * more)
    return text


def small_model():
    return Sam2(weights.converter.replace(weights.architecture("samlet_micro"), image_size=SIZE, embed_dim=16, d_model=64,
                                          memory_dim=16, decoder_mlp=64, memory_ffn=64, background=(3, 3)))


def disc(x, y, radius):
    place = torch.arange(float(SIZE))
    return ((place[None] - x) ** 2 + (place[:, None] - y) ** 2 < radius ** 2).float()


class Data(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        make_pictures(Path(cls.folder.name))
        cls.pictures = Pictures(Path(cls.folder.name))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_parts_of_one_picture_are_held_out_together(self):
        for name in ("budgie-backgrounds:lake.jpg", "freedoom:POSSA1"):
            self.assertEqual(held_out(name), held_out("photograph:" + name))
        self.assertEqual(held_out("freedoom:POSSA1"), held_out("freedoom:POSSB2"))
        held = Pictures(Path(self.folder.name), held=True)
        self.assertGreater(len(held.sprites), 0)
        self.assertEqual(len(held.sprites) + len(self.pictures.sprites), 60)

    def test_same_seed_same_clip(self):
        one, two, other = (render(np.random.default_rng(s), self.pictures, 2, 3, SIZE) for s in (4, 4, 5))
        self.assertTrue(torch.equal(one.images, two.images) and torch.equal(one.owners, two.owners))
        self.assertFalse(torch.equal(one.owners, other.owners))
        self.assertTrue(0 <= one.images.min() and one.images.max() <= 1)

    def test_run_lengths(self):
        rng = np.random.default_rng(2)
        for mask in (np.ones((3, 5), bool), np.zeros((4, 2), bool), rng.random((40, 30)) > 0.4, np.eye(90, 70) > 0):
            np.testing.assert_array_equal(from_run_lengths(run_lengths(mask), *mask.shape), mask)

    def test_segments_move_with_their_photograph(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            make_pictures(folder)
            names = [str(n) for n in np.load(folder / "pictures.npz")["photo_names"]]
            # What is red on the photographs is the segment.
            photos = np.zeros((len(names), 64, 64, 3), np.uint8)
            photos[:, 20:40, 24:48] = (255, 0, 0)
            whole = dict(np.load(folder / "pictures.npz"), photos=photos)
            np.savez(folder / "pictures.npz", **whole)
            mask = np.packbits(photos[0, :, :, 0].repeat(4, 0).repeat(4, 1) > 0, axis=1)
            rows = [i for i, name in enumerate(names) if not held_out(name)]
            np.savez(folder / "segments.npz", masks=np.stack([mask] * len(rows)), photos=np.array(rows), done=len(rows))
            pictures = Pictures(folder)
            self.assertTrue(all(s is None for s in Pictures(folder, held=True).segments))
            seen = 0
            for seed in range(12):
                clips = render(np.random.default_rng(seed), pictures, 1, 5, SIZE)
                owner = int(clips.owners.max())
                red = clips.images[0, :, 0] - clips.images[0, :, 1]
                uncovered = (clips.owners[0] == owner).sum((1, 2)) > 60
                if owner < 2 or not uncovered.all():
                    continue
                # Colours are shifted at random, so that only a contrast can be asked for.
                inside, outside = red[clips.owners[0] == owner], red[clips.owners[0] == 0]
                seen += bool(abs(inside.mean() - outside.mean()) > 0.1)
            self.assertGreaterEqual(seen, 3)

    def test_things_of_a_film_move_with_it(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            make_pictures(folder)
            film = np.zeros((moving.FILM_FRAMES, 80, 80, 4), np.uint8)
            for moment, frame in enumerate(film):
                frame[30:54, 4 + 3 * moment:24 + 3 * moment] = (255, 0, 0, 1 << 6)
            names = [n for n in (f"a/b:{i}.mp4" for i in range(30)) if not held_out(n)]
            moving.save(folder, "films", [film] * len(names), names)
            pictures = Pictures(folder)
            self.assertEqual(len(pictures.film_rows), len(names))
            self.assertFalse(Pictures(folder, held=True).film_rows)
            colour, labels = pictures.film(np.random.default_rng(1), 40)  # longer than the film
            self.assertEqual(colour.shape, (40, 3, 80, 80))
            self.assertTrue(torch.equal(labels > 0, colour[:, 0] > 0.5))
            places = [int(one.any(0).nonzero().min()) for one in labels]
            self.assertLessEqual(max(abs(a - b) for a, b in zip(places, places[1:])), 9)
            self.assertGreater(len(set(places)), 5)
            with mock.patch("data.render.FILM_SHARE", 1.0):
                seen = 0
                for seed in range(12):
                    clips = render(np.random.default_rng(seed), pictures, 1, 5, SIZE)
                    owner = int(clips.owners.max())
                    red = clips.images[0, :, 0] - clips.images[0, :, 1]
                    if owner < 1 or not ((clips.owners[0] == owner).sum((1, 2)) > 60).all():
                        continue
                    inside, outside = red[clips.owners[0] == owner], red[clips.owners[0] == 0]
                    seen += bool(abs(inside.mean() - outside.mean()) > 0.1)
                self.assertGreaterEqual(seen, 3)

    def test_occluder_hides_the_object_and_goes(self):
        hidden = returned = 0
        for seed in range(6):
            owners = render(np.random.default_rng(seed), self.pictures, 1, 24, SIZE, occluded=(8, 5)).owners[0]
            area = (owners == 2).flatten(1).sum(1)
            hidden += int(area[8:13].sum() == 0)
            returned += int(area[0] > 0 and area[-1] > 0)
        self.assertEqual(hidden, 6)
        self.assertGreaterEqual(returned, 4)  # it may have left the frame by itself

    def test_what_was_judged_wrong_is_remembered_wrong(self):
        model = small_model()
        features = model.encode(torch.zeros(2, 3, SIZE, SIZE))
        low, token = torch.ones(2, 1, SIZE // 4, SIZE // 4), torch.ones(2, model.arch.d_model)
        masks, yes, no = torch.ones(2, SIZE, SIZE), torch.ones(2), torch.zeros(2)

        def memory(truth, present, judged):
            plan = Plan(2, 4, SIZE, 1, "box", False, truth, 0, False)
            made = remember(model, plan, features, 1, low, token, masks, present, judged, torch.Generator())
            return torch.cat([made.features.flatten(), made.pointer.flatten()])
        there, gone = memory(0.0, yes, yes), memory(0.0, no, no)
        self.assertFalse(torch.allclose(there, gone))
        self.assertTrue(torch.equal(memory(0.0, yes, no), gone))
        self.assertTrue(torch.equal(memory(0.0, no, yes), there))
        self.assertTrue(torch.equal(memory(1.0, yes, no), memory(1.0, yes, yes)))

    def test_every_parameter_learns(self):
        torch.manual_seed(0)
        model = small_model()
        start_image(model, torch.Generator().manual_seed(0))
        start_memory(model, render(np.random.default_rng(1), self.pictures, 8, 1, SIZE).normalised()[:, 0])
        for prompt, corrected in (("box", True), ("point", False), ("mask", False)):
            plan = Plan(2, 4, SIZE, 2, prompt, corrected, 0.5, 3, False)
            clips = render(np.random.default_rng(2), self.pictures, 2, 4, SIZE)
            clips.owners[:, 1:3] = 0  # everything is away for two frames, and that must be learned as well
            cost, statistics = clip_cost(model, plan, clips, torch.Generator().manual_seed(3))
            self.assertTrue(torch.isfinite(cost))
            self.assertIn("tracked", statistics)
            cost.backward()
        # The published model has them, too, and computes nothing with them.
        unused = {"no_mem_pos_enc"}
        idle = {name for name, p in model.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0}
        self.assertEqual(idle, unused)


class Moving(unittest.TestCase):
    def test_a_cube_is_drawn_whole_and_from_its_front(self):
        corners = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
        faces = [(axis, side) for axis in range(3) for side in (-1, 1)]
        triangles, colours = [], []
        for number, (axis, side) in enumerate(faces):
            a, b, d, c = np.flatnonzero(corners[:, axis] == side)
            if np.cross(corners[b] - corners[a], corners[c] - corners[a])[axis] * side < 0:
                b, d = d, b
            triangles += [(a, b, c), (a, c, d)]
            colours += [np.eye(6)[number][:3] + np.eye(6)[number][3:]] * 2
        triangles, colours = np.array(triangles), np.array(colours)
        colours[4:6] = 0.2  # +y, the top: the others repeat in red, green, blue

        def strewn(pixels):
            which, inner = strew(np.random.default_rng(1), corners, triangles, pixels)
            return Surface(triangles[which], inner, colours[which], 0 * colours[which])
        turned = [corners @ view(yaw, 0.0).T for yaw in (0.0, np.pi / 4)]
        front, edge = sequence(np.random.default_rng(2), turned, triangles, strewn)
        self.assertEqual(front.shape, (SIDE, SIDE, 4))
        # Scaled by its widest moment, the diagonal; the face in front is z = 1.
        wide = (FINE - 16) / FINE * SIDE
        solid = front[..., 3] > 128
        self.assertAlmostEqual(solid.sum() / (wide / 2 ** 0.5) ** 2, 1, delta=0.06)
        rows, columns = np.flatnonzero(solid.any(1)), np.flatnonzero(solid.any(0))
        inside = front[rows[2]:rows[-2], columns[2]:columns[-2]]
        self.assertGreater((inside[..., 3] == 255).mean(), 0.97)
        seen = np.median(inside.reshape(-1, 4), 0)[:3]
        self.assertEqual(seen.argmax(), colours[10].argmax())
        # Seen over an edge it is two faces, side by side.
        left, right = edge[SIDE // 2, SIDE // 4], edge[SIDE // 2, 3 * SIDE // 4]
        self.assertNotEqual(left[:3].argmax(), right[:3].argmax())
        self.assertEqual(min(left[3], right[3]), 255)

    def test_a_movement_is_played_in_order(self):
        with tempfile.TemporaryDirectory() as folder:
            folder = Path(folder)
            make_pictures(folder)
            frames = np.zeros((20, moving.FRAMES, 128, 128, 4), np.uint8)
            frames[..., 3] = 255
            frames[..., :3] = (8 * np.arange(moving.FRAMES) + 60)[None, :, None, None, None]
            moving.save(folder, "people", frames, [f"people:{i}" for i in range(20)])
            self.assertEqual(list(Pictures(folder, moves=False).moving), [])
            pictures = Pictures(folder)
            self.assertLess(len(pictures.moving["people"][1]), 20)  # some are held out
            pictures.names, pictures.chances = ["people"], [1.0]
            steps = set()
            for seed in range(12):
                played = pictures.sprite(np.random.default_rng(seed), 12)
                self.assertEqual(played.shape, (12, 4, 128, 128))
                order = played[:, :3].mean((1, 2, 3))
                order = ((order - order.min()) / (order - order.min())[order > order.min()].min()).round()
                steps |= {int(s) % moving.FRAMES for s in torch.diff(order).tolist()}
            self.assertLessEqual(steps, {0, 1, moving.FRAMES - 1})
            self.assertEqual(pictures.sprite(np.random.default_rng(1)).shape, (4, 128, 128))
            clips = render(np.random.default_rng(3), pictures, 2, 6, SIZE)
            self.assertGreater(int(clips.owners.max()), 0)


class RoundingWeights(unittest.TestCase):
    def test_a_file_loses_nothing_of_what_is_on_the_grid(self):
        generator = torch.Generator().manual_seed(1)
        weight = torch.randn(40, 7, 3, 3, generator=generator) * torch.logspace(-4, 2, 40).view(-1, 1, 1, 1)
        weight[5] = 0
        stored = on_grid(weight)
        self.assertTrue(torch.equal(stored.half().float(), stored))
        numbers, scales = weights.converter.to_int8(stored.numpy())
        self.assertTrue(np.array_equal(numbers * scales[:, None], stored.flatten(1).numpy()))
        largest = weight.flatten(1).abs().amax(1)
        error = (stored - weight).flatten(1).abs()
        self.assertTrue((error.amax(1) <= largest / 15).all())  # the largest one itself, moved by its unit
        self.assertTrue((error.median(1).values <= largest / 127 / 3).all())

    def test_gradients_are_those_of_the_rounded_weights(self):
        torch.manual_seed(2)
        model, other = small_model(), small_model()
        other.load_state_dict(rounded(model.arch, model.state_dict()))
        image = torch.rand(1, 3, SIZE, SIZE)
        before = {name: value.clone() for name, value in model.state_dict().items()}
        rounding = Rounding(model)
        self.assertGreater(len(rounding.linear), 10)
        with rounding.applied(True):
            now = model.state_dict()
            self.assertTrue(all(torch.equal(value, now[name]) for name, value in other.state_dict().items()))
            model.encode(image).top.square().sum().backward()
        self.assertTrue(all(torch.equal(value, before[name]) for name, value in model.state_dict().items()))
        for module in rounding.linear:
            self.assertFalse(module._forward_pre_hooks)
        other.encode(image).top.square().sum().backward()  # with exact inputs: nearly the same
        name = "image_encoder.trunk.blocks.3.mlp.layers.0.weight"
        here, there = model.get_parameter(name).grad, other.get_parameter(name).grad
        self.assertLess((here - there).norm(), 0.1 * there.norm())
        self.assertGreater((here - there).norm(), 0)

    def test_inputs_keep_zero_and_extremes(self):
        x = torch.tensor([[0.0, 0.1, 5.1], [-1.0, 0.3, 0.2], [0.0, 0.0, 0.0]])
        seen = x + rounding_error(x)
        self.assertTrue(torch.allclose(seen[0], torch.tensor([0.0, 0.1, 5.1])))  # steps of 0.02
        self.assertLess((seen - x).abs().max(), 0.011)
        self.assertEqual(seen[2].abs().max(), 0)


class Optimising(unittest.TestCase):
    def test_orthogonal(self):
        torch.manual_seed(0)
        for shape in ((24, 8), (8, 24), (64, 16)):
            matrix = torch.randn(shape)
            values = torch.linalg.svdvals(orthogonal(matrix))
            self.assertTrue((values > 0.6).all() and (values < 1.3).all(), values)
            self.assertGreater((orthogonal(matrix) * matrix).sum(), 0)
        self.assertTrue(torch.isfinite(orthogonal(torch.zeros(4, 6))).all())

    def test_learns_and_goes_on_where_it_was(self):
        torch.manual_seed(0)
        x, goal = torch.randn(64, 8), torch.randn(64, 4)

        def train(model, optimizer, steps):
            for _ in range(steps):
                optimizer.zero_grad()
                cost = ((model(x) - goal) ** 2).mean()
                cost.backward()
                optimizer.step(0.02)
            return float(cost)

        model = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 4))
        optimizer = Optimizer([model], 0.02, Team(0, 1, None))
        self.assertEqual(len(optimizer.parameters), 4)
        first = train(model, optimizer, 1)
        self.assertLess(train(model, optimizer, 60), 0.8 * first)
        copy = torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.GELU(), torch.nn.Linear(16, 4))
        copy.load_state_dict(model.state_dict())
        second = Optimizer([copy], 0.02, Team(0, 1, None))
        second.load_state_dict(optimizer.state_dict())
        self.assertEqual(train(copy, second, 3), train(model, optimizer, 3))


class Prompts(unittest.TestCase):
    def setUp(self):
        self.masks = torch.stack((disc(20, 30, 9), disc(50, 12, 5)))
        self.generator = torch.Generator().manual_seed(0)

    def test_box(self):
        corners, labels = prompts.boxes(self.masks, self.generator, noise=0.0)
        self.assertEqual(corners.tolist(), [[[12, 22], [29, 39]], [[46, 8], [55, 17]]])
        self.assertEqual(labels.tolist(), [[2, 3]] * 2)

    def test_points_are_inside(self):
        for _ in range(50):
            place, labels = prompts.points(self.masks, self.generator)
            for mask, (x, y) in zip(self.masks, place[:, 0].long().tolist()):
                self.assertEqual(mask[y, x], 1)
            self.assertEqual(labels.tolist(), [[1]] * 2)

    def test_correction_is_where_the_answer_is_wrong(self):
        answer = torch.stack((disc(20, 30, 5), disc(50, 12, 9))) * 2 - 1  # too small, too large
        for _ in range(20):
            place, labels = prompts.corrections(answer, self.masks, self.generator)
            self.assertEqual(labels[:, 0].tolist(), [1, 0])
            for wrong, (x, y) in zip((answer > 0) != (self.masks > 0.5), place[:, 0].long().tolist()):
                self.assertTrue(wrong[y, x])


class Losses(unittest.TestCase):
    def test_right_answer_costs_little(self):
        mask = disc(30, 30, 12)[None]
        low = torch.nn.functional.avg_pool2d(mask[:, None], 4) * 20 - 10

        def cost(logits, score):
            decoded = Decoded(logits.expand(1, 4, -1, -1), torch.ones(1, 4), torch.zeros(1, 4, 8),
                              torch.tensor([[score]]))
            return losses.answer_cost(decoded, mask, torch.ones(1), torch.ones(1), True, False)

        right, wrong, absent = cost(low, 9.0), cost(-low, 9.0), cost(low, -9.0)
        self.assertGreater(right.iou, 0.9)
        self.assertLess(wrong.iou, 0.1)
        self.assertLess(5 * right.total, wrong.total)
        self.assertGreater(absent.total, right.total + 5)
        self.assertEqual((right.correct, absent.correct), (1, 0))


if __name__ == "__main__":
    torch.set_num_threads(2)
    unittest.main()
