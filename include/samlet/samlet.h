/* samlet: promptable video object segmentation (SAM 2, SAM 2.1) in memory that the caller owns.
 *
 * SPDX-License-Identifier: Apache-2.0
 *
 * The whole public interface. C99, usable from C++.
 *
 *   model      a model file, read only: weights and hyper-parameters. Serves any number of sessions.
 *   tracker    a session on one video or stream: frames in, prompts in, masks and scores out.
 *   segmenter  a session on single images: set an image once, predict from prompts many times.
 *
 * The shortest program:
 *
 *   samlet_model *model;      samlet_model_config mc;   samlet_model_config_init(&mc);
 *   samlet_tracker *tracker;  samlet_tracker_config tc; samlet_tracker_config_init(&tc);
 *   mc.path = "samlet_micro.gguf";
 *   samlet_model_open(&mc, &model, NULL);
 *   samlet_tracker_create(model, &tc, &tracker, NULL);
 *   for (int64_t n = 0; next_frame(&frame); n++) {
 *       samlet_tracker_set_frame(tracker, &frame, n);
 *       if (n == 0) samlet_tracker_prompt(tracker, 1, &prompt);
 *       samlet_tracker_track(tracker);
 *       samlet_tracker_result(tracker, 1, &result);
 *   }
 *
 * Conventions
 *   Status     Every function that can fail returns a samlet_status. A failing call changes nothing, unless its
 *              comment says otherwise, and leaves a sentence: in the handle (samlet_tracker_message()), or in the
 *              samlet_error argument of functions that have no handle yet. Without a sentence: calls on a NULL handle,
 *              samlet_model_get_info() and samlet_model_get_tensor(). samlet never aborts and never prints.
 *   Structs    Structs that the caller fills begin with `size`, set by their _init function (or to sizeof). Fields
 *              added by later versions go to the end, so old programs keep working. In configs, zero means default.
 *   Memory     A session lives in one block: the caller's, or one block that the library allocates. After creation no
 *              call on a session touches the heap. Pointers that results hold point into the block.
 *   Threads    A model is immutable: any number of threads and sessions may use it at once. A session is not locked:
 *              one call at a time, from any thread. Different sessions are independent.
 *   Images     Coordinates are pixels of the caller's frame, x to the right, y down, (0,0) the top-left corner of the
 *              top-left pixel. Logits are positive inside the object.
 */
#ifndef SAMLET_SAMLET_H
#define SAMLET_SAMLET_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define SAMLET_API
#else
#define SAMLET_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define SAMLET_VERSION_MAJOR 0
#define SAMLET_VERSION_MINOR 1
#define SAMLET_VERSION_PATCH 0
/* Raised by every change that a compiled program could notice. */
#define SAMLET_ABI_VERSION 1

/* "0.1.0". Thread-safe. */
SAMLET_API const char *samlet_version(void);
/* SAMLET_ABI_VERSION of the library that runs; compare it with the header's. Thread-safe. */
SAMLET_API uint32_t samlet_abi_version(void);

/* ---- Status ------------------------------------------------------------------------------------------------ */

typedef enum samlet_status {
    SAMLET_OK = 0,
    SAMLET_ERROR_INVALID_ARGUMENT = 1, /* NULL, NaN, out of range, a struct of unknown size */
    SAMLET_ERROR_STATE = 2,            /* call out of order; the message names the call that is missing */
    SAMLET_ERROR_MEMORY = 3,           /* block too small or misaligned (the message tells the bytes), or no memory */
    SAMLET_ERROR_CAPACITY = 4,         /* more objects, points or pixels than the config planned for */
    SAMLET_ERROR_NOT_FOUND = 5,        /* unknown object; the end of a list whose length is not told */
    SAMLET_ERROR_FILE = 6,             /* the file cannot be opened, read or mapped */
    SAMLET_ERROR_FORMAT = 7,           /* the model is truncated, of another format, or has wrong tensors */
    SAMLET_ERROR_UNSUPPORTED = 8,      /* valid, but this model, build or CPU cannot do it */
    SAMLET_ERROR_BUFFER_TOO_SMALL = 9, /* the caller's output buffer; the needed size is returned */
    SAMLET_ERROR_INTERNAL = 10         /* a defect in samlet: please report the message */
} samlet_status;

/* A short name, "SAMLET_ERROR_STATE". Never NULL. Thread-safe. */
SAMLET_API const char *samlet_status_name(samlet_status status);

/* Where functions without a handle put their sentence. Wherever one is taken, NULL is allowed. */
typedef struct samlet_error {
    samlet_status status;
    char message[252];
} samlet_error;

