/* SPDX-License-Identifier: Apache-2.0 */
/* The programs, for their main(). Each returns an exit code: 0 done, 1 refused or failed, 2
 * usage. */
#pragma once

int program_binrelayd(int count, char **arguments);
int program_binrelayctl(int count, char **arguments);
