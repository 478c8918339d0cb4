// SPDX-License-Identifier: MIT
// The functions in the table of fastconv.h, which documents them.
#pragma once

#include "fastconv.h"

namespace fastconv::capi {

int conv_output_shape(const fastconv_conv_desc* desc, std::int64_t shape[4]) noexcept;
int conv_workspace(const fastconv_conv_desc* desc, int pass, std::size_t* bytes) noexcept;
int conv(const fastconv_conv_desc* desc, const void* x, const void* w, const void* bias,
         const void* residual, void* y, void* workspace, std::size_t workspace_bytes) noexcept;
int conv_input_grad(const fastconv_conv_desc* desc, const void* w, const void* dy, void* dx,
                    void* workspace, std::size_t workspace_bytes) noexcept;
int conv_weight_grad(const fastconv_conv_desc* desc, const void* x, const void* dy, void* dw,
                     void* workspace, std::size_t workspace_bytes) noexcept;
int conv_bias_grad(const fastconv_conv_desc* desc, const void* dy, void* db) noexcept;

int plan_create(const fastconv_conv_desc* desc, int pass, const void* w, const void* bias,
                fastconv_plan** plan) noexcept;
std::size_t plan_workspace(const fastconv_plan* plan) noexcept;
int plan_run(const fastconv_plan* plan, const void* x, const void* residual, void* y,
             void* workspace, std::size_t workspace_bytes) noexcept;
void plan_destroy(fastconv_plan* plan) noexcept;

int pool_output_shape(const fastconv_pool_desc* desc, std::int64_t shape[4]) noexcept;
int pool_workspace(const fastconv_pool_desc* desc, int pass, std::size_t* bytes) noexcept;
int pool(const fastconv_pool_desc* desc, const void* x, void* y, std::int64_t* indices,
         void* workspace, std::size_t workspace_bytes) noexcept;
int pool_input_grad(const fastconv_pool_desc* desc, const void* dy, const void* x, const void* y,
                    const std::int64_t* indices, void* dx, void* workspace,
                    std::size_t workspace_bytes) noexcept;

int stream_create(const fastconv_stream_desc* desc, const void* w, const void* bias,
                  fastconv_stream** stream) noexcept;
int stream_copy(const fastconv_stream* stream, fastconv_stream** copy) noexcept;
std::int64_t stream_outputs(const fastconv_stream* stream, std::int64_t n) noexcept;
int stream_run(fastconv_stream* stream, const void* x, std::int64_t n, void* y) noexcept;
std::int64_t stream_owed(const fastconv_stream* stream) noexcept;
int stream_finish(fastconv_stream* stream, void* y) noexcept;
int stream_reset(fastconv_stream* stream, const std::uint8_t* mask) noexcept;
std::int64_t stream_kept(const fastconv_stream* stream) noexcept;
int stream_get_state(const fastconv_stream* stream, void* state) noexcept;
int stream_set_state(fastconv_stream* stream, const void* state, std::int64_t n) noexcept;
void stream_destroy(fastconv_stream* stream) noexcept;

// The table itself, which lives as long as the process.
const fastconv_api& table() noexcept;

}  // namespace fastconv::capi