typedef enum samlet_log_level { SAMLET_LOG_INFO = 0, SAMLET_LOG_WARNING = 1 } samlet_log_level;
/* Called from the thread that made the call which logs, never from the frame path. `text` lives during the call. */
typedef void (*samlet_log_fn)(void *context, samlet_log_level level, const char *text);

/* ---- Memory plans ------------------------------------------------------------------------------------------ */

#define SAMLET_MEMORY_PARTS 24

typedef struct samlet_memory_part {
    char name[40];  /* "frame features", "memory bank", "scratch", ... */
    uint64_t bytes; /* alignment included: the parts sum up to the total */
} samlet_memory_part;

/* What a block must be, exactly; and what it is used for. */
typedef struct samlet_memory_plan {
    uint32_t size;
    uint32_t part_count;
    uint64_t bytes;
    uint64_t alignment; /* of the block's address */
    samlet_memory_part parts[SAMLET_MEMORY_PARTS];
} samlet_memory_plan;

SAMLET_API void samlet_memory_plan_init(samlet_memory_plan *plan);

/* ---- Model ------------------------------------------------------------------------------------------------- */

typedef struct samlet_model samlet_model;

/* What the products of layers are computed in. All else is f32; sums of int8 products are exact, those of f16 products
 * are f32 save for a few terms each. */
typedef enum samlet_precision {
    SAMLET_PRECISION_AUTO = 0, /* layers stored in int8 in int8; those stored in f16 in f16 where the CPU is fast at that
                                  (Armv8.2 fp16 arithmetic, kernels neon_fp16): half their packed weights, 1.6 times the
                                  products a cycle. Not so the neck of the image encoder and the mask decoder, and
                                  nothing where the file says that its masks lose too much ("samlet.f32_products",
                                  tools/convert_checkpoint.py). All others in f32 */
    SAMLET_PRECISION_F32 = 1,  /* everything in f32, whatever the file holds */
    SAMLET_PRECISION_F16 = 2   /* as AUTO, but f16 instead of f32 whatever the file holds or says, and F16_MAPS. With
                                  other kernels than neon_fp16 it is XNNPACK's f16: slow on x86-64, with sums in f16 on
                                  ARM, both for tests only; UNSUPPORTED where XNNPACK has none */
} samlet_precision; /* The environment variable SAMLET_PRECISION ("f32", "f16") overrides AUTO. */

typedef struct samlet_model_config {
    uint32_t size;
    uint32_t precision; /* samlet_precision */
    /* Either a path (the file is mapped, read only), or bytes that stay valid and unchanged until the model is closed
     * (ROM, an embedded array), aligned to 32 bytes. */
    const char *path; /* read by the call only, as is `kernels` */
    const void *data;
    uint64_t data_size;
    /* Block for the packed weights: samlet_model_memory() tells its size. NULL: the library allocates it, once.
     * Required in builds without a heap (ports/bare). */
    void *memory;
    uint64_t memory_size;
    /* Instruction set: NULL or "" for the best that the CPU has, else "generic", "avx2", "avx512", "neon",
     * "neon_fp16" (attention in f16). A level that the CPU lacks is an error. The environment variable SAMLET_KERNELS
     * overrides NULL. */
    const char *kernels;
    samlet_log_fn log; /* it and its context stay in use until the model is closed */
    void *log_context;
} samlet_model_config;

/* Facts of a model, for display and for sizing buffers. Strings live as long as the model. */
typedef struct samlet_model_info {
    uint32_t size;
    uint32_t has_video;       /* 0: image-only, cannot track */
    const char *name;         /* "sam2.1_hiera_tiny" or whatever the file says */
    const char *family;       /* "sam2" or "sam2.1" */
    const char *weight_type;  /* "f32", "f16", "int8": the type of most weights in the file */
    const char *kernels;      /* the instruction set in use */
    uint32_t image_size;      /* trained side length, pixels */
    uint32_t stride;          /* image pixels per feature cell, 16 */
    uint32_t d_model;         /* channels of the top features */
    uint32_t memory_dim;      /* channels of a stored memory; 0 without video */
    uint32_t memory_frames;   /* memories that a frame can read, 7; 0 without video */
    uint32_t object_pointers; /* 16 */
    uint32_t mask_count;      /* candidates of a multimask prediction, 3 */
    uint32_t stage_count;     /* of the trunk, 4 */
    uint32_t stage_blocks[8];
    uint32_t stage_channels[8];
    uint32_t stage_heads[8];
    uint32_t stage_window[8];
    uint32_t global_block_count;
    uint32_t global_blocks[32];
    uint32_t memory_layers;
    uint32_t tensor_count;
    uint64_t parameter_count;
    uint64_t file_bytes;
    uint64_t memory_bytes; /* of the model's own block */
} samlet_model_info;

