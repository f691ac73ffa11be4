/* SPDX-License-Identifier: Apache-2.0 */
/* A directory of its own for one test. */
#pragma once

/* Makes an empty directory and returns its path: the caller frees it with temp_dir_remove(). */
char *temp_dir_make(void);

/* Removes the directory with all that is in it, and frees the path. Accepts NULL. */
void temp_dir_remove(char *path);
