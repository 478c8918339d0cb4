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

// The table itself, which lives as long as the process.
const fastconv_api& table() noexcept;

}  // namespace fastconv::capi