typedef struct samlet_tensor_info {
    uint32_t size;
    uint32_t rank;
    const char *name;
    const char *type; /* "f32", "f16", "int8" */
    uint64_t shape[4]; /* outermost first, as in the published checkpoint */
    uint64_t bytes;
} samlet_tensor_info;

SAMLET_API void samlet_model_config_init(samlet_model_config *config);
SAMLET_API void samlet_model_info_init(samlet_model_info *info);
SAMLET_API void samlet_tensor_info_init(samlet_tensor_info *info);

/* Bytes and alignment of the block that samlet_model_open() needs for this file; checks all of the file but the values
 * of the weights. config->memory is only looked at where the system has no memory to lend (ports/bare; an address space
 * that is full): there it serves as work space during the call, and what it held is lost. Some 100 KiB do; MEMORY tells
 * how much. */
SAMLET_API samlet_status samlet_model_memory(const samlet_model_config *config, samlet_memory_plan *plan,
                                             samlet_error *error);
/* Opens a GGUF file written by tools/convert_checkpoint.py: maps it, checks every offset, size, name and shape and that
 * all weights are finite, and packs the weights for the CPU. FILE, FORMAT, UNSUPPORTED, MEMORY, INVALID_ARGUMENT. */
SAMLET_API samlet_status samlet_model_open(const samlet_model_config *config, samlet_model **model, samlet_error *error);
/* Every session on it must have been destroyed. NULL is allowed. */
SAMLET_API void samlet_model_close(samlet_model *model);
/* INVALID_ARGUMENT. */
SAMLET_API samlet_status samlet_model_get_info(const samlet_model *model, samlet_model_info *info);
/* Tensor `index` of 0 .. tensor_count - 1, in file order. INVALID_ARGUMENT, also beyond the last. */
SAMLET_API samlet_status samlet_model_get_tensor(const samlet_model *model, uint32_t index, samlet_tensor_info *info);

/* ---- Frames and prompts ------------------------------------------------------------------------------------ */

typedef enum samlet_pixel_format {
    SAMLET_PIXEL_RGB = 0,  /* 8 bits a channel, interleaved */
    SAMLET_PIXEL_BGR = 1,
    SAMLET_PIXEL_RGBA = 2, /* alpha is ignored */
    SAMLET_PIXEL_BGRA = 3,
    SAMLET_PIXEL_GREY = 4,
    SAMLET_PIXEL_NV12 = 5, /* plane 0: Y; plane 1: interleaved UV at half size; BT.601, studio range */
    SAMLET_PIXEL_YUYV = 6, /* Y0 U Y1 V; width even; BT.601, studio range */
    /* Planar float (R, G, B planes, already resized to the model's square and normalised with its mean and deviation):
     * width and height equal the session's image size, plane 0 holds 3 * height rows of `stride` bytes. Masks, boxes
     * and prompts then refer to output_width x output_height. */
    SAMLET_PIXEL_NORMALISED = 7
} samlet_pixel_format;

/* A frame, read during the call only. Planes need no alignment, except SAMLET_PIXEL_NORMALISED (4 bytes). */
typedef struct samlet_frame {
    uint32_t size;
    samlet_pixel_format format;
    uint32_t width, height;      /* 1 .. max_frame_width, 1 .. max_frame_height of the session */
    const void *plane[2];
    uint64_t stride[2];          /* bytes from one row to the next, at least a row's bytes */
    uint32_t output_width, output_height; /* SAMLET_PIXEL_NORMALISED only: the size of the original picture */
} samlet_frame;

typedef enum samlet_point_label { SAMLET_POINT_NEGATIVE = 0, SAMLET_POINT_POSITIVE = 1 } samlet_point_label;

typedef struct samlet_point {
    float x, y; /* 0 <= x <= width, 0 <= y <= height, finite; anything else is an error, nothing is clamped */
    int32_t label; /* samlet_point_label */
} samlet_point;

typedef struct samlet_box {
    float x0, y0, x1, y1; /* x0 < x1, y0 < y1, inside the frame */
} samlet_box;

/* What the user points at. A tracker takes points and a box together, or a mask alone; a segmenter takes any
 * combination of points, box and logits. */
