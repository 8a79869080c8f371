// SPDX-License-Identifier: Apache-2.0
//! The safe interface on the bundled model. What the compiler refuses is in the documentation of lib.rs.
use samlet::*;
use std::mem::MaybeUninit;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

const WIDTH: u32 = 97;
const HEIGHT: u32 = 63;

fn model_path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/samlet_micro.gguf")
}

fn open() -> Model<'static> {
    Model::open(&ModelConfig::from_path(model_path())).unwrap()
}

fn config() -> TrackerConfig {
    TrackerConfig { max_frame_width: 128, max_frame_height: 128, threads: 1, ..Default::default() }
}

/// A bright square that moves over a dark pattern.
fn picture(number: usize) -> Vec<u8> {
    let mut rgb = Vec::new();
    for y in 0..HEIGHT as usize {
        for x in 0..WIDTH as usize {
            let inside = (20 + number..50 + number).contains(&x) && (15..45).contains(&y);
            rgb.extend(if inside { [230, 220, 60] } else { [20 + x as u8 % 16, 30, 40 + y as u8 % 16] });
        }
    }
    rgb
}

fn click(tracker: &mut Tracker, number: usize) {
    let pixels = picture(number);
    tracker.set_frame(&Frame::rgb(&pixels, WIDTH, HEIGHT).unwrap(), number as i64).unwrap();
    if number == 0 {
        tracker.prompt(1, &Prompt { points: &[Point::positive(35.0, 30.0)], ..Default::default() }).unwrap();
    }
    tracker.track().unwrap();
}

#[test]
fn facts_of_a_model() {
    let model = open();
    let info = model.info();
    assert!(info.has_video && info.image_size % 32 == 0 && !info.name.is_empty());
    assert_eq!(info.stages.len(), 4);
    let bytes: u64 = (0..info.tensor_count).map(|i| model.tensor(i).unwrap().bytes).sum();
    assert!(bytes > 0 && bytes < info.file_bytes);
    assert_eq!(model.tensor(info.tensor_count).unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(version(), env!("CARGO_PKG_VERSION"));
    assert_eq!(Stage::ALL.map(|stage| stage.to_string())[1], "trunk");
}

#[test]
fn errors_have_a_status_and_a_sentence() {
    let error = Model::open(&ModelConfig::from_path("/no/such.gguf")).unwrap_err();
    assert_eq!(error.status(), Status::File);
    assert!(error.to_string().contains("/no/such.gguf"), "{error}");
    let error = Model::open(&ModelConfig::from_path(model_path()).kernels("abacus")).unwrap_err();
    assert_eq!(error.status(), Status::Unsupported);
    let error = Model::open(&ModelConfig::from_path("a\0b")).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument);

    let model = open();
    let mut tracker = Tracker::new(&model, &config()).unwrap();
    assert_eq!(tracker.track().unwrap_err().status(), Status::State);
    assert_eq!(tracker.mask(1).unwrap_err().status(), Status::State);
    click(&mut tracker, 0);
    assert_eq!(tracker.result(2).unwrap_err().status(), Status::NotFound);
    let outside = [Point::positive(98.0, 1.0)];
    let error = tracker.prompt(1, &Prompt { points: &outside, ..Default::default() }).unwrap_err();
    assert!(error.message().contains("98"), "{error}");
    let error = tracker
        .prompt(2, &Prompt { points: &[Point::positive(1.0, 1.0)], ..Default::default() })
        .unwrap_err();
    assert_eq!(error.status(), Status::Capacity);
}

#[test]
fn a_bad_model_is_refused() {
    let mut bytes = std::fs::read(model_path()).unwrap();
    bytes.truncate(bytes.len() / 2);
    // Vec promises no alignment; find it.
    let start = bytes.as_ptr().align_offset(32);
    let error = Model::open(&ModelConfig::from_bytes(&bytes[start..])).unwrap_err();
    assert_eq!(error.status(), Status::Format, "{error}");
    let error = Model::open(&ModelConfig::from_bytes(&bytes[start + 1..])).unwrap_err();
    assert_eq!(error.status(), Status::InvalidArgument, "{error}");
}

