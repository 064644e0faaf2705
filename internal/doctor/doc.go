// SPDX-License-Identifier: Apache-2.0

// Package doctor says what this kernel and host can do for boathook, what
// stands in the way, and what helps. It judges facts that package kernel and
// the container runtimes give; it changes nothing.
package doctor
