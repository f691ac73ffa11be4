/* SPDX-License-Identifier: Apache-2.0 */
/* What --version says. */
#pragma once

#ifndef BINRELAY_VERSION
#define BINRELAY_VERSION "unknown"
#endif
