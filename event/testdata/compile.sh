#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Compiles the objects named on the command line, from the folder above. The
# result is the same from every folder: no path and no compiler's name is in it.
set -eu

for name; do
	clang-19 -target bpf -mcpu=v3 -O2 -g -Wall -Werror -fno-ident -fdebug-compilation-dir=. \
		-c "testdata/$name.c" -o "testdata/$name.o"
	llvm-strip-19 -g "testdata/$name.o"
done
