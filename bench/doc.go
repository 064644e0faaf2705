// SPDX-License-Identifier: Apache-2.0

// Package bench measures what Boathook costs: run `make bench` as root, or
// `make bench-quick` for a part of it in under a minute.
//
// A figure compares ours with a baseline: what bench/baseline does, or what the
// figure names. Both are measured in the same run and by turns, so that what else
// the machine does meets both alike. Everything happens in network namespaces that
// the benchmark makes; its own is the host of all others. An aim that is missed is
// said and fails nothing; a packet that is lost or seen twice fails.
// docs/performance.md has the method and the results.
package bench
