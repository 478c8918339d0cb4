// SPDX-License-Identifier: MIT
// C's functions for streams. Everything is checked and packed when a stream is made; a run checks
// its arguments only.
#include <memory>
#include <variant>

#include "algorithms/stream/long.h"
#include "algorithms/stream/stream.h"
#include "capi/describe.h"
#include "capi/functions.h"

using fastconv::index_t;
using fastconv::stream::Block;
using fastconv::stream::Desc;
using fastconv::stream::Stream;

struct fastconv_stream {
  std::variant<Stream<float>, Stream<double>> stream;
  bool channels_last;

  // Calls f with the stream, which is of float or of double.
  template <class F>
  auto with(const F& f) {
    if (auto* of_float = std::get_if<Stream<float>>(&stream)) return f(*of_float);
    return f(*std::get_if<Stream<double>>(&stream));
  }
  template <class F>
  auto with(const F& f) const {
    if (const auto* of_float = std::get_if<Stream<float>>(&stream)) return f(*of_float);
    return f(*std::get_if<Stream<double>>(&stream));
  }
};

namespace fastconv::capi {
namespace {

// Contiguous memory of n samples.
template <class T>
Block<T> block_of(T* data, index_t channels, index_t n, bool channels_last) noexcept {
  if (channels_last) return {data, n * channels, 1, channels};
  return {data, n * channels, n, 1};
}

template <class T>
fastconv_stream* make_stream(const Streaming& s, const void* w, const void* bias) {
  const stream::Parameters<T> parameters{.weights = static_cast<const T*>(w),
                                         .bias = static_cast<const T*>(bias),
                                         .activation = s.activation,
                                         .slope = static_cast<T>(s.slope),
                                         .slopes = static_cast<const T*>(s.slopes)};
  Stream<T> made(s.d, stream::make_engine(s.d, parameters, s.exec, nullptr, false));
  return std::make_unique<fastconv_stream>(fastconv_stream{std::move(made), s.channels_last})
      .release();
}

// Says what is wrong with the arguments of stream_run; see plan_run.
[[gnu::cold]] int complain(const fastconv_stream* stream, const void* x, std::int64_t n,
                           const void* y) noexcept {
  return guarded([&] {
    expect_pointer(stream, "stream");
    require(n >= 0, "n must be at least 0, got ", n);
    expect_pointer(x, "x");
    expect_pointer(y, "y");
  });
}

// Passes on what a function of a stream and one pointer gives.
template <class F>
int with_pointers(const void* stream, const void* pointer, const char* name, const F& f) noexcept {
  return guarded([&] {
    expect_pointer(stream, "stream");
    expect_pointer(pointer, name);
    f();
  });
}

}  // namespace

int stream_create(const fastconv_stream_desc* desc, const void* w, const void* bias,
                  fastconv_stream** stream) noexcept {
  return with_pointers(desc, stream, "stream", [&] {
    const Streaming s = describe(desc);
    const bool pools = s.d.op == stream::Op::max || s.d.op == stream::Op::average;
    if (!pools) expect_pointer(w, "w");
    expect(!pools || (w == nullptr && bias == nullptr), FASTCONV_UNSUPPORTED,
           "a pool has no weights and no bias");
    *stream = with_type(s.is_double, [&]<class T>() { return make_stream<T>(s, w, bias); });
  });
}

int stream_copy(const fastconv_stream* stream, fastconv_stream** copy) noexcept {
  return with_pointers(stream, copy, "copy",
                       [&] { *copy = std::make_unique<fastconv_stream>(*stream).release(); });
}

std::int64_t stream_outputs(const fastconv_stream* stream, std::int64_t n) noexcept {
  if (stream == nullptr || n < 0) return -1;
  return stream->with([&](const auto& s) { return s.outputs(n); });
}

int stream_run(fastconv_stream* stream, const void* x, std::int64_t n, void* y) noexcept {
  if (stream == nullptr || n < 0 || (n > 0 && (x == nullptr || y == nullptr))) [[unlikely]]
    return complain(stream, x, n, y);
  stream->with([&]<class T>(Stream<T>& s) {
    const Desc& d = s.desc();
    s.run(n, block_of(static_cast<const T*>(x), d.c_in, n, stream->channels_last),
          block_of(static_cast<T*>(y), d.c_out, s.outputs(n), stream->channels_last));
  });
  return FASTCONV_OK;
}

std::int64_t stream_owed(const fastconv_stream* stream) noexcept {
  if (stream == nullptr) return -1;
  return stream->with([](const auto& s) { return s.owed(); });
}

int stream_finish(fastconv_stream* stream, void* y) noexcept {
  return guarded([&] {
    expect_pointer(stream, "stream");
    stream->with([&]<class T>(Stream<T>& s) {
      if (s.owed() > 0) expect_pointer(y, "y");
      s.finish(block_of(static_cast<T*>(y), s.desc().c_out, s.owed(), stream->channels_last));
    });
  });
}

int stream_reset(fastconv_stream* stream, const std::uint8_t* mask) noexcept {
  return guarded([&] {
    expect_pointer(stream, "stream");
    stream->with([&](auto& s) {
      if (mask == nullptr) return s.reset(nullptr);
      const auto items = std::make_unique<bool[]>(static_cast<std::size_t>(s.desc().batch));
      for (index_t i = 0; i < s.desc().batch; ++i)
        items[static_cast<std::size_t>(i)] = mask[i] != 0;
      s.reset(items.get());
    });
  });
}

std::int64_t stream_kept(const fastconv_stream* stream) noexcept {
  if (stream == nullptr) return -1;
  return stream->with([](const auto& s) { return s.kept(); });
}

int stream_get_state(const fastconv_stream* stream, void* state) noexcept {
  return with_pointers(stream, state, "state", [&] {
    stream->with([&]<class T>(const Stream<T>& s) {
      s.read_state(
          block_of(static_cast<T*>(state), s.desc().c_in, s.kept(), stream->channels_last));
    });
  });
}

int stream_set_state(fastconv_stream* stream, const void* state, std::int64_t n) noexcept {
  return with_pointers(stream, state, "state", [&] {
    stream->with([&]<class T>(Stream<T>& s) {
      const Desc& d = s.desc();
      const index_t least = d.past(), most = least + d.in_step() - 1;
      require(n >= least && n <= most, "state must hold from ", least, " to ", most,
              " samples, got ", n);
      s.write_state(n, block_of(static_cast<const T*>(state), d.c_in, n, stream->channels_last));
    });
  });
}

void stream_destroy(fastconv_stream* stream) noexcept { delete stream; }

}  // namespace fastconv::capi