typedef struct samlet_prompt {
    uint32_t size;
    uint32_t flags; /* SAMLET_PROMPT_* */
    const samlet_point *points;
    uint32_t point_count;
    uint32_t mask_width, mask_height;
    const samlet_box *box;     /* NULL: none */
    /* NULL: none; nonzero = object; any size up to max_frame_width x max_frame_height, resized to the model's square
     * (tracker). */
    const uint8_t *mask;
    uint64_t mask_stride;      /* bytes */
    /* NULL: none; low-res logits, e.g. of an earlier prediction: image_size / 4 squared, finite (segmenter). */
    const float *logits;
} samlet_prompt;

/* Forget the object's earlier points on this frame, but go on refining its mask (the reference's clear_old_points).
 * Needed to give a box after points. */
#define SAMLET_PROMPT_REPLACE_POINTS 1u

SAMLET_API void samlet_frame_init(samlet_frame *frame);
SAMLET_API void samlet_prompt_init(samlet_prompt *prompt);

/* ---- Tracker ----------------------------------------------------------------------------------------------- */

typedef struct samlet_tracker samlet_tracker;

/* Threads spin a little while waiting for work; yield instead where other programs share the cores. */
#define SAMLET_TRACKER_YIELD 1u
/* Pin the threads that the session starts, 1 .. threads - 1, each to the processor of that number among those that the
 * creating thread may use, counted from 0. The caller's thread, which works along, stays as it is: pin it yourself. */
#define SAMLET_TRACKER_PIN_THREADS 2u
/* Give each pixel of the frame-size results to the object with the highest logit only. Memories are not affected. */
#define SAMLET_TRACKER_NON_OVERLAPPING 4u
/* Keep what samlet_tracker_explain() tells. Conditions each object on its memories once more and looks on: memory
 * attention takes several times as long, results stay the same. Without it: no cost, no memory. */
#define SAMLET_TRACKER_EXPLAIN 8u
/* Keep the maps of the image encoder in half precision: a third less memory, a loss near that of f16 weights. A model
 * opened with SAMLET_PRECISION_F16 has them so anyway. samlet_tracker_features() is then UNSUPPORTED. */
#define SAMLET_TRACKER_F16_MAPS 16u

typedef struct samlet_tracker_config {
    uint32_t size;
    uint32_t flags;           /* SAMLET_TRACKER_* */
    uint32_t image_size;      /* side of the model's square, a multiple of 32 up to 4096; 0: the trained size */
    uint32_t max_objects;     /* up to 1024; 0: 1 */
    uint32_t prompted_frames; /* memories kept of prompted frames, per object, up to 64; 0: 1 */
    uint32_t recent_frames;   /* memories kept of tracked frames, per object, up to the model's 7 - 1; 0: these */
    uint32_t max_points;      /* points per object and frame, up to 1024, a box counts as 2; 0: 32 */
    uint32_t clip_length;     /* frames of the clip when known: the pointers' time code depends on it; 0: a stream */
    uint32_t threads;         /* up to 64; 0: as many as the process has processors, at most 4; ports/bare has 1 */
    /* Up to 65536; 0: 4096 each. Larger frames and mask prompts are refused (CAPACITY). */
    uint32_t max_frame_width, max_frame_height;
    uint32_t fill_hole_area;  /* low-res pixels: holes up to this area are filled; 0: off */
    uint32_t remove_sprinkle_area; /* islands up to this area are removed; 0: off */
    uint32_t reserved;
    void *memory;             /* NULL: the library allocates the block once; required with ports/bare */
    uint64_t memory_size;
} samlet_tracker_config;

typedef struct samlet_result {
    uint32_t size;
    int32_t object;
    int64_t frame;
    /* Low-res logits, low_res_size x low_res_size floats, row-major, at stride 4 of the model's square. A view, valid
     * until the next call that changes the session. -1024 everywhere where the object is judged absent. */
    const float *logits;
    uint32_t low_res_size;
    float iou;          /* predicted IoU of the mask, 0..1; exactly 1 for a mask prompt */
    float object_score; /* logit: > 0 present */
    uint32_t visible;   /* object_score > 0 */
    uint32_t prompted;  /* the result answers a prompt (else it was tracked) */
    uint32_t empty;     /* no pixel of the frame-size mask is set: box is all 0 */
    samlet_box box;     /* of the frame-size mask; x1 and y1 exclusive, frame pixels */
    uint64_t area;      /* of the frame-size mask, pixels */
} samlet_result;

SAMLET_API void samlet_tracker_config_init(samlet_tracker_config *config);
SAMLET_API void samlet_result_init(samlet_result *result);

