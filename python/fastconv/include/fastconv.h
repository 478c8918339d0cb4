/* SPDX-License-Identifier: MIT */
/* fastconv from C: convolution, transposed convolution and pooling, forward and gradients.
 *
 * Nothing is linked. In a module that includes Python.h first, once, with the GIL:
 *
 *     const fastconv_api *fc = fastconv_import();
 *     if (fc == NULL) return NULL;                       // a Python exception is set
 *
 * From then on every function of the table may be called without the GIL, from any number of
 * threads at once, on whatever arrays no other thread writes.
 *
 * Arrays are contiguous, row by row, aligned to their elements: images (N, C, H, W), weights
 * (C_out, C_in / groups, KH, KW), those of transposed convolutions (C_in, C_out / groups, KH, KW).
 * A signal is an image of height 1. Every length, stride and padding counts elements; in pairs the
 * height comes first. Outputs are written whole and overlap no other argument, but for a residual,
 * which may be the output itself. The caller owns every array; a plan keeps copies.
 *
 * Functions return a fastconv_status. Unless it is FASTCONV_OK, no output has been touched, and
 * last_error() has a sentence about it. They never throw, print or exit. Only take and what creates
 * or copies allocate what outlives the call; while they run, conv and its gradients list their
 * kernel's taps, which takes a few KiB; pools, plan_run and stream_run allocate nothing at all.
 */
#ifndef FASTCONV_H
#define FASTCONV_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FASTCONV_API_VERSION 3 /* grows by one when the table or a descriptor does */

typedef enum fastconv_status {
  FASTCONV_OK = 0,
  FASTCONV_NULL_POINTER = 1,    /* an argument that must be there is NULL */
  FASTCONV_BAD_VERSION = 2,     /* `size` of a descriptor is that of no version known here */
  FASTCONV_BAD_VALUE = 3,       /* a word, flag or number of threads is none of its values */
  FASTCONV_BAD_SHAPE = 4,       /* lengths, strides or padding are out of range or do not fit */
  FASTCONV_TOO_LARGE = 5,       /* an array, or the list of a kernel's taps, cannot be addressed */
  FASTCONV_UNSUPPORTED = 6,     /* each is valid, but they do not go together */
  FASTCONV_SMALL_WORKSPACE = 7, /* the workspace is smaller than the problem needs */
  FASTCONV_BAD_INDEX = 8,       /* an index of a pool lies outside its plane */
  FASTCONV_NO_MEMORY = 9
} fastconv_status;

typedef enum fastconv_dtype { FASTCONV_FLOAT32 = 0, FASTCONV_FLOAT64 = 1 } fastconv_dtype;

/* What is computed of a descriptor. */
typedef enum fastconv_pass {
  FASTCONV_FORWARD = 0,
  FASTCONV_INPUT_GRAD = 1,
  FASTCONV_WEIGHT_GRAD = 2
} fastconv_pass;

typedef enum fastconv_padding_mode {
  FASTCONV_ZEROS = 0,
  FASTCONV_REFLECT = 1, /* padding < the input's length */
  FASTCONV_REPLICATE = 2,
  FASTCONV_CIRCULAR = 3,  /* padding <= the input's length */
  FASTCONV_SYMMETRIC = 4, /* the same; the edge repeated. From here on since version 3 */
  FASTCONV_CONSTANT = 5   /* the descriptor's pad_value */
} fastconv_padding_mode;

typedef enum fastconv_activation {
  FASTCONV_NO_ACTIVATION = 0,
  FASTCONV_RELU = 1,
  FASTCONV_RELU6 = 2,
  FASTCONV_LEAKY_RELU = 3,
  FASTCONV_SIGMOID = 4,
  FASTCONV_TANH = 5,
  FASTCONV_SILU = 6,
  FASTCONV_GELU = 7,
  FASTCONV_GELU_TANH = 8,
  FASTCONV_HARDSWISH = 9, /* from here on since version 2 */
  FASTCONV_HARDSIGMOID = 10,
  FASTCONV_ELU = 11,
  FASTCONV_SOFTPLUS = 12, /* x itself beyond 20 */
  FASTCONV_PRELU = 13     /* its slopes are those of the descriptor */
} fastconv_activation;

/* AUTO takes the cheapest; those from POINTWISE on refuse shapes. */
typedef enum fastconv_algorithm {
  FASTCONV_AUTO = 0,
  FASTCONV_DIRECT = 1,
  FASTCONV_IM2COL = 2,
  FASTCONV_CHANNEL_LANES = 3,
  FASTCONV_POINTWISE = 4,
  FASTCONV_DEPTHWISE = 5,
  FASTCONV_WINOGRAD = 6,
  FASTCONV_FFT = 7
} fastconv_algorithm;