#[test]
fn bytes_and_a_block_of_the_caller() {
    let file = std::fs::read(model_path()).unwrap();
    let mut bytes = vec![0; file.len() + 32];
    let start = bytes.as_ptr().align_offset(32);
    bytes[start..start + file.len()].copy_from_slice(&file);
    let config = ModelConfig::from_bytes(&bytes[start..start + file.len()]);
    let plan = config.memory().unwrap();
    assert_eq!(plan.parts.iter().map(|part| part.bytes).sum::<u64>(), plan.bytes);
    let mut block = Block::new(&plan);
    let model = Model::open_in(&config, &mut block).unwrap();
    assert_eq!(model.info().memory_bytes, plan.bytes);
}

#[test]
fn blocks_must_follow_the_plan() {
    let model = open();
    let plan = Tracker::memory(&model, &config()).unwrap();
    let mut block = Block::new(&plan);
    let n = block.len();
    assert_eq!(n as u64, plan.bytes);
    let error = Tracker::new_in(&model, &config(), &mut block[..n - 1]).unwrap_err();
    assert_eq!(error.status(), Status::Memory);
    assert!(error.message().contains(&n.to_string()), "{error}");
    assert_eq!(Tracker::new_in(&model, &config(), &mut block[1..]).unwrap_err().status(), Status::Memory);
    // One block, one session after the other.
    for _ in 0..2 {
        let mut tracker = Tracker::new_in(&model, &config(), &mut block).unwrap();
        click(&mut tracker, 0);
    }
}

/// The mask, row by row, of a COCO run-length code, which goes column by column.
fn decode(rle: &str) -> Vec<u8> {
    let (mut runs, mut run, mut shift) = (Vec::<i64>::new(), 0, 0);
    for c in rle.bytes().map(|byte| i64::from(byte) - 48) {
        run |= (c & 31) << shift;
        shift += 5;
        if c & 32 != 0 {
            continue;
        }
        if c & 16 != 0 {
            run |= -1 << shift;
        }
        if runs.len() > 2 {
            run += runs[runs.len() - 2];
        }
        runs.push(run);
        (run, shift) = (0, 0);
    }
    let columns: Vec<u8> = (runs.iter().enumerate())
        .flat_map(|(i, &run)| std::iter::repeat(if i % 2 == 1 { 255 } else { 0 }).take(run as usize))
        .collect();
    let (width, height) = (WIDTH as usize, HEIGHT as usize);
    assert_eq!(columns.len(), width * height, "{rle}");
    (0..columns.len()).map(|i| columns[i % width * height + i / width]).collect()
}

#[test]
fn several_objects_and_none() {
    let model = open();
    let mut tracker = Tracker::new(&model, &TrackerConfig { max_objects: 3, ..config() }).unwrap();
    assert_eq!(tracker.objects(), []);
    let pixels = picture(0);
    let frame = Frame::rgb(&pixels, WIDTH, HEIGHT).unwrap();
    tracker.set_frame(&frame, 0).unwrap();
    for object in [7, -3, 5] {
        let points = [Point::positive(35.0, 30.0)];
        tracker.prompt(object, &Prompt { points: &points, ..Default::default() }).unwrap();
    }
    assert_eq!(tracker.objects(), [7, -3, 5]);
    tracker.remove_object(-3).unwrap();
    assert_eq!(tracker.objects(), [7, 5]);
    tracker.reset();
    assert_eq!(tracker.objects(), []);

    // The code of a mask without a pixel is one run.
    tracker.set_frame(&frame, 0).unwrap();
    let mask = Mask { pixels: &[0; 9], width: 3, height: 3, stride: 3 };
    tracker.prompt(1, &Prompt { mask: Some(mask), ..Default::default() }).unwrap();
    assert_eq!(decode(&tracker.rle(1).unwrap()), [0; (WIDTH * HEIGHT) as usize]);
}