/* Exact bytes and alignment of the block for (model, config), part by part; config->memory is not looked at. */
SAMLET_API samlet_status samlet_tracker_memory(const samlet_model *model, const samlet_tracker_config *config,
                                               samlet_memory_plan *plan, samlet_error *error);
/* Places a tracker in config->memory. With threads > 1 it starts threads: they, their stacks and the thread pool's own
 * record of them (pthreadpool, some KiB) are the only things outside the block.
 * UNSUPPORTED for an image-only model; MEMORY names the bytes. */
SAMLET_API samlet_status samlet_tracker_create(const samlet_model *model, const samlet_tracker_config *config,
                                               samlet_tracker **tracker, samlet_error *error);
/* Stops the threads; the caller's block can be reused afterwards. NULL is allowed. */
SAMLET_API void samlet_tracker_destroy(samlet_tracker *tracker);
/* The sentence of the last call that failed; "" if none did. Valid until the next call. */
SAMLET_API const char *samlet_tracker_message(const samlet_tracker *tracker);

/* Gives a frame and runs the image encoder on it. `number`, at most 2^53 in size, is its place in the video: memories
 * are looked up by number, so number what the tracker sees consecutively, upwards or, for reverse tracking, downwards.
 * Jumps are allowed and mean a distance in time. A frame looks at the tracked frames behind it in the direction of the
 * last step; a jump of more than memory_frames (samlet_model_info) to within the numbers seen so far is no step.
 * Prompts given to the previous frame and not yet tracked are stored into memory first. The same number again replaces
 * the picture or looks at it once more: results and points of the frame are forgotten, memories are not. */
SAMLET_API samlet_status samlet_tracker_set_frame(samlet_tracker *tracker, const samlet_frame *frame, int64_t number);

/* Prompts `object` (any id; a new one is added) on the current frame and computes its mask at once. More calls refine
 * it. On a frame that the object has neither been tracked nor prompted on, the prompt starts it here, without looking
 * at its memories; where it has, now or on an earlier visit that memory still knows, the prompt corrects. Either way
 * the frame becomes a prompted frame. When prompted frames exceed prompted_frames, the first and those closest in time
 * are kept (with one slot: the latest); one that gives way goes on as a tracked frame while it is near. CAPACITY for
 * too many objects or points or too large a mask, STATE without a frame. */
SAMLET_API samlet_status samlet_tracker_prompt(samlet_tracker *tracker, int32_t object, const samlet_prompt *prompt);
/* Takes back every prompt of `object` on the current frame, also of an earlier visit to it, and the result. A prompted
 * frame that gave way to this one (see prompted_frames) is back in its place, if its memory is still kept. An object
 * that has no other memory is without a result until it is prompted again. NOT_FOUND, STATE. */
SAMLET_API samlet_status samlet_tracker_clear_prompts(samlet_tracker *tracker, int32_t object);

/* Finds every object on the current frame and stores the memories. Objects prompted since the frame was set keep the
 * mask that the prompt gave; prompts of an earlier visit stay in memory, and the object is tracked anew. Calling it
 * again after a correction stores the correction. An object without a memory that this frame reads (its prompts were
 * taken back, and what was tracked is too far away) gets no result. STATE without frame or objects. */
SAMLET_API samlet_status samlet_tracker_track(samlet_tracker *tracker);

/* The result of `object` on the current frame. STATE if it was neither tracked nor prompted there yet. */
SAMLET_API samlet_status samlet_tracker_result(samlet_tracker *tracker, int32_t object, samlet_result *result);
/* The mask at the frame's size, 0 or 255, one byte a pixel, `stride` bytes a row (at least the frame's width). */
SAMLET_API samlet_status samlet_tracker_mask(samlet_tracker *tracker, int32_t object, uint8_t *mask, uint64_t stride);
/* The logits at the frame's size, `stride` in bytes, a multiple of 4. */
SAMLET_API samlet_status samlet_tracker_logits(samlet_tracker *tracker, int32_t object, float *logits, uint64_t stride);
/* COCO run-length code of the frame-size mask ("counts" as pycocotools compresses it), 0-terminated. *length receives
 * the bytes without the 0, also when `capacity` does not suffice (BUFFER_TOO_SMALL: the text is then ""). With `text` NULL
 * and 0 that is all it does, and it is OK. */
SAMLET_API samlet_status samlet_tracker_rle(samlet_tracker *tracker, int32_t object, char *text, size_t capacity,
                                            size_t *length);

/* Ids in the order in which they were added. *count receives the number of objects, which may be more than `capacity`:
 * then the first ones are written, and it is OK. `ids` may be NULL with capacity 0. */
