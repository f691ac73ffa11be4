/* SPDX-License-Identifier: Apache-2.0 */
#include "binrelay/app/programs.h"

int main(int count, char **arguments)
{
    return program_binrelayd(count, arguments);
}