#[test]
fn a_track() {
    let model = open();
    let mut tracker = Tracker::new(&model, &config()).unwrap();
    for number in 0..3 {
        click(&mut tracker, number);
        let result = tracker.result(1).unwrap();
        assert_eq!((result.object, result.frame, result.prompted), (1, number as i64, number == 0));
        assert_eq!(result.logits.len(), result.low_res_size * result.low_res_size);

        // All forms of the mask say the same. Views may be held while others are asked for.
        let mask = tracker.mask(1).unwrap();
        let logits = tracker.logits(1).unwrap();
        assert_eq!(mask.iter().filter(|&&pixel| pixel != 0).count() as u64, result.area);
        assert!(mask.iter().zip(&logits).all(|(pixel, logit)| (*pixel == 255) == (*logit > 0.0)));
        let mut wide = vec![7; 100 * HEIGHT as usize];
        tracker.mask_into(1, &mut wide, 100).unwrap();
        for (row, wide_row) in mask.chunks(WIDTH as usize).zip(wide.chunks(100)) {
            assert_eq!(row, &wide_row[..WIDTH as usize]);
            assert_eq!(wide_row[WIDTH as usize..], [7; 3]);
        }
        assert_eq!(result.bounds.is_some(), result.area > 0);
        assert_eq!(decode(&tracker.rle(1).unwrap()), mask);
    }
    assert!(tracker.profile().unwrap().milliseconds(Stage::Trunk) > 0.0);
    assert!(tracker.profile().unwrap().nominal_gmac(Stage::Trunk) > 0.0);
    assert_eq!(tracker.features(FeatureLevel::Stride16).unwrap().channels as u32, model.info().d_model);
    assert_eq!(tracker.objects(), [1]);
    tracker.clear_prompts(1).unwrap();
    tracker.set_clip_length(10);
    tracker.remove_object(1).unwrap();
    assert_eq!(tracker.objects(), []);
    tracker.reset();
    assert_eq!(tracker.mask(1).unwrap_err().status(), Status::State);
}

#[test]
fn slices_that_are_too_short() {
    let pixels = picture(0);
    assert!(Frame::rgb(&pixels[1..], WIDTH, HEIGHT).is_err());
    assert!(Frame::rgb(&pixels, u32::MAX, u32::MAX).is_err());
    assert!(Frame::packed(PixelFormat::Grey, &pixels, 10, 10, usize::MAX).is_err());
    assert!(Frame::packed(PixelFormat::Rgba, &pixels, 10, 10, 39).is_err());
    assert!(Frame::nv12(&pixels, 97, &pixels[..98 * 32], 98, 97, 63).is_ok());
    assert!(Frame::nv12(&pixels, 97, &pixels[..98 * 32 - 1], 98, 97, 63).is_err());
    assert!(Frame::normalised(&[0.0; 3 * 32 * 32 - 1], 32, 10, 10).is_err());

    let model = open();
    let mut tracker = Tracker::new(&model, &config()).unwrap();
    assert!(tracker.set_frame(&Frame::rgb(&[], 0, 0).unwrap(), 0).is_err());
    click(&mut tracker, 0);
    assert!(tracker.mask_into(1, &mut vec![0; (WIDTH * HEIGHT - 1) as usize], WIDTH as usize).is_err());
    assert!(tracker.mask_into(1, &mut vec![0; (WIDTH * HEIGHT) as usize], WIDTH as usize - 1).is_err());
    assert!(tracker.logits_into(1, &mut vec![0.0; (WIDTH * HEIGHT - 1) as usize], WIDTH as usize).is_err());
    // A refused frame leaves the old one, and its size.
    assert!(tracker.set_frame(&Frame::rgb(&vec![0; 3 * 129 * 2], 129, 2).unwrap(), 1).is_err());
    assert_eq!(tracker.mask(1).unwrap().len(), (WIDTH * HEIGHT) as usize);

    let mask = Mask { pixels: &pixels[..9], width: 5, height: 2, stride: 5 };
    assert!(tracker.prompt(1, &Prompt { mask: Some(mask), ..Default::default() }).is_err());
    let mask = Mask { pixels: &pixels[..10], ..mask };
    tracker.prompt(1, &Prompt { mask: Some(mask), ..Default::default() }).unwrap();
    assert_eq!(tracker.result(1).unwrap().iou, 1.0);

    let mut segmenter =
        Segmenter::new(&model, &SegmenterConfig { threads: 1, ..Default::default() }).unwrap();
    segmenter.set_image(&Frame::rgb(&pixels, WIDTH, HEIGHT).unwrap()).unwrap();
    assert!(segmenter.predict(&Prompt { logits: Some(&[0.0; 16]), ..Default::default() }, false).is_err());
}

