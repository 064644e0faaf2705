// SPDX-License-Identifier: Apache-2.0

package event

//go:generate clang-19 -g -O2 -target bpf -mcpu=v3 -Wall -Werror -fdebug-prefix-map=${PWD}=. -c testdata/kinds.c -o testdata/kinds.o
//go:generate clang-19 -g -O2 -target bpf -mcpu=v3 -Wall -Werror -fdebug-prefix-map=${PWD}=. -c testdata/gadget.c -o testdata/gadget.o
//go:generate clang-19 -g -O2 -target bpf -mcpu=v3 -Wall -Werror -fdebug-prefix-map=${PWD}=. -c testdata/counters.c -o testdata/counters.o