SAMLET_API samlet_status samlet_tracker_objects(const samlet_tracker *tracker, int32_t *ids, uint32_t capacity,
                                                uint32_t *count);
/* Forgets an object; its place is free for another. Other objects are not touched. */
SAMLET_API samlet_status samlet_tracker_remove_object(samlet_tracker *tracker, int32_t object);
/* Forgets all objects and frames. */
SAMLET_API samlet_status samlet_tracker_reset(samlet_tracker *tracker);
/* Changes clip_length (see the config) at once, also for what is still to be done on the current frame. */
SAMLET_API samlet_status samlet_tracker_set_clip_length(samlet_tracker *tracker, uint32_t frames);

/* ---- Cost and time ----------------------------------------------------------------------------------------- */

typedef enum samlet_stage {
    SAMLET_STAGE_PREPROCESS = 0,
    SAMLET_STAGE_TRUNK = 1,
    SAMLET_STAGE_NECK = 2,
    SAMLET_STAGE_MEMORY_ATTENTION = 3,
    SAMLET_STAGE_MASK_DECODER = 4,
    SAMLET_STAGE_MEMORY_ENCODER = 5,
    SAMLET_STAGE_COUNT = 6
} samlet_stage;

/* "trunk", ... Never NULL. Thread-safe. */
SAMLET_API const char *samlet_stage_name(samlet_stage stage);

typedef struct samlet_profile {
    uint32_t size;
    uint32_t reserved;
    double milliseconds[8]; /* by samlet_stage: since the last samlet_tracker_set_frame() began, all objects together;
                             * not the time between the calls */
    /* Multiply-accumulates that the reference formulation spends on one tracked frame with a full bank and one object,
     * in 1e9, by samlet_stage: divide by time to get a nominal rate. */
    double nominal_gmac[8];
} samlet_profile;

SAMLET_API void samlet_profile_init(samlet_profile *profile);
SAMLET_API samlet_status samlet_tracker_get_profile(const samlet_tracker *tracker, samlet_profile *profile);

/* ---- Explanation ------------------------------------------------------------------------------------------- */

/* What a frame reads of an object's past in memory attention. */
typedef enum samlet_memory_kind {
    SAMLET_MEMORY_PROMPTED = 0, /* memory of a prompted frame: map_side x map_side cells */
    SAMLET_MEMORY_RECENT = 1,   /* memory of a tracked frame: the same */
    SAMLET_MEMORY_POINTER = 2   /* object pointer of a frame: a few tokens without a place */
} samlet_memory_kind;

/* Where the attention of one object went on the current frame. Each cell of the frame (samlet_model_info.stride) spreads a
 * weight of 1 over all tokens of all memories: the softmax of cross-attention in each layer of memory attention. Figures
 * are averages over cells; a cell counts by the share of it that the object's low-res mask covers, or, in fields that end
 * in _all, every cell counts 1. */
typedef struct samlet_explanation {
    uint32_t size;
    int32_t object;
    int64_t frame;
    uint32_t layer_count;
    uint32_t memory_count; /* memories read; 0: the result looked at none (a first prompt, a mask prompt) */
    uint32_t token_count;  /* of all memories */
    uint32_t map_side;     /* of a heat map */
    uint32_t mask_area;    /* low-res pixels of the mask; 0: figures without _all are 0 */
    float entropy, entropy_all; /* of a cell's weights, nats: 0 .. ln token_count */
    float largest, largest_all; /* weight that one token gets from one cell, 0..1 */
    double milliseconds;        /* what explaining took; in no stage of samlet_profile */
} samlet_explanation;

typedef struct samlet_memory_share {
    uint32_t size;
    samlet_memory_kind kind;
    int64_t frame;          /* the number of the frame that the memory is of */
    uint32_t token_count;
    float share, share_all; /* of the weight; they sum up to 1 over the memories */
    float entropy, entropy_all; /* the part of the explanation's entropy that comes from this memory's tokens */
    float largest, largest_all; /* as in the explanation, of this memory's tokens */
} samlet_memory_share;

SAMLET_API void samlet_explanation_init(samlet_explanation *explanation);
SAMLET_API void samlet_memory_share_init(samlet_memory_share *share);
/* What the result of `object` on the current frame looked at. `layer`: 1 .. layer_count; 0 for the mean of the layers
 * (`largest` is then the largest of all). Valid until the object's result changes. STATE without SAMLET_TRACKER_EXPLAIN or
 * without a result, NOT_FOUND, INVALID_ARGUMENT for an unknown layer. */
