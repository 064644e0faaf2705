// SPDX-License-Identifier: Apache-2.0

package event

//go:generate sh testdata/compile.sh kinds gadget counters
