// SPDX-License-Identifier: Apache-2.0
// What the C library declares as a macro or a variadic, or does not wrap at all, as functions that Swift can call.
#pragma once