SAMLET_API samlet_status samlet_tracker_explain(samlet_tracker *tracker, int32_t object, uint32_t layer,
                                                samlet_explanation *explanation);
/* Memory `index` of 0 .. memory_count - 1: prompted frames first, then recent ones from the oldest on, then pointers. */
SAMLET_API samlet_status samlet_tracker_explain_memory(samlet_tracker *tracker, int32_t object, uint32_t layer,
                                                       uint32_t index, samlet_memory_share *share);
/* The heat map of memory `index`, which must be no pointer: the weight of each of its map_side x map_side cells, row-major
 * floats that sum up to the memory's `share` or, with `all` != 0, `share_all`. The map covers the whole frame that the
 * memory is of. `stride`: bytes from one row to the next, a multiple of 4. */
SAMLET_API samlet_status samlet_tracker_explain_map(samlet_tracker *tracker, int32_t object, uint32_t layer,
                                                    uint32_t index, uint32_t all, float *map, uint64_t stride);

/* A layer of the model as this session computes it. Strings live as long as the model. */
typedef struct samlet_layer {
    uint32_t size;
    uint32_t in, out;      /* channels */
    uint32_t reserved;
    const char *name;      /* of the weights in the model file; two layers may share a tensor */
    const char *stored;    /* "f32", "f16", "int8": how the file holds them */
    const char *precision; /* "f32", "f16", "int8": what the product is computed in */
    uint64_t packed_bytes; /* of the weights in the model's block */
    uint64_t rows;         /* that went through it since the session was created; 0: it has not run */
} samlet_layer;

SAMLET_API void samlet_layer_init(samlet_layer *layer);
/* Layer `index` of 0, 1, ... grouped by part of the model: image encoder, memory attention, memory encoder, object
 * pointers, mask decoder, prompt encoder. NOT_FOUND beyond the last. */
SAMLET_API samlet_status samlet_tracker_layer(const samlet_tracker *tracker, uint32_t index, samlet_layer *layer);

/* ---- Building blocks --------------------------------------------------------------------------------------- */

/* A tensor in a session's block: rows of channels, row-major over a height x width grid. Valid until the next call that
 * changes the session. */
typedef struct samlet_tensor_view {
    uint32_t size;
    uint32_t channels;
    uint32_t height, width;
    const float *data; /* [height][width][channels] */
} samlet_tensor_view;

typedef enum samlet_feature_level {
    SAMLET_FEATURES_STRIDE4 = 0,  /* after conv_s0 */
    SAMLET_FEATURES_STRIDE8 = 1,  /* after conv_s1 */
    SAMLET_FEATURES_STRIDE16 = 2  /* top features, d_model channels */
} samlet_feature_level;

SAMLET_API void samlet_tensor_view_init(samlet_tensor_view *view);
/* The encoded image features of the current frame. STATE without a frame. */
SAMLET_API samlet_status samlet_tracker_features(samlet_tracker *tracker, samlet_feature_level level,
                                                 samlet_tensor_view *view);

/* Memory attention alone, on the caller's tensors (SAM 2's MemoryAttention). All row-major floats; cells is
 * (image_size / 16) squared. `output` may be `current`. */
typedef struct samlet_memory_attention_args {
    uint32_t size;
    uint32_t memory_tokens;      /* all tokens, at least 1; without the pointer tokens a multiple of cells, for at most as
                                  * many memories as the tracker keeps (prompted_frames + recent_frames) */
    uint32_t pointer_tokens;     /* the trailing ones that get no rotary code */
    uint32_t reserved;
    const float *current;        /* [cells][d_model] */
    const float *current_pos;    /* [cells][d_model], added once, times 0.1 */
    const float *memory;         /* [memory_tokens][memory_dim] */
    const float *memory_pos;     /* [memory_tokens][memory_dim], added to the keys */
    float *output;               /* [cells][d_model] */
} samlet_memory_attention_args;

SAMLET_API void samlet_memory_attention_args_init(samlet_memory_attention_args *args);
/* Uses the tracker's threads and scratch; its tracks are not touched. */
SAMLET_API samlet_status samlet_tracker_run_memory_attention(samlet_tracker *tracker,
                                                             const samlet_memory_attention_args *args);

/* ---- Segmenter --------------------------------------------------------------------------------------------- */

typedef struct samlet_segmenter samlet_segmenter;

