// SPDX-License-Identifier: Apache-2.0

// Package bench measures what Boathook costs: run `make bench` as root.
//
// A figure compares two things, ours and a baseline, in the same run: both are
// measured in turns of about a millisecond, so that what else the machine does
// meets both alike. docs/performance.md has the method and the results.
package bench