/* How far results may be from plain sums: precision="high", "highest" and "medium" of the Python
 * functions. */
typedef enum fastconv_precision {
  FASTCONV_PRECISION_HIGH = 0,
  FASTCONV_PRECISION_HIGHEST = 1,
  FASTCONV_PRECISION_MEDIUM = 2
} fastconv_precision;

typedef enum fastconv_pool_op {
  FASTCONV_MAX = 0,
  FASTCONV_MIN = 1,
  FASTCONV_SUM = 2,
  FASTCONV_AVERAGE = 3,
  FASTCONV_NORM = 4 /* (sum |x|**norm)**(1 / norm) */
} fastconv_pool_op;

/* A convolution of `in` to the lengths that conv_output_shape tells. Start from
 * fastconv_conv_defaults(): the size, and 1 wherever 0 would be wrong. */
typedef struct fastconv_conv_desc {
  size_t size;                        /* sizeof(fastconv_conv_desc): the struct grows at its end */
  int32_t dtype;                      /* fastconv_dtype, of every array */
  int32_t transposed;                 /* 0 or 1 */
  int64_t batch, c_in, c_out, groups; /* groups divide both c_in and c_out */
  int64_t in[2];                      /* the input's height and width */
  int64_t kernel[2], stride[2], dilation[2];
  int64_t pad_lo[2], pad_hi[2]; /* before and after; of a transposed convolution: cropped */
  int64_t output_padding[2];    /* transposed only: < max(stride, dilation) */
  int32_t padding_mode;         /* fastconv_padding_mode; transposed: zeros only */
  int32_t activation;           /* fastconv_activation, of the forward pass */
  double slope;                 /* of FASTCONV_LEAKY_RELU */
  int32_t algorithm;            /* fastconv_algorithm, of the forward pass */
  int32_t highest;              /* fastconv_precision; libraries before this enum take 0 and 1 */
  int32_t threads;              /* 1 to 1024, or 0 for fastconv.get_num_threads() */
  int32_t reserved;             /* 0 */
  /* Since version 2; a descriptor whose size ends here is taken, too. */
  double alpha;       /* of FASTCONV_ELU */
  const void* slopes; /* of FASTCONV_PRELU: (C_out); a plan copies them. Else not looked at */
  /* Since version 3, likewise. */
  double pad_value; /* of FASTCONV_CONSTANT */
} fastconv_conv_desc;

/* A pool over windows of `kernel`, or with `adaptive` into kernel[0] by kernel[1] windows that
 * cover the input evenly. Start from fastconv_pool_defaults(). */
typedef struct fastconv_pool_desc {
  size_t size;   /* sizeof(fastconv_pool_desc) */
  int32_t dtype; /* fastconv_dtype */
  int32_t op;    /* fastconv_pool_op */
  int64_t batch, channels;
  int64_t in[2], kernel[2], stride[2], dilation[2];
  int64_t pad_lo[2], pad_hi[2]; /* what windows find there does not count, but in averages */
  int64_t divisor;              /* of FASTCONV_AVERAGE; 0: the number of elements */
  double norm;                  /* of FASTCONV_NORM: positive, or infinite for the largest |x| */
  int32_t adaptive;             /* 0 or 1; then stride, dilation and padding must be the defaults */
  int32_t ceil_mode;            /* 0 or 1: a last window may hang over the end */
  int32_t count_include_pad;    /* 0 or 1: whether an average counts padding */
  int32_t threads;              /* as above */
} fastconv_pool_desc;

typedef struct fastconv_plan fastconv_plan; /* immutable: any number of threads may run one */

/* Streams are there since version 3: layers that take a signal in blocks of any length and remember
 * its end. A sample is one element of every channel. */
typedef enum fastconv_stream_op {
  FASTCONV_STREAM_CONV = 0,       /* an output with every `stride`-th sample */
  FASTCONV_STREAM_TRANSPOSED = 1, /* `stride` outputs with each sample */
  FASTCONV_STREAM_MAX = 2,        /* pools; what is not there yet does not count */
  FASTCONV_STREAM_AVERAGE = 3     /* zeros stand for what is not there yet */
} fastconv_stream_op;