typedef struct samlet_segmenter_config {
    uint32_t size;
    uint32_t flags;      /* SAMLET_TRACKER_YIELD, SAMLET_TRACKER_PIN_THREADS, SAMLET_TRACKER_F16_MAPS */
    uint32_t image_size; /* as in the tracker's config, and so are the fields below */
    uint32_t max_points;
    uint32_t threads;
    uint32_t max_frame_width, max_frame_height;
    uint32_t fill_hole_area;
    uint32_t remove_sprinkle_area;
    uint32_t reserved;
    void *memory;
    uint64_t memory_size;
} samlet_segmenter_config;

/* What samlet_segmenter_predict() found. Logits are views, valid until the next call that changes the session. */
typedef struct samlet_prediction {
    uint32_t size;
    uint32_t mask_count;    /* 3 for multimask, else 1; in the model's order, not sorted */
    uint32_t best;          /* index of the highest IoU */
    uint32_t low_res_size;
    float iou[4];
    const float *logits[4]; /* low_res_size squared, clamped to -32..32 as the reference returns them */
    float object_score;     /* logit; 10 for models without an object score head */
} samlet_prediction;

/* What samlet_segmenter_measure() found. */
typedef struct samlet_mask_measure {
    uint32_t size;
    uint32_t empty;     /* no pixel is inside: box is all 0 */
    samlet_box box;     /* x1 and y1 exclusive, image pixels */
    uint64_t area;      /* pixels */
    float stability;    /* 0..1; 0 for a mask that is empty at the lower cut, too */
    uint32_t reserved;
} samlet_mask_measure;

SAMLET_API void samlet_segmenter_config_init(samlet_segmenter_config *config);
SAMLET_API void samlet_prediction_init(samlet_prediction *prediction);
SAMLET_API void samlet_mask_measure_init(samlet_mask_measure *measure);
SAMLET_API samlet_status samlet_segmenter_memory(const samlet_model *model, const samlet_segmenter_config *config,
                                                 samlet_memory_plan *plan, samlet_error *error);
SAMLET_API samlet_status samlet_segmenter_create(const samlet_model *model, const samlet_segmenter_config *config,
                                                 samlet_segmenter **segmenter, samlet_error *error);
SAMLET_API void samlet_segmenter_destroy(samlet_segmenter *segmenter);
SAMLET_API const char *samlet_segmenter_message(const samlet_segmenter *segmenter);

/* Encodes an image. Resizing is bilinear with antialias as in the reference's image predictor (trackers: bicubic). */
SAMLET_API samlet_status samlet_segmenter_set_image(samlet_segmenter *segmenter, const samlet_frame *image);
/* Predicts masks from points, box and logits (at least one of them). `multimask` != 0: three candidates, good for a
 * single click; 0: one mask, with the reference's fall-back to the best candidate when it is unstable. */
SAMLET_API samlet_status samlet_segmenter_predict(samlet_segmenter *segmenter, const samlet_prompt *prompt,
                                                  uint32_t multimask, samlet_prediction *prediction);
/* Mask `index` of the last prediction at the image's size; see samlet_tracker_mask(). */
SAMLET_API samlet_status samlet_segmenter_mask(samlet_segmenter *segmenter, uint32_t index, uint8_t *mask,
                                               uint64_t stride);
SAMLET_API samlet_status samlet_segmenter_logits(samlet_segmenter *segmenter, uint32_t index, float *logits,
                                                 uint64_t stride);
SAMLET_API samlet_status samlet_segmenter_rle(samlet_segmenter *segmenter, uint32_t index, char *text, size_t capacity,
                                              size_t *length);
/* Box, area and stability of mask `index` of the last prediction at the image's size, without a buffer of that size.
 * Pixels with a logit above `threshold` are inside (0: the mask that samlet_segmenter_mask() gives). Stability is the IoU
 * of the mask cut at threshold + offset with that cut at threshold - offset: near 1 where the border is sharp. It tells
 * good masks from bad ones beside the predicted IoU (calculate_stability_score in sam2/utils/amg.py, with 0 and 1).
 * `threshold` is finite, `offset` finite and not negative. INVALID_ARGUMENT, STATE. */
SAMLET_API samlet_status samlet_segmenter_measure(samlet_segmenter *segmenter, uint32_t index, float threshold,
                                                  float offset, samlet_mask_measure *measure);
SAMLET_API samlet_status samlet_segmenter_features(samlet_segmenter *segmenter, samlet_feature_level level,
                                                   samlet_tensor_view *view);
/* See samlet_tracker_layer(). Layers of the memory never run here. */
SAMLET_API samlet_status samlet_segmenter_layer(const samlet_segmenter *segmenter, uint32_t index, samlet_layer *layer);

#ifdef __cplusplus
}
#endif

#endif /* SAMLET_SAMLET_H */