#[test]
fn memory_attention_checks_its_lengths() {
    let model = open();
    let info = model.info();
    let mut tracker = Tracker::new(&model, &config()).unwrap();
    let cells = ((info.image_size / info.stride) * (info.image_size / info.stride)) as usize;
    let current = vec![0.5; cells * info.d_model as usize];
    let memory = vec![0.25; cells * info.memory_dim as usize];
    let mut output = vec![0.0; current.len()];
    for (tokens, good) in [(cells as u32, true), (cells as u32 + 1, false)] {
        let args = MemoryAttention {
            memory_tokens: tokens,
            pointer_tokens: 0,
            current: &current,
            current_pos: &current,
            memory: &memory,
            memory_pos: &memory,
            output: &mut output,
        };
        assert_eq!(tracker.run_memory_attention(args).is_ok(), good);
    }
    assert!(output.iter().any(|x| *x != 0.0) && output.iter().all(|x| x.is_finite()));
}

#[test]
fn images() {
    let model = open();
    let config =
        SegmenterConfig { threads: 1, max_frame_width: 128, max_frame_height: 128, ..Default::default() };
    let mut block = Block::new(&Segmenter::memory(&model, &config).unwrap());
    let mut segmenter = Segmenter::new_in(&model, &config, &mut block).unwrap();
    let pixels = picture(0);
    segmenter.set_image(&Frame::rgb(&pixels, WIDTH, HEIGHT).unwrap()).unwrap();
    let rect = Some(Rect { x0: 20.0, y0: 15.0, x1: 50.0, y1: 45.0 });
    let prediction = segmenter.predict(&Prompt { rect, ..Default::default() }, true).unwrap();
    assert_eq!(prediction.iou().len(), 3);
    assert!(prediction.iou().iter().all(|iou| *iou <= prediction.iou()[prediction.best]));
    let earlier = prediction.logits(prediction.best).to_vec();
    let refined =
        segmenter.predict(&Prompt { rect, logits: Some(&earlier), ..Default::default() }, false).unwrap();
    assert_eq!(refined.iou().len(), 1);
    let mask = segmenter.mask(0).unwrap();
    let logits = segmenter.logits(0).unwrap();
    assert!(mask.iter().zip(&logits).all(|(pixel, logit)| (*pixel == 255) == (*logit > 0.0)));
    assert!(!segmenter.rle(0).unwrap().is_empty());
    assert!(segmenter.mask(1).is_err());
    assert!(segmenter.features(FeatureLevel::Stride4).is_ok());
}

/// What a mask cut out of logits of the picture's size measures.
fn measured(logits: &[f32], threshold: f32, offset: f32) -> MaskMeasure {
    let above = |cut: f32| logits.iter().filter(|&&logit| logit > cut).count();
    let (inner, outer) = (above(threshold + offset), above(threshold - offset));
    let inside = (0..logits.len()).filter(|&i| logits[i] > threshold);
    let bounds = inside.fold(None, |bounds: Option<Rect>, i| {
        let (x, y) = ((i % WIDTH as usize) as f32, (i / WIDTH as usize) as f32);
        let r = bounds.unwrap_or(Rect { x0: x, y0: y, x1: x, y1: y });
        Some(Rect { x0: r.x0.min(x), y0: r.y0.min(y), x1: r.x1.max(x + 1.0), y1: r.y1.max(y + 1.0) })
    });
    let stability = if outer > 0 { inner as f32 / outer as f32 } else { 0.0 };
    MaskMeasure { bounds, area: above(threshold) as u64, stability }
}