/* Start from fastconv_stream_defaults(). */
typedef struct fastconv_stream_desc {
  size_t size;                 /* sizeof(fastconv_stream_desc) */
  int32_t dtype;               /* fastconv_dtype */
  int32_t op;                  /* fastconv_stream_op */
  int64_t batch;               /* signals side by side */
  int64_t c_in, c_out, groups; /* of pools only c_in counts */
  int64_t kernel, stride, dilation;
  int64_t last;          /* the sample of each stride with which its output comes: 0 for the first,
                            stride - 1 for the last; not of transposed convolutions */
  int64_t divisor;       /* of averages; 0: the kernel */
  double slope, alpha;   /* as in fastconv_conv_desc */
  const void* slopes;    /* of FASTCONV_PRELU: (c_out) */
  int32_t activation;    /* fastconv_activation; pools have none */
  int32_t channels_last; /* 0 or 1: blocks are (batch, samples, channels) */
  int32_t algorithm;     /* FASTCONV_AUTO or FASTCONV_DIRECT */
  int32_t threads;       /* as above; on 1 a run takes no lock */
} fastconv_stream_desc;

typedef struct fastconv_stream fastconv_stream; /* has one signal: one thread at a time uses it */

typedef struct fastconv_api {
  size_t size; /* sizeof(fastconv_api) of the library that is loaded, and its version */
  int32_t version, reserved;

  /* The sentence of the last error of this thread, "" if there was none; valid until the next. */
  const char* (*last_error)(void);
  /* For interfaces built on this one: makes `message` the last error and returns `status`. */
  int (*fail)(int status, const char* message);

  /* Aligned memory from the pool that all workspaces of the process share; NULL if there is none,
   * or if bytes is 0. It is given back by any thread, once; giving NULL back is nothing. */
  void* (*take)(size_t bytes);
  void (*give)(void* memory);

  /* shape: the four lengths of the output. */
  int (*conv_output_shape)(const fastconv_conv_desc* desc, int64_t shape[4]);
  /* bytes: what the function of this pass needs as workspace, of any alignment. It depends on the
   * descriptor, and on the instruction set and default number of threads in force. */
  int (*conv_workspace)(const fastconv_conv_desc* desc, int pass, size_t* bytes);

  /* y = activation(convolution of x with w + bias + residual). bias, (C_out), and residual, of y's
   * shape and not for transposed convolutions, may be NULL. Here and below the workspace may be
   * NULL where 0 bytes are needed. */
  int (*conv)(const fastconv_conv_desc* desc, const void* x, const void* w, const void* bias,
              const void* residual, void* y, void* workspace, size_t workspace_bytes);
  /* dx, dw and db, (C_out), for dy, the gradient of the output before its activation. */
  int (*conv_input_grad)(const fastconv_conv_desc* desc, const void* w, const void* dy, void* dx,
                         void* workspace, size_t workspace_bytes);
  int (*conv_weight_grad)(const fastconv_conv_desc* desc, const void* x, const void* dy, void* dw,
                          void* workspace, size_t workspace_bytes);
  int (*conv_bias_grad)(const fastconv_conv_desc* desc, const void* dy, void* db);

  /* A plan for FASTCONV_FORWARD or FASTCONV_INPUT_GRAD (whose bias is NULL), its weights packed. It
   * stays with the instruction set and threads of now. The caller destroys it. */
  int (*plan_create)(const fastconv_conv_desc* desc, int pass, const void* w, const void* bias,
                     fastconv_plan** plan);
  /* The workspace of one run; each run at a time needs one of its own. 0 for NULL. */
  size_t (*plan_workspace)(const fastconv_plan* plan);
  /* As conv; for FASTCONV_INPUT_GRAD x is dy, y is dx, and residual is NULL. */
  int (*plan_run)(const fastconv_plan* plan, const void* x, const void* residual, void* y,
                  void* workspace, size_t workspace_bytes);
  void (*plan_destroy)(fastconv_plan* plan); /* not while it runs; NULL is nothing */

  /* As for convolutions; the pass is FASTCONV_FORWARD or FASTCONV_INPUT_GRAD. */
  int (*pool_output_shape)(const fastconv_pool_desc* desc, int64_t shape[4]);
  /* Of FASTCONV_FORWARD, enough for a call with indices and for one without. */
  int (*pool_workspace)(const fastconv_pool_desc* desc, int pass, size_t* bytes);
  /* indices: NULL, or of max and min where each value stood, h * W + w, in y's shape. */
  int (*pool)(const fastconv_pool_desc* desc, const void* x, void* y, int64_t* indices,
              void* workspace, size_t workspace_bytes);
  /* Max and min need the indices, norms x and y, the others neither: NULL. */
  int (*pool_input_grad)(const fastconv_pool_desc* desc, const void* dy, const void* x,
                         const void* y, const int64_t* indices, void* dx, void* workspace,
                         size_t workspace_bytes);

  /* Since version 3. w and bias as for a plan, both NULL for pools; they are copied. The caller
   * destroys the stream. A copy shares its weights and goes on by itself. */
  int (*stream_create)(const fastconv_stream_desc* desc, const void* w, const void* bias,
                       fastconv_stream** stream);
  int (*stream_copy)(const fastconv_stream* stream, fastconv_stream** copy);
  /* How many outputs come if n samples are taken now; -1 if n < 0 or stream is NULL. */
  int64_t (*stream_outputs)(const fastconv_stream* stream, int64_t n);
  /* Takes n >= 0 samples, x (batch, c_in, n), and writes y (batch, c_out, stream_outputs(n)), in
   * the order that the descriptor tells. The outputs are those of the whole signal, bit for bit,
   * however it is cut. On one thread this allocates nothing, takes no lock and calls no system. */
  int (*stream_run)(fastconv_stream* stream, const void* x, int64_t n, void* y);
  /* What the signal owes if it ends here, as a number of outputs, or written: (batch, c_out, owed).
   * Then the stream begins anew. */
  int64_t (*stream_owed)(const fastconv_stream* stream);
  int (*stream_finish)(fastconv_stream* stream, void* y);
  /* All items begin anew, or those whose byte of mask, (batch), is not 0. */
  int (*stream_reset)(fastconv_stream* stream, const uint8_t* mask);
  /* The end of the signal, on which later outputs depend: its number of samples, and these. What is
   * set has as many as another stream had of the same descriptor. */
  int64_t (*stream_kept)(const fastconv_stream* stream);
  int (*stream_get_state)(const fastconv_stream* stream, void* state);
  int (*stream_set_state)(fastconv_stream* stream, const void* state, int64_t n);
  void (*stream_destroy)(fastconv_stream* stream); /* NULL is nothing */
} fastconv_api;