#[test]
fn measures_are_those_of_the_mask() {
    let model = open();
    let mut segmenter =
        Segmenter::new(&model, &SegmenterConfig { threads: 1, ..Default::default() }).unwrap();
    assert_eq!(segmenter.measure(0, 0.0, 1.0).unwrap_err().status(), Status::State);
    let pixels = picture(0);
    segmenter.set_image(&Frame::rgb(&pixels, WIDTH, HEIGHT).unwrap()).unwrap();
    assert_eq!(segmenter.measure(0, 0.0, 1.0).unwrap_err().status(), Status::State);
    let rect = Some(Rect { x0: 20.0, y0: 15.0, x1: 50.0, y1: 45.0 });
    segmenter.predict(&Prompt { rect, ..Default::default() }, true).unwrap();
    let mut between = false; // is any stability neither 0 nor 1?
    for index in 0..3 {
        let mask = segmenter.mask(index).unwrap();
        let usual = segmenter.measure(index, 0.0, 1.0).unwrap();
        assert_eq!(usual.area, mask.iter().filter(|&&pixel| pixel == 255).count() as u64);
        assert!(usual.area > 0 && usual.area < mask.len() as u64, "{usual:?}");
        let logits = segmenter.logits(index).unwrap();
        for (threshold, offset) in [(0.0, 1.0), (0.0, 0.0), (-2.5, 0.5), (1.5, 4.0)] {
            let measure = segmenter.measure(index, threshold, offset).unwrap();
            assert_eq!(measure, measured(&logits, threshold, offset), "{threshold} {offset}");
            assert!((0.0..=1.0).contains(&measure.stability), "{measure:?}");
            between |= measure.stability > 0.0 && measure.stability < 1.0;
        }
        let nothing = MaskMeasure { bounds: None, area: 0, stability: 0.0 };
        assert_eq!(segmenter.measure(index, 1e30, 1.0).unwrap(), nothing);
    }
    assert!(between, "the cuts tell nothing about stability");
    for (index, threshold, offset) in
        [(3, 0.0, 1.0), (u32::MAX, 0.0, 1.0), (0, f32::NAN, 1.0), (0, 0.0, f32::INFINITY), (0, 0.0, -0.5)]
    {
        let error = segmenter.measure(index, threshold, offset).unwrap_err();
        assert_eq!(error.status(), Status::InvalidArgument, "{error}");
    }
    assert!(segmenter.measure(3, 0.0, 1.0).unwrap_err().message().contains("mask 3"));
    // A new image has no prediction yet.
    segmenter.set_image(&Frame::rgb(&pixels, WIDTH, HEIGHT).unwrap()).unwrap();
    assert_eq!(segmenter.measure(0, 0.0, 1.0).unwrap_err().status(), Status::State);
}

#[test]
fn threads_share_a_model_and_pass_trackers_on() {
    let model = open();
    let track = |mut tracker: Tracker| {
        (0..3).for_each(|number| click(&mut tracker, number));
        tracker.rle(1).unwrap()
    };
    let expected = track(Tracker::new(&model, &config()).unwrap());
    std::thread::scope(|scope| {
        let runs: Vec<_> = (0..3)
            .map(|_| {
                let tracker = Tracker::new(&model, &config()).unwrap(); // made here, used and dropped there
                scope.spawn(move || track(tracker))
            })
            .collect();
        for run in runs {
            assert_eq!(run.join().unwrap(), expected);
        }
    });
}

#[test]
fn a_leaked_tracker_leaves_block_and_model_alone() {
    let config = TrackerConfig { threads: 2, yield_threads: true, ..config() };
    let model = open();
    let mut block = Block::new(&Tracker::memory(&model, &config).unwrap());
    let mut tracker = Tracker::new_in(&model, &config, &mut block).unwrap();
    click(&mut tracker, 0);
    std::mem::forget(tracker);
    drop(model);
    block.fill(MaybeUninit::new(0xa5));
    std::thread::sleep(std::time::Duration::from_millis(100));
    // SAFETY: just filled.
    assert!(block.iter().all(|byte| unsafe { byte.assume_init() } == 0xa5));
}

struct PanicsAgain;