/* One image and one channel of float32, a kernel of 1, stride and dilation 1, one thread. */
static inline fastconv_conv_desc fastconv_conv_defaults(void) {
  fastconv_conv_desc d = {sizeof(fastconv_conv_desc),
                          FASTCONV_FLOAT32,
                          0,
                          1,
                          1,
                          1,
                          1,
                          {1, 1},
                          {1, 1},
                          {1, 1},
                          {1, 1},
                          {0, 0},
                          {0, 0},
                          {0, 0},
                          FASTCONV_ZEROS,
                          FASTCONV_NO_ACTIVATION,
                          0.01,
                          FASTCONV_AUTO,
                          0,
                          1,
                          0,
                          1.0,
                          NULL,
                          0.0};
  return d;
}

/* The same for a pool: a maximum over one element. */
static inline fastconv_pool_desc fastconv_pool_defaults(void) {
  fastconv_pool_desc d = {sizeof(fastconv_pool_desc),
                          FASTCONV_FLOAT32,
                          FASTCONV_MAX,
                          1,
                          1,
                          {1, 1},
                          {1, 1},
                          {1, 1},
                          {1, 1},
                          {0, 0},
                          {0, 0},
                          0,
                          2.0,
                          0,
                          0,
                          1,
                          1};
  return d;
}

/* The same for a stream: a convolution of one channel, a kernel of 1, one thread. */
static inline fastconv_stream_desc fastconv_stream_defaults(void) {
  fastconv_stream_desc d = {sizeof(fastconv_stream_desc),
                            FASTCONV_FLOAT32,
                            FASTCONV_STREAM_CONV,
                            1,
                            1,
                            1,
                            1,
                            1,
                            1,
                            1,
                            0,
                            0,
                            0.01,
                            1.0,
                            NULL,
                            FASTCONV_NO_ACTIVATION,
                            0,
                            FASTCONV_AUTO,
                            1};
  return d;
}

#ifdef Py_PYTHON_H
/* The table, for as long as the process lives; NULL with a Python exception if fastconv is missing
 * or older than this header. Needs the GIL. */
static inline const fastconv_api* fastconv_import(void) {
  const fastconv_api* api = (const fastconv_api*)PyCapsule_Import("fastconv._native._C_API", 0);
  if (api != NULL && api->version < FASTCONV_API_VERSION) {
    PyErr_Format(PyExc_ImportError, "fastconv's C API has version %d; %d or later is needed",
                 (int)api->version, FASTCONV_API_VERSION);
    return NULL;
  }
  return api;
}
#endif

#ifdef __cplusplus
}
#endif

#endif