impl Drop for PanicsAgain {
    fn drop(&mut self) {
        panic!("what a panic carries was dropped");
    }
}

static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[test]
fn the_log_comes_here_and_may_even_panic() {
    let config = ModelConfig::from_path(model_path());
    Model::open(&config.clone().log(|_, line| LINES.lock().unwrap().push(line.to_string()))).unwrap();
    assert!(LINES.lock().unwrap().iter().any(|line| line.starts_with("kernels: ")));
    Model::open(&config.clone().log(|_, _| panic!("of a test: this is expected"))).unwrap();
    Model::open(&config.log(|_, _| std::panic::panic_any(PanicsAgain))).unwrap();
}

#[test]
fn layers_tell_their_precision() {
    let config_of = |precision| ModelConfig::from_path(model_path()).precision(precision);
    let model = Model::open(&config_of(Precision::F32)).unwrap();
    let mut tracker = Tracker::new(&model, &config()).unwrap();
    click(&mut tracker, 0);
    let first = tracker.layer(0).unwrap();
    assert!(first.rows > 0 && first.packed_bytes > 0 && first.channels.0 > 0, "{first:?}");
    assert_eq!((first.stored.as_str(), first.precision.as_str()), ("f16", "f32"));
    assert_eq!(tracker.layer(9999).unwrap_err().status(), Status::NotFound);
    let segmenter = Segmenter::new(&model, &SegmenterConfig::default()).unwrap();
    assert_eq!(segmenter.layer(0).unwrap(), Layer { rows: 0, ..first });

    // Not every CPU has f16.
    match Model::open(&config_of(Precision::F16)) {
        Ok(model) => {
            let tracker = Tracker::new(&model, &config()).unwrap();
            assert_eq!(tracker.layer(0).unwrap().precision, "f16");
        }
        Err(error) => assert_eq!(error.status(), Status::Unsupported, "{error}"),
    }
}

#[test]
fn half_maps_take_less() {
    let model = open();
    let tracker = |f16_maps| Tracker::memory(&model, &TrackerConfig { f16_maps, ..config() }).unwrap().bytes;
    assert!(tracker(true) < tracker(false));
    let segmenter =
        |f16_maps| Segmenter::memory(&model, &SegmenterConfig { f16_maps, ..Default::default() }).unwrap().bytes;
    assert!(segmenter(true) < segmenter(false));
}

#[test]
fn an_explanation() {
    let model = open();
    let mut tracker = Tracker::new(&model, &TrackerConfig { explain: true, ..config() }).unwrap();
    for number in 0..2 {
        click(&mut tracker, number);
    }
    let mean = tracker.explain(1, 0).unwrap();
    let kinds: Vec<_> = mean.memories.iter().map(|memory| (memory.kind, memory.frame)).collect();
    assert_eq!(kinds, [(MemoryKind::Prompted, 0), (MemoryKind::Pointer, 0)]);
    for region in [Region::Mask, Region::Everywhere] {
        let shares: f32 = mean.memories.iter().map(|memory| memory.attention(region).share).sum();
        assert!((shares - mean.attention(region).share).abs() < 1e-4);
        let map = tracker.explain_map(1, 0, 0, region).unwrap();
        assert_eq!(map.len(), mean.map_side * mean.map_side);
        let sum: f32 = map.iter().sum();
        assert!((sum - mean.memories[0].attention(region).share).abs() < 1e-4);
        assert!(mean.attention(region).entropy < (mean.token_count as f32).ln());
    }
    assert!(mean.mask_area > 0 && mean.milliseconds > 0.0);
    let layers: Vec<_> = (1..=mean.layer_count).map(|layer| tracker.explain(1, layer).unwrap()).collect();
    assert_eq!(layers.len() as u32, mean.layer_count);
    assert_eq!(tracker.explain(1, 99).unwrap_err().status(), Status::InvalidArgument);
    assert_eq!(tracker.explain_map(1, 0, 1, Region::Mask).unwrap_err().status(), Status::InvalidArgument);
    let plain = Tracker::new(&model, &config()).unwrap();
    assert_eq!(plain.explain(1, 0).unwrap_err().status(), Status::State);
}
